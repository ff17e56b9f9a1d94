// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "ctl-bus.h"
#include "manager-bus.h"

static int print_files(sd_bus *bus)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const char *file, *label = "Configuration:";
	int r = ctl_get_property(bus, "ConfigFiles", "as", &m);

	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'a', "s");
	while (r >= 0 && (r = sd_bus_message_read(m, "s", &file)) > 0) {
		printf("%-16s%s\n", label, file);
		label = "";
	}
	if (r >= 0 && *label)
		printf("%-16s%s\n", label, "none, every setting has its default");
	return r;
}

/* 1 if everything was given back and nothing is wanted, 0, or a negative errno. */
static int print_suspended(sd_bus *bus)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int r = ctl_get_property(bus, "Suspended", "b", &m), suspended;

	if (r >= 0)
		r = sd_bus_message_read(m, "b", &suspended);
	if (r >= 0 && suspended)
		printf("%-16s%s\n", "Suspended:",
		       "everything was given back; reload to apply the configuration");
	return r < 0 ? r : suspended;
}

static int print_last_reload(sd_bus *bus, size_t width)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const char *kind, *text;
	char when[64] = "";
	int r, accepted;
	struct tm tm;
	uint64_t usec, changes;
	time_t t;

	r = ctl_get_property(bus, "LastReload", "(btta(ss))", &m);
	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'r', "btta(ss)");
	if (r >= 0)
		r = sd_bus_message_read(m, "btt", &accepted, &usec, &changes);
	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'a', "(ss)");
	if (r < 0)
		return r;
	t = usec / 1000000;
	if (localtime_r(&t, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S %Z", &tm);
	printf("%-16s%s, %s\n", "Last reload:",
	       usec == 0  ? "under way"
	       : accepted ? "accepted"
			  : "refused, the configuration before it stays in force",
	       when);
	while ((r = sd_bus_message_read(m, "(ss)", &kind, &text)) > 0)
		ctl_print_wrapped(text, width);
	return r;
}

/* 1 if a setting is not as wanted, 0 if all are, or a negative errno. */
static int print_kernel(sd_bus *bus, size_t width)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const char *name, *want, *live, *state, *reason;
	struct table t = { .columns = 4 };
	bool bad = false;
	int r;

	r = ctl_get_property(bus, "KernelSettings", "a(sssss)", &m);
	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'a', "(sssss)");
	table_row(&t, "KERNEL", "WANTED", "LIVE", "STATE");
	while (r >= 0 &&
	       (r = sd_bus_message_read(m, "(sssss)", &name, &want, &live, &state, &reason)) > 0) {
		bad |= strcmp(state, "ok") != 0 && strcmp(state, "keep") != 0;
		table_row(&t, name, want, live, state);
	}
	if (ctl_print_table(&t, width) < 0)
		r = -ENOMEM;
	return r < 0 ? r : bad;
}

static int print_zswap_seen(sd_bus *bus)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int r = ctl_get_property(bus, "ZswapSeenEnabled", "b", &m), seen;

	if (r >= 0)
		r = sd_bus_message_read(m, "b", &seen);
	if (r >= 0)
		printf("zswap has %sbeen on since the daemon started.\n", seen ? "" : "not ");
	return r;
}

static int print_policies(sd_bus *bus, size_t width)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	struct table t = { .columns = 4 };
	const char *name, *mode;
	int priority, r;
	uint32_t n;

	r = ctl_get_property(bus, "Policies", "a(ssiu)", &m);
	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'a', "(ssiu)");
	table_row(&t, "MODE", "PRIORITY", "CGROUPS", "POLICY");
	while (r >= 0 && (r = sd_bus_message_read(m, "(ssiu)", &name, &mode, &priority, &n)) > 0) {
		char priority_text[16], n_text[16];

		snprintf(priority_text, sizeof(priority_text), "%d", priority);
		snprintf(n_text, sizeof(n_text), "%" PRIu32, n);
		table_row(&t, mode, priority_text, n_text, name);
	}
	if (ctl_print_table(&t, width) < 0)
		r = -ENOMEM;
	return r;
}

/* 1 if a cgroup is not as wanted, 0 if all are, or a negative errno. */
static int print_cgroups(sd_bus *bus, size_t width)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *m = NULL;
	const char *path, *unit, *policy, *mode, *want[2], *live[2], *state, *reason;
	struct table t = { .columns = 5 };
	_cleanup_free_ char *reasons = NULL;
	size_t size;
	uint64_t zswapped;
	bool bad = false, any = false;
	FILE *f;
	int r;

	r = sd_bus_message_new_method_call(bus, &call, NULL, BUS_PATH, BUS_INTERFACE,
					   "ListCgroups");
	if (r >= 0)
		r = sd_bus_call(bus, call, QUERY_TIMEOUT_USEC, NULL, &m);
	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'a', "(sssssssssts)");
	f = open_memstream(&reasons, &size);
	if (!f)
		return -ENOMEM;
	table_row(&t, "STATE", "WANTED", "LIVE", "POLICY", "CGROUP");
	while (r >= 0 && (r = sd_bus_message_read(m, "(sssssssssts)", &path, &unit, &policy, &mode,
						  &want[0], &live[0], &want[1], &live[1], &state,
						  &zswapped, &reason)) > 0) {
		char wanted_text[56], live_text[56];

		any = true;
		snprintf(wanted_text, sizeof(wanted_text), "%s/%s", want[0], want[1]);
		snprintf(live_text, sizeof(live_text), "%s/%s", live[0], live[1]);
		table_row(&t, state, wanted_text, live_text, policy, path);
		if (strcmp(state, "draining") == 0)
			fprintf(f, "%s: %" PRIu64 " KiB still in zswap\n", path, zswapped / 1024);
		else if (*reason)
			fprintf(f, "%s: %s\n", path, reason);
		bad |= strcmp(state, "failed") == 0 || strcmp(state, "drifted") == 0 ||
		       strcmp(state, "overridden") == 0 || strcmp(state, "blocked") == 0 ||
		       strcmp(state, "missing") == 0;
	}
	if (fclose(f) != 0 || ctl_print_table(&t, width) < 0)
		r = -ENOMEM;
	if (r < 0)
		return r;
	if (any)
		printf("WANTED and LIVE: memory.zswap.max/memory.zswap.writeback\n");
	for (char *save = NULL, *line = strtok_r(reasons, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		ctl_print_wrapped(line, width);
	return bad;
}

enum exit_code ctl_status(const struct ctl *x, const char *argument)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	enum exit_code code = ctl_connect(x, &bus);
	bool bad = false;
	int r;

	if (code != EXIT_OK)
		return code;
	r = print_files(bus);
	if (r >= 0)
		r = print_suspended(bus);
	bad |= r > 0;
	if (r >= 0)
		r = print_last_reload(bus, x->width);
	if (r >= 0)
		r = print_kernel(bus, x->width);
	bad |= r > 0;
	if (r >= 0)
		r = print_zswap_seen(bus);
	if (r >= 0)
		r = print_policies(bus, x->width);
	if (r >= 0)
		r = print_cgroups(bus, x->width);
	bad |= r > 0;
	if (r < 0)
		return ctl_call_failed(&SD_BUS_ERROR_NULL, r);
	return bad ? EXIT_FAILED : EXIT_OK;
}
