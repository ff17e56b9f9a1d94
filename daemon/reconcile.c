// SPDX-License-Identifier: GPL-2.0
#include "reconcile.h"

#include <errno.h>
#include <string.h>

#include "cgroupfs.h"
#include "clock.h"
#include "log.h"
#include "policy.h"
#include "survey.h"
#include "unit.h"

#define RETRY_MAX_USEC (60 * USEC_PER_SEC)

static void fail_items(struct manager *m, struct plan *plan, int error);

void kernel_set_outcome(struct manager *m, enum setting s, enum outcome outcome, const char *reason)
{
	m->kernel[s].outcome = outcome;
	free(m->kernel[s].reason);
	m->kernel[s].reason = reason ? strdup(reason) : NULL;
}

static bool drift_is_let_be(struct manager *m, const char *what, enum outcome before,
			    struct drift *drift, const struct log_fields *fields)
{
	bool warn = m->config->on_drift == ON_DRIFT_WARN;

	if (!warn && drift_allows(drift, clock_usec(CLOCK_MONOTONIC))) {
		manager_say(m, REPORT_WARNING, fields,
			    "%s was changed from %s to %s by somebody else; setting it again", what,
			    fields->new_value, fields->old_value);
		return false;
	}
	if (before != OUTCOME_DRIFTED)
		manager_say(
			m, REPORT_WARNING, fields,
			"%s was changed from %s to %s by somebody else; left alone until the next "
			"reload%s",
			what, fields->new_value, fields->old_value,
			warn ? " (on-drift = warn)" : ", since it was changed too often");
	return true;
}

static int reconcile_kernel(struct manager *m, struct plan *plan, enum setting s)
{
	struct plan mine = {};
	const struct survey survey = { m->root_fd, m->pid1, &m->state, &mine };
	struct kernel_status *k = &m->kernel[s];
	bool drifted = k->drifted, managed = m->config->kernel[s].managed;
	char live[SETTING_TEXT_MAX], want[SETTING_TEXT_MAX];
	struct finding f;
	int r;

	k->drifted = k->retry = false;
	r = survey_kernel(&survey, m->config, s, &f);
	if (r < 0)
		return r;
	if (f.error < 0 && managed) {
		const char *why = !cgroupfs_is_gone(f.error) ? strerror(-f.error)
				  : s == SETTING_SWAP_PMD
					  ? "this kernel cannot swap THPs as one piece"
					  : "this kernel has no zswap";

		if (k->outcome != OUTCOME_MISSING || m->reload.active)
			manager_say(m, REPORT_WARNING,
				    &(struct log_fields){ .message_id = MESSAGE_DEGRADED },
				    "%s has no effect: /%s: %s", setting_name(s), setting_path(s),
				    why);
		kernel_set_outcome(m, s, OUTCOME_MISSING, why);
	} else if (f.action == ACTION_SET && drifted &&
		   drift_is_let_be(
			   m, setting_name(s), k->outcome, &k->drift,
			   &(struct log_fields){
				   .message_id = MESSAGE_DRIFT,
				   .old_value = setting_format(s, f.live, live),
				   .new_value = setting_format(s, m->config->kernel[s].value, want),
			   })) {
		kernel_set_outcome(m, s, OUTCOME_DRIFTED, NULL);
		plan_clear(&mine);
	} else {
		kernel_set_outcome(m, s, mine.n > 0 || !managed ? OUTCOME_NONE : OUTCOME_OK, NULL);
		r = plan_move(plan, &mine);
	}
	finding_clear(&f);
	return r;
}

static void block(struct manager *m, struct cgroup *c, const char *reason)
{
	if (c->outcome != OUTCOME_BLOCKED || m->reload.active)
		manager_say(m, REPORT_WARNING,
			    &(struct log_fields){ .message_id = MESSAGE_DEGRADED,
						  .cgroup = c->path,
						  .unit = c->unit,
						  .policy = c->policy->name },
			    "%s: [policy %s] cannot come true: %s", c->path, c->policy->name,
			    reason);
	cgroup_set_outcome(c, OUTCOME_BLOCKED, reason);
}

/* Find what keeps a policy from coming true. 1 if there is something, 0 if not, or -ENOMEM. */
static int find_block(struct manager *m, struct cgroup *c, char **ret)
{
	_cleanup_free_ char *above = NULL;
	const struct policy *blocker = NULL;
	int r;

	if (c->policy->mode == MODE_ZSWAP) {
		r = policy_find_blocker(m->config, c->path, &blocker, &above);
		if (r < 0)
			return r;
		if (!blocker)
			return 0;
		return asprintf(ret,
				"[policy %s] with mode = pmd keeps all below %s out of zswap; "
				"change the mode of one of them",
				blocker->name, above) < 0
			       ? -ENOMEM
			       : 1;
	}
	if (c->policy->mode != MODE_PMD)
		return 0;
	/* Neither zswap nor writeback: the cgroup could not swap at all. */
	above = strdup(c->path);
	if (!above)
		return -ENOMEM;
	for (char *slash; (slash = strrchr(above, '/'));) {
		uint64_t writeback = 1;

		*slash = '\0';
		cgroupfs_read(m->root_fd, *above ? above : "/", SETTING_CGROUP_ZSWAP_WRITEBACK,
			      &writeback);
		if (!writeback)
			return asprintf(ret,
					"memory.zswap.writeback is 0 in %s, so nothing below it "
					"could swap at all; set it to 1",
					*above ? above : "/") < 0
				       ? -ENOMEM
				       : 1;
	}
	return 0;
}

static void note_override(struct manager *m, struct cgroup *c, enum outcome before, enum setting s,
			  const struct finding *f)
{
	const struct log_fields fields = {
		.message_id = MESSAGE_OVERRIDDEN,
		.cgroup = c->path,
		.unit = c->unit,
		.policy = c->policy->name,
	};
	char live[SETTING_TEXT_MAX];

	setting_format(s, f->live, live);
	if (before != OUTCOME_OVERRIDDEN || m->reload.active)
		manager_say(
			m, REPORT_WARNING, &fields,
			"%s: %s = %s was set with \"systemctl set-property\" and is left alone; "
			"to give it back to [policy %s] remove %s, then run \"systemctl "
			"daemon-reload\"",
			c->path, setting_name(s), live, c->policy->name, f->overrider);
	cgroup_set_outcome(c, OUTCOME_OVERRIDDEN, f->overrider);
}

static int reconcile_cgroup(struct manager *m, struct plan *plan, struct cgroup *c)
{
	struct plan mine = {};
	const struct survey survey = { m->root_fd, m->pid1, &m->state, &mine };
	enum setting order[] = { SETTING_CGROUP_ZSWAP_WRITEBACK, SETTING_CGROUP_ZSWAP_MAX };
	enum outcome before = c->outcome;
	_cleanup_free_ char *reason = NULL;
	bool drifted = c->drifted, missing = false;
	uint64_t want, id;
	int r;

	c->dirty = c->drifted = false;
	if (!c->policy || c->policy->mode == MODE_KEEP)
		return 0;
	if (applier_busy_with(m->applier, c->path)) {
		m->busy_skipped = true;
		return 0;
	}
	r = find_block(m, c, &reason);
	if (r < 0)
		return r;
	if (r > 0) {
		block(m, c, reason);
		return 0;
	}
	/* At no time may both ways out of memory be shut: open one before the other is closed. */
	if (policy_wants(c->policy, SETTING_CGROUP_ZSWAP_WRITEBACK, &want) && want == 0) {
		order[0] = SETTING_CGROUP_ZSWAP_MAX;
		order[1] = SETTING_CGROUP_ZSWAP_WRITEBACK;
	}

	cgroup_set_outcome(c, OUTCOME_OK, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		char live[SETTING_TEXT_MAX], wanted[SETTING_TEXT_MAX];
		enum setting s = order[i];
		struct finding f;

		if (s == SETTING_CGROUP_ZSWAP_MAX && strcmp(c->path, "/") == 0)
			continue;
		r = survey_cgroup(&survey, c->path, c->unit, c->policy, s, &f);
		if (r < 0)
			break;
		policy_wants(c->policy, s, &want);
		if (cgroupfs_is_gone(f.error)) {
			/* Kernels before 6.8 know no writeback file, and act as if it said 1. */
			missing |= s == SETTING_CGROUP_ZSWAP_MAX || want == 0;
		} else if (f.error < 0) {
			cgroup_set_outcome(c, OUTCOME_FAILED, strerror(-f.error));
		} else if (f.action == ACTION_OVERRIDDEN) {
			note_override(m, c, before, s, &f);
		} else if (f.action == ACTION_SET && drifted &&
			   drift_is_let_be(m, c->path, before, &c->drift,
					   &(struct log_fields){
						   .message_id = MESSAGE_DRIFT,
						   .cgroup = c->path,
						   .unit = c->unit,
						   .policy = c->policy->name,
						   .old_value = setting_format(s, f.live, live),
						   .new_value = setting_format(s, want, wanted),
					   })) {
			cgroup_set_outcome(c, OUTCOME_DRIFTED, NULL);
		} else if (f.action == ACTION_SET && c->outcome == OUTCOME_OK) {
			cgroup_set_outcome(c, OUTCOME_NONE, NULL);
		}
		finding_clear(&f);
		/* Without its own writeback the cgroup must keep zswap. */
		if (c->policy->mode == MODE_PMD && s == SETTING_CGROUP_ZSWAP_WRITEBACK &&
		    c->outcome == OUTCOME_OVERRIDDEN)
			break;
	}
	if (missing && cgroupfs_id(m->root_fd, c->path, &id) < 0)
		log_debug("%s is gone", c->path);
	else if (missing && (c->outcome == OUTCOME_OK || c->outcome == OUTCOME_NONE)) {
		static const char why[] = "the memory controller is not enabled for it, or the "
					  "kernel has no zswap";

		if (before != OUTCOME_MISSING || m->reload.active)
			manager_say(m, REPORT_WARNING,
				    &(struct log_fields){ .message_id = MESSAGE_DEGRADED,
							  .cgroup = c->path,
							  .policy = c->policy->name },
				    "%s: [policy %s] has no effect: %s", c->path, c->policy->name,
				    why);
		cgroup_set_outcome(c, OUTCOME_MISSING, why);
	}
	if (r >= 0 && c->outcome != OUTCOME_DRIFTED)
		r = plan_move(plan, &mine);
	plan_clear(&mine);
	return r;
}

/* Give back what no policy wants any more. */
static int reconcile_records(struct manager *m, struct plan *plan)
{
	const struct survey survey = { m->root_fd, m->pid1, &m->state, plan };

	/* Backwards, since a record that is looked at may go. */
	for (size_t i = m->state.n; i-- > 0;) {
		const struct record *record = m->state.records[i];
		_cleanup_free_ char *cgroup = NULL, *unit = NULL;
		const struct cgroup *c;
		enum setting s = record->setting;
		struct finding f;
		uint64_t want;
		int r;

		if (!record->cgroup)
			continue;
		c = cgroup_table_find(&m->cgroups, record->cgroup);
		if (c && policy_wants(c->policy, s, &want))
			continue;
		if (applier_busy_with(m->applier, record->cgroup)) {
			m->busy_skipped = true;
			continue;
		}
		/* A policy may be there for a cgroup that is not, at the moment. */
		cgroup = strdup(record->cgroup);
		if (!cgroup || unit_from_cgroup(cgroup, &unit) < 0)
			return -ENOMEM;
		if (!c && policy_wants(policy_resolve(m->config, cgroup, unit, NULL), s, &want) &&
		    record->unit)
			continue;
		r = survey_cgroup(&survey, cgroup, unit, NULL, s, &f);
		if (r < 0)
			return r;
		if (f.action == ACTION_LEAVE)
			manager_say(m, REPORT_WARNING,
				    &(struct log_fields){ .cgroup = cgroup, .unit = unit },
				    "%s: %s was changed by somebody else and is not given back",
				    cgroup, setting_name(s));
		finding_clear(&f);
	}
	return 0;
}

void manager_reconcile(struct manager *m, bool all)
{
	struct plan plan = {};
	int r = 0;

	for (int s = 0; s < N_KERNEL_SETTINGS && r >= 0; s++)
		if (all || m->kernel[s].drifted || m->kernel[s].retry)
			r = reconcile_kernel(m, &plan, s);
	for (size_t i = 0; i < m->cgroups.n && r >= 0; i++)
		if (all || m->cgroups.cgroups[i]->dirty)
			r = reconcile_cgroup(m, &plan, m->cgroups.cgroups[i]);
	if (all && r >= 0)
		r = reconcile_records(m, &plan);
	if (r < 0)
		manager_say(m, REPORT_ERROR, NULL, "Cannot work out what to do: %s", strerror(-r));

	/* First the originals, then the writes. */
	r = state_save(&m->state, m->root_fd);
	if (r < 0) {
		manager_say(m, REPORT_ERROR, NULL,
			    "Cannot save the original values in /%s: %s; nothing is changed "
			    "without that",
			    STATE_PATH, strerror(-r));
		fail_items(m, &plan, r);
	} else {
		applier_run(m->applier, m->pid1, &plan);
	}
	plan_clear(&plan);
	sd_event_source_set_enabled(m->settled, SD_EVENT_ONESHOT);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct manager *m = userdata;

	for (int s = 0; s < N_KERNEL_SETTINGS; s++)
		m->kernel[s].retry = m->kernel[s].outcome == OUTCOME_FAILED;
	m->retry_usec = m->retry_usec * 2 > RETRY_MAX_USEC ? RETRY_MAX_USEC : m->retry_usec * 2;
	for (size_t i = 0; i < m->cgroups.n; i++)
		if (m->cgroups.cgroups[i]->outcome == OUTCOME_FAILED)
			m->cgroups.cgroups[i]->dirty = true;
	manager_reconcile(m, false);
	return 0;
}

/*
 * The record of a value given back has served, unless PID 1 keeps that value and it must be known
 * for ours.
 */
static void forget_restored(struct manager *m, const struct plan_item *item)
{
	struct record *record = state_find(&m->state, item->cgroup, item->setting);

	if (record && !record->unit)
		state_remove(&m->state, record);
}

void manager_on_result(void *userdata, const struct plan_item *item, int error, const char *why)
{
	struct manager *m = userdata;
	char from[SETTING_TEXT_MAX], to[SETTING_TEXT_MAX];
	struct cgroup *c = item->cgroup ? cgroup_table_find(&m->cgroups, item->cgroup) : NULL;
	_cleanup_free_ char *text = plan_item_format(item);
	struct log_fields fields = {
		.message_id = MESSAGE_CHANGED,
		.cgroup = item->cgroup,
		.unit = item->unit,
		.policy = item->policy,
		.old_value = setting_format(item->setting, item->from, from),
		.new_value = setting_format(item->setting, item->to, to),
	};
	enum outcome outcome = error < 0 ? OUTCOME_FAILED : OUTCOME_OK;
	const char *what = text ?: setting_name(item->setting);
	bool never = false, *failed_before;

	sd_event_source_set_enabled(m->settled, SD_EVENT_ONESHOT);
	if (item->cgroup && cgroupfs_is_gone(error)) {
		log_debug("%s is gone", item->cgroup);
		return;
	}
	failed_before = c               ? &c->failed_before
			: !item->cgroup ? &m->kernel[item->setting].failed_before
					: &never;
	if (error >= 0) {
		log_full(LOG_INFO, &fields, "%s", what);
		m->reload.report.changes += m->reload.active;
	} else if (m->reload.active || !*failed_before) {
		manager_say(m, REPORT_ERROR, &fields, "%s: failed: %s", what, why);
	} else {
		log_debug("%s: failed again: %s", what, why);
	}
	*failed_before = error < 0;

	if (!item->cgroup)
		kernel_set_outcome(m, item->setting, outcome, why);
	else if (c && (error < 0 || c->outcome == OUTCOME_NONE))
		cgroup_set_outcome(c, outcome, why);
	if (error >= 0 && item->action == ACTION_RESTORE)
		forget_restored(m, item);
	if (error < 0 && item->action == ACTION_SET)
		manager_arm(m, &m->retry_timer, m->retry_usec, on_retry);
}

static void fail_items(struct manager *m, struct plan *plan, int error)
{
	for (size_t i = 0; i < plan->n; i++)
		manager_on_result(m, &plan->items[i], error,
				  "the original value could not be saved");
}
