// SPDX-License-Identifier: GPL-2.0
#include "system/apply.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "policy/sorted.h"
#include "policy/unit.h"
#include "system/cgroupfs.h"

/*
 * How long PID 1 may take from its reply to the write: looked at after 5 ms, 10 ms, ..., 2.5 s in
 * all.
 */
#define VERIFY_FIRST_USEC (5 * 1000ULL)
#define VERIFY_TRIES      9

/* The items of one cgroup that go through PID 1 together. */
struct op {
	const char *cgroup; /* first, for sorted_by_name() */
	struct applier *applier;
	struct plan plan;
	sd_event_source *timer;
	unsigned int tries;
};

struct applier {
	sd_event *event;
	int root_fd;
	applier_result_t result;
	void *userdata;
	struct sorted ops; /* by cgroup */
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
	plan_clear(&op->plan);
	sd_event_source_disable_unref(op->timer);
	free(op);
}

void applier_free(struct applier *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->ops.n; i++)
		op_free(a->ops.v[i]);
	sorted_clear(&a->ops);
	sd_event_unref(a->event);
	free(a);
}

bool applier_busy(const struct applier *a)
{
	return a->ops.n > 0;
}

bool applier_busy_with(const struct applier *a, const char *cgroup)
{
	return sorted_find(&a->ops, cgroup, sorted_by_name);
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
	struct sorted *ops = &op->applier->ops;
	size_t i = sorted_position(ops, op->cgroup, sorted_by_name);

	while (i < ops->n && ops->v[i] != op)
		i++;
	if (i < ops->n)
		sorted_remove(ops, i, i + 1);
}

static void op_finish(struct op *op, int error, const char *why)
{
	struct applier *a = op->applier;

	op_unlink(op);
	for (size_t i = 0; i < op->plan.n; i++)
		a->result(a->userdata, &op->plan.items[i], error, why);
	op_free(op);
}

static int on_verify(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct op *op = userdata;
	struct applier *a = op->applier;
	int error = 0;

	for (size_t i = 0; i < op->plan.n && error >= 0; i++) {
		const struct plan_item *item = &op->plan.items[i];
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
		for (size_t i = 0; i < op->plan.n; i++)
			write_item(a, &op->plan.items[i]);
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

	for (size_t i = 0; i < op->plan.n; i++)
		properties[i] = (struct pid1_property){
			.setting = op->plan.items[i].setting,
			.value = op->plan.items[i].to,
		};
	r = sorted_insert(&a->ops, op->cgroup, sorted_by_name, op);
	if (r >= 0)
		r = !pid1 ? -ENOTCONN
			  : pid1_set(pid1, unit_of_cgroup(op->cgroup),
				     cgroupfs_id(a->root_fd, op->cgroup, &id) < 0, properties,
				     op->plan.n, on_set, op);
	if (r < 0)
		op_finish(op, r, pid1 ? strerror(-r) : "no connection to PID 1");
}

/* Put the items that follow one of the same cgroup, through PID 1 like it, into an op. */
static size_t fill_op(struct op *op, const struct plan *plan, size_t i)
{
	const struct plan_item *first = &plan->items[i];

	for (; i < plan->n && op->plan.n < N_CGROUP_SETTINGS; i++) {
		const struct plan_item *item = &plan->items[i];

		if (!plan_item_writes(item))
			continue;
		if (!item->as_property || strcmp(item->cgroup, first->cgroup) != 0 ||
		    item->action != first->action || plan_add(&op->plan, item) < 0)
			break;
		op->cgroup = op->plan.items[0].cgroup;
	}
	return i;
}

void applier_run(struct applier *a, struct pid1 *pid1, const struct plan *plan)
{
	for (size_t i = 0; i < plan->n;) {
		const struct plan_item *item = &plan->items[i];
		struct op *op;
		size_t next;

		if (!plan_item_writes(item)) {
			i++;
			continue;
		}
		if (!item->as_property) {
			write_item(a, item);
			i++;
			continue;
		}
		op = calloc(1, sizeof(*op));
		next = op ? fill_op(op, plan, i) : i;
		if (next == i) {
			free(op);
			a->result(a->userdata, item, -ENOMEM, strerror(ENOMEM));
			i++;
			continue;
		}
		op->applier = a;
		start_op(a, pid1, op);
		i = next;
	}
}
