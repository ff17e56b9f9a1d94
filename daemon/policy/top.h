/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_TOP_H
#define PMDSWAP_TOP_H

#include "policy/shown.h"

/* What happened between two samples, by cgroup or process. */

enum top_key {
	/* Of processes and of cgroups. */
	TOP_WAIT, /* all delays */
	TOP_TOTAL,
	TOP_SWAPIN,
	TOP_THRASHING,
	TOP_BLKIO,
	/* Of processes only. */
	TOP_PID,
	/* Of cgroups only. */
	TOP_OUT,
	TOP_IN,
	TOP_ZSWAPPED,
	TOP_SWAP,
	N_TOP_KEYS,
};

struct top_row {
	/* One of the two; they belong to the later sample. */
	const struct shown_process *process;
	const struct shown_cgroup *cgroup;
	bool compared; /* the earlier sample has it, too; else what follows is 0 */
	/* Nanoseconds of delay in each second, all threads and processes together. */
	double delays[N_DELAYS];
	double wait; /* the sum of them */
	/* Events per second. */
	double events[N_EVENT_COUNTERS];
};

/*
 * Compare two samples. One row for each process, or for each cgroup, of the later one, which the
 * caller frees. NULL if there is no memory.
 */
struct top_row *top_processes(const struct shown *now, const struct shown *before);
struct top_row *top_cgroups(const struct shown *now, const struct shown *before);

/* The largest first; TOP_PID: the smallest. */
void top_sort(struct top_row *rows, size_t n, enum top_key key);

/* Events per second of the whole system; negative if that is not known. */
double top_system_rate(const struct shown *now, const struct shown *before, enum counter c);

#endif
