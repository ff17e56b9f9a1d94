/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_CLOCK_H
#define PMDSWAP_CLOCK_H

#include <stdint.h>
#include <time.h>

#define USEC_PER_SEC 1000000ULL

/* The time of a clock, in microseconds. */
static inline uint64_t clock_usec(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

#endif
