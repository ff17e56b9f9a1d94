// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "shared.h"

#include <err.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

uint64_t mix(uint64_t x)
{
	x += SPLITMIX_STEP;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

void zipf_sums(double *sums, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sums[i] = sum += pow(i + 1, -0.99);
}

size_t zipf_rank(const double *sums, size_t count, double number)
{
	double wanted = number * sums[count - 1];
	size_t low = 0, high = count - 1;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (sums[middle] > wanted)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

void *locked(size_t bytes)
{
	void *table = calloc(1, bytes);

	if (!table || mlock(table, bytes))
		err(1, "cannot lock %zu bytes", bytes);
	return table;
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

void read_device(struct device *device)
{
	/* Reads, merged ones, sectors of 512 bytes, milliseconds, and the same of writes. */
	long long read_sectors, written_sectors;
	char path[128];
	struct stat area;
	dev_t number;
	FILE *stat_file;

	if (stat(swap_device(), &area))
		err(1, "%s", swap_device());
	/* A file is counted where its file system is. */
	number = S_ISBLK(area.st_mode) ? area.st_rdev : area.st_dev;
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/stat", major(number), minor(number));
	stat_file = fopen(path, "re");
	if (!stat_file || fscanf(stat_file, "%lld %*d %lld %*d %lld %*d %lld", &device->reads, &read_sectors, &device->writes,
			    &written_sectors) != 4)
		err(1, "%s", path);
	fclose(stat_file);
	device->read_mib = read_sectors / 2048.0;
	device->written_mib = written_sectors / 2048.0;
}

double cpu_seconds(const struct rusage *usage)
{
	return usage->ru_utime.tv_sec + usage->ru_utime.tv_usec / 1e6 +
	       usage->ru_stime.tv_sec + usage->ru_stime.tv_usec / 1e6;
}

void read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");

	if (!file || !fgets(line, size, file))
		err(1, "%s", path);
	line[strcspn(line, "\n")] = '\0';
	fclose(file);
}

long long number_in(const char *path)
{
	char line[64];

	read_line(path, line, sizeof(line));
	return strtoll(line, NULL, 10);
}

void write_line(const char *path, const char *line)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, line, strlen(line)) != (ssize_t)strlen(line))
		err(1, "%s", path);
	close(fd);
}

void limit_memory(size_t bytes)
{
	char path[PATH_MAX], line[32];

	cgroup_file(path, "memory.max");
	snprintf(line, sizeof(line), "%zu", bytes);
	write_line(path, line);
}

double huge_percent(const struct area *area)
{
	return 100.0 * huge_kib() * 1024 / area->bytes;
}

void check_huge(double percent)
{
	if (percent < 95)
		errx(1, "only %.0f%% of the memory became huge (too little free memory?)", percent);
}
