/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_PLAN_H
#define PMDSWAP_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/cleanup.h"
#include "policy/setting.h"

/* What is to be written and what is to be recorded, as a value. decide.c makes plans. */

enum action {
	ACTION_NONE,
	ACTION_SET,        /* write what the configuration wants */
	ACTION_RESTORE,    /* nothing is wanted any more: write what was there before */
	ACTION_FORGET,     /* nothing is wanted, nothing to give back: drop the record */
	ACTION_LEAVE,      /* the same, since somebody else wrote another value */
	ACTION_ADOPT,      /* the cgroup is another of the same name: keep its number */
	ACTION_OVERRIDDEN, /* wanted, but the administrator set the property of the unit */
};

struct plan_item {
	enum action action; /* none of ACTION_NONE and ACTION_OVERRIDDEN */
	enum setting setting;
	const char *cgroup; /* NULL: a setting of the kernel */
	const char *policy; /* that wants it; NULL: none does */
	bool as_property;   /* of the unit, to be set through PID 1; else to be written */
	uint64_t from, to;
	/* For the record. */
	uint64_t id, original;
	bool anew; /* there is none, or one that is of no use any more */
};

struct plan {
	struct plan_item *items;
	size_t n, allocated;
};

/* Whether an item writes something, and is not for the record only. */
bool plan_item_writes(const struct plan_item *item);

/* How many items do. */
size_t plan_count_writes(const struct plan *p);

/* Drop the others. */
void plan_keep_writes(struct plan *p);

/* Add an item, with copies of its names. 0 or -ENOMEM. */
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
