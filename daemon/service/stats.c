// SPDX-License-Identifier: GPL-2.0
#include "service/stats.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>

#include "policy/array.h"
#include "policy/sample.h"
#include "service/stats-reply.h"
#include "system/clock.h"
#include "system/fs.h"
#include "system/sampler.h"
#include "system/taskstats.h"

/* So many calls of others than root may wait for a sample; root is never turned away. */
#define WAITING_MAX 64

#define DELAYACCT_PATH "proc/sys/kernel/task_delayacct"

struct stats {
	struct manager *manager;
	struct sampler *sampler;
	struct delay_source *source; /* NULL: not open */
	bool stale;                  /* the last sample is of an earlier configuration */
	char reason[256];            /* why the last sample has no delays; "": it has */
	char reason_logged[256];
	sd_bus_message **waiting;
	size_t n_waiting, waiting_allocated;
};

static void set_reason(struct stats *s, const char *text)
{
	snprintf(s->reason, sizeof(s->reason), "%s", text);
}

static void close_source(struct stats *s)
{
	taskstats_close(TAKE_PTR(s->source));
}

int stats_new(struct stats **ret, struct manager *m)
{
	_cleanup_(stats_freep) struct stats *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->manager = m;
	r = sampler_new(&s->sampler, m->event, m->root_fd);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

void stats_free(struct stats *s)
{
	if (!s)
		return;
	sampler_free(s->sampler);
	close_source(s);
	for (size_t i = 0; i < s->n_waiting; i++)
		sd_bus_message_unref(s->waiting[i]);
	free(s->waiting);
	free(s);
}

void stats_invalidate(struct stats *s)
{
	s->stale = true;
}

static void set_reason_from_error(struct stats *s, int error)
{
	switch (error) {
	case -ENOENT:
		set_reason(s, "this kernel has no taskstats (CONFIG_TASKSTATS)");
		break;
	case -EPERM:
	case -EACCES:
		set_reason(s, "the kernel refuses; it takes CAP_NET_ADMIN, outside of containers");
		break;
	case -EAFNOSUPPORT:
		set_reason(s, "there are no netlink sockets; see RestrictAddressFamilies= of the "
			      "unit");
		break;
	case -EPROTONOSUPPORT:
		set_reason(s, "this kernel has version 15 of taskstats, whose fields are where no "
			      "other version has them");
		break;
	default:
		snprintf(s->reason, sizeof(s->reason), "taskstats fails: %s", strerror(-error));
	}
}

/* Get ready to ask for delays. False if they are not to be had, with the reason. */
static bool open_source(struct stats *s)
{
	const struct manager *m = s->manager;
	char text[8];
	int r;

	s->reason[0] = '\0';
	if (!m->config->taskstats) {
		set_reason(s, "taskstats = off in [stats] of the configuration");
		return false;
	}
	r = fs_read_value(m->root_fd, DELAYACCT_PATH, text, sizeof(text));
	if (r == -ENOENT) {
		set_reason(s, "this kernel has no delay accounting (CONFIG_TASK_DELAY_ACCT)");
		return false;
	}
	if (r >= 0 && strcmp(text, "0") == 0) {
		set_reason(s,
			   "delay accounting is off; \"sysctl kernel.task_delayacct=1\" switches "
			   "it on for processes that are started after that");
		return false;
	}
	if (m->fake_root) {
		set_reason(s, "the processes of a fake root are not those of the kernel");
		return false;
	}
	if (s->source)
		return true;
	r = taskstats_open(&s->source);
	if (r < 0)
		set_reason_from_error(s, r);
	return r >= 0;
}

static int ask(void *userdata, pid_t pid, struct process_info *ret)
{
	struct stats *s = userdata;

	return taskstats_ask(s->source, pid, ret);
}

static void log_reason(struct stats *s)
{
	if (*s->reason && strcmp(s->reason, s->reason_logged) != 0)
		log_full(LOG_INFO, &(struct log_fields){ .message_id = MESSAGE_DEGRADED },
			 "No delays of processes: %s", s->reason);
	strcpy(s->reason_logged, s->reason);
}

static void answer(struct stats *s, sd_bus_message *call, int error)
{
	int r = error;

	if (r >= 0)
		r = stats_reply(call, s->manager, sampler_last(s->sampler),
				*s->reason ? s->reason : NULL);
	if (r < 0)
		r = sd_bus_reply_method_errno(call, r, NULL);
	if (r < 0)
		log_debug("Cannot answer a call: %s", strerror(-r));
}

static void on_done(void *userdata, int error, int ask_error)
{
	struct stats *s = userdata;

	if (ask_error < 0) {
		set_reason_from_error(s, ask_error);
		/* The next time may be better, with another socket. */
		close_source(s);
	}
	log_reason(s);
	if (error < 0)
		log_error("Cannot take statistics: %s", strerror(-error));
	for (size_t i = 0; i < s->n_waiting; i++) {
		answer(s, s->waiting[i], error);
		sd_bus_message_unref(s->waiting[i]);
	}
	s->n_waiting = 0;
	/* Two samples and some replies were in memory. */
	malloc_trim(0);
}

static int start(struct stats *s)
{
	const struct cgroup_table *t = &s->manager->cgroups;
	_cleanup_free_ const char **paths = calloc(cgroup_table_size(t) + 1, sizeof(*paths));
	size_t n = 0;

	if (!paths)
		return -ENOMEM;
	for (size_t i = 0; i < cgroup_table_size(t); i++)
		if (cgroup_table_at(t, i)->policy)
			paths[n++] = cgroup_table_at(t, i)->path;
	s->stale = false;
	return sampler_start(s->sampler, paths, n, open_source(s) ? ask : NULL, on_done, s);
}

static bool is_fresh(const struct stats *s)
{
	const struct sample *last = sampler_last(s->sampler);
	uint64_t interval = s->manager->config->stats_interval * USEC_PER_SEC;

	return last && !s->stale && clock_usec(CLOCK_MONOTONIC) - last->monotonic_usec < interval;
}

int stats_request(struct stats *s, sd_bus_message *call, bool is_root)
{
	sd_bus_message **grown;
	int r;

	if (!sampler_is_busy(s->sampler) && is_fresh(s)) {
		answer(s, call, 0);
		return 0;
	}
	if (!is_root && s->n_waiting >= WAITING_MAX)
		return -EBUSY;
	grown = array_room(s->waiting, s->n_waiting, &s->waiting_allocated, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	s->waiting = grown;
	if (!sampler_is_busy(s->sampler)) {
		r = start(s);
		if (r < 0)
			return r;
	}
	grown[s->n_waiting++] = sd_bus_message_ref(call);
	return 0;
}
