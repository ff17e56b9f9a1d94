/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_CTL_VIEW_H
#define PMDSWAP_CTL_VIEW_H

#include <jansson.h>
#include <systemd/sd-bus.h>

#include "ctl/ctl.h"
#include "policy/counters.h"
#include "policy/effect.h"
#include "policy/setting.h"

/* What the daemon and the kernel say of the cgroups that have a policy. */

struct view {
	char *cgroup, *unit, *policy, *mode;                     /* the unit is "" if it is none */
	char *want[N_CGROUP_SETTINGS], *live[N_CGROUP_SETTINGS]; /* "-": nothing, unknown */
	char *state, *reason;
	struct counters counters;
	struct effective effective;
	bool effect_known;
	enum effect effect;
	bool processes_hidden; /* whether they have THPs cannot be seen by who asks */
};

struct views {
	struct view *v;
	size_t n, allocated;
	char *clusters; /* what room there is for whole THPs; NULL: nothing is known */
};

void views_clear(struct views *views);

/* Ask the daemon about its cgroups. 0 or a negative errno, with an error if the daemon sent one. */
int views_read(sd_bus *bus, struct views *ret, sd_bus_error *error);

/* Find out what is in force for a cgroup, and what comes of it. 0 or -ENOMEM. */
int view_read_effect(int root_fd, const struct host_facts *host, const char *path, struct view *v);

/* The same for all that the daemon named. 0 or -ENOMEM. */
int views_read_effects(int root_fd, struct views *views);

/* All states that a cgroup may have, a list that ends with NULL. */
extern const char *const view_states[];

/*
 * Keep those whose state is in a list with commas, and whose unit or cgroup matches a glob; NULL:
 * all. False if the list has a state that there is not.
 */
bool views_filter(struct views *views, const char *states, const char *glob);

/* How many there are of a state. */
size_t views_count(const struct views *views, const char *state);

/* How many there are of each state, "2 exclusive, 1 blocked", which the caller frees. NULL: none,
 * or no memory. */
char *views_summary(const struct views *views);

/*
 * Print why cgroups are not as they should be, what is the same of many once; and how much is yet
 * to leave zswap. 0 or -ENOMEM.
 */
int views_print_reasons(const struct views *views, bool draining, size_t width);

#define VIEW_TEXT_MAX 32

/*
 * Limit and writeback as one word, in a buffer of VIEW_TEXT_MAX bytes, which is returned: "64M", or
 * "64M/0" if writeback is 0; "swap 0" if memory.swap.max is all that there is to say.
 */
const char *view_format(char *const settings[N_CGROUP_SETTINGS], char *buf);

/* The same text, or NULL if it is "-". */
const char *view_known(const char *text);

/* The share of THPs swapped out or in that fell back to small pages; negative: there were none. */
double view_fallback_share(const struct counters *c);

json_t *views_to_json(const struct views *views);

#endif
