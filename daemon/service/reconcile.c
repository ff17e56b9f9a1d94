// SPDX-License-Identifier: GPL-2.0
#include "service/reconcile.h"

#include <errno.h>
#include <string.h>

#include "policy/decide.h"
#include "policy/policy.h"
#include "service/keep.h"
#include "system/cgroupfs.h"
#include "system/clock.h"
#include "system/look.h"

#define RETRY_MAX_USEC (60 * USEC_PER_SEC)

/* One look at everything, or at what is to be looked at. */
struct pass {
	struct manager *m;
	struct host_facts host;
	struct above_facts above; /* the cgroup looked at last */
	struct plan plan;
	/* Cgroups that their policies have no effect on, by the reason, as far as there is room. */
	struct same {
		char *reason;
		const char *phrase;
		const struct cgroup *first;
		size_t n;
	} same[8];
};

static bool drift_is_let_be(struct manager *m, const char *what, struct standing *s,
			    const struct log_fields *fields)
{
	bool warn = m->config->on_drift == ON_DRIFT_WARN;

	if (!warn && standing_allows_drift(s, clock_usec(CLOCK_MONOTONIC))) {
		manager_say(m, REPORT_WARNING, fields,
			    "%s was changed from %s to %s by somebody else; setting it again", what,
			    fields->new_value, fields->old_value);
		return false;
	}
	if (s->outcome != OUTCOME_DRIFTED)
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
			   struct standing *s, const struct log_fields *about)
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
		if (drift_is_let_be(m, what, s, &fields)) {
			plan_clear(plan);
			return true;
		}
	}
	return false;
}

/*
 * What was left alone once stays so until the next reload, and what somebody else has just changed
 * may be let be. Then drop the plan.
 */
static void let_be(struct manager *m, struct decision *d, const char *what, bool drifted,
		   struct standing *s, const struct log_fields *about)
{
	if (s->outcome == OUTCOME_DRIFTED && !m->reload.active && plan_count_writes(&d->plan) > 0)
		plan_clear(&d->plan);
	else if (!drifted || !drop_if_let_be(m, &d->plan, what, s, about))
		return;
	d->outcome = OUTCOME_DRIFTED;
}

static unsigned int bits_of_writes(const struct plan *plan)
{
	unsigned int bits = 0;

	for (size_t i = 0; i < plan->n; i++)
		if (plan_item_writes(&plan->items[i]))
			bits |= 1U << plan->items[i].setting;
	return bits;
}

static int reconcile_kernel(struct pass *pass, enum setting s)
{
	struct manager *m = pass->m;
	struct standing *k = &m->kernel[s].standing;
	bool drifted = k->drifted, managed = m->config->kernel[s].managed;
	struct decision d;
	int r;

	k->drifted = m->kernel[s].retry = false;
	r = decide_kernel(m->config, &m->state, &pass->host, s, &d);
	if (r < 0)
		return r;
	if (d.outcome == OUTCOME_MISSING &&
	    manager_has_to_say(m, k->outcome != OUTCOME_MISSING, k, SAID_DECISION))
		manager_say(m, REPORT_WARNING,
			    &(struct log_fields){ .message_id = MESSAGE_DEGRADED },
			    "%s has no effect: %s", setting_name(s), d.reason);
	let_be(m, &d, setting_name(s), drifted, k, &(struct log_fields){});
	standing_decide(k, managed ? d.outcome : OUTCOME_NONE, d.reason, bits_of_writes(&d.plan));
	r = plan_move(&pass->plan, &d.plan);
	decision_clear(&d);
	return r;
}

static void say_of_cgroup(struct manager *m, enum outcome outcome, const struct cgroup *c,
			  const char *phrase, const char *reason)
{
	const struct log_fields fields = {
		.message_id = outcome == OUTCOME_OVERRIDDEN ? MESSAGE_OVERRIDDEN : MESSAGE_DEGRADED,
		.cgroup = c->path,
		.policy = c->policy->name,
	};

	manager_say(m, outcome == OUTCOME_FAILED ? REPORT_ERROR : REPORT_WARNING, &fields,
		    "%s: [policy %s] %s: %s", c->path, c->policy->name, phrase, reason);
}

/* Say it of all cgroups together: it may be the same of thousands. */
static void add_same(struct pass *pass, const struct cgroup *c, const char *phrase,
		     const char *reason)
{
	for (size_t i = 0; i < ARRAY_SIZE(pass->same); i++) {
		struct same *s = &pass->same[i];

		if (!s->reason)
			*s = (struct same){ strdup(reason), phrase, c, 0 };
		if (!s->reason || strcmp(s->reason, reason) != 0)
			continue;
		s->n++;
		/* Its own line is for who looks for details. */
		log_debug("%s: [policy %s] %s: %s", c->path, c->policy->name, phrase, reason);
		return;
	}
	say_of_cgroup(pass->m, OUTCOME_MISSING, c, phrase, reason);
}

static void say_same(struct pass *pass)
{
	for (size_t i = 0; i < ARRAY_SIZE(pass->same) && pass->same[i].reason; i++) {
		const struct same *s = &pass->same[i];

		if (s->n == 1)
			say_of_cgroup(pass->m, OUTCOME_MISSING, s->first, s->phrase, s->reason);
		else
			manager_say(pass->m, REPORT_WARNING,
				    &(struct log_fields){ .message_id = MESSAGE_DEGRADED,
							  .cgroup = s->first->path,
							  .policy = s->first->policy->name },
				    "%s and %zu more: their policies have no effect: %s",
				    s->first->path, s->n - 1, s->reason);
		free(s->reason);
	}
}

static int decide(struct pass *pass, const struct cgroup *c, struct decision *ret)
{
	struct manager *m = pass->m;
	struct cgroup_facts facts;
	int r = look_above(m->root_fd, c->path, &pass->above);

	if (r >= 0)
		r = look_cgroup(m->root_fd, m->pid1, &m->state, c->policy, c->path, &facts);
	if (r < 0)
		return r;
	r = decide_cgroup(m->config, &m->state, c->policy, &pass->host, &pass->above, &facts, ret);
	cgroup_facts_clear(&facts);
	return r;
}

static int reconcile_cgroup(struct pass *pass, struct cgroup *c)
{
	struct manager *m = pass->m;
	struct log_fields fields = { .cgroup = c->path };
	struct standing *s = &c->standing;
	bool drifted = s->drifted;
	struct decision d;
	int r;

	manager_make_progress(m);
	c->dirty = s->drifted = false;
	if (!c->policy || c->policy->mode == MODE_KEEP)
		return 0;
	if (applier_busy_with(m->applier, c->path)) {
		m->busy_skipped = true;
		return 0;
	}
	r = decide(pass, c, &d);
	if (r < 0)
		return r;
	fields.policy = c->policy->name;
	if (d.reason && manager_has_to_say(m, s->outcome != d.outcome, s, SAID_DECISION)) {
		if (d.outcome == OUTCOME_MISSING)
			add_same(pass, c, outcome_phrase(d.outcome), d.reason);
		else
			say_of_cgroup(m, d.outcome, c, outcome_phrase(d.outcome), d.reason);
	}
	if (d.hindrance && manager_has_to_say(m, s->outcome == OUTCOME_NONE, s, SAID_HINDRANCE))
		add_same(pass, c, outcome_phrase(OUTCOME_MISSING), d.hindrance);
	let_be(m, &d, c->path, drifted, s, &fields);
	if (d.outcome == OUTCOME_FAILED)
		manager_retry_later(m, s->outcome != OUTCOME_FAILED);
	standing_decide(s, d.outcome, d.reason, bits_of_writes(&d.plan));
	r = plan_move(&pass->plan, &d.plan);
	decision_clear(&d);
	return r;
}

/* Whether a record is in use, or cannot be looked at now. */
static bool is_in_use(struct manager *m, const struct record *record)
{
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

/* Give back what no policy wants any more. */
static int reconcile_records(struct pass *pass)
{
	struct manager *m = pass->m;
	int r = 0;

	/* Those below a cgroup before it. */
	for (size_t i = m->state.records.n; r >= 0 && i-- > 0;) {
		const struct record *record = m->state.records.v[i];
		const struct cgroup *c;
		struct plan decided = {};

		if (!record->cgroup || is_in_use(m, record))
			continue;
		/* With a policy, what it gives back was decided with all else of it. */
		c = cgroup_table_find(&m->cgroups, record->cgroup);
		r = look_and_give_back(
			m->root_fd, m->pid1, &m->state, record,
			c && c->policy && c->policy->mode != MODE_KEEP ? &decided : &pass->plan);
		plan_clear(&decided);
		if (r > 0)
			manager_say(m, REPORT_WARNING,
				    &(struct log_fields){ .message_id = MESSAGE_LEFT,
							  .cgroup = record->cgroup },
				    "%s: %s was changed by somebody else and is not given back",
				    record->cgroup, setting_name(record->setting));
	}
	plan_keep_a_way_out(&pass->plan);
	return r;
}

void manager_reconcile(struct manager *m, bool all)
{
	struct pass pass = { .m = m };
	bool kernel = all;
	int r;

	for (int s = 0; s < N_KERNEL_SETTINGS; s++)
		kernel |= m->kernel[s].standing.drifted || m->kernel[s].retry;
	if (!kernel && !m->any_dirty)
		return;
	m->any_dirty = false;
	r = look_host(m->root_fd, m->pid1, &pass.host);
	for (int s = 0; s < N_KERNEL_SETTINGS && r >= 0; s++)
		if (all || m->kernel[s].standing.drifted || m->kernel[s].retry)
			r = reconcile_kernel(&pass, s);
	for (size_t i = 0; i < cgroup_table_size(&m->cgroups) && r >= 0; i++) {
		struct cgroup *c = cgroup_table_at(&m->cgroups, i);

		if (all || c->dirty)
			r = reconcile_cgroup(&pass, c);
	}
	say_same(&pass);
	if (all && r >= 0)
		r = reconcile_records(&pass);
	if (r < 0)
		manager_say(m, REPORT_ERROR, NULL, "Cannot work out what to do: %s", strerror(-r));
	manager_carry_out(m, &pass.plan);
	above_facts_clear(&pass.above);
	host_facts_clear(&pass.host);
}

int manager_on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct manager *m = userdata;
	bool all = m->restores_failed;

	m->restore_retries = m->restores_failed ? m->restore_retries + 1 : 0;
	m->restores_failed = false;
	m->retry_usec = m->retry_usec * 2 > RETRY_MAX_USEC ? RETRY_MAX_USEC : m->retry_usec * 2;
	for (int s = 0; s < N_KERNEL_SETTINGS; s++)
		m->kernel[s].retry = m->kernel[s].standing.outcome == OUTCOME_FAILED;
	for (size_t i = 0; i < cgroup_table_size(&m->cgroups); i++) {
		struct cgroup *c = cgroup_table_at(&m->cgroups, i);

		/* PID 1 may still be at the last try. */
		if (c->standing.outcome == OUTCOME_FAILED && !c->standing.writing)
			manager_mark(m, c);
	}
	manager_reconcile(m, all);
	return 0;
}
