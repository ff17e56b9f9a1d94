// SPDX-License-Identifier: GPL-2.0
#include "system/survey.h"

#include <errno.h>
#include <string.h>

#include "policy/policy.h"
#include "policy/unit.h"
#include "system/cgroupfs.h"

void finding_clear(struct finding *f)
{
	free(f->overrider);
	*f = (struct finding){};
}

/* Note in the state what will be written, and put it into the plan. */
static int add_item(const struct survey *s, const struct facts *f, struct plan_item *item,
		    uint64_t id)
{
	struct record *r =
		state_add(s->state, item->cgroup, item->as_property, id, f->setting, f->live);

	if (!r)
		return -ENOMEM;
	if (item->as_property && !r->as_property)
		r->as_property = s->state->changed = true;
	item->cgroup = r->cgroup;
	item->setting = f->setting;
	item->from = f->live_known ? f->live : r->current;
	if (r->current != item->to) {
		/* Until the write is done, both values are ours; what somebody else wrote is not.
		 */
		if (record_is_ours(r, item->from))
			r->previous = item->from;
		r->current = item->to;
		s->state->changed = true;
	}
	return plan_add(s->plan, item);
}

/* Decide, and keep the state and the plan in step. */
static int conclude(const struct survey *s, const struct facts *f, struct plan_item *item,
		    uint64_t id, enum action *ret)
{
	struct record *record = state_find(s->state, item->cgroup, f->setting);

	*ret = plan_decide(f);
	switch (*ret) {
	case ACTION_SET:
		item->action = ACTION_SET;
		item->to = f->want;
		return add_item(s, f, item, id);
	case ACTION_RESTORE:
		item->action = ACTION_RESTORE;
		item->policy = NULL;
		item->to = f->record->original;
		return add_item(s, f, item, id);
	case ACTION_LEAVE:
		if (f->kept_by_pid1 && f->live_known && item->as_property) {
			/* PID 1 would write our value again: have it keep the other one. */
			item->action = ACTION_RESTORE;
			item->policy = NULL;
			record->original = item->to = f->live;
			return add_item(s, f, item, id);
		}
		state_remove(s->state, record);
		return 0;
	case ACTION_FORGET:
		state_remove(s->state, record);
		return 0;
	case ACTION_NONE:
	case ACTION_OVERRIDDEN:
		return 0;
	}
	return -EINVAL;
}

/* What PID 1 keeps for the unit: ours, an administrator's or nothing. */
static int look_at_kept(const struct survey *s, const char *unit, struct facts *f,
			struct finding *finding)
{
	_cleanup_free_ char *path = NULL;
	uint64_t kept;
	int r;

	r = pid1_read_kept(s->root_fd, unit, f->setting, &kept, &path);
	if (r == -ENOMEM)
		return r;
	if (r <= 0)
		return 0;
	/* PID 1 keeps every byte, and the kernel whole pages. */
	kept = setting_round(f->setting, kept);
	/* What the daemon sets is never kept beyond a boot, so never in /etc. */
	if (strncmp(path, "/etc/", 5) != 0 && f->record && record_is_ours(f->record, kept)) {
		f->kept_by_pid1 = true;
		f->kept = kept;
	} else {
		f->overridden = true;
		finding->overrider = TAKE_PTR(path);
	}
	return 0;
}

void above_clear(struct above *a)
{
	free(a->parent);
	free(a->no_writeback);
	*a = (struct above){};
}

int survey_cgroup(const struct survey *s, const char *cgroup, uint64_t id,
		  const struct policy *policy, enum setting setting, struct finding *ret)
{
	const char *unit = unit_of_cgroup(cgroup);
	struct facts f = { .setting = setting };
	struct plan_item item = { .cgroup = cgroup };
	struct record *record = state_find(s->state, cgroup, setting);
	int r;

	*ret = (struct finding){};
	f.wanted = policy_wants(policy, setting, &f.want);
	f.record = record;
	if (!f.wanted && !f.record)
		return 0;
	item.policy = policy ? policy->name : NULL;
	/* PID 1 leaves the files of the root cgroup alone. */
	item.as_property = unit && strcmp(cgroup, "/") != 0 && pid1_knows(s->pid1, setting);

	r = id ? cgroupfs_read(s->root_fd, cgroup, setting, &f.live) : -ENOENT;
	if (r == -ENOMEM)
		return r;
	ret->error = r;
	ret->live = f.live;
	f.live_known = r >= 0;

	/* PID 1 keeps what it was told also while there is no connection to it. */
	if (item.as_property || (record && record->as_property)) {
		r = look_at_kept(s, unit, &f, ret);
		if (r < 0)
			return r;
	}
	/* A new cgroup of the same name starts afresh, unless PID 1 gave it our value. */
	if (record && record->id != id && !f.kept_by_pid1) {
		state_remove(s->state, record);
		f.record = NULL;
	} else if (record && record->id != id && id) {
		record->id = id;
		s->state->changed = true;
	}
	return conclude(s, &f, &item, id, &ret->action);
}

int survey_stopped_unit(const struct survey *s, const char *cgroup, const struct policy *policy,
			enum setting setting, uint64_t value)
{
	struct facts f = {
		.setting = setting,
		.live_known = true,
		.live = value,
		.record = state_find(s->state, cgroup, setting),
	};
	struct plan_item item = {
		.cgroup = cgroup,
		.as_property = true,
		.policy = policy ? policy->name : NULL,
	};
	struct finding finding = {};
	int r;

	f.wanted = policy_wants(policy, setting, &f.want);
	/* What nothing wants any more is given back by its record. */
	if (!f.wanted)
		return 0;
	r = look_at_kept(s, unit_of_cgroup(cgroup), &f, &finding);
	if (r >= 0)
		r = conclude(s, &f, &item, 0, &finding.action);
	finding_clear(&finding);
	return r;
}

int survey_kernel(const struct survey *s, const struct config *config, enum setting setting,
		  struct finding *ret)
{
	struct facts f = {
		.setting = setting,
		.wanted = config->kernel[setting].managed,
		.want = config->kernel[setting].value,
		.record = state_find(s->state, NULL, setting),
	};
	struct plan_item item = { .policy = "kernel" };
	int r;

	*ret = (struct finding){};
	r = cgroupfs_read(s->root_fd, NULL, setting, &f.live);
	if (r == -ENOMEM)
		return r;
	ret->error = r;
	ret->live = f.live;
	f.live_known = r >= 0;
	return conclude(s, &f, &item, 0, &ret->action);
}

int survey_records(const struct survey *s, const struct survey_records_ops *ops, void *userdata)
{
	/* Backwards, since a record that is looked at may go. */
	for (size_t i = s->state->n; i-- > 0;) {
		const struct record *record = s->state->records[i];
		_cleanup_free_ char *cgroup = NULL;
		enum setting setting = record->setting;
		uint64_t id = 0;
		struct finding f;
		int r;

		if (!record->cgroup || ops->skip(userdata, record))
			continue;
		cgroup = strdup(record->cgroup);
		if (!cgroup)
			return -ENOMEM;
		cgroupfs_id(s->root_fd, cgroup, &id);
		r = survey_cgroup(s, cgroup, id, NULL, setting, &f);
		if (r < 0)
			return r;
		if (f.action == ACTION_LEAVE)
			ops->left(userdata, cgroup, setting);
		finding_clear(&f);
	}
	plan_keep_a_way_out(s->plan);
	return 0;
}

void survey_written(struct state *s, const struct plan_item *item)
{
	struct record *record = state_find(s, item->cgroup, item->setting);

	if (!record)
		return;
	if (item->action == ACTION_RESTORE && !record->as_property)
		state_remove(s, record);
	else
		state_written(s, record);
}
