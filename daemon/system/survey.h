/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_SURVEY_H
#define PMDSWAP_SURVEY_H

#include "policy/conf.h"
#include "policy/plan.h"
#include "policy/state.h"
#include "system/pid1.h"

/*
 * Gather the facts about one cgroup, or about the kernel's settings, and add what is to be done to
 * a plan.
 */
struct survey {
	int root_fd;
	const struct pid1 *pid1; /* NULL: not connected */
	struct state *state;
	struct plan *plan;
	struct above *above; /* of this pass; for assess_cgroup() only */
};

/*
 * What was found above the cgroup that was looked at last. Those that come one after another mostly
 * lie below the same.
 */
struct above {
	char *parent;       /* "" is the root cgroup; NULL: nothing was looked at */
	char *no_writeback; /* the nearest cgroup that lets nothing below it write back; NULL: none
			     */
};

void above_clear(struct above *a);

/* What came out for one setting. */
struct finding {
	enum action action;
	int error; /* why the live value could not be read; 0 */
	uint64_t live;
	char *overrider; /* ACTION_OVERRIDDEN: the file that says so; free with finding_clear() */
};

/*
 * Look at one cgroup setting. The id is that of the cgroup, 0 if it is gone. The policy is NULL if
 * the cgroup has none. The state is brought up to date for the plan: originals are recorded, and
 * records that are of no use any more are dropped. 0 or a negative errno.
 */
int survey_cgroup(const struct survey *s, const char *cgroup, uint64_t id,
		  const struct policy *policy, enum setting setting, struct finding *ret);

/*
 * The same for a unit that does not run, and for which PID 1 has a value: so that it has the one of
 * its policy from its first process on. The cgroup is where it would be.
 */
int survey_stopped_unit(const struct survey *s, const char *cgroup, const struct policy *policy,
			enum setting setting, uint64_t value);

/* The same for a setting of the kernel. */
int survey_kernel(const struct survey *s, const struct config *config, enum setting setting,
		  struct finding *ret);

/*
 * Plan to give back what is recorded of cgroups and nothing wants any more. What somebody else has
 * changed since is left; left() hears of it, with the record of which only the values may be used.
 * Records that skip() returns true for are passed over. 0 or a negative errno.
 */
struct survey_records_ops {
	bool (*skip)(void *userdata, const struct record *record);
	void (*left)(void *userdata, const char *cgroup, enum setting setting);
};
int survey_records(const struct survey *s, const struct survey_records_ops *ops, void *userdata);

/*
 * Note in the state that an item of a plan was carried out. The record of a value given back goes,
 * unless PID 1 keeps that value and it must be known for ours.
 */
void survey_written(struct state *s, const struct plan_item *item);

void finding_clear(struct finding *f);

#endif
