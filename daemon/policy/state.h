/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_STATE_H
#define PMDSWAP_STATE_H

#include "policy/cleanup.h"
#include "policy/plan.h"
#include "policy/setting.h"
#include "policy/sorted.h"

/*
 * What the daemon changed, and what was there before. It is saved before the first write to a
 * setting, so that a daemon that is killed at any instant finds in it all that it needs to go on or
 * to give things back.
 */

struct record {
	const char *cgroup; /* its name; NULL: a setting of the kernel */
	uint64_t id;        /* inode of the cgroup, which tells it from a later one of that name */
	uint64_t original;  /* before the daemon came */
	uint64_t previous;  /* also ours until "current" is written; the same from then on */
	uint64_t current;   /* the daemon's last value */
	enum setting setting;
	bool as_property; /* set through PID 1, of the unit whose cgroup it is; else written */
	char name[];
};

struct state {
	struct sorted records; /* struct record, by cgroup and setting */
	/*
	 * Since it was loaded or saved: there is something in it that must be saved before the next
	 * write, or something that may be saved when there is time.
	 */
	bool urgent, changed;
};

struct record *state_find(const struct state *s, const char *cgroup, enum setting setting);

/* Note all that a plan is about to write, and all that it is for the record only. 0 or -ENOMEM. */
int state_prepare(struct state *s, const struct plan *p);

/*
 * Note that an item was written. The record of a value given back goes, unless PID 1 keeps that
 * value and it must be known for ours.
 */
void state_written(struct state *s, const struct plan_item *item);

void state_remove(struct state *s, const struct record *r);

/* True if the value is one that the daemon wrote, or was about to. */
bool record_is_ours(const struct record *r, uint64_t value);

/* The text of the state file; the caller frees it. 0 or -ENOMEM. */
int state_format(const struct state *s, char **ret, size_t *ret_size);

/*
 * Read the text of a state file into an empty state. -EBADMSG if it is damaged, -EPROTONOSUPPORT if
 * it is of a later version.
 */
int state_parse(struct state *s, const char *text, size_t size);

void state_clear(struct state *s);

#endif
