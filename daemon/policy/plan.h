/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_PLAN_H
#define PMDSWAP_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/setting.h"
#include "policy/state.h"

/*
 * What differs between what is wanted and what is. Deciding is pure; survey.c gathers the facts,
 * apply.c carries the plan out.
 */

enum action {
	ACTION_NONE,
	ACTION_SET,        /* write what the configuration wants */
	ACTION_RESTORE,    /* nothing is wanted any more: write what was there before */
	ACTION_FORGET,     /* nothing is wanted, nothing to give back: drop the record */
	ACTION_LEAVE,      /* the same, since somebody else wrote another value */
	ACTION_OVERRIDDEN, /* wanted, but the administrator set the property of the unit */
};

/* All that the decision about one setting rests on. */
struct facts {
	enum setting setting;
	bool wanted;
	uint64_t want;
	bool live_known; /* false: the file does not exist */
	uint64_t live;
	const struct record *record; /* NULL: the daemon has not touched it */
	bool overridden;             /* "systemctl set-property" set it to a value not ours */
	bool kept_by_pid1;           /* PID 1 keeps a value of ours for the unit: */
	uint64_t kept;
};

enum action plan_decide(const struct facts *f);

struct plan_item {
	enum action action; /* ACTION_SET or ACTION_RESTORE */
	enum setting setting;
	const char *cgroup; /* as its record has it; NULL: a setting of the kernel */
	const char *policy; /* or section of the configuration, that wants it; NULL: a restore */
	bool as_property;   /* of the unit, to be set through PID 1; else to be written */
	uint64_t from;
	uint64_t to;
};

/* To be carried out or copied before the state and the configuration that it is of change. */
struct plan {
	struct plan_item *items;
	size_t n, allocated;
};

/* Add an item. 0 or -ENOMEM. */
int plan_add(struct plan *p, const struct plan_item *item);

/* Move all items of one plan to the end of another. 0 or -ENOMEM, with both unchanged. */
int plan_move(struct plan *to, struct plan *from);

/*
 * At no time may a cgroup have both ways out of memory shut, zswap and the device: put the items of
 * a cgroup, which stand together, in the order that opens one before it closes the other.
 */
void plan_keep_a_way_out(struct plan *p);

/*
 * One line for people: "CGROUP: memory.zswap.max max -> 0 (policy db)". The caller frees; NULL if
 * there is no memory.
 */
char *plan_item_format(const struct plan_item *item);

void plan_clear(struct plan *p);

#endif
