// SPDX-License-Identifier: GPL-2.0
#include "policy/sample.h"

#include <errno.h>
#include <string.h>

#include "policy/array.h"
#include "policy/cgroup.h"

/*
 * The start of a process is worked out from its age, at a moment that is a little later than the
 * one at which the kernel did. Numbers are not given away again that soon.
 */
#define START_TOLERANCE_USEC (500 * 1000ULL)

void sample_free(struct sample *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_cgroups; i++)
		free(s->cgroups[i].path);
	free(s->cgroups);
	free(s->processes);
	free(s);
}

static bool is_below(const char *path, const char *above)
{
	size_t len = strcmp(above, "/") == 0 ? 0 : strlen(above);

	return strncmp(path, above, len) == 0 && path[len] == '/';
}

struct sample *sample_new(const char *const *paths, size_t n)
{
	_cleanup_(sample_freep) struct sample *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->cgroups = calloc(n ?: 1, sizeof(*s->cgroups));
	if (!s->cgroups)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		struct sample_cgroup *c = &s->cgroups[i];

		c->path = strdup(paths[i]);
		if (!c->path)
			return NULL;
		s->n_cgroups++;
		for (c->parent = i - 1; c->parent != SIZE_MAX;
		     c->parent = s->cgroups[c->parent].parent)
			if (is_below(c->path, s->cgroups[c->parent].path))
				break;
	}
	return TAKE_PTR(s);
}

static int compare_path(const void *path, const void *cgroup)
{
	return cgroup_compare(path, ((const struct sample_cgroup *)cgroup)->path);
}

size_t sample_find(const struct sample *s, const char *path)
{
	const struct sample_cgroup *c =
		bsearch(path, s->cgroups, s->n_cgroups, sizeof(*c), compare_path);

	return c ? (size_t)(c - s->cgroups) : SIZE_MAX;
}

struct sample_process *sample_add_process(struct sample *s, pid_t pid, size_t cgroup)
{
	struct sample_process *p;

	p = array_room(s->processes, s->n_processes, &s->allocated, sizeof(*p));
	if (!p)
		return NULL;
	s->processes = p;
	p = &s->processes[s->n_processes++];
	*p = (struct sample_process){ .pid = pid, .cgroup = cgroup };
	return p;
}

static int compare_pid(const void *a, const void *b)
{
	pid_t x = ((const struct sample_process *)a)->pid,
	      y = ((const struct sample_process *)b)->pid;

	return (x > y) - (x < y);
}

static const struct sample_process *find_process(const struct sample *s,
						 const struct sample_process *key)
{
	const struct sample_process *p = NULL;

	if (s && s->n_processes > 0)
		p = bsearch(key, s->processes, s->n_processes, sizeof(*p), compare_pid);
	if (!p || !p->asked || !key->asked)
		return p;
	/* A number may have been given to another process. */
	return key->started < p->started + START_TOLERANCE_USEC &&
			       p->started < key->started + START_TOLERANCE_USEC
		       ? p
		       : NULL;
}

/* A process that moves while the cgroups are read is met twice. */
static void drop_duplicates(struct sample *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_processes; i++)
		if (n == 0 || s->processes[n - 1].pid != s->processes[i].pid)
			s->processes[n++] = s->processes[i];
	s->n_processes = n;
}

/* A sample is kept for long, and processes that ended meanwhile leave room behind. */
static void give_back_room(struct sample *s)
{
	struct sample_process *smaller = NULL;

	if (s->n_processes > 0)
		smaller = reallocarray(s->processes, s->n_processes, sizeof(*smaller));
	else
		free(TAKE_PTR(s->processes));
	if (smaller)
		s->processes = smaller;
	if (smaller || s->n_processes == 0)
		s->allocated = s->n_processes;
}

static void add_process(struct sample *s, struct sample_process *p, const struct sample *before)
{
	const struct sample_process *old = find_process(before, p);

	if (old && !old->asked)
		old = NULL;
	/* What was summed up once must not be so again when the kernel tells again. */
	if (old && !p->asked) {
		p->asked = true;
		p->info = old->info;
	}
	if (old)
		p->started = old->started;
	for (size_t i = p->cgroup; i != SIZE_MAX; i = s->cgroups[i].parent) {
		struct sample_cgroup *c = &s->cgroups[i];

		c->processes++;
		if (!p->asked)
			continue;
		c->unaccounted += !p->info.delays.accounted;
		for (int d = 0; d < N_DELAYS; d++) {
			uint64_t count = old ? old->info.delays.of[d].count : 0;
			uint64_t total = old ? old->info.delays.of[d].total : 0;

			c->delays.of[d].known |= p->info.delays.of[d].known;
			if (p->info.delays.of[d].count > count)
				c->delays.of[d].count += p->info.delays.of[d].count - count;
			if (p->info.delays.of[d].total > total)
				c->delays.of[d].total += p->info.delays.of[d].total - total;
		}
	}
}

void sample_finish(struct sample *s, const struct sample *before)
{
	for (size_t i = 0; before && i < s->n_cgroups; i++) {
		size_t k = sample_find(before, s->cgroups[i].path);

		if (k != SIZE_MAX && before->cgroups[k].id == s->cgroups[i].id)
			s->cgroups[i].delays = before->cgroups[k].delays;
	}
	if (s->n_processes > 0)
		qsort(s->processes, s->n_processes, sizeof(*s->processes), compare_pid);
	drop_duplicates(s);
	give_back_room(s);
	for (size_t i = 0; i < s->n_processes; i++)
		add_process(s, &s->processes[i], before);
}
