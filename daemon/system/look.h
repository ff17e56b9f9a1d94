/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_LOOK_H
#define PMDSWAP_LOOK_H

#include "policy/conf.h"
#include "policy/effect.h"
#include "policy/facts.h"
#include "policy/state.h"
#include "system/pid1.h"

/* Gather the facts that policy/decide.c decides by. Nothing is changed. */

/* The whole system; pid1 may be NULL. 0 or -ENOMEM. */
int look_host(int root_fd, const struct pid1 *pid1, struct host_facts *ret);
/* Add how much room swap files have for whole THPs, as far as who asks may know. */
void look_at_clusters(int root_fd, struct host_facts *h);
void host_facts_clear(struct host_facts *h);

/*
 * What is above a cgroup. If the facts are those above another one with the same parent they stay
 * as they are: cgroups that come one after another mostly have the same. 0 or -ENOMEM.
 */
int look_above(int root_fd, const char *cgroup, struct above_facts *a);
void above_facts_clear(struct above_facts *a);

/*
 * A cgroup: what a decision about it needs with this policy, which may be NULL, and this state. 0
 * or -ENOMEM.
 */
int look_cgroup(int root_fd, const struct pid1 *pid1, const struct state *state,
		const struct policy *policy, const char *cgroup, struct cgroup_facts *ret);

/*
 * Only what effect_hindrance() needs of a cgroup with this mode, but for its processes; and these,
 * of any.
 */
void look_at_effect(int root_fd, enum mode mode, struct cgroup_facts *f);
void look_at_processes(int root_fd, struct cgroup_facts *f);

/*
 * Look at the cgroup of a record that nothing wants any more, and plan to give it back. As
 * decide_unwanted().
 */
int look_and_give_back(int root_fd, const struct pid1 *pid1, const struct state *state,
		       const struct record *record, struct plan *plan);

/*
 * Of the units that policies name exactly, from the one at *next on, the next one that PID 1 has to
 * be asked for: those that run are mostly seen. NULL if there is none.
 */
const struct match *look_for_stopped(int root_fd, const struct config *config, size_t *next);

/*
 * Decide about such a unit, as PID 1 has it, and add what is to be done to a plan: nothing if it
 * runs, since it is decided about by its cgroup. *ret_alias is what is wrong with the match if it
 * names the unit by another name; the caller frees. 0 or -ENOMEM.
 */
int look_and_decide_stopped(int root_fd, const struct config *config, const struct state *state,
			    const struct match *match, const struct pid1_unit *unit,
			    struct plan *plan, char **ret_alias);

void cgroup_facts_clear(struct cgroup_facts *f);

/* The values in force for a cgroup. False if the kernel has none of them for it. */
bool look_effective(int root_fd, const char *cgroup, struct effective *ret);

#endif
