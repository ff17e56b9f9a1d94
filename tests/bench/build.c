// SPDX-License-Identifier: GPL-2.0
/*
 * Many processes that come and go, as in a build: several compile at once, each grows a heap,
 * goes back to what it has made, to the last of it most often, passes over it all, and exits. Together they want more than
 * the cgroup may have.
 */
#define _GNU_SOURCE
#include "bench.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS		24
#define AT_ONCE		8

static uint64_t next(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

/*
 * The heap is made of nodes of 32 to 528 bytes, like what a compiler makes of a source: a header, links to earlier
 * nodes, names. Each knows its own place, which is checked whenever it is visited.
 */
struct node {
	uint32_t at;
	uint32_t bytes;
	uint32_t links[2];	/* the places of earlier nodes */
	uint64_t data[];
};

static struct node *visit(char *heap, uint32_t at)
{
	struct node *node = (struct node *)(heap + at);

	if (node->at != at)
		errx(1, "a node is not where it was");
	return node;
}

void build_job(size_t bytes, uint64_t seed)
{
	uint64_t random = seed * 0x9e3779b97f4a7c15 | 1;
	size_t number = 0, most = bytes / 256;
	uint32_t *places = malloc(most * sizeof(*places));
	char *heap = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t at = 0;

	if (!places || heap == MAP_FAILED)
		err(1, "no memory");
	while (number < most && at + 1024 < bytes) {
		struct node *node = (struct node *)(heap + at);

		node->at = at;
		node->bytes = sizeof(*node) + 16 * (1 + next(&random) % 32);
		for (size_t i = 0; i < 2 && number; i++) {
			/* Most links lead to one of the last thousand nodes. */
			size_t back = next(&random) % 64 ? next(&random) % 1024 : next(&random) % number;
			struct node *other = visit(heap, places[back < number ? number - 1 - back : 0]);

			node->links[i] = other->at;
			other->data[0]++;
		}
		for (size_t i = 1; i < (node->bytes - sizeof(*node)) / sizeof(uint64_t); i++)
			node->data[i] = next(&random) & 0xffffff;
		places[number++] = at;
		at += node->bytes;
	}
	/* Two passes over what was made, each following some links. */
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < number; i++) {
			struct node *node = visit(heap, places[i]);

			if (i && next(&random) % 4 == 0)
				visit(heap, node->links[i % 2])->data[0] ^= i;
		}
	}
}

/* A job in four is large, like the sources of a project. */
static pid_t start_job(const struct options *options, int number)
{
	size_t mib = options->bytes >> 20;
	char size[32], seed[32];
	pid_t child = fork();

	if (child < 0)
		err(1, "fork");
	if (child)
		return child;
	snprintf(size, sizeof(size), "%zu", (number % 4 ? mib / 16 : mib / 4) & ~1UL);
	snprintf(seed, sizeof(seed), "%d", number + 1);
	execl("/proc/self/exe", "bench", "--size", size, "--seed", seed, "build-job", NULL);
	_exit(127);
}

void build_processes(const struct options *options)
{
	int started_jobs = 0, running = 0, status;
	static struct counters counters;
	struct stretch stretch;

	if (options->bytes >> 20 < 32)
		errx(2, "a build needs 32 MiB");
	limit_memory(options->bytes / 4 * 3);
	counters_start(&counters);
	started(&stretch);
	while (started_jobs < JOBS || running) {
		if (started_jobs < JOBS && running < AT_ONCE) {
			start_job(options, started_jobs++);
			running++;
			continue;
		}
		if (wait(&status) < 0 || status)
			errx(1, "a job failed (killed for lack of memory?)");
		running--;
	}
	result("seconds", now() - stretch.start);
	counters_stop(&counters);
	counters_result(&counters);
}
