// SPDX-License-Identifier: GPL-2.0
/*
 * Usage: workload MIB DIR
 *
 * A service with MIB MiB of transparent huge pages. It reads requests, one line
 * each, from the FIFO DIR/request, and writes the result of each as one line of
 * "name=value" words to the FIFO DIR/answer:
 *
 *   out    fill the memory with data, page it out, evict it from the swap cache too
 *   in     read it back, checking every word and counting the faults
 *   cycle  out and in
 */
#define _GNU_SOURCE
#include "../lib/thp.h"

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void swap_out(struct area *area, size_t bytes, FILE *answer)
{
	if (area->map)
		area_unmap(area);
	area_map(area, bytes);
	area_fill(area);
	fprintf(answer, "seed=%#" PRIx64 " huge_before=%lld ", area->seed, huge_kib() / 1024);
	area_swap_out(area);
}

static void swap_in(struct area *area, FILE *answer)
{
	struct rusage before, after;
	double start, seconds;
	size_t bad;

	if (!area->map)
		errx(1, "\"in\" needs an \"out\" before it");
	getrusage(RUSAGE_SELF, &before);
	start = now();
	bad = area_damaged(area);
	seconds = now() - start;
	getrusage(RUSAGE_SELF, &after);
	fprintf(answer, "damaged=%zu faults=%ld seconds=%.2f huge_after=%lld", bad,
		after.ru_minflt + after.ru_majflt - before.ru_minflt - before.ru_majflt,
		seconds, huge_kib() / 1024);
	area_unmap(area);
}

int main(int argc, char **argv)
{
	char request[64];
	size_t mib = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
	struct area area = { 0 };

	if (!mib || mib % 2)
		errx(2, "usage: workload MIB DIR, MIB even");
	if (chdir(argv[2]))
		err(1, "%s", argv[2]);
	if ((mkfifo("request", 0600) && errno != EEXIST) || (mkfifo("answer", 0600) && errno != EEXIST))
		err(1, "mkfifo");

	for (;;) {
		FILE *from = fopen("request", "re"), *to;

		if (!from)
			err(1, "request");
		if (!fgets(request, sizeof(request), from)) {
			fclose(from);
			continue;
		}
		fclose(from);
		to = fopen("answer", "we");
		if (!to)
			err(1, "answer");
		if (strcmp(request, "in\n"))
			swap_out(&area, mib << 20, to);
		if (strcmp(request, "out\n"))
			swap_in(&area, to);
		fputc('\n', to);
		if (fclose(to))
			err(1, "answer");
	}
}
