/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What "bench" and modes/service.c share: random numbers, Zipf's law, memory that stays, and what is
 * read of the kernel. Whatever fails ends the program with a message.
 */
#ifndef SHARED_H
#define SHARED_H

#include "../lib/thp.h"

#include <sys/resource.h>

/* The next number of splitmix64 behind the state @x. */
#define SPLITMIX_STEP	0x9e3779b97f4a7c15

uint64_t mix(uint64_t x);

/*
 * Zipf's law with theta 0.99, for @count ranks: the sums of their weights, and the rank that a number from 0 to
 * below 1 falls on.
 */
void zipf_sums(double *sums, size_t count);
size_t zipf_rank(const double *sums, size_t count, double number);

/* @bytes that stay in memory, zeroed: for tables that must not fault in while something else does. */
void *locked(size_t bytes);

/* The path of the device that is swapped to, such as /dev/vdc. */
const char *swap_device(void);

/* What that device has completed. */
struct device {
	long long reads, writes;
	double read_mib, written_mib;
};

void read_device(struct device *device);

/* User and system time. */
double cpu_seconds(const struct rusage *usage);

/* The number in the file @path. */
long long number_in(const char *path);

/* The first line of the file @path, without its end. */
void read_line(const char *path, char *line, size_t size);
void write_line(const char *path, const char *line);

/* Set memory.max of the cgroup of this process. */
void limit_memory(size_t bytes);

/* Percent of @area's size that is mapped huge in this process. */
double huge_percent(const struct area *area);

/* End the program if only @percent of memory became huge, and that is less than 95. */
void check_huge(double percent);

#endif
