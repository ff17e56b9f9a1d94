// SPDX-License-Identifier: GPL-2.0
/*
 * Usage: workload MIB DIR
 *
 * A service with MIB MiB of transparent huge pages. It reads requests, one line
 * each, from the FIFO DIR/request, and writes the result of each as one line of
 * "name=value" words to the FIFO DIR/answer:
 *
 *   out    fill the memory with data, page it out, evict it from the swap cache too
 *   in     read it back, checking every word and counting the faults
 *   cycle  out and in
 *
 * No two pages are alike, and each compresses to about a quarter.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PMD_SIZE	(2UL << 20)
#define PAGE_SIZE	4096UL
#define WORDS		(PAGE_SIZE / sizeof(uint64_t))
/* Words of a page that differ from each other; the rest repeats them. */
#define PERIOD		(WORDS / 4)

/* The finalizer of splitmix64: a bijection, so different inputs stay different. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

static uint64_t word(uint64_t seed, size_t page, size_t i)
{
	return mix(seed + page * PERIOD + i % PERIOD);
}

static void fill(uint64_t *memory, size_t pages, uint64_t seed)
{
	for (size_t page = 0; page < pages; page++)
		for (size_t i = 0; i < WORDS; i++)
			memory[page * WORDS + i] = word(seed, page, i);
}

/* The number of pages that do not hold what fill() wrote. */
static size_t damaged(const uint64_t *memory, size_t pages, uint64_t seed)
{
	size_t bad = 0;

	for (size_t page = 0; page < pages; page++) {
		for (size_t i = 0; i < WORDS; i++) {
			if (memory[page * WORDS + i] != word(seed, page, i)) {
				bad++;
				break;
			}
		}
	}
	return bad;
}

/* The value of the line that begins with @name in the file @path; -1 if there is none. */
static long long value_in(const char *path, const char *name)
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

static long long huge_kib(void)
{
	return value_in("/proc/self/smaps_rollup", "AnonHugePages");
}

/* The file @name of the cgroup that this process is in, as a path in @path. */
static void cgroup_file(char path[PATH_MAX], const char *name)
{
	char line[PATH_MAX / 2];
	FILE *file = fopen("/proc/self/cgroup", "re");

	if (!file || !fgets(line, sizeof(line), file) || strncmp(line, "0::/", 4))
		errx(1, "not in a cgroup of the unified hierarchy");
	line[strcspn(line, "\n")] = '\0';
	snprintf(path, PATH_MAX, "/sys/fs/cgroup%s/%s", line + 3, name);
	fclose(file);
}

/*
 * MADV_PAGEOUT leaves the pages in the swap cache until their write ends;
 * reclaim takes them out of it, so that reading is reading from the device.
 */
static void evict(size_t size)
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
		if (dprintf(fd, "%zu", size) < 0 && errno != EAGAIN)
			err(1, "%s", reclaim);
		close(fd);
		nanosleep(&pause, NULL);
	}
	warnx("%lld bytes stay in the swap cache", value_in(stat, "swapcached"));
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* The memory: where it was mapped, where it is aligned, what it holds. */
static size_t bytes;
static char *area, *memory;
static uint64_t seed;

static void swap_out(FILE *answer)
{
	if (area)
		munmap(area, bytes + PMD_SIZE);
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		err(1, "getrandom");
	area = mmap(NULL, bytes + PMD_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		err(1, "mmap");
	memory = (char *)(((uintptr_t)area + PMD_SIZE - 1) & ~(PMD_SIZE - 1));
	if (madvise(memory, bytes, MADV_HUGEPAGE))
		err(1, "MADV_HUGEPAGE");

	fill((uint64_t *)memory, bytes / PAGE_SIZE, seed);
	fprintf(answer, "seed=%#" PRIx64 " huge_before=%lld ", seed, huge_kib() / 1024);
	if (madvise(memory, bytes, MADV_PAGEOUT))
		err(1, "MADV_PAGEOUT");
	evict(bytes);
}

static void swap_in(FILE *answer)
{
	struct rusage before, after;
	double start, seconds;
	size_t bad;

	if (!area)
		errx(1, "\"in\" needs an \"out\" before it");
	getrusage(RUSAGE_SELF, &before);
	start = now();
	bad = damaged((uint64_t *)memory, bytes / PAGE_SIZE, seed);
	seconds = now() - start;
	getrusage(RUSAGE_SELF, &after);
	fprintf(answer, "damaged=%zu faults=%ld seconds=%.2f huge_after=%lld", bad,
		after.ru_minflt + after.ru_majflt - before.ru_minflt - before.ru_majflt,
		seconds, huge_kib() / 1024);
	munmap(area, bytes + PMD_SIZE);
	area = NULL;
}

int main(int argc, char **argv)
{
	char request[64];
	size_t mib = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;

	if (!mib || mib % 2)
		errx(2, "usage: workload MIB DIR, MIB even");
	if (chdir(argv[2]))
		err(1, "%s", argv[2]);
	if ((mkfifo("request", 0600) && errno != EEXIST) || (mkfifo("answer", 0600) && errno != EEXIST))
		err(1, "mkfifo");

	bytes = mib << 20;
	for (;;) {
		FILE *from = fopen("request", "re"), *to;

		if (!from)
			err(1, "request");
		if (!fgets(request, sizeof(request), from)) {
			fclose(from);
			continue;
		}
		fclose(from);
		to = fopen("answer", "we");
		if (!to)
			err(1, "answer");
		if (strcmp(request, "in\n"))
			swap_out(to);
		if (strcmp(request, "out\n"))
			swap_in(to);
		fputc('\n', to);
		if (fclose(to))
			err(1, "answer");
	}
}
