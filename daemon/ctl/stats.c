// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "ctl/bus.h"
#include "ctl/json.h"
#include "ctl/sample.h"
#include "ctl/view.h"
#include "policy/format.h"
#include "policy/prometheus.h"
#include "system/fs.h"
#include "system/interface.h"

static void print_head(const struct shown *s, size_t width)
{
	char when[64] = "";
	time_t t = s->usec / 1000000;
	struct tm tm;

	if (localtime_r(&t, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S %Z", &tm);
	printf("%-16s%s\n", "Taken:", when);
	if (*s->no_delays) {
		printf("%-16snot known:\n", "Delays:");
		ctl_print_wrapped(s->no_delays, width);
	}
}

static void add_counter(struct table *t, const struct counters *counters, enum counter c)
{
	char text[FORMAT_MAX];

	table_row(t, counter_name(c), format_counter(counters, c, text), counter_help(c));
}

static int print_system(const struct shown *s, size_t width)
{
	struct table t = { .columns = 3, .right = TABLE_COLUMN(1) };

	table_row(&t, "SYSTEM", "VALUE", "MEANING");
	for (int c = 0; c < N_COUNTERS; c++)
		add_counter(&t, &s->system, c);
	return ctl_print_table(&t, width);
}

static int print_counters(const struct shown *s, size_t width)
{
	struct table t = { .columns = 8, .right = 0x7f };

	table_row(&t, "OUT", "SPLIT-OUT", "IN", "SPLIT-IN", "SPLIT", "ZSWAPPED", "SWAP", "CGROUP");
	for (size_t i = 0; i < s->n_cgroups; i++) {
		const struct shown_cgroup *c = &s->cgroups[i];
		char text[N_COUNTERS][FORMAT_MAX];

		for (int k = 0; k < N_COUNTERS; k++)
			format_counter_short(&c->counters, k, text[k]);
		table_row(&t, text[COUNTER_THP_SWPOUT_PMD], text[COUNTER_THP_SWPOUT_PMD_FALLBACK],
			  text[COUNTER_THP_SWPIN_PMD], text[COUNTER_THP_SWPIN_PMD_FALLBACK],
			  text[COUNTER_THP_SPLIT_PMD_SWAP], text[COUNTER_ZSWAPPED],
			  text[COUNTER_SWAP], c->path);
	}
	return ctl_print_table(&t, width);
}

static int print_delays(const struct shown *s, size_t width)
{
	struct table t = { .columns = 6, .right = 0x1f };
	uint64_t unaccounted = 0;
	int r;

	table_row(&t, "PROCESSES", "SWAPIN", "THRASHING", "BLKIO", "TOGETHER", "CGROUP");
	for (size_t i = 0; i < s->n_cgroups; i++) {
		const struct shown_cgroup *c = &s->cgroups[i];
		char text[N_DELAYS][FORMAT_MAX], sum[FORMAT_MAX], processes[24];

		for (int d = 0; d < N_DELAYS; d++)
			format_delay(&c->delays, d, text[d]);
		snprintf(processes, sizeof(processes), "%" PRIu64, c->processes);
		table_row(&t, processes, text[DELAY_SWAPIN], text[DELAY_THRASHING],
			  text[DELAY_BLKIO], format_nsec(delays_sum(&c->delays), sum), c->path);
		if (c->unaccounted > unaccounted)
			unaccounted = c->unaccounted;
	}
	r = ctl_print_table(&t, width);
	if (r >= 0 && unaccounted > 0)
		ctl_print_wrapped("Processes that were started before delay accounting was "
				  "switched on have no delays; start them again to see theirs.",
				  width);
	return r;
}

static enum exit_code print_tables(const struct shown *s, size_t width)
{
	int r;

	print_head(s, width);
	r = print_system(s, width);
	if (r >= 0)
		r = print_counters(s, width);
	if (r >= 0 && !*s->no_delays)
		r = print_delays(s, width);
	return r < 0 ? ctl_fail(r, "cannot print the statistics") : EXIT_OK;
}

static json_t *json_delays(const struct delays *delays)
{
	json_t *o = json_object();

	for (int d = 0; d < N_DELAYS; d++)
		if (delays->of[d].known &&
		    json_object_set_new(o, delay_name(d),
					json_pack("{sIsI}", "count",
						  (json_int_t)delays->of[d].count, "nsec",
						  (json_int_t)delays->of[d].total)) < 0)
			return NULL;
	return o;
}

static json_t *json_cgroup(const void *list, size_t i)
{
	const struct shown_cgroup *c = &((const struct shown *)list)->cgroups[i];

	return json_pack("{ss ss? ss ss sI sI so so}", "cgroup", c->path, "unit",
			 *c->unit ? c->unit : NULL, "policy", c->policy, "mode", c->mode,
			 "processes", (json_int_t)c->processes, "processes_unaccounted",
			 (json_int_t)c->unaccounted, "counters", ctl_json_counters(&c->counters),
			 "delays", json_delays(&c->delays));
}

static enum exit_code print_json(const struct shown *s)
{
	return ctl_json_print(json_pack("{sI ss? so so}", "taken_usec", (json_int_t)s->usec,
					"no_delays_because", *s->no_delays ? s->no_delays : NULL,
					"system", ctl_json_counters(&s->system), "cgroups",
					ctl_json_array(s->n_cgroups, json_cgroup, s)));
}

/* What is to be known of the daemon itself. 0 or a negative errno. */
static int read_daemon(sd_bus *bus, const char *root, struct shown *s)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *version = NULL, *last = NULL;
	_cleanup_(views_clear) struct views views = {};
	_cleanup_close_ int root_fd = fs_open_root(root);
	const char *text;
	int accepted, r = ctl_get_property(bus, "Version", "s", &version);

	if (r >= 0)
		r = sd_bus_message_read(version, "s", &text);
	if (r >= 0)
		r = ctl_get_property(bus, "LastReload", "(btta(ss))", &last);
	if (r >= 0)
		r = sd_bus_message_enter_container(last, 'r', "btta(ss)");
	if (r >= 0)
		r = sd_bus_message_read(last, "bt", &accepted, &s->reload_usec);
	if (r >= 0)
		r = views_read(bus, &views, NULL);
	/* The same states as status and list show. */
	if (r >= 0)
		r = views_read_effects(root_fd, &views);
	if (r < 0)
		return r;
	s->version = strdup(text);
	s->reload_accepted = accepted;
	for (; view_states[s->n_states] && s->n_states < ARRAY_SIZE(s->states); s->n_states++) {
		const char *state = view_states[s->n_states];

		s->states[s->n_states] = (struct shown_state){ state, views_count(&views, state) };
	}
	return s->version ? 0 : -ENOMEM;
}

enum exit_code ctl_stats(const struct ctl *x, const char *argument)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_(shown_clear) struct shown s = {};
	enum exit_code code;
	int r;

	if (x->json && x->prometheus) {
		fprintf(stderr, "pmdswapctl: --json and --prometheus do not go together\n");
		return EXIT_USAGE;
	}
	code = ctl_connect(x, QUERY_TIMEOUT_USEC, &bus);
	if (code != EXIT_OK)
		return code;
	r = sd_bus_call_method(bus, NULL, BUS_PATH, BUS_STATISTICS, "ListCgroups", &error, &reply,
			       NULL);
	if (r < 0)
		return ctl_call_failed(&error, r);
	r = shown_read_cgroups(&s, reply);
	if (r < 0)
		return ctl_fail(r, "cannot read the answer of pmdswapd");
	if (x->json)
		return print_json(&s);
	if (!x->prometheus)
		return print_tables(&s, x->width);
	r = read_daemon(bus, x->root, &s);
	if (r < 0)
		return ctl_fail(r, "cannot read the state of pmdswapd");
	prometheus_print(stdout, &s);
	return fflush(stdout) == EOF ? ctl_fail(-errno, "cannot print the statistics") : EXIT_OK;
}
