// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <systemd/sd-event.h>
#include <termios.h>
#include <time.h>

#include "ctl/bus.h"
#include "ctl/sample.h"
#include "policy/format.h"
#include "policy/top.h"
#include "system/clock.h"
#include "system/interface.h"

static const struct {
	char key;
	const char *column;
} sort_keys[N_TOP_KEYS] = {
	[TOP_WAIT] = { 'w', "WAIT" },      [TOP_TOTAL] = { 't', "TOTAL" },
	[TOP_SWAPIN] = { 's', "SWAPIN" },  [TOP_THRASHING] = { 'h', "THRASH" },
	[TOP_BLKIO] = { 'b', "BLKIO" },    [TOP_PID] = { 'n', "PID" },
	[TOP_OUT] = { 'o', "OUT/s" },      [TOP_IN] = { 'i', "IN/s" },
	[TOP_ZSWAPPED] = { 'z', "ZSWAP" }, [TOP_SWAP] = { 'm', "SWAP" },
};

/* Two samples, one after the other. */
struct pair {
	struct shown now, before;
};

struct top {
	const struct ctl *x;
	sd_event *event;
	sd_bus *bus;
	sd_event_source *timer;
	bool terminal; /* it has the screen */
	struct termios saved;
	bool chosen; /* the view, by the user */
	bool show_processes;
	bool denied; /* single processes are not for this user */
	enum top_key key;
	struct pair cgroups, processes;
	unsigned int refreshes;
};

static int refresh(struct top *t);

static void take_screen(struct top *t)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &t->saved) < 0)
		return;
	raw = t->saved;
	raw.c_lflag &= ~(ICANON | ECHO);
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	/* The other screen, without a cursor; what is too long for a line is cut. */
	fputs("\033[?1049h\033[?25l\033[?7l", stdout);
	t->terminal = true;
}

static void leave_screen(struct top *t)
{
	if (!t->terminal)
		return;
	fputs("\033[?7h\033[?25h\033[?1049l", stdout);
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSANOW, &t->saved);
	t->terminal = false;
}

static void top_clear(struct top *t)
{
	leave_screen(t);
	sd_event_source_disable_unref(t->timer);
	sd_bus_flush_close_unref(t->bus);
	sd_event_unref(t->event);
	shown_clear(&t->cgroups.now);
	shown_clear(&t->cgroups.before);
	shown_clear(&t->processes.now);
	shown_clear(&t->processes.before);
}

/* How many lines and columns there are to draw in; 0: no limit. */
static void get_room(const struct top *t, size_t *lines, size_t *width)
{
	struct winsize size;

	*lines = 0;
	*width = t->x->width;
	if (!t->terminal || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return;
	*lines = size.ws_row;
	if (size.ws_col > 0)
		*width = size.ws_col;
}

/* Time waited in each second, as a share of it. */
static const char *format_waited(const struct top_row *row, double nsec,
				 char buf[static FORMAT_MAX])
{
	return format_share(row->compared ? nsec / 1e9 : -1, buf);
}

static const char *format_events(const struct top_row *row, enum counter c,
				 char buf[static FORMAT_MAX])
{
	bool known = row->compared && row->cgroup->counters.of[c].known;

	return format_rate(known ? row->events[c] : -1, buf);
}

static void add_process(struct table *table, const struct top_row *row)
{
	const struct shown_process *p = row->process;
	char pid[16], share[N_DELAYS + 1][FORMAT_MAX], total[FORMAT_MAX];
	/* A process without accounting has not waited for nothing: it is not known. */
	const struct top_row unknown = {};
	const struct top_row *shown = p->accounted ? row : &unknown;

	snprintf(pid, sizeof(pid), "%" PRIu32, p->pid);
	for (int d = 0; d < N_DELAYS; d++)
		format_waited(shown, row->delays[d], share[d]);
	format_waited(shown, row->wait, share[N_DELAYS]);
	table_row(table, pid, share[DELAY_SWAPIN], share[DELAY_THRASHING], share[DELAY_BLKIO],
		  share[N_DELAYS], p->accounted ? format_nsec(delays_sum(&p->delays), total) : "-",
		  p->name, p->cgroup);
}

static void add_cgroup(struct table *table, const struct top_row *row, bool have_delays)
{
	const struct shown_cgroup *c = row->cgroup;
	const struct top_row unknown = {};
	char out[FORMAT_MAX], in[FORMAT_MAX], split[FORMAT_MAX], zswapped[FORMAT_MAX],
		swap[FORMAT_MAX], wait[FORMAT_MAX], total[FORMAT_MAX];

	table_row(table, format_events(row, COUNTER_THP_SWPOUT_PMD, out),
		  format_events(row, COUNTER_THP_SWPIN_PMD, in),
		  format_events(row, COUNTER_THP_SPLIT_PMD_SWAP, split),
		  format_counter(&c->counters, COUNTER_ZSWAPPED, zswapped),
		  format_counter(&c->counters, COUNTER_SWAP, swap),
		  format_waited(have_delays ? row : &unknown, row->wait, wait),
		  have_delays ? format_nsec(delays_sum(&c->delays), total) : "-", c->path);
}

static int print_rows(struct top *t, size_t lines, size_t width)
{
	struct pair *pair = t->show_processes ? &t->processes : &t->cgroups;
	size_t n = t->show_processes ? pair->now.n_processes : pair->now.n_cgroups;
	_cleanup_free_ struct top_row *rows = t->show_processes
						      ? top_processes(&pair->now, &pair->before)
						      : top_cgroups(&pair->now, &pair->before);
	struct table table = { .columns = 8 };

	if (!rows)
		return -ENOMEM;
	top_sort(rows, n, t->key);
	if (t->show_processes) {
		table.cut = TABLE_COLUMN(6) | TABLE_COLUMN(7);
		table.right = 0x3f;
		table_row(&table, "PID", "SWAPIN", "THRASH", "BLKIO", "WAIT", "TOTAL", "NAME",
			  "CGROUP");
	} else {
		table.right = 0x7f;
		table_row(&table, "OUT/s", "IN/s", "SPLIT/s", "ZSWAP", "SWAP", "WAIT", "TOTAL",
			  "CGROUP");
	}
	for (size_t i = 0; i < n && (lines == 0 || i < lines); i++) {
		if (t->show_processes)
			add_process(&table, &rows[i]);
		else
			add_cgroup(&table, &rows[i], !*pair->now.no_delays);
	}
	return table_print(&table, width);
}

/* A remark in one line, which is cut if it is too long. */
static void print_remark(const char *text, size_t width)
{
	printf("%.*s\n", width ? (int)width : (int)strlen(text), text);
}

static void print_system(const struct top *t, size_t width)
{
	static const struct {
		const char *label;
		enum counter counter;
	} shown[] = {
		{ "OUT", COUNTER_THP_SWPOUT_PMD },
		{ "IN", COUNTER_THP_SWPIN_PMD },
		{ "SPLIT", COUNTER_THP_SPLIT_PMD_SWAP },
		{ "ZSWAP", COUNTER_ZSWAPPED },
		{ "SWAP", COUNTER_SWAP },
	};
	char line[256] = "system:";
	size_t used = strlen(line);

	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		enum counter c = shown[i].counter;
		double rate = c < N_EVENT_COUNTERS
				      ? top_system_rate(&t->cgroups.now, &t->cgroups.before, c)
				      : -1;
		char text[FORMAT_MAX];

		used += snprintf(line + used, sizeof(line) - used, "  %s %s", shown[i].label,
				 format_counter_short(&t->cgroups.now.system, c, text));
		if (rate >= 0)
			used += snprintf(line + used, sizeof(line) - used, " (%s/s)",
					 format_rate(rate, text));
	}
	print_remark(line, width);
}

static int draw(struct top *t)
{
	const char *no_delays = t->cgroups.now.no_delays;
	char when[16] = "", remark[512];
	/* With the head of the table, and the line that the cursor is in after the last one. */
	size_t lines, width, used = 5;
	time_t now = t->cgroups.now.usec / USEC_PER_SEC;
	struct tm tm;

	get_room(t, &lines, &width);
	if (t->terminal)
		fputs("\033[H\033[2J", stdout);
	if (localtime_r(&now, &tm))
		strftime(when, sizeof(when), "%H:%M:%S", &tm);
	if (t->terminal)
		snprintf(remark, sizeof(remark), "%s by %s | q quit, %s | sort: %s", when,
			 sort_keys[t->key].column, t->show_processes ? "c cgroups" : "p processes",
			 t->show_processes ? "w wait t total s h b n"
					   : "w wait t total o out i in z m");
	else
		snprintf(remark, sizeof(remark), "%s by %s", when, sort_keys[t->key].column);
	print_remark(remark, width);
	print_system(t, width);
	if (*no_delays) {
		snprintf(remark, sizeof(remark), "no delays: %s", no_delays);
		if (t->terminal)
			print_remark(remark, width);
		else
			ctl_print_wrapped(remark, width);
		used++;
	}
	if (t->denied) {
		print_remark("only root may look at single processes", width);
		used++;
	}
	if (t->cgroups.now.n_cgroups == 0) {
		print_remark("no cgroup has a policy", width);
		used++;
	}
	putchar('\n');
	if (lines > 0)
		lines = lines > used ? lines - used : 1;
	return print_rows(t, lines, width) < 0 || fflush(stdout) == EOF ? -EIO : 0;
}

/* End with a message about what failed. */
static int fail(struct top *t, const sd_bus_error *error, int r)
{
	leave_screen(t);
	return sd_event_exit(t->event, ctl_call_failed(error ?: &SD_BUS_ERROR_NULL, r));
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct top *t = userdata;
	int r = refresh(t);

	return r < 0 ? fail(t, NULL, r) : 0;
}

static int finish_refresh(struct top *t)
{
	bool have_delays = !*t->cgroups.now.no_delays;
	int r = 0;

	t->refreshes++;
	if (!t->chosen) {
		t->show_processes = have_delays && !t->denied;
		t->key = have_delays ? TOP_WAIT : TOP_SWAP;
	}
	/* Rates take two samples. */
	if (!t->x->once || t->refreshes > 1)
		r = draw(t);
	if (r >= 0 && t->x->once && t->refreshes > 1)
		return sd_event_exit(t->event, EXIT_OK);
	if (r >= 0)
		r = sd_event_source_set_time_relative(t->timer, t->x->interval * USEC_PER_SEC);
	if (r >= 0)
		r = sd_event_source_set_enabled(t->timer, SD_EVENT_ONESHOT);
	return r < 0 ? fail(t, NULL, r) : 0;
}

/* The daemon gives the same sample again if it was asked too early. */
static int take_sample(struct pair *pair, sd_bus_message *m,
		       int (*read)(struct shown *s, sd_bus_message *m))
{
	struct shown s = {};
	int r = read(&s, m);

	if (r < 0 || s.usec == pair->now.usec) {
		shown_clear(&s);
		return r;
	}
	shown_clear(&pair->before);
	pair->before = pair->now;
	pair->now = s;
	return 0;
}

static int on_processes(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
	const sd_bus_error *error = sd_bus_message_get_error(m);
	struct top *t = userdata;
	int r;

	if (sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED)) {
		t->denied = true;
		t->show_processes = false;
	} else if (error) {
		return fail(t, error, -sd_bus_error_get_errno(error));
	} else {
		r = take_sample(&t->processes, m, shown_read_processes);
		if (r < 0)
			return fail(t, NULL, r);
	}
	return finish_refresh(t);
}

static int call(struct top *t, const char *method, sd_bus_message_handler_t handler)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int r = sd_bus_message_new_method_call(t->bus, &m, NULL, BUS_PATH, BUS_STATISTICS, method);

	return r < 0 ? r : sd_bus_call_async(t->bus, NULL, m, handler, t, QUERY_TIMEOUT_USEC);
}

static int on_cgroups(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
	const sd_bus_error *error = sd_bus_message_get_error(m);
	struct top *t = userdata;
	int r;

	if (error)
		return fail(t, error, -sd_bus_error_get_errno(error));
	r = take_sample(&t->cgroups, m, shown_read_cgroups);
	if (r >= 0 && t->denied)
		return finish_refresh(t);
	if (r >= 0)
		r = call(t, "ListProcesses", on_processes);
	return r < 0 ? fail(t, NULL, r) : 0;
}

static int refresh(struct top *t)
{
	return call(t, "ListCgroups", on_cgroups);
}

static void press(struct top *t, char key)
{
	if ((key == 'p' && !t->denied) || key == 'c') {
		t->show_processes = key == 'p';
		t->key = *t->cgroups.now.no_delays ? TOP_SWAP : TOP_WAIT;
		t->chosen = true;
	}
	for (int k = 0; k < N_TOP_KEYS; k++) {
		bool is_here = t->show_processes ? k <= TOP_PID : k != TOP_PID;

		if (sort_keys[k].key == key && is_here) {
			t->key = k;
			t->chosen = true;
		}
	}
}

static int on_key(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct top *t = userdata;
	char keys[16];
	ssize_t n = read(fd, keys, sizeof(keys));

	if (n <= 0)
		return sd_event_exit(t->event, EXIT_OK);
	for (ssize_t i = 0; i < n; i++) {
		if (keys[i] == 'q' || keys[i] == 'Q')
			return sd_event_exit(t->event, EXIT_OK);
		press(t, keys[i]);
	}
	return t->refreshes == 0 ? 0 : draw(t);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
	struct top *t = userdata;

	if (si->ssi_signo == SIGWINCH)
		return t->refreshes == 0 ? 0 : draw(t);
	return sd_event_exit(t->event, EXIT_OK);
}

/* SIGTSTP is blocked and not handled: the screen would be left as it is. */
static int add_signals(struct top *t)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGWINCH };
	sigset_t set;
	int r = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&set, signals[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(signals); i++)
		r = sd_event_add_signal(t->event, NULL, signals[i], on_signal, t);
	return r;
}

static int set_up(struct top *t)
{
	int r = sd_event_new(&t->event);

	if (r >= 0)
		r = sd_bus_attach_event(t->bus, t->event, SD_EVENT_PRIORITY_NORMAL);
	if (r >= 0)
		r = sd_event_add_time_relative(t->event, &t->timer, CLOCK_MONOTONIC, 0, 0, on_timer,
					       t);
	if (r < 0 || t->x->once)
		return r;
	r = add_signals(t);
	if (r >= 0)
		r = sd_event_add_io(t->event, NULL, STDIN_FILENO, EPOLLIN, on_key, t);
	if (r >= 0)
		take_screen(t);
	return r;
}

enum exit_code ctl_top(const struct ctl *x, const char *argument)
{
	struct ctl mine = *x;
	_cleanup_(top_clear) struct top t = { .x = &mine };
	enum exit_code code = ctl_connect(x, QUERY_TIMEOUT_USEC, &t.bus);
	int r;

	if (code != EXIT_OK)
		return code;
	if (!x->once && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))) {
		fprintf(stderr, "pmdswapctl: this is no terminal, so here is one interval, as with "
				"--once\n");
		mine.once = true;
	}
	r = set_up(&t);
	if (r >= 0)
		r = sd_event_loop(t.event);
	leave_screen(&t);
	return r < 0 ? ctl_fail(r, "cannot show statistics") : (enum exit_code)r;
}
