// SPDX-License-Identifier: GPL-2.0
#include "system/apply.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "policy/unit.h"
#include "system/cgroupfs.h"

/*
 * How long PID 1 may take from its reply to the write: looked at after 5 ms, 10 ms, ..., 2.5 s in
 * all.
 */
#define VERIFY_FIRST_USEC (5 * 1000ULL)
#define VERIFY_TRIES      9

/* The items of one cgroup that go through PID 1 together, with copies of their names. */
struct op {
	struct applier *applier;
	struct op *next;
	char *cgroup, *policy; /* no policy: NULL */
	struct plan_item items[N_CGROUP_SETTINGS];
	size_t n;
	sd_event_source *timer;
	unsigned int tries;
};

struct applier {
	sd_event *event;
	int root_fd;
	applier_result_t result;
	void *userdata;
	struct op *ops;
};

int applier_new(struct applier **ret, sd_event *event, int root_fd, applier_result_t result,
		void *userdata)
{
	struct applier *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->event = sd_event_ref(event);
	a->root_fd = root_fd;
	a->result = result;
	a->userdata = userdata;
	*ret = a;
	return 0;
}

static void op_free(struct op *op)
{
	free(op->cgroup);
	free(op->policy);
	sd_event_source_disable_unref(op->timer);
	free(op);
}

void applier_free(struct applier *a)
{
	if (!a)
		return;
	while (a->ops) {
		struct op *op = a->ops;

		a->ops = op->next;
		op_free(op);
	}
	sd_event_unref(a->event);
	free(a);
}

bool applier_busy(const struct applier *a)
{
	return a->ops;
}

bool applier_busy_with(const struct applier *a, const char *cgroup)
{
	for (const struct op *op = a->ops; op; op = op->next)
		if (strcmp(op->cgroup, cgroup) == 0)
			return true;
	return false;
}

static const char *explain_write(const struct plan_item *item, int error)
{
	if (error >= 0)
		return NULL;
	if (error == -EREMOTEIO)
		return "the kernel took the value and shows another";
	/* Root without capabilities, as which the service runs. */
	if (error == -EACCES && item->cgroup && geteuid() == 0)
		return "the cgroup belongs to a user, whose files the service may not write; give "
		       "the policy to a unit above it";
	return strerror(-error);
}

static void write_item(struct applier *a, const struct plan_item *item)
{
	int r = cgroupfs_write(a->root_fd, item->cgroup, item->setting, item->to);

	a->result(a->userdata, item, r, explain_write(item, r));
}

/* Take an op off the list: whoever hears of its results may look whether we are busy. */
static void op_unlink(struct op *op)
{
	for (struct op **i = &op->applier->ops; *i; i = &(*i)->next) {
		if (*i == op) {
			*i = op->next;
			return;
		}
	}
}

static void op_finish(struct op *op, int error, const char *why)
{
	struct applier *a = op->applier;

	op_unlink(op);
	for (size_t i = 0; i < op->n; i++)
		a->result(a->userdata, &op->items[i], error, why);
	op_free(op);
}

static int on_verify(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct op *op = userdata;
	struct applier *a = op->applier;
	int error = 0;

	for (size_t i = 0; i < op->n && error >= 0; i++) {
		const struct plan_item *item = &op->items[i];
		uint64_t live;

		error = cgroupfs_read(a->root_fd, item->cgroup, item->setting, &live);
		/* PID 1 keeps the value for the next start of a unit that does not run. */
		if (cgroupfs_is_gone(error))
			error = 0;
		else if (error >= 0 && live != setting_round(item->setting, item->to))
			error = -EREMOTEIO;
	}
	if (error == -EREMOTEIO && op->tries < VERIFY_TRIES) {
		uint64_t wait = VERIFY_FIRST_USEC << op->tries++;

		if (sd_event_source_set_time_relative(source, wait) >= 0 &&
		    sd_event_source_set_enabled(source, SD_EVENT_ONESHOT) >= 0)
			return 0;
	}
	op_finish(op, error,
		  error == -EREMOTEIO ? "PID 1 took the property and did not write it to the cgroup"
		  : error < 0         ? strerror(-error)
				      : NULL);
	return 0;
}

static void on_set(void *userdata, int error, const char *message)
{
	struct op *op = userdata;
	struct applier *a = op->applier;
	int r;

	if (error == -ENOENT) {
		/* Named like a unit, but PID 1 knows nothing of it. */
		op_unlink(op);
		for (size_t i = 0; i < op->n; i++)
			write_item(a, &op->items[i]);
		op_free(op);
		return;
	}
	if (error < 0) {
		op_finish(op, error, message);
		return;
	}
	r = sd_event_add_time_relative(a->event, &op->timer, CLOCK_MONOTONIC, 0, 1000, on_verify,
				       op);
	if (r < 0)
		op_finish(op, r, strerror(-r));
}

static void start_op(struct applier *a, struct pid1 *pid1, struct op *op)
{
	struct pid1_property properties[N_CGROUP_SETTINGS];
	uint64_t id;
	int r;

	for (size_t i = 0; i < op->n; i++)
		properties[i] = (struct pid1_property){
			.setting = op->items[i].setting,
			.value = op->items[i].to,
		};
	op->applier = a;
	op->next = a->ops;
	a->ops = op;
	r = -ENOTCONN;
	if (pid1)
		r = pid1_set(pid1, unit_of_cgroup(op->cgroup),
			     cgroupfs_id(a->root_fd, op->cgroup, &id) < 0, properties, op->n,
			     on_set, op);
	if (r < 0)
		op_finish(op, r, pid1 ? strerror(-r) : "no connection to PID 1");
}

/* All items of a cgroup are of one policy, or restores. */
static bool belongs_to(const struct op *op, const struct plan_item *item)
{
	return op->n < N_CGROUP_SETTINGS && strcmp(op->cgroup, item->cgroup) == 0 &&
	       !op->policy == !item->policy;
}

static struct op *new_op(const struct plan_item *item)
{
	struct op *op = calloc(1, sizeof(*op));

	if (!op)
		return NULL;
	op->cgroup = strdup(item->cgroup);
	op->policy = item->policy ? strdup(item->policy) : NULL;
	if (op->cgroup && (op->policy || !item->policy))
		return op;
	op_free(op);
	return NULL;
}

void applier_run(struct applier *a, struct pid1 *pid1, struct plan *plan)
{
	struct plan todo = *plan;
	struct op *op = NULL;

	*plan = (struct plan){};
	for (size_t i = 0; i < todo.n; i++) {
		struct plan_item *item = &todo.items[i];

		if (!item->as_property) {
			write_item(a, item);
			continue;
		}
		if (op && !belongs_to(op, item)) {
			start_op(a, pid1, op);
			op = NULL;
		}
		if (!op)
			op = new_op(item);
		if (!op) {
			a->result(a->userdata, item, -ENOMEM, strerror(ENOMEM));
			continue;
		}
		op->items[op->n] = *item;
		op->items[op->n].cgroup = op->cgroup;
		op->items[op->n++].policy = op->policy;
	}
	if (op)
		start_op(a, pid1, op);
	plan_clear(&todo);
}
