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
#include "../../lib/thp.h"

#include <err.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define WORDS	(PAGE_SIZE / sizeof(uint64_t))

static struct area area;
static size_t pages;
static uint64_t state = 1;

static uint64_t next_random(void)
{
	uint64_t x = state += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* Memory that is neither swapped nor in the way of what is. */
static void *locked(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED || mlock(memory, bytes))
		err(1, "%zu bytes", bytes);
	return memory;
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

/* Zipf 0.99: the share of the accesses that go to the pages up to each rank, and the page of a rank. */
static double *share;
static uint32_t *page_of;

static void prepare_zipf(void)
{
	double sum = 0;

	share = locked(pages * sizeof(*share));
	page_of = locked(pages * sizeof(*page_of));
	for (size_t i = 0; i < pages; i++) {
		size_t j = next_random() % (i + 1);

		sum += 1 / pow(i + 1, 0.99);
		share[i] = sum;
		page_of[i] = page_of[j];
		page_of[j] = i;
	}
	for (size_t i = 0; i < pages; i++)
		share[i] /= sum;
}

static size_t zipf(void)
{
	double at = (next_random() >> 11) * 0x1p-53;
	size_t low = 0, high = pages - 1;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (share[middle] < at)
			low = middle + 1;
		else
			high = middle;
	}
	return page_of[low];
}

static void set_limit(size_t bytes)
{
	char path[PATH_MAX];
	FILE *file;
	long long now_there;

	cgroup_file(path, "memory.current");
	file = fopen(path, "re");
	if (!file || fscanf(file, "%lld", &now_there) != 1)
		err(1, "%s", path);
	fclose(file);
	cgroup_file(path, "memory.max");
	file = fopen(path, "we");
	/* The program itself comes on top. */
	if (!file || fprintf(file, "%lld", now_there - (long long)area.bytes + (long long)bytes) < 0 || fclose(file))
		err(1, "%s", path);
}

/* Counters before and after, by the names that they have in the result. */
static const char *const names[] = {
	"pswpin", "pswpout", "zswpin", "zswpout", "zswpwb", "workingset_refault_anon", "thp_swpout",
};
#define COUNTERS	(sizeof(names) / sizeof(names[0]))

struct reading {
	long long counters[COUNTERS];
	long long device[8];
	double seconds, cpu;
};

static struct reading take_reading(void)
{
	struct reading r = { 0 };
	struct rusage usage;
	char path[PATH_MAX], device[64];
	FILE *file = fopen("/proc/swaps", "re");

	if (!file || fscanf(file, "%*[^\n] %63s", device) != 1)
		errx(1, "there is no swap");
	fclose(file);
	snprintf(path, sizeof(path), "/sys/block/%s/stat", strrchr(device, '/') + 1);
	file = fopen(path, "re");
	for (size_t i = 0; i < 8; i++)
		if (!file || fscanf(file, "%lld", &r.device[i]) != 1)
			err(1, "%s", path);
	fclose(file);
	cgroup_file(path, "memory.stat");
	for (size_t i = 0; i < COUNTERS; i++)
		r.counters[i] = value_in(path, names[i]);
	getrusage(RUSAGE_SELF, &usage);
	r.cpu = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
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
	if (huge_kib() * 1024 < (long long)(area.bytes / 100 * 95))
		errx(1, "only %lld KiB are huge", huge_kib());
	for (size_t page = 0; page < pages; page++)
		sums[page] = sum_of(page);
	set_limit(area.bytes / 100 * percent);

	for (int measured = 0; measured < 2; measured++) {
		before = take_reading();
		for (size_t i = 0; i < accesses; i++) {
			size_t page = ordered ? i % pages : zipf();

			if (sum_of(page) != sums[page])
				errx(1, "page %zu came back damaged", page);
		}
		after = take_reading();
	}

	printf("{\"seconds\": %.3f, \"cpu_seconds\": %.3f, \"device_reads\": %lld, \"device_read_mib\": %.1f, "
	       "\"device_writes\": %lld, \"device_written_mib\": %.1f", after.seconds - before.seconds,
	       after.cpu - before.cpu, after.device[0] - before.device[0], (after.device[2] - before.device[2]) / 2048.0,
	       after.device[4] - before.device[4], (after.device[6] - before.device[6]) / 2048.0);
	for (size_t i = 0; i < COUNTERS; i++)
		printf(", \"%s\": %lld", names[i], after.counters[i] - before.counters[i]);
	cgroup_file(path, "memory.stat");
	printf(", \"zswap\": %lld, \"zswapped\": %lld, \"zswap_incomp\": %lld, \"huge_mib\": %lld}\n", value_in(path, "zswap"),
	       value_in(path, "zswapped"), value_in(path, "zswap_incomp"), huge_kib() / 1024);
	return fflush(stdout) || ferror(stdout);
}
