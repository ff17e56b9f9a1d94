/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_SURVEY_H
#define PMDSWAP_SURVEY_H

#include "conf.h"
#include "pid1.h"
#include "plan.h"
#include "state.h"

/*
 * Gather the facts about one cgroup, or about the kernel's settings, and add what is to be done to
 * a plan.
 */
struct survey {
	int root_fd;
	const struct pid1 *pid1; /* NULL: not connected */
	struct state *state;
	struct plan *plan;
};

/* What came out for one setting. */
struct finding {
	enum action action;
	int error; /* why the live value could not be read; 0 */
	uint64_t live;
	char *overrider; /* ACTION_OVERRIDDEN: the file that says so; free with finding_clear() */
};

/*
 * Look at one cgroup setting. The policy is NULL if the cgroup has none. The state is brought up to
 * date for the plan: originals are recorded, and records that are of no use any more are dropped. 0
 * or a negative errno.
 */
int survey_cgroup(const struct survey *s, const char *cgroup, const char *unit,
		  const struct policy *policy, enum setting setting, struct finding *ret);

/* The same for a setting of the kernel. */
int survey_kernel(const struct survey *s, const struct config *config, enum setting setting,
		  struct finding *ret);

void finding_clear(struct finding *f);

#endif
