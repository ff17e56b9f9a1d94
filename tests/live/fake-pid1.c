// SPDX-License-Identifier: GPL-2.0
/*
 * Usage: fake-pid1 ROOT [OPTION...]
 *
 * A stand-in for the system manager: listens on ROOT/run/systemd/private and, as systemd does,
 * keeps properties of units in ROOT/run/systemd/system.control and writes them to the cgroups in
 * ROOT/sys/fs/cgroup some time after its reply.
 *
 *   --knows PROPERTY  a property it has; repeatable
 *   --unit GLOB       units that are loaded; repeatable
 *   --late MSEC       time between the reply and the write (0)
 *   --mute            never answer SetUnitProperties
 *   --fail            refuse SetUnitProperties, until SIGUSR2
 *   --lazy            never write to the cgroup
 *   --rounds          write limits as the kernel would show them, in whole pages
 *   --alias NAME=UNIT another name of a unit; repeatable
 *   --in UNIT=SLICE   the slice of a unit, if it is not system.slice; repeatable
 *   --default-no-writeback  DefaultMemoryZSwapWriteback=no, if it knows that
 *   --slow MSEC       time that it takes to answer each question (0)
 *   --bus             on the system bus, too
 *
 * SIGUSR1 makes it say that it has reloaded.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#define NAMES_MAX 16

static struct {
	const char *root;
	const char *knows[NAMES_MAX], *units[NAMES_MAX];
	const char *aliases[NAMES_MAX], *slices[NAMES_MAX]; /* NAME=VALUE */
	int n_knows, n_units, n_aliases, n_slices;
	unsigned int late_msec, slow_msec;
	bool mute, fail, lazy, rounds, no_writeback, on_bus;
	sd_event *event;
	sd_bus *bus; /* the last connection */
} fake;

struct write {
	char path[512];
	char value[32];
};

static bool has(const char *const *names, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0 || fnmatch(names[i], name, 0) == 0)
			return true;
	return false;
}

/* The value of a name in a list of NAME=VALUE; NULL if it is not there. */
static const char *value_of(const char *const *pairs, int n, const char *name)
{
	size_t len = strlen(name);

	for (int i = 0; i < n; i++)
		if (strncmp(pairs[i], name, len) == 0 && pairs[i][len] == '=')
			return pairs[i] + len + 1;
	return NULL;
}

/*
 * A file of the kernel's has its old value or its new one at any time, and never
 * none: so no truncation before the write, but padding that ends the string.
 */
static void put(const char *path, const char *text)
{
	static const size_t value_max = 20; /* digits, and more than any word */
	char padded[128] = "";
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	size_t len;

	if (fd < 0)
		return;
	len = snprintf(padded, sizeof(padded), "%s", text);
	if (pwrite(fd, padded, len > value_max ? len : value_max, 0) < 0 ||
	    ftruncate(fd, len) < 0)
		perror(path);
	close(fd);
}

static int on_late(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct write *w = userdata;

	put(w->path, w->value);
	free(w);
	sd_event_source_unref(source);
	return 0;
}

/* Units live in system.slice here, slices at the top. */
static void set_property(const char *unit, const char *property, const char *kept,
			 const char *value)
{
	struct write *w = calloc(1, sizeof(*w));
	const char *slice = strstr(unit, ".slice") ? "" : "system.slice/";
	sd_event_source *timer;
	char path[512], text[128];

	snprintf(path, sizeof(path), "%s/run/systemd/system.control", fake.root);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/run/systemd/system.control/%s.d", fake.root, unit);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/run/systemd/system.control/%s.d/50-%s.conf", fake.root,
		 unit, property);
	snprintf(text, sizeof(text), "# Do not edit.\n[Service]\n%s=%s\n", property, kept);
	put(path, text);

	snprintf(w->path, sizeof(w->path), "%s/sys/fs/cgroup/%s%s/memory.zswap.%s", fake.root,
		 slice, unit, strcmp(property, "MemoryZSwapMax") == 0 ? "max" : "writeback");
	snprintf(w->value, sizeof(w->value), "%s", value);
	if (fake.lazy || sd_event_add_time_relative(fake.event, &timer, CLOCK_MONOTONIC,
						    fake.late_msec * 1000ULL, 1, on_late, w) < 0)
		free(w);
}

static int set_unit_properties(sd_bus_message *m)
{
	const char *unit, *property;
	int r, runtime;

	r = sd_bus_message_read(m, "sb", &unit, &runtime);
	if (r >= 0)
		unit = value_of(fake.aliases, fake.n_aliases, unit) ?: unit;
	if (r >= 0 && fake.mute)
		return 1;
	if (r >= 0 && fake.fail)
		return sd_bus_reply_method_errorf(m, "org.freedesktop.systemd1.Test",
						  "No luck today");
	if (r >= 0 && !has(fake.units, fake.n_units, unit))
		return sd_bus_reply_method_errorf(m, "org.freedesktop.systemd1.NoSuchUnit",
						  "Unit %s not found.", unit);
	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'a', "(sv)");
	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'r', "sv")) > 0) {
		char value[32], shown[32];
		uint64_t number;
		int yes;

		r = sd_bus_message_read(m, "s", &property);
		if (r >= 0 && strcmp(property, "MemoryZSwapMax") == 0) {
			r = sd_bus_message_read(m, "v", "t", &number);
			snprintf(value, sizeof(value), "%ju", (uintmax_t)number);
			if (fake.rounds)
				number -= number == UINT64_MAX ? 0 : number % 4096;
			snprintf(shown, sizeof(shown), "%ju", (uintmax_t)number);
			set_property(unit, property, number == UINT64_MAX ? "infinity" : value,
				     number == UINT64_MAX ? "max" : shown);
		} else if (r >= 0) {
			r = sd_bus_message_read(m, "v", "b", &yes);
			set_property(unit, property, yes ? "yes" : "no", yes ? "1" : "0");
		}
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	return r < 0 ? r : sd_bus_reply_method_return(m, "");
}

/* The value of a property that is kept for a unit, or its default. */
static uint64_t kept_value(const char *unit, const char *property)
{
	char path[512], line[128], format[64];
	uint64_t value = strcmp(property, "MemoryZSwapMax") == 0 ? UINT64_MAX : 1;
	FILE *f;

	snprintf(path, sizeof(path), "%s/run/systemd/system.control/%s.d/50-%s.conf", fake.root,
		 unit, property);
	f = fopen(path, "r");
	snprintf(format, sizeof(format), "%s=", property);
	while (f && fgets(line, sizeof(line), f)) {
		const char *text = line + strlen(format);

		if (strncmp(line, format, strlen(format)) != 0)
			continue;
		if (*text >= '0' && *text <= '9')
			value = strtoull(text, NULL, 10);
		else if (*text == 'n')
			value = 0;
	}
	if (f)
		fclose(f);
	return value;
}

static int get_property(sd_bus_message *m)
{
	char *unit = NULL;
	const char *name;
	int r, limit;

	r = sd_bus_message_skip(m, "s");
	if (r >= 0)
		r = sd_bus_message_read(m, "s", &name);
	if (r >= 0 && strcmp(name, "DefaultMemoryZSwapWriteback") == 0 &&
	    has(fake.knows, fake.n_knows, name))
		return sd_bus_reply_method_return(m, "v", "b", !fake.no_writeback);
	if (r >= 0)
		r = sd_bus_path_decode(sd_bus_message_get_path(m), "/unit", &unit);
	if (r < 0)
		return r;
	limit = strcmp(name, "MemoryZSwapMax") == 0;
	usleep(fake.slow_msec * 1000);
	if (strcmp(name, "Id") == 0)
		r = sd_bus_reply_method_return(m, "v", "s", unit ?: "");
	else if (strcmp(name, "LoadState") == 0)
		r = sd_bus_reply_method_return(
			m, "v", "s",
			unit && has(fake.units, fake.n_units, unit) ? "loaded" : "not-found");
	else if (strcmp(name, "Slice") == 0)
		r = sd_bus_reply_method_return(m, "v", "s",
					       value_of(fake.slices, fake.n_slices, unit ?: "")
						       ?: "system.slice");
	else if (!has(fake.knows, fake.n_knows, name))
		r = sd_bus_reply_method_errorf(m, SD_BUS_ERROR_UNKNOWN_PROPERTY,
					       "Unknown property %s", name);
	else if (limit)
		r = sd_bus_reply_method_return(m, "v", "t", kept_value(unit ?: "", name));
	else
		r = sd_bus_reply_method_return(m, "v", "b", (int)kept_value(unit ?: "", name));
	free(unit);
	return r;
}

static int load_unit(sd_bus_message *m)
{
	const char *name;
	char *path;
	int r = sd_bus_message_read(m, "s", &name);

	if (r >= 0)
		r = sd_bus_path_encode("/unit",
				       value_of(fake.aliases, fake.n_aliases, name) ?: name, &path);
	if (r < 0)
		return r;
	r = sd_bus_reply_method_return(m, "o", path);
	free(path);
	return r;
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	const char *name;
	int r;

	if (sd_bus_message_is_method_call(m, "org.freedesktop.DBus.Properties", "Get"))
		return get_property(m);
	if (sd_bus_message_is_method_call(m, NULL, "LoadUnit"))
		return load_unit(m);
	if (sd_bus_message_is_method_call(m, NULL, "GetUnit")) {
		r = sd_bus_message_read(m, "s", &name);
		if (r < 0)
			return r;
		if (!has(fake.units, fake.n_units, name))
			return sd_bus_reply_method_errorf(m, "org.freedesktop.systemd1.NoSuchUnit",
							  "Unit %s not loaded.", name);
		return sd_bus_reply_method_return(m, "o", "/unit");
	}
	if (sd_bus_message_is_method_call(m, NULL, "Subscribe"))
		return sd_bus_reply_method_return(m, "");
	if (sd_bus_message_is_method_call(m, NULL, "SetUnitProperties"))
		return set_unit_properties(m);
	return 0;
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
	return sd_bus_emit_signal(fake.bus, "/org/freedesktop/systemd1",
				  "org.freedesktop.systemd1.Manager", "Reloading", "b", 0);
}

static int on_luck(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
	fake.fail = false;
	return 0;
}

static int on_connection(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), r;
	sd_id128_t id;
	sd_bus *bus;

	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_id128_randomize(&id);
	if (r >= 0)
		r = sd_bus_set_fd(bus, connection, connection);
	if (r >= 0)
		r = sd_bus_set_server(bus, 1, id);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r >= 0)
		r = sd_bus_add_filter(bus, NULL, on_message, NULL);
	if (r >= 0)
		r = sd_bus_attach_event(bus, fake.event, 0);
	if (r >= 0)
		fake.bus = bus;
	/* One that ended before it began is no reason to hear of no other. */
	return 0;
}

static int get_on_bus(void)
{
	sd_bus *bus;
	int r = sd_bus_open_system(&bus);

	if (r >= 0)
		r = sd_bus_add_filter(bus, NULL, on_message, NULL);
	if (r >= 0)
		r = sd_bus_attach_event(bus, fake.event, 0);
	if (r >= 0)
		r = sd_bus_request_name(bus, "org.freedesktop.systemd1", 0);
	return r;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "knows", required_argument, NULL, 'k' },
		{ "unit", required_argument, NULL, 'u' },
		{ "late", required_argument, NULL, 't' },
		{ "mute", no_argument, NULL, 'm' },
		{ "fail", no_argument, NULL, 'f' },
		{ "lazy", no_argument, NULL, 'l' },
		{ "rounds", no_argument, NULL, 'r' },
		{ "alias", required_argument, NULL, 'a' },
		{ "in", required_argument, NULL, 'i' },
		{ "default-no-writeback", no_argument, NULL, 'w' },
		{ "slow", required_argument, NULL, 's' },
		{ "bus", no_argument, NULL, 'b' },
		{},
	};
	sigset_t set;
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "private.new" };
	char path[512];
	int c, fd;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (c == 'k' && fake.n_knows < NAMES_MAX)
			fake.knows[fake.n_knows++] = optarg;
		else if (c == 'u' && fake.n_units < NAMES_MAX)
			fake.units[fake.n_units++] = optarg;
		else if (c == 'r')
			fake.rounds = true;
		else if (c == 'a' && fake.n_aliases < NAMES_MAX)
			fake.aliases[fake.n_aliases++] = optarg;
		else if (c == 'i' && fake.n_slices < NAMES_MAX)
			fake.slices[fake.n_slices++] = optarg;
		else if (c == 's')
			fake.slow_msec = atoi(optarg);
		else if (c == 't')
			fake.late_msec = atoi(optarg);
		else if (c == 'b')
			fake.on_bus = true;
		else if (c == 'm')
			fake.mute = true;
		else if (c == 'w')
			fake.no_writeback = true;
		else if (c == 'f')
			fake.fail = true;
		else if (c == 'l')
			fake.lazy = true;
		else
			return 2;
	}
	if (optind + 1 != argc)
		return 2;
	fake.root = realpath(argv[optind], NULL);
	if (!fake.root)
		return 1;
	snprintf(path, sizeof(path), "%s/run/systemd", fake.root);
	mkdir(path, 0755);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* A relative address: the root's own path may be too long. */
	if (fd < 0 || chdir(path) < 0 || (unlink("private.new") < 0 && errno != ENOENT) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 8) < 0 ||
	    /* Who sees it can connect to it. */
	    rename("private.new", "private") < 0 || sd_event_new(&fake.event) < 0 ||
	    sd_event_add_io(fake.event, NULL, fd, EPOLLIN, on_connection, NULL) < 0)
		return 1;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 ||
	    sd_event_add_signal(fake.event, NULL, SIGUSR1, on_reload, NULL) < 0 ||
	    sd_event_add_signal(fake.event, NULL, SIGUSR2, on_luck, NULL) < 0)
		return 1;
	if (fake.on_bus && get_on_bus() < 0)
		return 1;
	return sd_event_loop(fake.event) < 0;
}
