/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The model: some regions of memory, what every page of them must hold, and
 * threads and children that do random operations on them.
 */
#ifndef TORTURE_MODEL_H
#define TORTURE_MODEL_H

#include "lib.h"

#define MAX_OPS	64

/* Shared by all processes of a run, and the harness. */
struct run {
	const char *name;		/* part and word of the knob */
	const char *mix;		/* "operation:weight ..." */
	bool scarce;			/* allocations may fail */
	bool injecting;			/* in tasks that ask for it */
	bool poisoning;			/* pages may be lost for good */
	int stop;			/* end soon */
	int failed;			/* somebody has reported */
	unsigned int next_who;
	unsigned long steps, forks, offlined;
	unsigned long done[MAX_OPS], refused[MAX_OPS], us[MAX_OPS];
	char *arena;			/* of the first process */
	size_t arena_len;
	pid_t pid;			/* of the first process */
};

/* Do it all, in the calling process; the exit status is the result. */
int model_run(struct run *run);

/* Check a mix; complains and returns -EINVAL. */
int model_mix(const char *mix);
/* The names of all operations. */
void model_list(void);
/* Operations done and refused, on lines of comment. */
void model_report(const struct run *run);

/* All operations, for the mixes of the parts. */
extern const char model_everything[];

#endif
