/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_STATE_H
#define PMDSWAP_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/cleanup.h"
#include "policy/setting.h"

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
	struct record **records; /* sorted by cgroup and setting */
	size_t n, allocated;
	bool changed; /* since it was loaded or saved */
};

struct record *state_find(const struct state *s, const char *cgroup, enum setting setting);

/*
 * Add a record with all three values the same, or return the one that exists. NULL if there is no
 * memory.
 */
struct record *state_add(struct state *s, const char *cgroup, bool as_property, uint64_t id,
			 enum setting setting, uint64_t original);
void state_remove(struct state *s, struct record *r);

/* Note that the current value has been written: the one before it is not ours any more. */
void state_written(struct state *s, struct record *r);

/* True if the value is one that the daemon wrote, or was about to. */
bool record_is_ours(const struct record *r, uint64_t value);

/* The text of the state file; the caller frees it. 0 or -ENOMEM. */
int state_format(const struct state *s, char **ret, size_t *ret_size);

/*
 * Read the text of a state file into an empty state. -EBADMSG if it is damaged or of another
 * version.
 */
int state_parse(struct state *s, const char *text);

void state_clear(struct state *s);

#endif
