// SPDX-License-Identifier: GPL-2.0
#include "policy/prometheus.h"

#include <inttypes.h>

#define NSEC_PER_SEC 1000000000ULL

/* HELP and TYPE come once, before all samples of a metric, which stand together. */
static void print_head(FILE *f, const char *name, const char *type, const char *help)
{
	fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void print_label(FILE *f, const char *name, const char *value)
{
	fprintf(f, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			fputc('\\', f);
		if (*value == '\n')
			fputs("\\n", f);
		else
			fputc(*value, f);
	}
	fputc('"', f);
}

static void print_sample(FILE *f, const char *name, const struct shown_cgroup *c, const char *kind)
{
	fprintf(f, "%s{", name);
	print_label(f, "cgroup", c->path);
	fputc(',', f);
	print_label(f, "unit", c->unit);
	fputc(',', f);
	print_label(f, "policy", c->policy);
	fputc(',', f);
	print_label(f, "mode", c->mode);
	if (kind) {
		fputc(',', f);
		print_label(f, "kind", kind);
	}
	fputs("} ", f);
}

static void print_counter(FILE *f, const struct shown *s, enum counter c)
{
	const bool is_event = c < N_EVENT_COUNTERS;
	const char *type = is_event ? "counter" : "gauge", *unit = is_event ? "total" : "bytes";
	char name[80], help[160];
	bool any = false;

	if (s->system.of[c].known) {
		snprintf(name, sizeof(name), "pmdswap_%s_%s", counter_name(c), unit);
		snprintf(help, sizeof(help), "Of the system: %s.", counter_help(c));
		print_head(f, name, type, help);
		fprintf(f, "%s %" PRIu64 "\n", name, s->system.of[c].value);
	}
	snprintf(name, sizeof(name), "pmdswap_cgroup_%s_%s", counter_name(c), unit);
	snprintf(help, sizeof(help), "Of a cgroup and all below it: %s.", counter_help(c));
	for (size_t i = 0; i < s->n_cgroups; i++) {
		if (!s->cgroups[i].counters.of[c].known)
			continue;
		if (!any)
			print_head(f, name, type, help);
		any = true;
		print_sample(f, name, &s->cgroups[i], NULL);
		fprintf(f, "%" PRIu64 "\n", s->cgroups[i].counters.of[c].value);
	}
}

static void print_processes(FILE *f, const struct shown *s)
{
	static const char all[] = "pmdswap_cgroup_processes";
	static const char unaccounted[] = "pmdswap_cgroup_processes_unaccounted";

	if (s->n_cgroups == 0)
		return;
	print_head(f, all, "gauge", "Processes in a cgroup and all below it.");
	for (size_t i = 0; i < s->n_cgroups; i++) {
		print_sample(f, all, &s->cgroups[i], NULL);
		fprintf(f, "%" PRIu64 "\n", s->cgroups[i].processes);
	}
	if (*s->no_delays)
		return;
	print_head(f, unaccounted, "gauge",
		   "Processes that are older than delay accounting and have no delays.");
	for (size_t i = 0; i < s->n_cgroups; i++) {
		print_sample(f, unaccounted, &s->cgroups[i], NULL);
		fprintf(f, "%" PRIu64 "\n", s->cgroups[i].unaccounted);
	}
}

static void print_delays(FILE *f, const struct shown *s, const char *name, const char *help,
			 bool seconds)
{
	bool any = false;

	for (size_t i = 0; i < s->n_cgroups; i++) {
		for (int d = 0; d < N_DELAYS; d++) {
			const struct shown_cgroup *c = &s->cgroups[i];

			if (!c->delays.of[d].known)
				continue;
			if (!any)
				print_head(f, name, "counter", help);
			any = true;
			print_sample(f, name, c, delay_name(d));
			if (seconds)
				fprintf(f, "%" PRIu64 ".%09" PRIu64 "\n",
					(uint64_t)(c->delays.of[d].total / NSEC_PER_SEC),
					(uint64_t)(c->delays.of[d].total % NSEC_PER_SEC));
			else
				fprintf(f, "%" PRIu64 "\n", c->delays.of[d].count);
		}
	}
}

/* What an alert may rest on. */
static void print_daemon(FILE *f, const struct shown *s)
{
	static const char info[] = "pmdswap_build_info", cgroups[] = "pmdswap_cgroups",
			  accepted[] = "pmdswap_last_reload_accepted",
			  when[] = "pmdswap_last_reload_timestamp_seconds";

	if (!s->version)
		return;
	print_head(f, info, "gauge", "Always 1; the version of pmdswapd is in the label.");
	fprintf(f, "%s{", info);
	print_label(f, "version", s->version);
	fputs("} 1\n", f);
	print_head(f, cgroups, "gauge", "Cgroups that have a policy, by their state.");
	for (size_t i = 0; i < s->n_states; i++)
		fprintf(f, "%s{state=\"%s\"} %zu\n", cgroups, s->states[i].name, s->states[i].n);
	if (s->reload_usec == 0)
		return;
	print_head(f, accepted, "gauge", "Whether the last reload, or the start, was accepted.");
	fprintf(f, "%s %d\n", accepted, s->reload_accepted);
	print_head(f, when, "gauge", "When the last reload, or the start, ended.");
	fprintf(f, "%s %" PRIu64 ".%06" PRIu64 "\n", when, s->reload_usec / 1000000,
		s->reload_usec % 1000000);
}

void prometheus_print(FILE *f, const struct shown *s)
{
	static const char available[] = "pmdswap_delays_available";

	print_daemon(f, s);
	for (int c = 0; c < N_COUNTERS; c++)
		print_counter(f, s, c);
	print_processes(f, s);
	if (*s->no_delays)
		fprintf(f, "# No delays: %s\n", s->no_delays);
	print_head(f, available, "gauge", "Whether the kernel tells of delays of processes.");
	fprintf(f, "%s %d\n", available, !*s->no_delays);
	print_delays(f, s, "pmdswap_cgroup_delays_total",
		     "How often processes of a cgroup waited for swapped-out memory.", false);
	print_delays(f, s, "pmdswap_cgroup_delay_seconds_total",
		     "How long processes of a cgroup waited for swapped-out memory.", true);
}
