// SPDX-License-Identifier: GPL-2.0
#include "policy/delays.h"

const char *delay_name(enum delay d)
{
	static const char *const names[] = {
		[DELAY_SWAPIN] = "swapin",
		[DELAY_THRASHING] = "thrashing",
		[DELAY_BLKIO] = "blkio",
	};

	return names[d];
}

uint64_t delays_sum(const struct delays *d)
{
	uint64_t sum = 0;

	for (int i = 0; i < N_DELAYS; i++)
		sum += d->of[i].total;
	return sum;
}
