/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_SAMPLE_H
#define PMDSWAP_SAMPLE_H

#include <sys/types.h>

#include "cleanup.h"
#include "counters.h"
#include "delays.h"

/*
 * What was counted and measured of the managed cgroups and their processes, at one time, as a
 * value.
 *
 * The kernel forgets the delays of a process when it ends. So those of a cgroup are summed up over
 * time: each sample adds what its processes were delayed since the sample before. They only ever
 * grow, also if processes end or move, and lack what a process was delayed between the last sample
 * and its end.
 */

#define SAMPLE_NAME_MAX 16 /* of a process, with the NUL byte */

struct sample_process {
	pid_t pid;
	uint64_t started;           /* microseconds since boot */
	size_t cgroup;              /* index of the nearest cgroup of the sample above it */
	char name[SAMPLE_NAME_MAX]; /* any bytes */
	bool asked;                 /* its delays are known */
	struct delays delays;
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

/*
 * Take name and start of a process from the text of /proc/PID/stat; there are so many ticks in a
 * second. 0, or -EBADMSG.
 */
int sample_parse_process(struct sample_process *p, const char *text, long ticks);

/* After the last process: sum up, on top of the sample before this one, which may be NULL. */
void sample_finish(struct sample *s, const struct sample *before);

#endif
