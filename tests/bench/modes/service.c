// SPDX-License-Identifier: GPL-2.0
/*
 * Usage: service KIND MIB PERCENT ACCESSES
 *
 * A service with MIB MiB of data in THPs, of which memory.max of its cgroup lets it keep PERCENT in
 * memory, and what ACCESSES to its pages cost once it has done as many. Prints a line of JSON.
 *
 *   hot      data that compresses to about a quarter, read by Zipf 0.99, hot pages scattered
 *   random   data that does not compress, read in the same way
 *   ordered  data that compresses to about a quarter, read page by page, again and again
 */
#define _GNU_SOURCE
#include "../shared.h"

#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WORDS	(PAGE_SIZE / sizeof(uint64_t))

static struct area area;
static size_t pages;
static uint64_t state = 1;

static uint64_t next_random(void)
{
	uint64_t random = mix(state);

	state += SPLITMIX_STEP;
	return random;
}

static uint64_t sum_of(size_t page)
{
	const volatile uint64_t *words = (const uint64_t *)(area.memory + page * PAGE_SIZE);
	uint64_t sum = 0;

	for (size_t i = 0; i < WORDS; i++)
		sum = sum * 31 + words[i];
	return sum;
}

static void fill(bool compresses)
{
	if (compresses) {
		area_fill(&area);
		return;
	}
	for (size_t i = 0; i < pages * WORDS; i++)
		((uint64_t *)area.memory)[i] = next_random();
}

/* Of Zipf's law, and the page of each rank. */
static double *sums_of_ranks;
static uint32_t *page_of;

static void prepare_zipf(void)
{
	sums_of_ranks = locked(pages * sizeof(*sums_of_ranks));
	zipf_sums(sums_of_ranks, pages);
	page_of = locked(pages * sizeof(*page_of));
	for (size_t i = 0; i < pages; i++) {
		size_t j = next_random() % (i + 1);

		page_of[i] = page_of[j];
		page_of[j] = i;
	}
}

static size_t next_of_zipf(void)
{
	return page_of[zipf_rank(sums_of_ranks, pages, (next_random() >> 11) * 0x1p-53)];
}

/* The program itself comes on top. */
static void limit_data(size_t bytes)
{
	char path[PATH_MAX];

	cgroup_file(path, "memory.current");
	limit_memory(number_in(path) - area.bytes + bytes);
}

/* Counters before and after, by the names that they have in the result. */
static const char *const names[] = {
	"pswpin", "pswpout", "zswpin", "zswpout", "zswpwb", "workingset_refault_anon", "thp_swpout",
};
#define COUNTERS	(sizeof(names) / sizeof(names[0]))

struct reading {
	long long counters[COUNTERS];
	struct device device;
	double seconds, cpu;
};

static struct reading take_reading(void)
{
	struct reading r = { 0 };
	struct rusage usage;
	char path[PATH_MAX];

	read_device(&r.device);
	cgroup_file(path, "memory.stat");
	for (size_t i = 0; i < COUNTERS; i++)
		r.counters[i] = value_in(path, names[i]);
	getrusage(RUSAGE_SELF, &usage);
	r.cpu = cpu_seconds(&usage);
	r.seconds = now();
	return r;
}

int main(int argc, char **argv)
{
	const char *kind = argc == 5 ? argv[1] : "";
	bool hot = !strcmp(kind, "hot"), ordered = !strcmp(kind, "ordered");
	size_t mib = argc == 5 ? strtoul(argv[2], NULL, 10) : 0, percent = mib ? strtoul(argv[3], NULL, 10) : 0;
	size_t accesses = mib ? strtoul(argv[4], NULL, 10) : 0;
	struct reading before, after;
	char path[PATH_MAX];
	uint64_t *sums;

	if (!(hot || ordered || !strcmp(kind, "random")) || !mib || mib % 2 || percent - 1 > 99 || !accesses)
		errx(2, "usage: service hot|random|ordered MIB PERCENT ACCESSES, MIB even");
	if (mlockall(MCL_CURRENT))
		err(1, "mlockall");
	area_map(&area, mib << 20);
	pages = area.bytes / PAGE_SIZE;
	sums = locked(pages * sizeof(*sums));
	prepare_zipf();
	fill(hot || ordered);
	check_huge(huge_percent(&area));
	for (size_t page = 0; page < pages; page++)
		sums[page] = sum_of(page);
	limit_data(area.bytes / 100 * percent);

	for (int measured = 0; measured < 2; measured++) {
		before = take_reading();
		for (size_t i = 0; i < accesses; i++) {
			size_t page = ordered ? i % pages : next_of_zipf();

			if (sum_of(page) != sums[page])
				errx(1, "page %zu came back damaged", page);
		}
		after = take_reading();
	}

	printf("{\"seconds\": %.3f, \"cpu_seconds\": %.3f, \"device_reads\": %lld, \"device_read_mib\": %.1f, "
	       "\"device_writes\": %lld, \"device_written_mib\": %.1f", after.seconds - before.seconds,
	       after.cpu - before.cpu, after.device.reads - before.device.reads,
	       after.device.read_mib - before.device.read_mib, after.device.writes - before.device.writes,
	       after.device.written_mib - before.device.written_mib);
	for (size_t i = 0; i < COUNTERS; i++)
		printf(", \"%s\": %lld", names[i], after.counters[i] - before.counters[i]);
	cgroup_file(path, "memory.stat");
	printf(", \"zswap\": %lld, \"zswapped\": %lld, \"zswap_incomp\": %lld, \"huge_mib\": %lld}\n", value_in(path, "zswap"),
	       value_in(path, "zswapped"), value_in(path, "zswap_incomp"), huge_kib() / 1024);
	return fflush(stdout) || ferror(stdout);
}
