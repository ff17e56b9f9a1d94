// SPDX-License-Identifier: GPL-2.0
#include "delays.h"

const char *delay_name(enum delay d)
{
	static const char *const names[] = {
		[DELAY_SWAPIN] = "swapin",
		[DELAY_THRASHING] = "thrashing",
		[DELAY_BLKIO] = "blkio",
	};

	return names[d];
}
