// SPDX-License-Identifier: GPL-2.0
/*
 * Processes that each write a range from begin to end, round after round, with half as much
 * memory as they write: the workload with which THP swap was measured in 2018.
 */
#define _GNU_SOURCE
#include "bench.h"

#include <err.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Function call and TLB shootdown interrupts, of all processors. */
static double interrupts(void)
{
	FILE *file = fopen("/proc/interrupts", "re");
	char line[4096];
	double sum = 0;

	if (!file)
		err(1, "/proc/interrupts");
	while (fgets(line, sizeof(line), file)) {
		char *at = line + strspn(line, " "), *end;

		if (strncmp(at, "CAL:", 4) && strncmp(at, "TLB:", 4))
			continue;
		for (at += 4;; at = end) {
			unsigned long long number = strtoull(at, &end, 10);

			if (end == at)
				break;
			sum += number;
		}
	}
	fclose(file);
	return sum;
}

static void write_range(size_t bytes, int rounds)
{
	struct area area;

	area_map(&area, bytes);
	for (int round = 0; round < rounds; round++) {
		volatile uint64_t *words = (uint64_t *)area.memory;

		for (size_t i = 0; i < bytes / sizeof(*words); i++)
			words[i] = i + round + 1;
	}
}

void write_rounds(const struct options *options)
{
	size_t each = options->bytes / options->processes / PMD_SIZE * PMD_SIZE;
	double start, seconds, before, anon;
	long long in, out;
	struct rusage usage;
	int go[2], done[2], hold[2];
	char path[PATH_MAX], byte;

	if (!each)
		errx(2, "%d processes need more than %zu bytes", options->processes, options->bytes);
	limit_memory(options->bytes / 2);
	if (pipe(go) || pipe(done) || pipe(hold))
		err(1, "pipe");
	for (int i = 0; i < options->processes; i++) {
		pid_t child = fork();

		if (child < 0)
			err(1, "fork");
		if (!child) {
			close(go[1]);
			close(hold[1]);
			if (read(go[0], &byte, 1) < 0)
				_exit(1);
			write_range(each, options->rounds);
			/*
			 * Stay until the memory has been looked at, without keeping the pipe open: its end
			 * tells of a process that was killed.
			 */
			_exit(write(done[1], "", 1) != 1 || close(done[1]) || read(hold[0], &byte, 1) < 0);
		}
	}
	close(done[1]);
	in = value_in("/proc/vmstat", "pswpin");
	out = value_in("/proc/vmstat", "pswpout");
	before = interrupts();
	start = now();
	close(go[1]);
	for (int i = 0; i < options->processes; i++)
		if (read(done[0], &byte, 1) != 1)
			errx(1, "a process failed (killed for lack of memory?)");
	seconds = now() - start;

	result("seconds", seconds);
	result("mib_per_second", each / 1048576.0 * options->processes * options->rounds / seconds);
	result("ipis", interrupts() - before);
	result("swapped_in_mib", (value_in("/proc/vmstat", "pswpin") - in) / 256.0);
	result("swapped_out_mib", (value_in("/proc/vmstat", "pswpout") - out) / 256.0);
	cgroup_file(path, "memory.stat");
	anon = value_in(path, "anon");
	result("huge_percent", anon ? 100.0 * value_in(path, "anon_thp") / anon : 0);

	close(hold[1]);
	for (int i = 0; i < options->processes; i++)
		wait(NULL);
	getrusage(RUSAGE_CHILDREN, &usage);
	result("cpu_seconds", cpu_seconds(&usage));
	result("faults", usage.ru_minflt + usage.ru_majflt);
	result("limit_huge_percent", 100);
}
