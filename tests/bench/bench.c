// SPDX-License-Identifier: GPL-2.0
/*
 * Usage: bench [--size MIB] [--rounds N] [--processes N] BENCHMARK
 *
 * Run one benchmark on the kernel as it is set, in a cgroup of its own, as root, and print what it
 * measured as one line, a JSON object. tests/bench/guest sets the kernel and calls this.
 */
#define _GNU_SOURCE
#include "bench.h"

#include <err.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static bool any_result;

static void result_name(const char *name)
{
	printf("%c\"%s\": ", any_result ? ',' : '{', name);
	any_result = true;
}

void result(const char *name, double value)
{
	result_name(name);
	printf("%.9g", value);
}

void result_json(const char *name, const char *json)
{
	result_name(name);
	fputs(json, stdout);
}

static void prefixed(const char *prefix, const char *name, double value)
{
	char whole[64];

	snprintf(whole, sizeof(whole), "%s%s", prefix, name);
	result(whole, value);
}

const char *swap_device(void)
{
	static char device[64];
	FILE *swaps;

	if (device[0])
		return device;
	swaps = fopen("/proc/swaps", "re");
	if (!swaps || fscanf(swaps, "%*[^\n] %63s", device) != 1 || device[0] != '/')
		errx(1, "there is no swap device: tests/vm/run --swap disk or zram makes one");
	fclose(swaps);
	return device;
}

/* Reads that the swap device completed, and the sectors of 512 bytes that they brought. */
static void device_reads(long long *reads, long long *sectors)
{
	char path[128];
	FILE *stat;

	snprintf(path, sizeof(path), "/sys/block/%s/stat", strrchr(swap_device(), '/') + 1);
	stat = fopen(path, "re");
	if (!stat || fscanf(stat, "%lld %*d %lld", reads, sectors) != 2)
		err(1, "%s", path);
	fclose(stat);
}

double cpu_seconds(const struct rusage *usage)
{
	return usage->ru_utime.tv_sec + usage->ru_utime.tv_usec / 1e6 +
	       usage->ru_stime.tv_sec + usage->ru_stime.tv_usec / 1e6;
}

void started(struct stretch *stretch)
{
	struct rusage usage;

	device_reads(&stretch->reads, &stretch->sectors);
	stretch->zswpin = value_in("/proc/vmstat", "zswpin");
	stretch->split = value_in("/proc/vmstat", "thp_split_pmd_swap");
	getrusage(RUSAGE_SELF, &usage);
	stretch->cpu = cpu_seconds(&usage);
	stretch->minor = usage.ru_minflt;
	stretch->major = usage.ru_majflt;
	stretch->start = now();
}

void finished(struct stretch *stretch, const char *prefix)
{
	struct rusage usage;
	long long reads, sectors;

	stretch->seconds = now() - stretch->start;
	getrusage(RUSAGE_SELF, &usage);
	device_reads(&reads, &sectors);
	reads -= stretch->reads;
	sectors -= stretch->sectors;
	prefixed(prefix, "seconds", stretch->seconds);
	prefixed(prefix, "cpu_seconds", cpu_seconds(&usage) - stretch->cpu);
	prefixed(prefix, "faults", usage.ru_minflt + usage.ru_majflt - stretch->minor - stretch->major);
	prefixed(prefix, "major_faults", usage.ru_majflt - stretch->major);
	prefixed(prefix, "device_reads", reads);
	prefixed(prefix, "device_read_kib", reads ? sectors / 2.0 / reads : 0);
	prefixed(prefix, "read_mib", sectors / 2048.0);
	if (stretch->zswpin >= 0)
		prefixed(prefix, "zswpin", value_in("/proc/vmstat", "zswpin") - stretch->zswpin);
	/* Base does not have this one. */
	if (stretch->split >= 0)
		prefixed(prefix, "pmd_splits",
			 value_in("/proc/vmstat", "thp_split_pmd_swap") - stretch->split);
}

double huge_percent(const struct area *area)
{
	return 100.0 * huge_kib() * 1024 / area->bytes;
}

void make_swapped(struct area *area, size_t bytes, const char *prefix)
{
	long long before = value_in("/proc/self/status", "VmSwap"), out;
	double start, seconds, huge;

	area_map(area, bytes);
	area_fill(area);
	huge = huge_percent(area);
	if (huge < 95)
		errx(1, "only %.0f%% of the memory became huge (too little free memory?)", huge);
	start = now();
	if (madvise(area->memory, bytes, MADV_PAGEOUT))
		err(1, "MADV_PAGEOUT");
	seconds = now() - start;
	/* The writes may still be going on, and pages that were busy are still in memory. */
	for (int try = 0; try < 20; try++) {
		evict_swap_cache(bytes);
		out = (value_in("/proc/self/status", "VmSwap") - before) * 1024;
		if (out >= (long long)(bytes / 100 * 99)) {
			prefixed(prefix, "swapout_seconds", seconds);
			return;
		}
		if (madvise(area->memory, bytes, MADV_PAGEOUT))
			err(1, "MADV_PAGEOUT");
	}
	errx(1, "only %lld of %zu bytes could be swapped out (is the swap device large enough?)", out, bytes);
}

#define PM_SWAP		(1ULL << 62)
#define PM_SWAP_OFFSET(entry)	(((entry) & ((1ULL << 55) - 1)) >> 5)

double device_seconds(const struct area *area, size_t chunk, size_t step)
{
	size_t pages = area->bytes / PAGE_SIZE, every = step ? step / PAGE_SIZE : 0;
	uint64_t *entries = malloc(pages * sizeof(*entries));
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	int device = open(swap_device(), O_RDONLY | O_DIRECT | O_CLOEXEC);
	double start, seconds;
	void *buffer;

	if (!entries || posix_memalign(&buffer, PMD_SIZE, chunk))
		errx(1, "no memory");
	/* The first touch of the buffer is no business of the device. */
	memset(buffer, 0, chunk);
	if (pagemap < 0 || device < 0)
		err(1, "%s", pagemap < 0 ? "/proc/self/pagemap" : swap_device());
	if (pread(pagemap, entries, pages * sizeof(*entries),
		  (uintptr_t)area->memory / PAGE_SIZE * sizeof(*entries)) !=
	    (ssize_t)(pages * sizeof(*entries)))
		err(1, "/proc/self/pagemap");

	start = now();
	for (size_t i = 0, run; i < pages; i += every ? every : run) {
		uint64_t first = PM_SWAP_OFFSET(entries[i]);

		run = 1;
		if (!(entries[i] & PM_SWAP))
			continue;
		while (run < chunk / PAGE_SIZE && i + run < pages && (entries[i + run] & PM_SWAP) &&
		       PM_SWAP_OFFSET(entries[i + run]) == first + run)
			run++;
		if (pread(device, buffer, run * PAGE_SIZE, first * PAGE_SIZE) != (ssize_t)(run * PAGE_SIZE))
			err(1, "%s", swap_device());
	}
	seconds = now() - start;

	close(device);
	close(pagemap);
	free(buffer);
	free(entries);
	return seconds;
}

void *locked(size_t bytes)
{
	void *table = calloc(1, bytes);

	if (!table || mlock(table, bytes))
		err(1, "cannot lock %zu bytes", bytes);
	return table;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double median(double *numbers, size_t count)
{
	qsort(numbers, count, sizeof(*numbers), compare);
	return (numbers[(count - 1) / 2] + numbers[count / 2]) / 2;
}

double least(const double *numbers, size_t count)
{
	double result = numbers[0];

	for (size_t i = 1; i < count; i++)
		if (numbers[i] < result)
			result = numbers[i];
	return result;
}

static const struct {
	const char *name;
	void (*run)(const struct options *options);
} benchmarks[] = {
	{ "sequential", swap_in_sequential },
	{ "random", swap_in_random },
	{ "sparse", swap_in_sparse },
	{ "zswap", zswap_round_trip },
	{ "latency", fault_latency },
	{ "operations", swapped_operations },
	{ "swapoff", swapped_swapoff },
	{ "rounds", write_rounds },
	{ "mapped", mapped_operations },
};

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "size", required_argument, NULL, 's' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "processes", required_argument, NULL, 'p' },
		{ 0 },
	};
	/* Locked with everything else, so that printing does not fault. */
	static char output[1 << 16];
	struct options options = { .bytes = 256UL << 20, .rounds = 8, .processes = 4 };
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		long number = option == '?' ? 0 : strtol(optarg, NULL, 10);

		if (number <= 0)
			errx(2, "usage: bench [--size MIB] [--rounds N] [--processes N] BENCHMARK");
		if (option == 's')
			options.bytes = (size_t)number << 20;
		else if (option == 'r')
			options.rounds = number;
		else
			options.processes = number;
	}
	if (optind != argc - 1 || options.bytes % PMD_SIZE)
		errx(2, "usage: bench [--size MIB] [--rounds N] [--processes N] BENCHMARK, MIB even");

	for (size_t i = 0; i < sizeof(benchmarks) / sizeof(benchmarks[0]); i++) {
		if (strcmp(benchmarks[i].name, argv[optind]))
			continue;
		setvbuf(stdout, output, _IOFBF, sizeof(output));
		/* What is measured is swapped, not the program that measures. */
		if (mlockall(MCL_CURRENT))
			err(1, "mlockall");
		benchmarks[i].run(&options);
		puts("}");
		return fflush(stdout) || ferror(stdout);
	}
	errx(2, "there is no benchmark '%s'", argv[optind]);
}
