/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_CGROUP_H
#define PMDSWAP_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/conf.h"
#include "policy/sorted.h"
#include "policy/standing.h"

/* A cgroup that a policy matches, or below which one could. */
struct cgroup {
	const struct policy *policy; /* of the current config; NULL: only watched */
	struct standing standing;
	uint64_t id;        /* inode number */
	int wd;             /* its watch, or -1 */
	bool watched_below; /* the watch tells of cgroups below */
	bool dirty;         /* to be looked at */
	bool stale;         /* not seen in the walk that is under way */
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

#endif
