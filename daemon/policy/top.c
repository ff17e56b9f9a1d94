// SPDX-License-Identifier: GPL-2.0
#include "policy/top.h"

#include <stdlib.h>
#include <string.h>

#include "policy/cgroup.h"

/* Seconds from one sample to the next; 0 if there is no telling. */
static double elapsed(const struct shown *now, const struct shown *before)
{
	return before->usec && now->usec > before->usec ? (double)(now->usec - before->usec) / 1e6
							: 0;
}

static double rate(uint64_t now, uint64_t before, double seconds)
{
	return now > before ? (now - before) / seconds : 0;
}

static void compare_delays(struct top_row *row, const struct delays *now,
			   const struct delays *before, double seconds)
{
	for (int d = 0; d < N_DELAYS; d++) {
		row->delays[d] = rate(now->of[d].total, before->of[d].total, seconds);
		row->wait += row->delays[d];
	}
}

static int compare_pid(const void *a, const void *b)
{
	uint32_t x = ((const struct shown_process *)a)->pid;
	uint32_t y = ((const struct shown_process *)b)->pid;

	return (x > y) - (x < y);
}

static int compare_path(const void *a, const void *b)
{
	return cgroup_compare(((const struct shown_cgroup *)a)->path,
			      ((const struct shown_cgroup *)b)->path);
}

struct top_row *top_processes(const struct shown *now, const struct shown *before)
{
	struct top_row *rows = calloc(now->n_processes ?: 1, sizeof(*rows));
	double seconds = elapsed(now, before);

	for (size_t i = 0; rows && i < now->n_processes; i++) {
		const struct shown_process *p = &now->processes[i], *old = NULL;

		rows[i].process = p;
		if (seconds > 0 && before->n_processes > 0)
			old = bsearch(p, before->processes, before->n_processes, sizeof(*p),
				      compare_pid);
		rows[i].compared = old && old->started == p->started;
		if (rows[i].compared)
			compare_delays(&rows[i], &p->delays, &old->delays, seconds);
	}
	return rows;
}

struct top_row *top_cgroups(const struct shown *now, const struct shown *before)
{
	struct top_row *rows = calloc(now->n_cgroups ?: 1, sizeof(*rows));
	double seconds = elapsed(now, before);

	for (size_t i = 0; rows && i < now->n_cgroups; i++) {
		const struct shown_cgroup *c = &now->cgroups[i], *old = NULL;

		rows[i].cgroup = c;
		if (seconds > 0 && before->n_cgroups > 0)
			old = bsearch(c, before->cgroups, before->n_cgroups, sizeof(*c),
				      compare_path);
		rows[i].compared = old;
		if (!old)
			continue;
		compare_delays(&rows[i], &c->delays, &old->delays, seconds);
		for (int k = 0; k < N_EVENT_COUNTERS; k++)
			rows[i].events[k] =
				rate(c->counters.of[k].value, old->counters.of[k].value, seconds);
	}
	return rows;
}

static double value(const struct top_row *row, enum top_key key)
{
	const struct delays *delays = row->process ? &row->process->delays : &row->cgroup->delays;
	const struct counters *counters = row->cgroup ? &row->cgroup->counters : NULL;

	switch (key) {
	case TOP_WAIT:
		return row->wait;
	case TOP_TOTAL:
		return delays_sum(delays);
	case TOP_SWAPIN:
		return row->delays[DELAY_SWAPIN];
	case TOP_THRASHING:
		return row->delays[DELAY_THRASHING];
	case TOP_BLKIO:
		return row->delays[DELAY_BLKIO];
	case TOP_PID:
		return row->process ? -(double)row->process->pid : 0;
	case TOP_OUT:
		return row->events[COUNTER_THP_SWPOUT_PMD];
	case TOP_IN:
		return row->events[COUNTER_THP_SWPIN_PMD];
	case TOP_ZSWAPPED:
		return counters ? counters->of[COUNTER_ZSWAPPED].value : 0;
	case TOP_SWAP:
		return counters ? counters->of[COUNTER_SWAP].value : 0;
	case N_TOP_KEYS:
		break;
	}
	return 0;
}

static int compare_rows(const void *a, const void *b, void *key)
{
	const struct top_row *x = a, *y = b;
	double p = value(x, *(enum top_key *)key), q = value(y, *(enum top_key *)key);

	if (p != q)
		return p > q ? -1 : 1;
	/* Rows that are alike must not change places at each refresh. */
	return x->process ? compare_pid(x->process, y->process)
			  : compare_path(x->cgroup, y->cgroup);
}

void top_sort(struct top_row *rows, size_t n, enum top_key key)
{
	qsort_r(rows, n, sizeof(*rows), compare_rows, &key);
}

double top_system_rate(const struct shown *now, const struct shown *before, enum counter c)
{
	double seconds = elapsed(now, before);

	if (seconds <= 0 || !now->system.of[c].known || !before->system.of[c].known)
		return -1;
	return rate(now->system.of[c].value, before->system.of[c].value, seconds);
}
