// SPDX-License-Identifier: GPL-2.0
/* What is done to memory without touching it, swapped out and not. */
#define _GNU_SOURCE
#include "bench.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Each operation is done so many times; the median counts. */
#define TIMES	5

enum operation { FORK, CHILD_EXIT, MPROTECT, MREMAP, MINCORE, SMAPS_ROLLUP, PAGEMAP, OPERATIONS };

static const char *const names[OPERATIONS] = {
	[FORK] = "fork", [CHILD_EXIT] = "child_exit", [MPROTECT] = "mprotect", [MREMAP] = "mremap",
	[MINCORE] = "mincore", [SMAPS_ROLLUP] = "smaps_rollup", [PAGEMAP] = "pagemap",
};

static void wait_for(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child || status)
		errx(1, "a child failed with status %#x", status);
}

/* fork(), and then the exit of the child, which has done nothing. */
static void time_fork(double *fork_seconds, double *exit_seconds)
{
	int hold[2];
	double start;
	pid_t child;
	char byte;

	if (pipe2(hold, O_CLOEXEC))
		err(1, "pipe");
	start = now();
	child = fork();
	if (child < 0)
		err(1, "fork");
	if (!child) {
		close(hold[1]);
		_exit(read(hold[0], &byte, 1) != 0);
	}
	*fork_seconds = now() - start;
	/* Let the child reach its read. */
	usleep(20000);
	start = now();
	close(hold[1]);
	wait_for(child);
	*exit_seconds = now() - start;
	close(hold[0]);
}

static double time_mprotect(const struct area *area)
{
	double start = now();

	if (mprotect(area->memory, area->bytes, PROT_READ) ||
	    mprotect(area->memory, area->bytes, PROT_READ | PROT_WRITE))
		err(1, "mprotect");
	return now() - start;
}

/* There and back. */
static double time_mremap(const struct area *area)
{
	struct area other;
	double start, seconds;

	area_map(&other, area->bytes);
	start = now();
	if (mremap(area->memory, area->bytes, area->bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
		   other.memory) == MAP_FAILED ||
	    mremap(other.memory, area->bytes, area->bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
		   area->memory) == MAP_FAILED)
		err(1, "mremap");
	seconds = now() - start;
	area_unmap(&other);
	return seconds;
}

static double time_mincore(const struct area *area)
{
	unsigned char *resident = malloc(area->bytes / PAGE_SIZE);
	double start, seconds;

	if (!resident)
		errx(1, "no memory");
	memset(resident, 1, area->bytes / PAGE_SIZE);
	start = now();
	if (mincore(area->memory, area->bytes, resident))
		err(1, "mincore");
	seconds = now() - start;
	free(resident);
	return seconds;
}

/* Read @bytes of the file @path from @offset on. */
static double time_read(const char *path, off_t offset, size_t bytes)
{
	static char buffer[1 << 16];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	double start = now();
	ssize_t got = -1;

	if (fd < 0)
		err(1, "%s", path);
	for (size_t done = 0; done < bytes; done += got) {
		size_t want = bytes - done < sizeof(buffer) ? bytes - done : sizeof(buffer);

		got = pread(fd, buffer, want, offset + done);
		if (got < 0)
			err(1, "%s", path);
		if (!got)
			break;
	}
	close(fd);
	return now() - start;
}

static void measure_all(const struct area *area, const char *prefix)
{
	double seconds[OPERATIONS][TIMES];

	for (int i = 0; i < TIMES; i++) {
		time_fork(&seconds[FORK][i], &seconds[CHILD_EXIT][i]);
		seconds[MPROTECT][i] = time_mprotect(area);
		seconds[MREMAP][i] = time_mremap(area);
		seconds[MINCORE][i] = time_mincore(area);
		seconds[SMAPS_ROLLUP][i] = time_read("/proc/self/smaps_rollup", 0, 1 << 16);
		seconds[PAGEMAP][i] = time_read("/proc/self/pagemap",
						(uintptr_t)area->memory / PAGE_SIZE * 8,
						area->bytes / PAGE_SIZE * 8);
	}
	for (int operation = 0; operation < OPERATIONS; operation++) {
		char name[64];

		snprintf(name, sizeof(name), "%s%s_seconds", prefix, names[operation]);
		result(name, median(seconds[operation], TIMES));
	}
}

/* How long a process takes to exit that has @bytes swapped out. */
static double time_exit(size_t bytes)
{
	int ready[2], hold[2];
	double start;
	pid_t child;
	char byte;

	if (pipe2(ready, O_CLOEXEC) || pipe2(hold, O_CLOEXEC))
		err(1, "pipe");
	fflush(stdout);
	child = fork();
	if (child < 0)
		err(1, "fork");
	if (!child) {
		struct area area;

		close(hold[1]);
		area_map(&area, bytes);
		area_fill(&area);
		area_swap_out(&area);
		_exit(write(ready[1], "", 1) != 1 || read(hold[0], &byte, 1) != 0);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		errx(1, "the child that was to swap out failed");
	start = now();
	close(hold[1]);
	wait_for(child);
	start = now() - start;
	close(ready[0]);
	close(hold[0]);
	return start;
}

/*
 * The limits are those of the same memory not swapped out: one huge mapping for each
 * THP. For what frees swap there is none.
 */
void swapped_operations(const struct options *options)
{
	struct area area;
	double start;

	area_map(&area, options->bytes);
	area_fill(&area);
	measure_all(&area, "limit_");
	area_unmap(&area);

	make_swapped(&area, options->bytes, "");
	measure_all(&area, "");
	result("swapped_percent", value_in("/proc/self/status", "VmSwap") * 1024 * 100.0 / area.bytes);
	start = now();
	if (munmap(area.memory, area.bytes))
		err(1, "munmap");
	result("munmap_seconds", now() - start);
	area_unmap(&area);

	make_swapped(&area, options->bytes, "free_");
	start = now();
	if (madvise(area.memory, area.bytes, MADV_FREE))
		err(1, "MADV_FREE");
	result("madv_free_seconds", now() - start);
	area_unmap(&area);

	result("exit_seconds", time_exit(options->bytes));
}

void swapped_swapoff(const struct options *options)
{
	struct stretch stretch;
	double start, empty;
	struct area area;
	size_t bad;

	/* Part of the limit: what there is to wait for in any case, such as RCU. */
	start = now();
	if (swapoff(swap_device()))
		err(1, "swapoff");
	empty = now() - start;
	if (swapon(swap_device(), 0))
		err(1, "swapon");

	make_swapped(&area, options->bytes, "");
	result("limit_seconds", empty + device_seconds(&area, PMD_SIZE, 0));
	started(&stretch);
	if (swapoff(swap_device()))
		err(1, "swapoff");
	finished(&stretch, "");
	result("huge_percent", huge_percent(&area));
	bad = area_damaged(&area);
	if (bad)
		errx(1, "%zu pages came back damaged", bad);
	area_unmap(&area);
	if (swapon(swap_device(), 0))
		err(1, "swapon");
}

/*
 * The least seconds of touching every page of @bytes, of fork and exit, and of munmap: what
 * interrupts and full lists of free pages add now and then is no property of the kernel measured.
 */
static void time_mapped(size_t bytes, bool huge, const char *kind)
{
	double touch[TIMES], fork_seconds[TIMES], exit_seconds[TIMES], unmap[TIMES];
	char name[64];

	for (int i = 0; i < TIMES; i++) {
		struct area area;
		double start;

		area_map(&area, bytes);
		if (!huge && madvise(area.memory, bytes, MADV_NOHUGEPAGE))
			err(1, "MADV_NOHUGEPAGE");
		start = now();
		for (size_t at = 0; at < bytes; at += PAGE_SIZE)
			*(volatile char *)(area.memory + at) = 1;
		touch[i] = now() - start;
		time_fork(&fork_seconds[i], &exit_seconds[i]);
		start = now();
		if (munmap(area.memory, bytes))
			err(1, "munmap");
		unmap[i] = now() - start;
		area_unmap(&area);
	}
	snprintf(name, sizeof(name), "%s_fault_seconds", kind);
	result(name, least(touch, TIMES));
	snprintf(name, sizeof(name), "%s_fork_seconds", kind);
	result(name, least(fork_seconds, TIMES));
	snprintf(name, sizeof(name), "%s_child_exit_seconds", kind);
	result(name, least(exit_seconds, TIMES));
	snprintf(name, sizeof(name), "%s_munmap_seconds", kind);
	result(name, least(unmap, TIMES));
}

/* Short-lived programs that read files and write to pipes, as a build has them. */
static double time_programs(void)
{
	char *const command[] = { "sh", "-c",
				  "for i in 1 2 3; do cat /etc/passwd /etc/group; done | sort | uniq -c | wc -l >/dev/null",
				  NULL };
	double start = now();

	for (int i = 0; i < 10; i++) {
		pid_t child;

		errno = posix_spawn(&child, "/bin/sh", NULL, NULL, command, environ);
		if (errno)
			err(1, "/bin/sh");
		wait_for(child);
	}
	return now() - start;
}

/* What must not become slower: memory that is not swapped. */
void mapped_operations(const struct options *options)
{
	double programs[TIMES];

	time_mapped(options->bytes / 4, false, "small");
	time_mapped(options->bytes / 4, true, "thp");
	for (int i = 0; i < TIMES; i++)
		programs[i] = time_programs();
	result("programs_seconds", least(programs, TIMES));
}
