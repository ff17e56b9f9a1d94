/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_COUNTERS_H
#define PMDSWAP_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the kernel counts of swap, for the system or for one cgroup and all below it. */
enum counter {
	/* Events, which only ever grow. */
	COUNTER_THP_SWPOUT_PMD,
	COUNTER_THP_SWPOUT_PMD_FALLBACK,
	COUNTER_THP_SWPIN_PMD,
	COUNTER_THP_SWPIN_PMD_FALLBACK,
	COUNTER_THP_SPLIT_PMD_SWAP,
	N_EVENT_COUNTERS,
	/* Bytes at the moment. What is in zswap has swap slots, too. */
	COUNTER_ZSWAPPED = N_EVENT_COUNTERS,
	COUNTER_SWAP,
	N_COUNTERS,
};

struct counters {
	struct {
		bool known; /* the kernel tells */
		uint64_t value;
	} of[N_COUNTERS];
};

/* The name as in memory.stat; for COUNTER_SWAP, which is not there, "swap". */
const char *counter_name(enum counter c);

/* What it counts, in a few words. */
const char *counter_help(enum counter c);

void counters_set(struct counters *counters, enum counter c, uint64_t value);

/* Take what is known from the text of memory.stat or /proc/vmstat: "NAME VALUE" lines. */
void counters_parse_stat(struct counters *counters, const char *text);

/* Take zswapped and swap from the text of /proc/meminfo. */
void counters_parse_meminfo(struct counters *counters, const char *text);

#endif
