/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_POLICY_H
#define PMDSWAP_POLICY_H

#include "policy/conf.h"

/*
 * Which policy a cgroup gets, computed from the configuration and the name of the cgroup alone.
 *
 * In globs "*" and "?" do not match "/", and a backslash stands for itself: the names of units are
 * full of them. The root cgroup is matched by its exact name only.
 */

/*
 * The policy of a cgroup: of all that match, the one of the highest priority, then an exact match
 * before a glob, then the first in the files. NULL if no policy matches. The match that won goes to
 * *ret_match if that is not NULL.
 */
const struct policy *policy_resolve(const struct config *c, const char *cgroup,
				    const struct match **ret_match);

/* Whether any policy could match a cgroup below this one. */
bool policy_may_match_below(const struct config *c, const char *cgroup);

/*
 * zswap limits are hierarchical: below a cgroup with mode = pmd, mode = zswap cannot come true;
 * below one with zswap-writeback = no, a cgroup with mode = pmd could not swap at all; and nothing
 * swaps below one with mode = none. The policy of the nearest ancestor that contradicts the policy
 * p of a cgroup in this way goes to *ret, its path to *ret_cgroup, which the caller frees; NULL if
 * there is none. 0 or -ENOMEM.
 */
int policy_find_blocker(const struct config *c, const char *cgroup, const struct policy *p,
			const struct policy **ret, char **ret_cgroup);

/* What such a policy does to the cgroup named, for messages; the caller frees. NULL: no memory. */
char *policy_blocks_how(const struct policy *blocker, const char *cgroup);

/* Report each exact match that lies below a cgroup whose policy contradicts it. */
void policy_check(const struct config *c, struct report *report);

/* The match by which a policy applies to a cgroup, an exact one if there is; NULL if none does. */
const struct match *policy_match(const struct policy *p, const char *cgroup);

/* What a policy wants of a cgroup setting. False if it wants nothing. */
bool policy_wants(const struct policy *p, enum setting s, uint64_t *ret);

#endif
