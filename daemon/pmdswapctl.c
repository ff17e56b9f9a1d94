// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <time.h>

#include "cleanup.h"
#include "conf-load.h"
#include "fs.h"
#include "manager-bus.h"
#include "table.h"

enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1, /* or drifted */
	EXIT_USAGE = 2,
	EXIT_NOT_RUNNING = 3,
	EXIT_PERMISSION = 4,
};

/* A reload waits for PID 1 to take the properties of every unit. */
#define RELOAD_TIMEOUT_USEC (80 * 1000 * 1000ULL)
#define QUERY_TIMEOUT_USEC  (10 * 1000 * 1000ULL)

#define OUTPUT_WIDTH 80

static const char help[] =
	"Usage: pmdswapctl [OPTIONS] COMMAND\n"
	"Control pmdswapd and look at what it does.\n"
	"\n"
	"Commands:\n"
	"  status          show settings, policies and cgroups; exit 1 if anything is not\n"
	"                  as the configuration wants it\n"
	"  check [FILE]    check the configuration, or one file alone; needs no daemon\n"
	"  reload          make the daemon read its configuration again; exit 1 with the\n"
	"                  reasons if it refuses\n"
	"\n"
	"Options:\n"
	"  -l, --full      do not cut long names\n"
	"      --root DIR  work on the files below DIR, for tests\n"
	"      --help      show this help\n"
	"      --version   show the version\n";

struct context {
	const char *root;
	bool full;
};

static enum exit_code fail(int error, const char *what)
{
	fprintf(stderr, "pmdswapctl: %s: %s\n", what, strerror(-error));
	return error == -EACCES || error == -EPERM ? EXIT_PERMISSION : EXIT_FAILED;
}

/* Connect to the daemon. EXIT_OK, or the code to exit with after a message. */
static enum exit_code connect_daemon(const struct context *x, sd_bus **ret)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
	_cleanup_close_ int root_fd = fs_open_root(x->root), dir = -1, fd = -1;
	int r = 0;

	if (root_fd < 0)
		return fail(root_fd, x->root);
	dir = openat(root_fd, RUNTIME_DIRECTORY, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		r = -errno;
	/* The path of a fake root may be too long for an address. */
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" CONTROL_NAME, dir);
	if (r >= 0) {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
			r = -errno;
	}
	if (r == -ENOENT || r == -ECONNREFUSED) {
		fprintf(stderr, "pmdswapctl: pmdswapd is not running; start it with "
				"\"systemctl start pmdswapd\"\n");
		return EXIT_NOT_RUNNING;
	}
	if (r >= 0)
		r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_fd(bus, fd, fd);
	if (r < 0)
		return fail(r, "cannot connect to pmdswapd");
	TAKE_FD(fd);
	r = sd_bus_start(bus);
	if (r < 0)
		return fail(r, "cannot connect to pmdswapd");
	*ret = TAKE_PTR(bus);
	return EXIT_OK;
}

/* The end of a call that failed: its message, and the code to exit with. */
static enum exit_code call_failed(const sd_bus_error *error, int r)
{
	/* The daemon stopped, or closed a connection too many. */
	if (r == -ECONNRESET || r == -ENOTCONN || r == -EPIPE) {
		fprintf(stderr,
			"pmdswapctl: pmdswapd closed the connection; it is stopping, or has "
			"too many clients\n");
		return EXIT_NOT_RUNNING;
	}
	if (r == -ETIMEDOUT) {
		fprintf(stderr, "pmdswapctl: pmdswapd did not answer in time; see \"journalctl -u "
				"pmdswapd\"\n");
		return EXIT_FAILED;
	}
	fprintf(stderr, "pmdswapctl: %s\n", error->message ?: strerror(-r));
	return sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED) ? EXIT_PERMISSION
									: EXIT_FAILED;
}

/* Print every line of a text with a prefix. */
static void print_lines(const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		fprintf(stderr, "pmdswapctl: %.*s\n", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

static enum exit_code print_report(sd_bus_message *m)
{
	const char *kind, *text;
	unsigned int failed = 0;
	uint64_t changes = 0;
	int r;

	r = sd_bus_message_read(m, "t", &changes);
	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'a', "(ss)");
	while (r >= 0 && (r = sd_bus_message_read(m, "(ss)", &kind, &text)) > 0) {
		failed += strcmp(kind, "error") == 0;
		fprintf(stderr, "pmdswapctl: %s\n", text);
	}
	if (r < 0)
		return fail(r, "cannot read the answer of pmdswapd");
	printf("Configuration reloaded: %" PRIu64 " changes, %u failed\n", changes, failed);
	return failed ? EXIT_FAILED : EXIT_OK;
}

static enum exit_code do_reload(const struct context *x, const char *argument)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	enum exit_code code = connect_daemon(x, &bus);
	int r;

	if (code != EXIT_OK)
		return code;
	r = sd_bus_message_new_method_call(bus, &call, NULL, BUS_PATH, BUS_INTERFACE, "Reload");
	if (r >= 0)
		r = sd_bus_call(bus, call, RELOAD_TIMEOUT_USEC, &error, &reply);
	if (r >= 0)
		return print_report(reply);
	if (!sd_bus_error_has_name(&error, BUS_ERROR_CONFIGURATION))
		return call_failed(&error, r);
	print_lines(error.message);
	fprintf(stderr, "pmdswapctl: configuration refused; the one before stays in force\n");
	return EXIT_FAILED;
}

static enum exit_code do_check(const struct context *x, const char *argument)
{
	_cleanup_(config_freep) struct config *c = NULL;
	_cleanup_close_ int root_fd = fs_open_root(x->root);
	struct report report = {};
	enum exit_code code = EXIT_OK;
	int r;

	if (root_fd < 0)
		return fail(root_fd, x->root);
	if (argument)
		r = conf_load_file(argument, &c, &report);
	else
		r = conf_load(root_fd, strcmp(x->root, "/") != 0, &c, &report);
	if (r < 0) {
		report_clear(&report);
		return fail(r, "cannot check the configuration");
	}
	for (size_t i = 0; i < report.n; i++) {
		_cleanup_free_ char *text = message_format(&report.messages[i]);

		fprintf(stderr, "%s\n", text ?: report.messages[i].text);
	}
	if (report_failed(&report)) {
		fprintf(stderr, "%zu errors\n", report.errors);
		code = EXIT_FAILED;
	} else if (c->n_files == 0) {
		printf("No configuration file; every setting has its default\n");
	} else {
		printf("OK: %zu files, %zu policies\n", c->n_files, c->n_policies);
	}
	report_clear(&report);
	return code;
}

/* Print a text that may be long in lines of at most width characters, indented; 0: in one line. */
static void print_wrapped(const char *text, size_t width)
{
	const size_t indent = 2;

	while (*text) {
		size_t len = strlen(text), room = width ? width - indent : len;

		if (len > room) {
			len = room;
			while (len > 0 && text[len] != ' ')
				len--;
			if (len == 0) /* a word that is longer than the line stays whole */
				len = strcspn(text, " ");
		}
		printf("%*s%.*s\n", (int)indent, "", (int)len, text);
		text += len;
		text += strspn(text, " ");
	}
}

static int get_property(sd_bus *bus, const char *name, const char *type, sd_bus_message **ret)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	int r;

	r = sd_bus_message_new_method_call(bus, &call, NULL, BUS_PATH,
					   "org.freedesktop.DBus.Properties", "Get");
	if (r >= 0)
		r = sd_bus_message_append(call, "ss", BUS_INTERFACE, name);
	if (r >= 0)
		r = sd_bus_call(bus, call, QUERY_TIMEOUT_USEC, NULL, &reply);
	if (r >= 0)
		r = sd_bus_message_enter_container(reply, 'v', type);
	if (r >= 0)
		*ret = TAKE_PTR(reply);
	return r;
}

/* A table that has more than its head, after an empty line. */
static int print_table(struct table *t, size_t width)
{
	if (t->n == t->columns) {
		table_clear(t);
		return 0;
	}
	printf("\n");
	return table_print(t, width);
}

static int print_files(sd_bus *bus)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const char *file, *label = "Configuration:";
	int r = get_property(bus, "ConfigFiles", "as", &m);

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

static int print_last_reload(sd_bus *bus, size_t width)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const char *kind, *text;
	char when[64] = "";
	int r, accepted;
	struct tm tm;
	uint64_t usec, changes;
	time_t t;

	r = get_property(bus, "LastReload", "(btta(ss))", &m);
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
		print_wrapped(text, width);
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

	r = get_property(bus, "KernelSettings", "a(sssss)", &m);
	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'a', "(sssss)");
	table_row(&t, "KERNEL", "WANTED", "LIVE", "STATE");
	while (r >= 0 &&
	       (r = sd_bus_message_read(m, "(sssss)", &name, &want, &live, &state, &reason)) > 0) {
		bad |= strcmp(state, "ok") != 0 && strcmp(state, "keep") != 0;
		table_row(&t, name, want, live, state);
	}
	if (print_table(&t, width) < 0)
		r = -ENOMEM;
	return r < 0 ? r : bad;
}

static int print_zswap_seen(sd_bus *bus)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int r = get_property(bus, "ZswapSeenEnabled", "b", &m), seen;

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

	r = get_property(bus, "Policies", "a(ssiu)", &m);
	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'a', "(ssiu)");
	table_row(&t, "MODE", "PRIORITY", "CGROUPS", "POLICY");
	while (r >= 0 && (r = sd_bus_message_read(m, "(ssiu)", &name, &mode, &priority, &n)) > 0) {
		char priority_text[16], n_text[16];

		snprintf(priority_text, sizeof(priority_text), "%d", priority);
		snprintf(n_text, sizeof(n_text), "%" PRIu32, n);
		table_row(&t, mode, priority_text, n_text, name);
	}
	if (print_table(&t, width) < 0)
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
	if (fclose(f) != 0 || print_table(&t, width) < 0)
		r = -ENOMEM;
	if (r < 0)
		return r;
	if (any)
		printf("WANTED and LIVE: memory.zswap.max/memory.zswap.writeback\n");
	for (char *save = NULL, *line = strtok_r(reasons, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		print_wrapped(line, width);
	return bad;
}

static enum exit_code do_status(const struct context *x, const char *argument)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	enum exit_code code = connect_daemon(x, &bus);
	size_t width = x->full ? 0 : OUTPUT_WIDTH;
	bool bad = false;
	int r;

	if (code != EXIT_OK)
		return code;
	r = print_files(bus);
	if (r >= 0)
		r = print_last_reload(bus, width);
	if (r >= 0)
		r = print_kernel(bus, width);
	bad |= r > 0;
	if (r >= 0)
		r = print_zswap_seen(bus);
	if (r >= 0)
		r = print_policies(bus, width);
	if (r >= 0)
		r = print_cgroups(bus, width);
	bad |= r > 0;
	if (r < 0)
		return call_failed(&SD_BUS_ERROR_NULL, r);
	return bad ? EXIT_FAILED : EXIT_OK;
}

static const struct {
	const char *name;
	int arguments_max;
	enum exit_code (*run)(const struct context *x, const char *argument);
} commands[] = {
	{ "status", 0, do_status },
	{ "check", 1, do_check },
	{ "reload", 0, do_reload },
};

int main(int argc, char **argv)
{
	enum {
		OPT_ROOT = 256,
		OPT_HELP,
		OPT_VERSION
	};
	static const struct option options[] = {
		{ "full", no_argument, NULL, 'l' },
		{ "root", required_argument, NULL, OPT_ROOT },
		{ "help", no_argument, NULL, OPT_HELP },
		{ "version", no_argument, NULL, OPT_VERSION },
		{},
	};
	struct context x = { .root = "/" };
	int c;

	while ((c = getopt_long(argc, argv, "l", options, NULL)) >= 0) {
		switch (c) {
		case 'l':
			x.full = true;
			break;
		case OPT_ROOT:
			x.root = optarg;
			break;
		case OPT_HELP:
			fputs(help, stdout);
			return EXIT_OK;
		case OPT_VERSION:
			puts("pmdswapctl " PMDSWAP_VERSION);
			return EXIT_OK;
		default:
			return EXIT_USAGE;
		}
	}
	if (optind == argc) {
		fputs(help, stderr);
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(argv[optind], commands[i].name) != 0)
			continue;
		if (argc - optind - 1 > commands[i].arguments_max) {
			fprintf(stderr,
				"pmdswapctl: too many arguments for %s; see pmdswapctl --help\n",
				commands[i].name);
			return EXIT_USAGE;
		}
		return commands[i].run(&x, argv[optind + 1]);
	}
	fprintf(stderr, "pmdswapctl: unknown command '%s'; see pmdswapctl --help\n", argv[optind]);
	return EXIT_USAGE;
}
