/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_DELAYS_H
#define PMDSWAP_DELAYS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What one wait for a swapped-out page costs is spread over three delays: swapin is the submission
 * of the read (all of it, if the device answers at once, as zram does), thrashing and blkio are the
 * waits for it to end. They are of use together only.
 */
enum delay {
	DELAY_SWAPIN,
	DELAY_THRASHING,
	DELAY_BLKIO,
	N_DELAYS,
};

/* Delays of a process, all its threads together. */
struct delays {
	struct {
		bool known; /* the kernel tells */
		uint64_t count;
		uint64_t total; /* nanoseconds */
	} of[N_DELAYS];
	/*
	 * The kernel keeps delays for it. False for a process without a single delay of any kind,
	 * which is one that was started before delay accounting was switched on: copying a page
	 * after fork() is a delay already.
	 */
	bool accounted;
};

/* What the kernel tells of a process. */
struct process_info {
	char name[16];     /* any bytes */
	uint64_t age_usec; /* since its start */
	struct delays delays;
};

/* The name that struct taskstats has for a delay: swapin, thrashing, blkio. */
const char *delay_name(enum delay d);

/* All delays together, in nanoseconds. */
uint64_t delays_sum(const struct delays *d);

#endif
