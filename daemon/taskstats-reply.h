/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_TASKSTATS_REPLY_H
#define PMDSWAP_TASKSTATS_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The replies of the kernel's TASKSTATS family, as bytes. Nothing here does I/O.
 *
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

/* The name that struct taskstats has for a delay: swapin, thrashing, blkio. */
const char *delay_name(enum delay d);

/*
 * Find the reply to the request of this sequence number in a datagram. 0; the error that the kernel
 * answered with, -ESRCH if there is no such process, -EPERM without privilege; -ENOMSG if there is
 * no reply in it; -EBADMSG if it is malformed or about another process; -EPROTONOSUPPORT if its
 * struct taskstats is version 15, which has its fields where no other version has them.
 */
int taskstats_reply_parse(const void *datagram, size_t size, uint32_t sequence, uint32_t tgid,
			  struct delays *ret);

#endif
