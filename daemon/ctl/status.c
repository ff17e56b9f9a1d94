// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "ctl/bus.h"
#include "ctl/json.h"
#include "ctl/status.h"
#include "ctl/view.h"
#include "system/fs.h"

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

/* 1 if it was refused, 0, or a negative errno. */
static int print_last_reload(sd_bus *bus, size_t width)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const char *kind, *text;
	char when[64] = "";
	struct ctl_reload reload;
	struct tm tm;
	time_t t;
	int r;

	r = ctl_get_last_reload(bus, &reload, &m);
	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'a', "(ss)");
	if (r < 0)
		return r;
	t = reload.usec / 1000000;
	if (reload.usec > 0 && localtime_r(&t, &tm))
		strftime(when, sizeof(when), ", %Y-%m-%d %H:%M:%S %Z", &tm);
	printf("%-16s%s%s\n", "Last reload:",
	       reload.usec == 0  ? "under way"
	       : reload.accepted ? "accepted"
				 : "refused, the old one stays in force",
	       when);
	while ((r = sd_bus_message_read(m, "(ss)", &kind, &text)) > 0)
		ctl_print_wrapped(text, width);
	return r < 0 ? r : reload.usec > 0 && !reload.accepted;
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
		bad |= ctl_state_is_bad(state);
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

static const char *colour_first(size_t column, const char *cell)
{
	return column == 0 ? ctl_state_colour(cell) : NULL;
}

/* 1 if a cgroup is not as wanted, 0 if all are, or a negative errno. */
static int print_cgroups(sd_bus *bus, const struct ctl *x)
{
	_cleanup_(views_clear) struct views views = {};
	_cleanup_free_ char *summary = NULL;
	struct table t = {
		.columns = 5,
		.cut = TABLE_COLUMN(3) | TABLE_COLUMN(4),
		.colour = x->colour ? colour_first : NULL,
	};
	bool bad = false;
	_cleanup_close_ int root_fd = fs_open_root(x->root);
	int r = views_read(bus, &views, NULL);

	if (r >= 0)
		r = views_read_effects(root_fd, &views);
	if (r < 0)
		return r;
	table_row(&t, "STATE", "WANTED", "LIVE", "POLICY", "CGROUP");
	for (size_t i = 0; i < views.n; i++) {
		const struct view *v = &views.v[i];
		char want[VIEW_TEXT_MAX], live[VIEW_TEXT_MAX];

		table_row(&t, v->state, view_format(v->want, want), view_format(v->live, live),
			  v->policy, v->cgroup);
		bad |= view_is_bad(v);
	}
	if (ctl_print_table(&t, x->width) < 0)
		return -ENOMEM;
	if (views.n > 0)
		printf("WANTED, LIVE: memory.zswap.max, with /0 if memory.zswap.writeback is 0\n");
	summary = views_summary(&views);
	if (summary)
		printf("Cgroups: %s\n", summary);
	if (views_print_reasons(&views, true, x->width) < 0)
		return -ENOMEM;
	return bad;
}

static enum exit_code print_json(const struct ctl *x, sd_bus *bus)
{
	_cleanup_close_ int root_fd = fs_open_root(x->root);
	enum exit_code code;
	json_t *status;
	bool bad;
	int r = ctl_status_to_json(bus, root_fd, &status);

	if (r < 0)
		return ctl_call_failed(&SD_BUS_ERROR_NULL, r);
	bad = ctl_status_is_bad(status);
	code = ctl_json_print(status);
	return code == EXIT_OK && bad ? EXIT_FAILED : code;
}

enum exit_code ctl_status(const struct ctl *x, const char *argument)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	enum exit_code code = ctl_connect(x, &bus);
	bool bad = false;
	int r;

	if (code != EXIT_OK)
		return code;
	if (x->json)
		return print_json(x, bus);
	r = print_files(bus);
	if (r >= 0)
		r = print_suspended(bus);
	bad |= r > 0;
	if (r >= 0)
		r = print_last_reload(bus, x->width);
	bad |= r > 0;
	if (r >= 0)
		r = print_kernel(bus, x->width);
	bad |= r > 0;
	if (r >= 0)
		r = print_zswap_seen(bus);
	if (r >= 0)
		r = print_policies(bus, x->width);
	if (r >= 0)
		r = print_cgroups(bus, x);
	bad |= r > 0;
	if (r < 0)
		return ctl_call_failed(&SD_BUS_ERROR_NULL, r);
	return bad ? EXIT_FAILED : EXIT_OK;
}
