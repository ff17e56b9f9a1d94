/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_CGROUP_H
#define PMDSWAP_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/conf.h"
#include "policy/sorted.h"

/* How a setting or a cgroup stands to what is wanted of it. */
enum outcome {
	OUTCOME_NONE, /* not looked at yet */
	OUTCOME_OK,
	OUTCOME_FAILED,     /* could not be written; the reason says why */
	OUTCOME_MISSING,    /* the kernel has no such file here */
	OUTCOME_DRIFTED,    /* somebody changed it and it was left so */
	OUTCOME_OVERRIDDEN, /* "systemctl set-property" says otherwise */
	OUTCOME_BLOCKED,    /* an ancestor keeps it from coming true */
};

const char *outcome_name(enum outcome o);

/* Counts how often somebody changed what the daemon had set. */
struct drift {
	unsigned int count;
	uint64_t since_usec;
};

/* Note one more change. False if there were too many of late to go on setting it. */
bool drift_allows(struct drift *d, uint64_t now_usec);

/* What an outcome means for a policy, between its name and the reason: "cannot come true". */
const char *outcome_phrase(enum outcome o);

/* Of what was said in a reload; lower bits are settings that failed. */
#define SAID_DECISION  (1U << N_SETTINGS)
#define SAID_HINDRANCE (1U << (N_SETTINGS + 1))

/* A cgroup that a policy matches, or below which one could. */
struct cgroup {
	const struct policy *policy; /* of the current config; NULL: only watched */
	char *reason;                /* details of the outcome, or NULL */
	uint64_t id;                 /* inode number */
	int wd;                      /* its watch, or -1 */
	enum outcome outcome;
	struct drift drift;
	unsigned int failures[N_CGROUP_SETTINGS]; /* to write, in a row */
	bool watched_below;                       /* the watch tells of cgroups below */
	bool dirty;                               /* to be looked at */
	bool drifted;                             /* ... since somebody else wrote to it */
	bool stale;                               /* not seen in the walk that is under way */
	unsigned int said; /* in this reload: bits of settings that failed, and the above */
	char path[];
};

/* Order paths: "/" comes before any other character, so that subtrees stay together. */
int cgroup_compare(const char *a, const char *b);

/* Whether a text is the path of a cgroup: "/", or "/NAME" for each level. */
bool cgroup_is_path(const char *text);

/* The path of a cgroup below another; the caller frees. NULL if there is no memory. */
char *cgroup_below(const char *cgroup, const char *name);

/* struct cgroup, each before those below it, which follow it directly. */
struct cgroup_table {
	struct sorted sorted;
};

size_t cgroup_table_size(const struct cgroup_table *t);
struct cgroup *cgroup_table_at(const struct cgroup_table *t, size_t i);

struct cgroup *cgroup_table_find(const struct cgroup_table *t, const char *path);

/* Add a cgroup, or return the one that exists. NULL if there is no memory. */
struct cgroup *cgroup_table_add(struct cgroup_table *t, const char *path);

/*
 * The cgroup at *start and those below it are [*start, *end). Both are where it would be if it does
 * not exist.
 */
void cgroup_table_subtree(const struct cgroup_table *t, const char *path, size_t *start,
			  size_t *end);

/* Remove [start, end) and free them. */
void cgroup_table_remove(struct cgroup_table *t, size_t start, size_t end);

void cgroup_table_clear(struct cgroup_table *t);

/* Set outcome and reason; the reason is copied and may be NULL. */
void cgroup_set_outcome(struct cgroup *c, enum outcome outcome, const char *reason);

#endif
