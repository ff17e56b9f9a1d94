/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_EFFECT_H
#define PMDSWAP_EFFECT_H

#include "policy/conf.h"
#include "policy/facts.h"

/* What comes of settings, apart from whether they are as they are wanted. */

enum effect {
	EFFECT_PMD,   /* whole to the device */
	EFFECT_ZSWAP, /* split, compressed in memory */
	EFFECT_BOTH,  /* whole, and compressed in memory as far as zswap takes them */
	EFFECT_SPLIT, /* split, to the device */
	EFFECT_NONE,  /* not at all */
};

const char *effect_name(enum effect e);

/* The effective values of a cgroup: the least of its own and of all above it. */
struct effective {
	uint64_t zswap_max;
	bool writeback;
	uint64_t swap_max;
};

/* How the THPs of a cgroup are swapped. */
enum effect effect_of(const struct host_facts *host, const struct effective *e,
		      const struct cgroup_facts *f);

/*
 * What keeps a policy from doing what it says, though its settings are in force, or will be: one
 * sentence, and what to do, as text that the caller frees. What another policy may be about to
 * change counts only if the system is settled. 1; 0 if there is nothing; or -ENOMEM.
 */
int effect_hindrance(const struct policy *p, const struct host_facts *host,
		     const struct above_facts *above, const struct cgroup_facts *f, bool settled,
		     char **ret);

/*
 * What of the kernel's settings, as they are and will be, keeps a policy from doing what it says,
 * in the same way.
 */
int effect_kernel_hindrance(const struct policy *p, const struct config *config,
			    const struct host_facts *host, char **ret);

/* How much of the swap files has room for whole THPs, in the same way; 0 if that is not known. */
int effect_of_clusters(const struct host_facts *host, char **ret);

/*
 * Warn of policies that have no effect with the settings of the kernel as they are and will be.
 * True if the kernel lacks swap_pmd and nothing in the configuration asks for that: no cause for a
 * warning.
 */
bool effect_hints(const struct config *config, const struct host_facts *host,
		  struct report *report);

#endif
