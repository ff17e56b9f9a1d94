// SPDX-License-Identifier: GPL-2.0
/*
 * The only program of a small Linux guest: as init it fills so many MiB as its
 * environment says (the kernel's argument CHECKER_MIB=), then checks and rewrites
 * every cache line of them, pass after pass, until a line comes in on the console.
 * Prints "pass N WRONG" for each, at the end "end PASSES WRONG" with all that was
 * wrong, and switches the guest off.
 */
#define _GNU_SOURCE
#include "thp.h"

#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/reboot.h>
#include <unistd.h>

#define LINE	64UL
#define FACTOR	0x9e3779b97f4a7c15UL

/* A line at A begins with A * FACTOR + pass. */
static size_t check_and_rewrite(const struct area *area, uint64_t pass)
{
	size_t wrong = 0;

	for (size_t at = 0; at < area->bytes; at += LINE) {
		volatile uint64_t *word = (uint64_t *)(area->memory + at);

		wrong += *word != at * FACTOR + pass;
		*word = at * FACTOR + pass + 1;
	}
	return wrong;
}

int main(void)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	const char *mib = getenv("CHECKER_MIB");
	size_t wrong, all = 0;
	struct area area;
	uint64_t pass = 0;

	if (!mib)
		errx(1, "CHECKER_MIB is not set");
	area_map(&area, strtoul(mib, NULL, 10) << 20);
	for (size_t at = 0; at < area.bytes; at += LINE)
		*(uint64_t *)(area.memory + at) = at * FACTOR;
	while (poll(&input, 1, 0) == 0) {
		wrong = check_and_rewrite(&area, pass++);
		all += wrong;
		printf("pass %zu %zu\n", (size_t)pass, wrong);
		fflush(stdout);
	}
	printf("end %zu %zu\n", (size_t)pass, all);
	fflush(stdout);
	/* What the serial line still has in its buffer goes out before. */
	sleep(1);
	reboot(RB_AUTOBOOT);
	err(1, "reboot");
}
