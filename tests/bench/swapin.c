// SPDX-License-Identifier: GPL-2.0
/* Bringing swapped out THPs back by touching them. */
#define _GNU_SOURCE
#include "bench.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char touch(const struct area *area, size_t page)
{
	return *(volatile char *)(area->memory + page * PAGE_SIZE);
}

/* All numbers below @count in an order that is the same in every run. */
static uint32_t *shuffled(size_t count)
{
	uint32_t *order = locked(count * sizeof(*order));
	uint64_t random = 0x9e3779b97f4a7c15;

	for (size_t i = 0; i < count; i++) {
		size_t other;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		other = random % (i + 1);
		order[i] = order[other];
		order[other] = i;
	}
	return order;
}

/* Everything was touched: what came back is what went out. */
static void verify(const struct area *area)
{
	size_t bad = area_damaged(area);

	if (bad)
		errx(1, "%zu pages came back damaged (seed %#lx)", bad, (unsigned long)area->seed);
}

/* Touch every page, in order if @order is NULL. */
static void swap_in(const struct area *area, const uint32_t *order)
{
	struct stretch stretch;

	started(&stretch);
	for (size_t i = 0; i < area->bytes / PAGE_SIZE; i++)
		touch(area, order ? order[i] : i);
	finished(&stretch, "");
	result("huge_percent", huge_percent(area));
	verify(area);
}

static void swap_in_from_device(const struct options *options, const uint32_t *order)
{
	struct area area;

	make_swapped(&area, options->bytes, "");
	result("page_tables_kib", value_in("/proc/self/status", "VmPTE"));
	result("limit_seconds", device_seconds(&area, PMD_SIZE, 0));
	result("limit_faults", area.bytes / PMD_SIZE);
	swap_in(&area, order);
}

void swap_in_sequential(const struct options *options)
{
	swap_in_from_device(options, NULL);
}

void swap_in_random(const struct options *options)
{
	swap_in_from_device(options, shuffled(options->bytes / PAGE_SIZE));
}

/* One touch in every THP, at random places: the case for small pages. */
void swap_in_sparse(const struct options *options)
{
	size_t thps = options->bytes / PMD_SIZE, per_thp = PMD_SIZE / PAGE_SIZE;
	uint32_t *order = shuffled(thps), *within = shuffled(per_thp);
	struct stretch stretch;
	struct area area;

	make_swapped(&area, options->bytes, "");
	result("limit_seconds", device_seconds(&area, PAGE_SIZE, PMD_SIZE));
	result("limit_faults", thps);
	started(&stretch);
	for (size_t i = 0; i < thps; i++)
		touch(&area, order[i] * per_thp + within[i % per_thp]);
	finished(&stretch, "");
	result("rss_mib", value_in("/proc/self/status", "RssAnon") / 1024.0);
	verify(&area);
}

/* tests/bench/guest has turned zswap on. */
void zswap_round_trip(const struct options *options)
{
	long long stored = value_in("/proc/vmstat", "zswpout");
	struct area area;

	make_swapped(&area, options->bytes, "");
	stored = value_in("/proc/vmstat", "zswpout") - stored;
	if (stored < (long long)(options->bytes / PAGE_SIZE / 100 * 99))
		errx(1, "only %lld of %zu pages went to zswap", stored, options->bytes / PAGE_SIZE);
	result("limit_faults", area.bytes / PMD_SIZE);
	swap_in(&area, NULL);
}

/* Latencies in ns, in buckets that grow by an eighth of a power of two. */
#define PER_OCTAVE	8
#define BUCKETS		(40 * PER_OCTAVE)

static size_t bucket_of(uint32_t ns)
{
	unsigned int octave;

	if (ns < PER_OCTAVE)
		return ns;
	octave = 31 - __builtin_clz(ns);
	/* The three bits after the first one choose among the eight of the octave. */
	return (octave - 2) * PER_OCTAVE + ((ns >> (octave - 3)) & (PER_OCTAVE - 1));
}

/* The lowest latency of a bucket. */
static uint32_t bucket_start(size_t bucket)
{
	if (bucket < PER_OCTAVE)
		return bucket;
	return (PER_OCTAVE + bucket % PER_OCTAVE) << (bucket / PER_OCTAVE - 1);
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Sorts @ns. Adds percentiles in microseconds, and how many fell into which bucket. */
static void distribution(const char *prefix, uint32_t *ns, size_t count)
{
	static const struct {
		const char *name;
		double share;
	} points[] = { { "p50_us", 0.5 }, { "p90_us", 0.9 }, { "p99_us", 0.99 },
		       { "p999_us", 0.999 }, { "max_us", 1 } };
	static size_t buckets[BUCKETS];
	char name[64], json[BUCKETS * 32], *end = json;

	qsort(ns, count, sizeof(*ns), compare);
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", prefix, points[i].name);
		result(name, ns[(size_t)(points[i].share * (count - 1))] / 1e3);
	}
	memset(buckets, 0, sizeof(buckets));
	for (size_t i = 0; i < count; i++)
		buckets[bucket_of(ns[i])]++;
	for (size_t i = 0; i < BUCKETS; i++)
		if (buckets[i])
			end += sprintf(end, "%s[%u,%zu]", end == json ? "[" : ",", bucket_start(i), buckets[i]);
	strcpy(end, "]");
	snprintf(name, sizeof(name), "%shistogram", prefix);
	result_json(name, json);
}

/* How long the first touch of each page takes; and of those the first in its THP. */
void fault_latency(const struct options *options)
{
	size_t pages = options->bytes / PAGE_SIZE, per_thp = PMD_SIZE / PAGE_SIZE, firsts = 0;
	uint32_t *order = shuffled(pages);
	uint32_t *all = locked(pages * sizeof(*all)), *first = locked(pages / per_thp * sizeof(*first));
	bool *seen = locked(pages / per_thp);
	struct stretch stretch;
	struct area area;

	make_swapped(&area, options->bytes, "");
	result("limit_p50_us", device_seconds(&area, PMD_SIZE, 0) * 1e6 / (pages / per_thp));
	started(&stretch);
	for (size_t i = 0; i < pages; i++) {
		double start = now(), took;

		touch(&area, order[i]);
		took = (now() - start) * 1e9;
		all[i] = took < UINT32_MAX ? took : UINT32_MAX;
		if (!seen[order[i] / per_thp]) {
			seen[order[i] / per_thp] = true;
			first[firsts++] = all[i];
		}
	}
	finished(&stretch, "");
	distribution("", all, pages);
	distribution("first_", first, firsts);
	verify(&area);
}
