/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the benchmarks share: the results of a run as one JSON object, counters
 * of the kernel before and after, and memory that is certainly swapped out.
 */
#ifndef BENCH_H
#define BENCH_H

#include "shared.h"

struct options {
	size_t bytes;		/* of memory to work on */
	int rounds;		/* of benchmarks that go over it more than once */
	int processes;		/* of benchmarks that have several */
	int limit;		/* of the cgroup, in percent of bytes; 0: none */
	uint64_t seed;		/* of what is random */
	double seconds;		/* after which a phase of a pattern is cut off */
	int pid;		/* of the process to look at */
};

/* Add @name with @value to the result. Units are in the name: seconds, _kib, _percent, else a number. */
void result(const char *name, double value);

/* Add @name with a list of pairs, given as the text of a JSON array. */
void result_json(const char *name, const char *json);

/*
 * A stretch of work. started() notes time and counters; finished() adds what
 * they moved by to the result: seconds, cpu_seconds, faults, major_faults, and of the
 * swap device device_reads, device_read_kib (per read). With @prefix in front of each name.
 */
struct stretch {
	double start, seconds;
	double cpu;
	long minor, major;
	struct device device;
	long long zswpin, split;
};

void started(struct stretch *stretch);
void finished(struct stretch *stretch, const char *prefix);

/* Counters of /proc/vmstat about swap, and faults, of this process and children that it waited for. */
#define MAX_COUNTERS	64

struct counters {
	struct {
		char name[48];
		long long value;
	} start[MAX_COUNTERS], sum[MAX_COUNTERS];
	size_t number;
	long faults_start, major_start, faults, major;
};

/* What happens between the two is added to @counters. The kernel has those that it has. */
void counters_start(struct counters *counters);
void counters_stop(struct counters *counters);

/* Add them to the result by their names. Only what moved, but for faults, pswpin and pswpout. */
void counters_result(const struct counters *counters);

/*
 * Swap @area out, and out of the swap cache too. The seconds that MADV_PAGEOUT took. Ends the program
 * if less than 99% went out.
 */
double swap_out_cold(const struct area *area);

/*
 * Make @bytes of THPs with data and swap them out. Adds swapout_seconds to the result, with @prefix.
 * Ends the program if less than 95% was huge before, or less than 99% went out.
 */
void make_swapped(struct area *area, size_t bytes, const char *prefix);

/*
 * The seconds that the device itself takes to read what @area has swapped out:
 * large reads past the page cache, at most @chunk bytes each; if @step is not 0, only the first
 * @chunk of every @step bytes.
 */
double device_seconds(const struct area *area, size_t chunk, size_t step);

/* Median of @count numbers, which are sorted by this. */
double median(double *numbers, size_t count);
double least(const double *numbers, size_t count);

/* The benchmarks: those of one file in one group. */
void swap_in_sequential(const struct options *options);
void swap_in_random(const struct options *options);
void swap_in_sparse(const struct options *options);
void zswap_round_trip(const struct options *options);
void fault_latency(const struct options *options);
void swapped_operations(const struct options *options);
void swapped_swapoff(const struct options *options);
void write_rounds(const struct options *options);
void mapped_operations(const struct options *options);

/* A pattern of access, or with "-again" behind its name: in steady state. False if there is none of that @name. */
bool run_pattern(const char *name, const struct options *options);
void list_patterns(void);

/* How many pages of each range of 2 MiB are present in the process options.pid, of those that all are or are swapped out. */
void look_at_process(const struct options *options);

void build_processes(const struct options *options);

/* One of the processes of build_processes(): @bytes is the size of its heap. */
void build_job(size_t bytes, uint64_t seed);

#endif
