// SPDX-License-Identifier: GPL-2.0
#include "service/reconcile.h"

#include <errno.h>
#include <string.h>

#include "policy/policy.h"
#include "service/log.h"
#include "system/assess.h"
#include "system/cgroupfs.h"
#include "system/clock.h"

#define RETRY_MAX_USEC (60 * USEC_PER_SEC)

static void fail_items(struct manager *m, struct plan *plan, int error);
static void retry_later(struct manager *m, unsigned int failures);

void kernel_set_outcome(struct manager *m, enum setting s, enum outcome outcome, const char *reason)
{
	m->kernel[s].outcome = outcome;
	free(m->kernel[s].reason);
	m->kernel[s].reason = reason ? strdup(reason) : NULL;
}

/*
 * Whether there is something to say: it is new, or there is a reload in which it was not said yet.
 * A reload may look at everything more than once.
 */
static bool is_to_be_said(const struct manager *m, bool is_new, unsigned int *said,
			  unsigned int bit)
{
	bool yes = is_new || (m->reload.active && !(*said & bit));

	if (yes)
		*said |= bit;
	return yes;
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

/*
 * If the plan undoes what somebody else did, and that is to be let be, drop it. True if it was
 * dropped.
 */
static bool drop_if_let_be(struct manager *m, struct plan *plan, const char *what,
			   enum outcome before, struct drift *drift, const struct log_fields *about)
{
	for (size_t i = 0; i < plan->n; i++) {
		const struct plan_item *item = &plan->items[i];
		char from[SETTING_TEXT_MAX], to[SETTING_TEXT_MAX];
		struct log_fields fields = *about;

		if (item->action != ACTION_SET)
			continue;
		fields.message_id = MESSAGE_DRIFT;
		fields.old_value = setting_format(item->setting, item->from, from);
		fields.new_value = setting_format(item->setting, item->to, to);
		if (drift_is_let_be(m, what, before, drift, &fields)) {
			plan_clear(plan);
			return true;
		}
	}
	return false;
}

/* What was left alone once stays so until the next reload. If so, drop the plan. */
static bool is_let_be(const struct manager *m, enum outcome before, struct plan *plan)
{
	if (before != OUTCOME_DRIFTED || m->reload.active || plan->n == 0)
		return false;
	plan_clear(plan);
	return true;
}

static int reconcile_kernel(struct manager *m, struct plan *plan, enum setting s)
{
	const struct survey survey = { m->root_fd, m->pid1, &m->state, NULL };
	struct kernel_status *k = &m->kernel[s];
	bool drifted = k->drifted, managed = m->config->kernel[s].managed;
	struct assessment a;
	int r;

	k->drifted = k->retry = false;
	r = assess_kernel(&survey, m->config, s, &a);
	if (r < 0)
		return r;
	if (a.outcome == OUTCOME_MISSING &&
	    is_to_be_said(m, k->outcome != OUTCOME_MISSING, &k->said, SAID_ASSESSMENT))
		manager_say(m, REPORT_WARNING,
			    &(struct log_fields){ .message_id = MESSAGE_DEGRADED },
			    "%s has no effect: %s", setting_name(s), a.reason);
	if (is_let_be(m, k->outcome, &a.plan) ||
	    (drifted && drop_if_let_be(m, &a.plan, setting_name(s), k->outcome, &k->drift,
				       &(struct log_fields){})))
		a.outcome = OUTCOME_DRIFTED;
	kernel_set_outcome(m, s, managed ? a.outcome : OUTCOME_NONE, a.reason);
	r = plan_move(plan, &a.plan);
	assessment_clear(&a);
	return r;
}

/* Cgroups that lack files, in one pass, by the reason; there are no more than three. */
struct lacking {
	struct {
		char *reason;
		const struct cgroup *first;
		size_t n;
	} of[3];
};

/* Note a cgroup. Its own line is for who looks for details: all may lack the same. */
static void add_lacking(struct lacking *l, const struct cgroup *c, const char *reason)
{
	for (size_t i = 0; i < ARRAY_SIZE(l->of); i++) {
		if (!l->of[i].reason) {
			l->of[i].reason = strdup(reason);
			l->of[i].first = c;
		} else if (strcmp(l->of[i].reason, reason) != 0) {
			continue;
		}
		l->of[i].n++;
		break;
	}
	log_debug("%s: [policy %s] has no effect: %s", c->path, c->policy->name, reason);
}

static void say_lacking(struct manager *m, struct lacking *l)
{
	for (size_t i = 0; i < ARRAY_SIZE(l->of) && l->of[i].reason; i++) {
		const struct cgroup *c = l->of[i].first;
		const struct log_fields fields = {
			.message_id = MESSAGE_DEGRADED,
			.cgroup = c->path,
			.policy = c->policy->name,
		};

		if (l->of[i].n == 1)
			manager_say(m, REPORT_WARNING, &fields, "%s: [policy %s] has no effect: %s",
				    c->path, c->policy->name, l->of[i].reason);
		else
			manager_say(m, REPORT_WARNING, &fields,
				    "%s and %zu more: their policies have no effect: %s", c->path,
				    l->of[i].n - 1, l->of[i].reason);
		free(l->of[i].reason);
	}
}

static int reconcile_cgroup(struct manager *m, struct plan *plan, struct cgroup *c,
			    struct lacking *lacking, struct above *above)
{
	const struct survey survey = { m->root_fd, m->pid1, &m->state, NULL, above };
	struct log_fields fields = { .cgroup = c->path };
	enum outcome before = c->outcome;
	bool drifted = c->drifted;
	struct assessment a;
	int r;

	c->dirty = c->drifted = false;
	if (!c->policy || c->policy->mode == MODE_KEEP)
		return 0;
	if (applier_busy_with(m->applier, c->path)) {
		m->busy_skipped = true;
		return 0;
	}
	r = assess_cgroup(&survey, m->config, c->path, c->policy, &a);
	if (r < 0)
		return r;
	fields.policy = c->policy->name;
	fields.message_id = a.outcome == OUTCOME_OVERRIDDEN ? MESSAGE_OVERRIDDEN : MESSAGE_DEGRADED;
	if (a.reason && is_to_be_said(m, before != a.outcome, &c->said, SAID_ASSESSMENT)) {
		if (a.outcome == OUTCOME_MISSING)
			add_lacking(lacking, c, a.reason);
		else
			manager_say(m, a.outcome == OUTCOME_FAILED ? REPORT_ERROR : REPORT_WARNING,
				    &fields, "%s: [policy %s] %s: %s", c->path, c->policy->name,
				    outcome_phrase(a.outcome), a.reason);
	}
	if (is_let_be(m, before, &a.plan) ||
	    (drifted && drop_if_let_be(m, &a.plan, c->path, before, &c->drift, &fields)))
		a.outcome = OUTCOME_DRIFTED;
	if (a.outcome == OUTCOME_FAILED)
		retry_later(m, before == OUTCOME_FAILED ? 2 : 1);
	cgroup_set_outcome(c, a.outcome, a.reason);
	r = plan_move(plan, &a.plan);
	assessment_clear(&a);
	return r;
}

/* A record that is in use, or cannot be looked at now. */
static bool skip_record(void *userdata, const struct record *record)
{
	struct manager *m = userdata;
	const struct cgroup *c = cgroup_table_find(&m->cgroups, record->cgroup);
	uint64_t want;

	if (c && policy_wants(c->policy, record->setting, &want))
		return true;
	if (applier_busy_with(m->applier, record->cgroup)) {
		m->busy_skipped = true;
		return true;
	}
	/* A policy may be there for a cgroup that is not, at the moment. */
	return !c && record->as_property &&
	       policy_wants(policy_resolve(m->config, record->cgroup, NULL), record->setting,
			    &want);
}

static void say_left(void *userdata, const char *cgroup, enum setting s)
{
	manager_say(userdata, REPORT_WARNING,
		    &(struct log_fields){ .message_id = MESSAGE_LEFT, .cgroup = cgroup },
		    "%s: %s was changed by somebody else and is not given back", cgroup,
		    setting_name(s));
}

/* Give back what no policy wants any more. */
static int reconcile_records(struct manager *m, struct plan *plan)
{
	static const struct survey_records_ops ops = { skip_record, say_left };
	const struct survey survey = { m->root_fd, m->pid1, &m->state, plan };

	return survey_records(&survey, &ops, m);
}

/* Units that do not run have their policy before their first process has a page. */
static void prepare_stopped_units(struct manager *m, struct plan *plan)
{
	const struct survey survey = { m->root_fd, m->pid1, &m->state, plan };
	struct report report = {};
	int r = assess_stopped_units(&survey, m->config, &report);

	for (size_t i = 0; m->reload.active && !m->reload.said_units && i < report.n; i++)
		manager_say(m, REPORT_WARNING,
			    &(struct log_fields){ .message_id = MESSAGE_DEGRADED }, "%s:%u: %s",
			    report.messages[i].file, report.messages[i].line,
			    report.messages[i].text);
	m->reload.said_units |= report.n > 0;
	report_clear(&report);
	/* They get it when they start, if not before. */
	if (r < 0)
		log_notice("Cannot prepare units that are stopped: %s", strerror(-r));
}

void manager_reconcile(struct manager *m, bool all)
{
	_cleanup_(above_clear) struct above above = {};
	struct lacking lacking = {};
	struct plan plan = {};
	int r = 0;

	for (int s = 0; s < N_KERNEL_SETTINGS && r >= 0; s++)
		if (all || m->kernel[s].drifted || m->kernel[s].retry)
			r = reconcile_kernel(m, &plan, s);
	for (size_t i = 0; i < m->cgroups.n && r >= 0; i++)
		if (all || m->cgroups.cgroups[i]->dirty)
			r = reconcile_cgroup(m, &plan, m->cgroups.cgroups[i], &lacking, &above);
	say_lacking(m, &lacking);
	if (all && r >= 0)
		r = reconcile_records(m, &plan);
	if (all && r >= 0)
		prepare_stopped_units(m, &plan);
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
	bool all = m->restores_failed;

	m->restore_retries = m->restores_failed ? m->restore_retries + 1 : 0;
	m->restores_failed = false;
	m->retry_usec = m->retry_usec * 2 > RETRY_MAX_USEC ? RETRY_MAX_USEC : m->retry_usec * 2;
	for (int s = 0; s < N_KERNEL_SETTINGS; s++)
		m->kernel[s].retry = m->kernel[s].outcome == OUTCOME_FAILED;
	for (size_t i = 0; i < m->cgroups.n; i++)
		if (m->cgroups.cgroups[i]->outcome == OUTCOME_FAILED)
			m->cgroups.cgroups[i]->dirty = true;
	manager_reconcile(m, all);
	return 0;
}

/* See that what failed is tried again, soon if it is the first time. */
static void retry_later(struct manager *m, unsigned int failures)
{
	if (failures <= 1) {
		m->retry_usec = RETRY_MIN_USEC;
		if (m->retry_timer)
			sd_event_source_set_enabled(m->retry_timer, SD_EVENT_OFF);
	}
	manager_arm(m, &m->retry_timer, m->retry_usec, on_retry);
}

void manager_on_result(void *userdata, const struct plan_item *item, int error, const char *why)
{
	struct manager *m = userdata;
	char from[SETTING_TEXT_MAX], to[SETTING_TEXT_MAX];
	struct cgroup *c = item->cgroup ? cgroup_table_find(&m->cgroups, item->cgroup) : NULL;
	_cleanup_free_ char *text = plan_item_format(item);
	struct log_fields fields = {
		.message_id = error < 0 ? MESSAGE_FAILED : MESSAGE_CHANGED,
		.cgroup = item->cgroup,
		.policy = item->policy,
		.old_value = setting_format(item->setting, item->from, from),
		.new_value = setting_format(item->setting, item->to, to),
	};
	enum outcome outcome = error < 0 ? OUTCOME_FAILED : OUTCOME_OK;
	const char *what = text ?: setting_name(item->setting);
	unsigned int others = m->restore_retries, *failures = &others;
	unsigned int unsaid = 0, *said = &unsaid;

	sd_event_source_set_enabled(m->settled, SD_EVENT_ONESHOT);
	if (item->cgroup && cgroupfs_is_gone(error)) {
		log_debug("%s is gone", item->cgroup);
		return;
	}
	if (!item->cgroup) {
		failures = &m->kernel[item->setting].failures;
		said = &m->kernel[item->setting].said;
	} else if (c) {
		failures = &c->failures[item->setting - SETTING_CGROUP_FIRST];
		said = &c->said;
	}
	*failures = error < 0 ? *failures + 1 : 0;
	if (error >= 0) {
		log_full(LOG_INFO, &fields, "%s", what);
		m->reload.report.changes += m->reload.active;
	} else if (is_to_be_said(m, *failures == 1, said, 1U << item->setting)) {
		manager_say(m, REPORT_ERROR, &fields, "%s: failed: %s", what, why);
	} else {
		log_debug("%s: failed again: %s", what, why);
	}
	if (error >= 0)
		survey_written(&m->state, item);

	if (!item->cgroup)
		kernel_set_outcome(m, item->setting, outcome, why);
	else if (c && (error < 0 || c->outcome == OUTCOME_NONE))
		cgroup_set_outcome(c, outcome, why);
	if (error < 0) {
		m->restores_failed |= item->action == ACTION_RESTORE;
		retry_later(m, *failures);
	}
}

static void fail_items(struct manager *m, struct plan *plan, int error)
{
	/* It is the record that is gone, and not the cgroup. */
	if (cgroupfs_is_gone(error))
		error = -EIO;
	for (size_t i = 0; i < plan->n; i++)
		manager_on_result(m, &plan->items[i], error,
				  "the original value could not be saved");
}
