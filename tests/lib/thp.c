// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "thp.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* Words of a page that differ from each other; the rest repeats them. */
#define PERIOD		(PAGE_SIZE / sizeof(uint64_t) / 4)

/* The finalizer of splitmix64: a bijection, so different inputs stay different. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

/* What the page number @page holds, four times over. */
static void make_period(uint64_t period[PERIOD], uint64_t seed, size_t page)
{
	for (size_t i = 0; i < PERIOD; i++)
		period[i] = mix(seed + page * PERIOD + i);
}

void area_map(struct area *area, size_t bytes)
{
	area->bytes = bytes;
	area->map = mmap(NULL, bytes + PMD_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area->map == MAP_FAILED)
		err(1, "mmap");
	area->memory = (char *)(((uintptr_t)area->map + PMD_SIZE - 1) & ~(PMD_SIZE - 1));
	if (madvise(area->memory, bytes, MADV_HUGEPAGE))
		err(1, "MADV_HUGEPAGE");
}

void area_fill(struct area *area)
{
	uint64_t period[PERIOD];

	if (getrandom(&area->seed, sizeof(area->seed), 0) != sizeof(area->seed))
		err(1, "getrandom");
	for (size_t page = 0; page < area->bytes / PAGE_SIZE; page++) {
		make_period(period, area->seed, page);
		for (size_t at = 0; at < PAGE_SIZE; at += sizeof(period))
			memcpy(area->memory + page * PAGE_SIZE + at, period, sizeof(period));
	}
}

size_t area_damaged(const struct area *area)
{
	uint64_t period[PERIOD];
	size_t bad = 0;

	for (size_t page = 0; page < area->bytes / PAGE_SIZE; page++) {
		make_period(period, area->seed, page);
		for (size_t at = 0; at < PAGE_SIZE; at += sizeof(period)) {
			if (memcmp(area->memory + page * PAGE_SIZE + at, period, sizeof(period))) {
				bad++;
				break;
			}
		}
	}
	return bad;
}

void area_swap_out(const struct area *area)
{
	if (madvise(area->memory, area->bytes, MADV_PAGEOUT))
		err(1, "MADV_PAGEOUT");
	evict_swap_cache(area->bytes);
}

void area_unmap(struct area *area)
{
	if (munmap(area->map, area->bytes + PMD_SIZE))
		err(1, "munmap");
	area->map = NULL;
}

long long value_in(const char *path, const char *name)
{
	size_t length = strlen(name);
	long long value = -1;
	char line[256];
	FILE *file = fopen(path, "re");

	if (!file)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, name, length) && (line[length] == ' ' || line[length] == ':')) {
			value = strtoll(line + length + 1, NULL, 10);
			break;
		}
	}
	fclose(file);
	return value;
}

long long huge_kib(void)
{
	return value_in("/proc/self/smaps_rollup", "AnonHugePages");
}

void cgroup_file(char path[PATH_MAX], const char *name)
{
	char line[PATH_MAX / 2];
	FILE *file = fopen("/proc/self/cgroup", "re");

	if (!file || !fgets(line, sizeof(line), file) || strncmp(line, "0::/", 4))
		errx(1, "not in a cgroup of the unified hierarchy");
	line[strcspn(line, "\n")] = '\0';
	snprintf(path, PATH_MAX, "/sys/fs/cgroup%s/%s", line + 3, name);
	fclose(file);
}

void evict_swap_cache(size_t bytes)
{
	char reclaim[PATH_MAX], stat[PATH_MAX];
	struct timespec pause = { .tv_nsec = 50 * 1000 * 1000 };

	cgroup_file(reclaim, "memory.reclaim");
	cgroup_file(stat, "memory.stat");
	for (int try = 0; try < 40; try++) {
		int fd;

		/* Less than one THP is what came back in the meantime: stack, heap. */
		if (value_in(stat, "swapcached") < (long long)PMD_SIZE / 2)
			return;
		fd = open(reclaim, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			err(1, "%s", reclaim);
		/* EAGAIN says that there was less to reclaim than asked for. */
		if (dprintf(fd, "%zu", bytes) < 0 && errno != EAGAIN)
			err(1, "%s", reclaim);
		close(fd);
		nanosleep(&pause, NULL);
	}
	warnx("%lld bytes stay in the swap cache", value_in(stat, "swapcached"));
}

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}
