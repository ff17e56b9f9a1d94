// SPDX-License-Identifier: GPL-2.0
#include "system/sampler.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "policy/array.h"
#include "system/cgroupfs.h"
#include "system/clock.h"
#include "system/fs.h"

/* Cgroups or processes that are looked at before the event loop has its turn: a millisecond or two.
 */
#define STEPS 32

struct sampler {
	int root_fd;
	sd_event_source *work;
	struct sample *last, *next;
	sampler_ask_t ask;
	int ask_error;
	sampler_done_t done;
	void *userdata;

	size_t n_cgroups, n_processes; /* that have been looked at */
	/* Cgroups below the one looked at last, which are no cgroups of the sample. */
	char **below;
	size_t n_below, below_allocated;
};

static void drop_below(struct sampler *s)
{
	while (s->n_below > 0)
		free(s->below[--s->n_below]);
	free(s->below);
	s->below = NULL;
	s->below_allocated = 0;
}

static void finish(struct sampler *s, int error)
{
	drop_below(s);
	if (error >= 0) {
		s->next->usec = clock_usec(CLOCK_REALTIME);
		s->next->monotonic_usec = clock_usec(CLOCK_MONOTONIC);
		sample_finish(s->next, s->last);
		sample_free(s->last);
		s->last = TAKE_PTR(s->next);
	}
	sample_free(TAKE_PTR(s->next));
	s->done(s->userdata, error, s->ask_error);
}

static FILE *open_procs(int root_fd, const char *cgroup)
{
	_cleanup_free_ char *path = cgroupfs_path(cgroup, "cgroup.procs");
	int fd = path ? openat(root_fd, path, O_RDONLY | O_CLOEXEC) : -1;
	FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;

	if (fd >= 0 && !f)
		close(fd);
	return f;
}

/* A cgroup that is gone has no processes, and neither, for itself, has a threaded one. */
static int read_processes(struct sampler *s, const char *cgroup, size_t index)
{
	_cleanup_fclose_ FILE *f = open_procs(s->root_fd, cgroup);
	int pid;

	/* 0 is a process that this name space does not see. */
	while (f && fscanf(f, "%d", &pid) == 1)
		if (pid > 0 && !sample_add_process(s->next, pid, index))
			return -ENOMEM;
	return 0;
}

/* Put a cgroup on the stack, unless it is looked at for itself. */
static int push_below(const char *cgroup, void *userdata)
{
	struct sampler *s = userdata;
	char **grown;

	if (sample_find(s->next, cgroup) != SIZE_MAX)
		return 0;
	grown = array_room(s->below, s->n_below, &s->below_allocated, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	s->below = grown;
	grown[s->n_below] = strdup(cgroup);
	if (!grown[s->n_below])
		return -ENOMEM;
	s->n_below++;
	return 0;
}

static int look_below(struct sampler *s, const char *cgroup, size_t index)
{
	int r = read_processes(s, cgroup, index);

	if (r >= 0)
		r = cgroupfs_visit_children(s->root_fd, cgroup, push_below, s);
	return r == -ENOMEM ? r : 0;
}

static int look_at_cgroup(struct sampler *s)
{
	size_t index = s->n_cgroups;
	struct sample_cgroup *c = &s->next->cgroups[index];
	int r;

	if (s->n_below > 0) {
		_cleanup_free_ char *below = s->below[--s->n_below];

		return look_below(s, below, index - 1);
	}
	s->n_cgroups++;
	r = cgroupfs_id(s->root_fd, c->path, &c->id);
	if (r >= 0)
		r = cgroupfs_counters(s->root_fd, c->path, &c->counters);
	return r == -ENOMEM ? r : look_below(s, c->path, index);
}

/* Whether an error is about one process; others mean that no process can be asked about. */
static bool is_about_process(int error)
{
	return error == -ESRCH || error == -ENOBUFS || error == -EBADMSG;
}

/* Nothing of this is read from /proc, where the service may not see the processes of others. */
static int look_at_process(struct sampler *s)
{
	struct sample_process *p = &s->next->processes[s->n_processes];
	int r = 0;

	if (s->ask && s->ask_error == 0) {
		r = s->ask(s->userdata, p->pid, &p->info);
		if (r == -ENOMEM)
			return r;
		p->asked = r >= 0;
		if (r < 0 && !is_about_process(r))
			s->ask_error = r;
	}
	if (p->asked)
		p->started = clock_usec(CLOCK_MONOTONIC) - p->info.age_usec;
	if (r != -ESRCH)
		s->n_processes++;
	else /* It ended meanwhile: the last one takes its place. */
		*p = s->next->processes[--s->next->n_processes];
	return 0;
}

static int on_work(sd_event_source *source, void *userdata)
{
	struct sampler *s = userdata;
	int r = 0;

	for (int i = 0; r >= 0 && i < STEPS; i++) {
		if (s->n_below > 0 || s->n_cgroups < s->next->n_cgroups) {
			r = look_at_cgroup(s);
		} else if (s->n_processes < s->next->n_processes) {
			r = look_at_process(s);
		} else {
			finish(s, 0);
			return 0;
		}
	}
	if (r >= 0)
		r = sd_event_source_set_enabled(s->work, SD_EVENT_ONESHOT);
	if (r < 0)
		finish(s, r);
	return 0;
}

int sampler_new(struct sampler **ret, sd_event *event, int root_fd)
{
	_cleanup_(sampler_freep) struct sampler *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->root_fd = root_fd;
	r = sd_event_add_defer(event, &s->work, on_work, s);
	if (r >= 0)
		r = sd_event_source_set_enabled(s->work, SD_EVENT_OFF);
	/* Whatever else there is to do comes first. */
	if (r >= 0)
		r = sd_event_source_set_priority(s->work, SD_EVENT_PRIORITY_IDLE);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

void sampler_free(struct sampler *s)
{
	if (!s)
		return;
	sd_event_source_disable_unref(s->work);
	drop_below(s);
	sample_free(s->last);
	sample_free(s->next);
	free(s);
}

int sampler_start(struct sampler *s, const char *const *paths, size_t n, sampler_ask_t ask,
		  sampler_done_t done, void *userdata)
{
	int r;

	if (s->next)
		return -EBUSY;
	s->next = sample_new(paths, n);
	if (!s->next)
		return -ENOMEM;
	s->ask = ask;
	s->ask_error = 0;
	s->done = done;
	s->userdata = userdata;
	s->n_cgroups = s->n_processes = 0;
	/* A kernel without these files has none of the counters. */
	r = cgroupfs_counters(s->root_fd, NULL, &s->next->system);
	if (r != -ENOMEM)
		r = sd_event_source_set_enabled(s->work, SD_EVENT_ONESHOT);
	if (r < 0)
		sample_free(TAKE_PTR(s->next));
	return r;
}

bool sampler_is_busy(const struct sampler *s)
{
	return s->next;
}

const struct sample *sampler_last(const struct sampler *s)
{
	return s->last;
}
