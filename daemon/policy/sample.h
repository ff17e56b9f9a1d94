/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_SAMPLE_H
#define PMDSWAP_SAMPLE_H

#include <sys/types.h>

#include "policy/cleanup.h"
#include "policy/counters.h"
#include "policy/delays.h"

/*
 * What was counted and measured of the managed cgroups and their processes, at one time, as a
 * value.
 *
 * The kernel forgets the delays of a process when it ends. So those of a cgroup are summed up over
 * time: each sample adds what its processes were delayed since the sample before. They only ever
 * grow, also if processes end or move, and lack what a process was delayed between the last sample
 * and its end.
 */

struct sample_process {
	pid_t pid;
	size_t cgroup;    /* index of the nearest cgroup of the sample above it */
	bool asked;       /* what follows is known */
	uint64_t started; /* microseconds since boot, CLOCK_MONOTONIC */
	struct process_info info;
};

struct sample_cgroup {
	char *path;
	uint64_t id;   /* inode number; 0: it is gone */
	size_t parent; /* index of the nearest cgroup of the sample above it, or SIZE_MAX */
	size_t processes;
	size_t unaccounted; /* of these, older than delay accounting */
	struct counters counters;
	struct delays delays; /* summed up; of[].known: any process had it */
};

struct sample {
	uint64_t usec; /* CLOCK_REALTIME */
	uint64_t monotonic_usec;
	struct counters system;
	struct sample_cgroup *cgroups; /* parents first, in the order of the cgroup table */
	size_t n_cgroups;
	struct sample_process *processes; /* by pid, once finished */
	size_t n_processes, allocated;
};

void sample_free(struct sample *s);
DEFINE_CLEANUP(struct sample *, sample_free);

/* A sample of these cgroups, of which nothing is known yet. NULL if there is no memory. */
struct sample *sample_new(const char *const *paths, size_t n);

/* The index of a cgroup, or SIZE_MAX. */
size_t sample_find(const struct sample *s, const char *path);

/* Add a process. NULL if there is no memory. The pointer is good until the next one is added. */
struct sample_process *sample_add_process(struct sample *s, pid_t pid, size_t cgroup);

/* After the last process: sum up, on top of the sample before this one, which may be NULL. */
void sample_finish(struct sample *s, const struct sample *before);

#endif
