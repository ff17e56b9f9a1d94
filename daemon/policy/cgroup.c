// SPDX-License-Identifier: GPL-2.0
#include "policy/cgroup.h"

#include <string.h>

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

bool cgroup_is_path(const char *text)
{
	if (strcmp(text, "/") == 0)
		return true;
	do {
		size_t len;

		if (*text++ != '/')
			return false;
		len = strcspn(text, "/");
		if (len == 0 || strncmp(text, ".", len) == 0 || strncmp(text, "..", len) == 0)
			return false;
		text += len;
	} while (*text);
	return true;
}

static int compare(const void *path, const void *cgroup)
{
	return cgroup_compare(path, ((const struct cgroup *)cgroup)->path);
}

size_t cgroup_table_size(const struct cgroup_table *t)
{
	return t->sorted.n;
}

struct cgroup *cgroup_table_at(const struct cgroup_table *t, size_t i)
{
	return t->sorted.v[i];
}

struct cgroup *cgroup_table_find(const struct cgroup_table *t, const char *path)
{
	return sorted_find(&t->sorted, path, compare);
}

static void cgroup_free(struct cgroup *c)
{
	standing_clear(&c->standing);
	free(c);
}
DEFINE_CLEANUP(struct cgroup *, cgroup_free);

struct cgroup *cgroup_table_add(struct cgroup_table *t, const char *path)
{
	_cleanup_(cgroup_freep) struct cgroup *new = NULL;
	struct cgroup *found = cgroup_table_find(t, path);

	if (found)
		return found;
	new = calloc(1, sizeof(*new) + strlen(path) + 1);
	if (!new)
		return NULL;
	new->wd = -1;
	strcpy(new->path, path);
	return sorted_insert(&t->sorted, path, compare, new) < 0 ? NULL : TAKE_PTR(new);
}

void cgroup_table_subtree(const struct cgroup_table *t, const char *path, size_t *start,
			  size_t *end)
{
	size_t len = strcmp(path, "/") == 0 ? 0 : strlen(path);

	*start = *end = sorted_position(&t->sorted, path, compare);
	for (; *end < t->sorted.n; (*end)++) {
		const char *below = cgroup_table_at(t, *end)->path;

		if (strncmp(below, path, len) != 0 || (below[len] && below[len] != '/'))
			break;
	}
}

void cgroup_table_remove(struct cgroup_table *t, size_t start, size_t end)
{
	for (size_t i = start; i < end; i++)
		cgroup_free(cgroup_table_at(t, i));
	sorted_remove(&t->sorted, start, end);
}

void cgroup_table_clear(struct cgroup_table *t)
{
	cgroup_table_remove(t, 0, t->sorted.n);
	sorted_clear(&t->sorted);
}
