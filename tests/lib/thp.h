/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory made of transparent huge pages, and how to swap it out for good. For
 * test programs: whatever fails ends the program with a message.
 */
#ifndef THP_H
#define THP_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PMD_SIZE	(2UL << 20)
#define PAGE_SIZE	4096UL

struct area {
	void *map;	/* as mapped, with room to align */
	char *memory;	/* aligned to PMD_SIZE */
	size_t bytes;	/* a multiple of PMD_SIZE */
	uint64_t seed;	/* of what area_fill() wrote */
};

/* Map @bytes, which must be a multiple of PMD_SIZE, with MADV_HUGEPAGE. */
void area_map(struct area *area, size_t bytes);

/*
 * Write data with a new seed, as THPs where there is memory for them. No two
 * pages are alike, and each compresses to about a quarter.
 */
void area_fill(struct area *area);

/* The number of pages that do not hold what area_fill() wrote. Reads them all. */
size_t area_damaged(const struct area *area);

/* Page @area out, and evict it from the swap cache too. */
void area_swap_out(const struct area *area);

void area_unmap(struct area *area);

/* KiB of this process that are mapped as anonymous THPs. */
long long huge_kib(void);

/* The value of the line that begins with @name in the file @path; -1 if there is none. */
long long value_in(const char *path, const char *name);

/* The file @name of the cgroup that this process is in, as a path in @path. */
void cgroup_file(char path[PATH_MAX], const char *name);

/*
 * Reclaim @bytes of the cgroup of this process until its swap cache is empty:
 * MADV_PAGEOUT leaves the pages in it, and reading them would not be reading
 * from the device.
 */
void evict_swap_cache(size_t bytes);

/* Seconds on the monotonic clock. */
double now(void);

#endif
