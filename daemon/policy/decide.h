/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_DECIDE_H
#define PMDSWAP_DECIDE_H

#include "policy/cgroup.h"
#include "policy/facts.h"
#include "policy/plan.h"
#include "policy/state.h"

/*
 * From facts to a decision: how something stands to the configuration, what is to be written and
 * what is to be recorded. Nothing is changed here; state_prepare() takes a plan into the state, and
 * system/apply.c carries it out.
 */

struct decision {
	/*
	 * OUTCOME_OK: all is as wanted. OUTCOME_NONE: the plan makes it so. OUTCOME_FAILED,
	 * _MISSING, _OVERRIDDEN and _BLOCKED: it cannot be so, for the reason given; the plan has
	 * what can be done all the same.
	 */
	enum outcome outcome;
	char *reason;    /* NULL: there is none */
	char *hindrance; /* why it has no effect once it is so; NULL: nothing is known */
	struct plan plan;
};

void decision_clear(struct decision *d);

/* The settings of a cgroup that a decision about it has to know, as bits. */
unsigned int decide_needs(const struct state *state, const struct policy *policy,
			  const char *cgroup);

/* Decide about a cgroup that has a policy. 0, with a decision to be cleared, or a negative errno.
 */
int decide_cgroup(const struct config *config, const struct state *state,
		  const struct policy *policy, const struct host_facts *host,
		  const struct above_facts *above, const struct cgroup_facts *f,
		  struct decision *ret);

/* The same for a unit that does not run, so that it has its policy from its first process on. */
int decide_stopped_unit(const struct config *config, const struct state *state,
			const struct policy *policy, const struct cgroup_facts *f,
			struct decision *ret);

/* The same for a setting of the kernel. */
int decide_kernel(const struct config *config, const struct state *state,
		  const struct host_facts *host, enum setting s, struct decision *ret);

/*
 * Decide about one setting of a cgroup that nothing wants any more, and add what is to be done to a
 * plan. 1 if somebody else has changed it, so that it is left; 0; or -ENOMEM.
 */
int decide_unwanted(const struct state *state, const struct cgroup_facts *f, enum setting s,
		    struct plan *plan);

#endif
