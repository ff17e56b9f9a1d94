// SPDX-License-Identifier: GPL-2.0
/*
 * Usage: bench [OPTION...] BENCHMARK
 *
 * Run one benchmark on the kernel as it is set, in a cgroup of its own, as root, and print what it
 * measured as one line, a JSON object. tests/bench/guest sets the kernel and calls this.
 *
 * Options: --size MIB, --rounds N, --processes N, and for patterns of access, whose names are pattern-NAME,
 * --limit PERCENT of the size, --seed N, --seconds N for each phase (2 for 128 MiB). "bench patterns" lists them. "present" looks
 * at the process --pid N.
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

void started(struct stretch *stretch)
{
	struct rusage usage;

	read_device(&stretch->device);
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
	struct device device;
	long long reads;

	stretch->seconds = now() - stretch->start;
	getrusage(RUSAGE_SELF, &usage);
	read_device(&device);
	reads = device.reads - stretch->device.reads;
	prefixed(prefix, "seconds", stretch->seconds);
	prefixed(prefix, "cpu_seconds", cpu_seconds(&usage) - stretch->cpu);
	prefixed(prefix, "faults", usage.ru_minflt + usage.ru_majflt - stretch->minor - stretch->major);
	prefixed(prefix, "major_faults", usage.ru_majflt - stretch->major);
	prefixed(prefix, "device_reads", reads);
	prefixed(prefix, "device_read_kib", reads ? (device.read_mib - stretch->device.read_mib) * 1024 / reads : 0);
	prefixed(prefix, "read_mib", device.read_mib - stretch->device.read_mib);
	if (stretch->zswpin >= 0)
		prefixed(prefix, "zswpin", value_in("/proc/vmstat", "zswpin") - stretch->zswpin);
	/* Base does not have this one. */
	if (stretch->split >= 0)
		prefixed(prefix, "pmd_splits",
			 value_in("/proc/vmstat", "thp_split_pmd_swap") - stretch->split);
}

static bool is_counted(const char *name)
{
	return !strncmp(name, "thp_swp", 7) || !strncmp(name, "thp_split_pmd_swap", 18) || !strncmp(name, "pswp", 4) ||
	       !strncmp(name, "swap_ra", 7) || !strcmp(name, "workingset_refault_anon");
}

/* Sum the faults of this process and of its children. */
static void count_faults(long *faults, long *major)
{
	static const int who[] = { RUSAGE_SELF, RUSAGE_CHILDREN };
	struct rusage usage;

	*faults = *major = 0;
	for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++) {
		getrusage(who[i], &usage);
		*faults += usage.ru_minflt + usage.ru_majflt;
		*major += usage.ru_majflt;
	}
}

static size_t read_counters(typeof(((struct counters *)0)->start[0]) *counters)
{
	FILE *file = fopen("/proc/vmstat", "re");
	size_t number = 0;

	if (!file)
		err(1, "/proc/vmstat");
	while (number < MAX_COUNTERS &&
	       fscanf(file, "%47s %lld", counters[number].name, &counters[number].value) == 2)
		number += is_counted(counters[number].name);
	fclose(file);
	return number;
}

void counters_start(struct counters *counters)
{
	counters->number = read_counters(counters->start);
	count_faults(&counters->faults_start, &counters->major_start);
}

void counters_stop(struct counters *counters)
{
	typeof(counters->start) now;
	long faults, major;

	count_faults(&faults, &major);
	counters->faults += faults - counters->faults_start;
	counters->major += major - counters->major_start;
	read_counters(now);
	for (size_t i = 0; i < counters->number; i++) {
		strcpy(counters->sum[i].name, now[i].name);
		counters->sum[i].value += now[i].value - counters->start[i].value;
	}
}

void counters_result(const struct counters *counters)
{
	result("faults", counters->faults);
	result("major_faults", counters->major);
	for (size_t i = 0; i < counters->number; i++)
		if (counters->sum[i].value || !strncmp(counters->sum[i].name, "pswp", 4) ||
		    !strncmp(counters->sum[i].name, "thp_swpin_pmd", 13))
			result(counters->sum[i].name, counters->sum[i].value);
}

/* What of @area is in memory, or in the swap cache. */
static long long resident_kib(const struct area *area)
{
	static unsigned char resident[PMD_SIZE / PAGE_SIZE];
	long long pages = 0;

	for (size_t at = 0; at < area->bytes; at += PMD_SIZE) {
		if (mincore(area->memory + at, PMD_SIZE, resident))
			err(1, "mincore");
		for (size_t i = 0; i < sizeof(resident); i++)
			pages += resident[i] & 1;
	}
	return pages * (long long)PAGE_SIZE / 1024;
}

double swap_out_cold(const struct area *area)
{
	/* Less than one THP may come back in the meantime, or be busy. */
	long long most = (area->bytes / 100 > PMD_SIZE / 2 ? area->bytes / 100 : PMD_SIZE / 2) / 1024;
	double start = now(), seconds;

	if (madvise(area->memory, area->bytes, MADV_PAGEOUT))
		err(1, "MADV_PAGEOUT");
	seconds = now() - start;
	/* The writes may still be going on, and pages that were busy are still in memory. */
	for (int try = 0; try < 20; try++) {
		evict_swap_cache(area->bytes);
		if (resident_kib(area) <= most)
			return seconds;
		if (madvise(area->memory, area->bytes, MADV_PAGEOUT))
			err(1, "MADV_PAGEOUT");
	}
	errx(1, "%lld KiB cannot be swapped out (is the swap device large enough?)", resident_kib(area));
}

void make_swapped(struct area *area, size_t bytes, const char *prefix)
{
	area_map(area, bytes);
	area_fill(area);
	check_huge(huge_percent(area));
	prefixed(prefix, "swapout_seconds", swap_out_cold(area));
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
	{ "build", build_processes },
	{ "present", look_at_process },
};

static const char usage[] = "usage: bench [--size MIB] [--rounds N] [--processes N] [--limit PERCENT] [--seed N] "
			    "[--seconds N] [--pid N] BENCHMARK, with an even MIB";

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "size", required_argument, NULL, 's' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "processes", required_argument, NULL, 'p' },
		{ "limit", required_argument, NULL, 'l' },
		{ "seed", required_argument, NULL, 'S' },
		{ "seconds", required_argument, NULL, 't' },
		{ "pid", required_argument, NULL, 'P' },
		{ 0 },
	};
	/* Locked with everything else, so that printing does not fault. */
	static char output[1 << 16];
	struct options options = { .bytes = 256UL << 20, .rounds = 8, .processes = 4, .seed = 1 };
	const char *name;
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		long number = option == '?' ? 0 : strtol(optarg, NULL, 10);

		if (number <= 0)
			errx(2, "%s", usage);
		switch (option) {
		case 's': options.bytes = (size_t)number << 20; break;
		case 'r': options.rounds = number; break;
		case 'p': options.processes = number; break;
		case 'l': options.limit = number; break;
		case 'S': options.seed = number; break;
		case 't': options.seconds = number; break;
		case 'P': options.pid = number; break;
		}
	}
	if (optind != argc - 1 || options.bytes % PMD_SIZE || options.limit > 100)
		errx(2, "%s", usage);
	if (!options.seconds)
		options.seconds = 2.0 * options.bytes / (128 << 20);
	name = argv[optind];
	if (!strcmp(name, "build-job")) {
		build_job(options.bytes, options.seed);
		return 0;
	}
	if (!strcmp(name, "patterns")) {
		list_patterns();
		return 0;
	}

	setvbuf(stdout, output, _IOFBF, sizeof(output));
	/* What is measured is swapped, not the program that measures. */
	if (mlockall(MCL_CURRENT))
		err(1, "mlockall");
	if (!strncmp(name, "pattern-", 8)) {
		if (!run_pattern(name + 8, &options))
			errx(2, "there is no pattern '%s'; \"bench patterns\" lists them", name + 8);
		puts("}");
		return fflush(stdout) || ferror(stdout);
	}
	for (size_t i = 0; i < sizeof(benchmarks) / sizeof(benchmarks[0]); i++) {
		if (strcmp(benchmarks[i].name, name))
			continue;
		benchmarks[i].run(&options);
		puts("}");
		return fflush(stdout) || ferror(stdout);
	}
	errx(2, "there is no benchmark '%s'", name);
}
