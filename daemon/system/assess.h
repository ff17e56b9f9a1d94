/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_ASSESS_H
#define PMDSWAP_ASSESS_H

#include "policy/cgroup.h"
#include "system/survey.h"

/*
 * How the live system stands to a configuration: what would be changed, and what cannot come true
 * and why. The daemon acts on it, and pmdswapctl shows it.
 */

/*
 * OUTCOME_OK: all is as wanted. OUTCOME_NONE: the plan makes it so. OUTCOME_FAILED, _MISSING,
 * _OVERRIDDEN and _BLOCKED: it cannot be so, for the reason given; the plan has what can be done
 * all the same. No other outcomes.
 */
struct assessment {
	enum outcome outcome;
	char *reason; /* NULL: there is none */
	struct plan plan;
};

void assessment_clear(struct assessment *a);

/*
 * Assess a cgroup that has a policy, or a setting of the kernel. The plan of the survey is not
 * used. 0, with an assessment to be cleared, or a negative errno.
 */
int assess_cgroup(const struct survey *s, const struct config *config, const char *cgroup,
		  const struct policy *policy, struct assessment *ret);
int assess_kernel(const struct survey *s, const struct config *config, enum setting setting,
		  struct assessment *ret);

/*
 * Plan for the units that policies name exactly and that do not run: PID 1, if it knows the
 * properties, gives them to their first process. Names that are none of their own are reported. 0
 * or a negative errno: -ETIMEDOUT or -ENOTCONN if PID 1 does not answer or takes too long, with
 * what was found so far in the plan.
 */
int assess_stopped_units(const struct survey *s, const struct config *config,
			 struct report *report);

/* What an outcome means for a policy, between its name and the reason: "cannot come true". */
const char *outcome_phrase(enum outcome o);

/*
 * Report each cgroup of the live system where the configuration contradicts itself. 0 or a negative
 * errno.
 */
int assess_conflicts(int root_fd, const struct config *config, struct report *report);

/*
 * Report, as warnings, policies that have no effect with the settings of the kernel as they are and
 * will be: modes that need a switch that is off, or something that the kernel lacks. True if it
 * lacks swap_pmd and nothing in the configuration asks for that: no cause for a warning.
 */
bool assess_hints(int root_fd, const struct config *config, struct report *report);

/*
 * Whether a cgroup that may use zswap is kept out of it by one above, whoever set that: 1 and the
 * reason, as text that the caller frees; 0; or -ENOMEM.
 */
int assess_kept_out_of_zswap(int root_fd, const char *cgroup, char **ret_reason);

#endif
