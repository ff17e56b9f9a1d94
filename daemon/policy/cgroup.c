// SPDX-License-Identifier: GPL-2.0
#include "policy/cgroup.h"

#include <string.h>

#include "policy/array.h"

#define DRIFTS_MAX        5
#define DRIFT_WINDOW_USEC (60 * 1000 * 1000ULL)

const char *outcome_name(enum outcome o)
{
	static const char *const names[] = {
		[OUTCOME_NONE] = "pending",    [OUTCOME_OK] = "ok",
		[OUTCOME_FAILED] = "failed",   [OUTCOME_MISSING] = "missing",
		[OUTCOME_DRIFTED] = "drifted", [OUTCOME_OVERRIDDEN] = "overridden",
		[OUTCOME_BLOCKED] = "blocked",
	};

	return names[o];
}

bool drift_allows(struct drift *d, uint64_t now_usec)
{
	if (now_usec - d->since_usec > DRIFT_WINDOW_USEC) {
		d->since_usec = now_usec;
		d->count = 0;
	}
	if (d->count >= DRIFTS_MAX)
		return false;
	d->count++;
	return true;
}

int cgroup_compare(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	if (*a == *b)
		return 0;
	if (!*a || !*b)
		return *a ? 1 : -1;
	if (*a == '/' || *b == '/')
		return *a == '/' ? -1 : 1;
	return (unsigned char)*a - (unsigned char)*b;
}

char *cgroup_below(const char *cgroup, const char *name)
{
	size_t len = strcmp(cgroup, "/") == 0 ? 0 : strlen(cgroup);
	char *path = malloc(len + 1 + strlen(name) + 1);

	if (!path)
		return NULL;
	memcpy(path, cgroup, len);
	path[len] = '/';
	strcpy(path + len + 1, name);
	return path;
}

static size_t position(const struct cgroup_table *t, const char *path)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (cgroup_compare(t->cgroups[middle]->path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct cgroup *cgroup_table_find(const struct cgroup_table *t, const char *path)
{
	size_t i = position(t, path);

	return i < t->n && strcmp(t->cgroups[i]->path, path) == 0 ? t->cgroups[i] : NULL;
}

static void cgroup_free(struct cgroup *c)
{
	free(c->reason);
	free(c);
}
DEFINE_CLEANUP(struct cgroup *, cgroup_free);

struct cgroup *cgroup_table_add(struct cgroup_table *t, const char *path)
{
	_cleanup_(cgroup_freep) struct cgroup *new = NULL;
	struct cgroup *found = cgroup_table_find(t, path), **grown;
	size_t i;

	if (found)
		return found;
	new = calloc(1, sizeof(*new) + strlen(path) + 1);
	if (!new)
		return NULL;
	new->wd = -1;
	strcpy(new->path, path);
	grown = array_room(t->cgroups, t->n, &t->allocated, sizeof(*grown));
	if (!grown)
		return NULL;
	t->cgroups = grown;
	i = position(t, path);
	memmove(t->cgroups + i + 1, t->cgroups + i, (t->n - i) * sizeof(*t->cgroups));
	t->cgroups[i] = new;
	t->n++;
	return TAKE_PTR(new);
}

void cgroup_table_subtree(const struct cgroup_table *t, const char *path, size_t *start,
			  size_t *end)
{
	size_t len = strcmp(path, "/") == 0 ? 0 : strlen(path);

	*start = *end = position(t, path);
	while (*end < t->n && strncmp(t->cgroups[*end]->path, path, len) == 0 &&
	       (t->cgroups[*end]->path[len] == '\0' || t->cgroups[*end]->path[len] == '/'))
		(*end)++;
}

void cgroup_table_remove(struct cgroup_table *t, size_t start, size_t end)
{
	if (start == end)
		return;
	for (size_t i = start; i < end; i++)
		cgroup_free(t->cgroups[i]);
	memmove(t->cgroups + start, t->cgroups + end, (t->n - end) * sizeof(*t->cgroups));
	t->n -= end - start;
}

void cgroup_table_clear(struct cgroup_table *t)
{
	cgroup_table_remove(t, 0, t->n);
	free(t->cgroups);
	*t = (struct cgroup_table){};
}

void cgroup_set_outcome(struct cgroup *c, enum outcome outcome, const char *reason)
{
	c->outcome = outcome;
	free(c->reason);
	c->reason = reason ? strdup(reason) : NULL;
}
