// SPDX-License-Identifier: GPL-2.0
#include "policy/decide.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/effect.h"
#include "policy/policy.h"
#include "policy/text.h"
#include "policy/unit.h"

void decision_clear(struct decision *d)
{
	free(d->reason);
	free(d->hindrance);
	plan_clear(&d->plan);
	*d = (struct decision){};
}

static _printf_(3, 4) int conclude(struct decision *d, enum outcome outcome, const char *fmt, ...)
{
	va_list ap;

	free(d->reason);
	va_start(ap, fmt);
	/* It may name a cgroup, and goes onto the bus. */
	d->reason = text_escaped_vformat(fmt, ap);
	va_end(ap);
	d->outcome = outcome;
	return d->reason ? 0 : -ENOMEM;
}

/* Hand a decision over, unless it failed. */
static int finish(int r, struct decision *d, struct decision *ret)
{
	if (r < 0)
		return r;
	plan_keep_a_way_out(&d->plan);
	*ret = *d;
	*d = (struct decision){};
	return 0;
}

/* The file is not there, for want of the cgroup, the controller or the feature. */
static bool is_missing(int error)
{
	return error == -ENOENT || error == -ENODEV;
}

/* What one setting of something rests on. */
struct basis {
	enum setting setting;
	const char *cgroup; /* NULL: the kernel */
	const char *policy; /* NULL: none */
	uint64_t id;
	const struct setting_facts *facts;
	const struct record *record; /* NULL: the daemon has not touched it */
	bool wanted;
	uint64_t want;
	bool kept_by_us;
	bool overridden; /* PID 1 keeps a value that is not ours */
};

static struct basis get_basis(const struct state *state, const struct cgroup_facts *f,
			      const struct policy *policy, enum setting s)
{
	struct basis b = {
		.setting = s,
		.cgroup = f->cgroup,
		.policy = policy ? policy->name : NULL,
		.id = f->id,
		.facts = &f->of[s - SETTING_CGROUP_FIRST],
		.record = state_find(state, f->cgroup, s),
	};

	b.wanted = policy_wants(policy, s, &b.want);
	if (b.facts->kept) {
		/* PID 1 keeps every byte, and the kernel whole pages. */
		uint64_t kept = setting_round(s, b.facts->kept_value);

		/* What the daemon sets is never kept beyond a boot, so never in /etc. */
		b.kept_by_us = strncmp(b.facts->kept_path, "/etc/", 5) != 0 && b.record &&
			       record_is_ours(b.record, kept);
		b.overridden = !b.kept_by_us;
	}
	/* A new cgroup of the same name starts afresh, unless PID 1 gave it our value. */
	if (b.record && b.record->id != b.id && !b.kept_by_us)
		b.record = NULL;
	return b;
}

static bool is_known(const struct basis *b)
{
	return b->facts->error >= 0;
}

/*
 * May PID 1 have yet to do what it was told last, which is another value? Only what it
 * is told after that is sure to last.
 */
static bool is_pending(const struct record *record, uint64_t value)
{
	return record->as_property && record->previous != record->current &&
	       record->current != value;
}

static enum action decide_action(const struct basis *b)
{
	const struct record *record = b->record;
	uint64_t live = b->facts->live, kept = setting_round(b->setting, b->facts->kept_value);

	if (b->wanted) {
		if (!is_known(b))
			return ACTION_NONE;
		if (live == setting_round(b->setting, b->want) &&
		    !(record && !b->overridden && is_pending(record, live)))
			return ACTION_NONE;
		return b->overridden ? ACTION_OVERRIDDEN : ACTION_SET;
	}
	if (!record)
		return ACTION_NONE;
	if (b->overridden)
		return ACTION_LEAVE;
	if (is_known(b) && live != record->original && !record_is_ours(record, live))
		return ACTION_LEAVE;
	/* PID 1 would write its value when the unit starts, if it is not about to write it now. */
	if (b->kept_by_us && kept != record->original)
		return ACTION_RESTORE;
	if (is_known(b) && live != record->original)
		return ACTION_RESTORE;
	if (is_pending(record, record->original))
		return ACTION_RESTORE;
	/* As long as PID 1 keeps a value of ours, the record tells it from an administrator's. */
	return b->kept_by_us ? ACTION_NONE : ACTION_FORGET;
}

/* Decide about one setting, and put what is to be done into a plan. The action, or -ENOMEM. */
static int add_action(const struct state *state, const struct basis *b, struct plan *plan)
{
	enum action action = decide_action(b);
	const struct record *any = state_find(state, b->cgroup, b->setting);
	struct plan_item item = {
		.action = action,
		.setting = b->setting,
		.cgroup = b->cgroup,
		.policy = action == ACTION_SET ? b->policy : NULL,
		.as_property = b->facts->as_property,
		.from = is_known(b) ? b->facts->live
			: b->record ? b->record->current
				    : 0,
		.id = b->id,
		.original = b->record ? b->record->original : b->facts->live,
		.anew = !b->record,
	};

	switch (action) {
	case ACTION_SET:
		item.to = b->want;
		break;
	case ACTION_RESTORE:
		item.to = b->record->original;
		break;
	case ACTION_LEAVE:
		if (b->kept_by_us && is_known(b) && b->facts->as_property) {
			/* PID 1 would write our value again: have it keep the other one. */
			item.action = ACTION_RESTORE;
			item.original = item.to = b->facts->live;
		}
		break;
	case ACTION_NONE:
		if (any && !b->record)
			item.action = ACTION_FORGET;
		else if (b->record && b->id && b->record->id != b->id)
			item.action = ACTION_ADOPT;
		break;
	default:
		break;
	}
	if (item.action != ACTION_NONE && item.action != ACTION_OVERRIDDEN &&
	    plan_add(plan, &item) < 0)
		return -ENOMEM;
	return action;
}

unsigned int decide_needs(const struct state *state, const struct policy *policy,
			  const char *cgroup)
{
	unsigned int bits = 0;
	uint64_t want;

	for (int s = SETTING_CGROUP_FIRST; s < N_SETTINGS; s++)
		if (policy_wants(policy, s, &want) || state_find(state, cgroup, s))
			bits |= 1U << s;
	return bits;
}

/* Find what keeps a policy from being set at all. */
static int find_block(const struct config *config, const struct policy *policy,
		      const struct host_facts *host, const struct above_facts *above,
		      const struct cgroup_facts *f, struct decision *d)
{
	_cleanup_free_ char *cgroup = NULL, *how = NULL;
	const struct policy *blocker = NULL;
	const char *unit;
	int r = policy_find_blocker(config, f->cgroup, policy, &blocker, &cgroup);

	if (r < 0)
		return r;
	if (blocker) {
		how = policy_blocks_how(blocker, cgroup);
		return how ? conclude(d, OUTCOME_BLOCKED, "it %s", how) : -ENOMEM;
	}
	/* Neither zswap nor writeback: the cgroup could not swap at all. */
	if (policy->mode != MODE_PMD || !above->no_writeback)
		return 0;
	unit = strcmp(above->no_writeback, "/") == 0 ? NULL : unit_of_cgroup(above->no_writeback);
	if (!unit)
		return conclude(d, OUTCOME_BLOCKED,
				"memory.zswap.writeback is 0 in %s, so nothing below it could swap "
				"at all; set it to 1",
				above->no_writeback);
	return conclude(d, OUTCOME_BLOCKED,
			"memory.zswap.writeback is 0 in %s%s, so nothing below it could swap at "
			"all; \"systemctl set-property %s MemoryZSwapWriteback=yes\" sets it to 1 "
			"for good",
			above->no_writeback,
			host->default_no_writeback
				? " (DefaultMemoryZSwapWriteback=no of the system manager)"
				: "",
			unit);
}

/* Take one setting into a decision. 1 if the file is missing, 0, or a negative errno. */
static int add_setting(const struct state *state, const struct policy *policy,
		       const struct cgroup_facts *f, enum setting s, struct decision *d)
{
	const struct basis b = get_basis(state, f, policy, s);
	char live[SETTING_TEXT_MAX];
	int action = add_action(state, &b, &d->plan);

	if (action < 0)
		return action;
	if (!b.wanted)
		return 0;
	if (is_missing(b.facts->error))
		/* Kernels before 6.8 know no writeback file, and act as if it said 1. */
		return s != SETTING_CGROUP_ZSWAP_WRITEBACK || b.want == 0;
	if (b.facts->error < 0)
		return conclude(d, OUTCOME_FAILED, "%s: %s", setting_name(s),
				strerror(-b.facts->error));
	if (action == ACTION_OVERRIDDEN)
		return conclude(d, OUTCOME_OVERRIDDEN,
				"%s = %s was set with \"systemctl set-property\" and is left "
				"alone; to give it back remove %s, then run \"systemctl "
				"daemon-reload\"",
				setting_name(s), setting_format(s, b.facts->live, live),
				b.facts->kept_path);
	if (action == ACTION_SET && d->outcome == OUTCOME_OK)
		d->outcome = OUTCOME_NONE;
	return 0;
}

/* Why a cgroup lacks the file of a setting. */
static const char *why_missing(const struct cgroup_facts *f, enum setting missing)
{
	if (missing == SETTING_CGROUP_ZSWAP_WRITEBACK)
		return "this kernel has no memory.zswap.writeback; Linux 6.8 has";
	if (f->has_memory)
		return missing == SETTING_CGROUP_SWAP_MAX ? "this kernel has no swap (CONFIG_SWAP)"
							  : "this kernel has no zswap";
	return "the memory controller is not enabled; MemoryAccounting=yes enables it for a unit, "
	       "and +memory in cgroup.subtree_control for what is below a cgroup";
}

int decide_cgroup(const struct config *config, const struct state *state,
		  const struct policy *policy, const struct host_facts *host,
		  const struct above_facts *above, const struct cgroup_facts *f,
		  struct decision *ret)
{
	_cleanup_(decision_clear) struct decision d = { .outcome = OUTCOME_OK };
	static const enum setting order[] = {
		/* Without its own writeback the cgroup must keep zswap. */
		SETTING_CGROUP_ZSWAP_WRITEBACK,
		SETTING_CGROUP_ZSWAP_MAX,
		SETTING_CGROUP_SWAP_MAX,
	};
	enum setting missing = N_SETTINGS;
	struct cgroup_facts then = *f;
	int r = 0;

	*ret = (struct decision){ .outcome = OUTCOME_OK };
	if (policy->mode == MODE_KEEP)
		return 0;
	r = find_block(config, policy, host, above, f, &d);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(order); i++) {
		uint64_t want;
		/* What is not wanted any more is given back in any case. */
		bool wanted = policy_wants(policy, order[i], &want);
		bool overridden = policy->mode == MODE_PMD && d.outcome == OUTCOME_OVERRIDDEN;

		/* The root cgroup has no limits. */
		if (!(f->looked & 1U << order[i]) ||
		    (order[i] != SETTING_CGROUP_ZSWAP_WRITEBACK && strcmp(f->cgroup, "/") == 0) ||
		    (wanted && (d.outcome == OUTCOME_BLOCKED || overridden)))
			continue;
		r = add_setting(state, policy, f, order[i], &d);
		if (r > 0)
			missing = order[i];
	}
	for (size_t i = 0; i < d.plan.n; i++) {
		if (d.plan.items[i].setting == SETTING_CGROUP_SWAP_MAX &&
		    plan_item_writes(&d.plan.items[i])) {
			then.has_swap_max = true;
			then.swap_max = d.plan.items[i].to;
		}
	}
	/* A cgroup that is gone lacks nothing. */
	if (r >= 0 && missing != N_SETTINGS &&
	    (d.outcome == OUTCOME_OK || d.outcome == OUTCOME_NONE) && f->id)
		r = conclude(&d, OUTCOME_MISSING, "%s", why_missing(f, missing));
	if (r >= 0 && (d.outcome == OUTCOME_OK || d.outcome == OUTCOME_NONE) && f->id)
		r = effect_hindrance(policy, host, above, &then, false, &d.hindrance);
	return finish(r, &d, ret);
}

int decide_stopped_unit(const struct config *config, const struct state *state,
			const struct policy *policy, const struct cgroup_facts *f,
			struct decision *ret)
{
	_cleanup_(decision_clear) struct decision d = { .outcome = OUTCOME_OK };
	_cleanup_free_ char *above = NULL;
	const struct policy *blocker;
	int r = policy_find_blocker(config, f->cgroup, policy, &blocker, &above);

	*ret = (struct decision){ .outcome = OUTCOME_OK };
	/* What nothing wants any more is given back by its record. */
	for (int s = SETTING_CGROUP_FIRST; r >= 0 && !blocker && s < N_SETTINGS; s++) {
		uint64_t want;

		if (f->looked & 1U << s && policy_wants(policy, s, &want))
			r = add_setting(state, policy, f, s, &d);
	}
	return finish(r, &d, ret);
}

static int say_not_offered(const struct kernel_facts *k, enum setting s, uint64_t want,
			   struct decision *d)
{
	const char *const *words = setting_words(s);
	char offered[80] = "", text[SETTING_TEXT_MAX];

	for (int i = 0; words[i]; i++)
		if (k->words & 1U << i)
			snprintf(offered + strlen(offered), sizeof(offered) - strlen(offered),
				 "%s%s", *offered ? ", " : "", words[i]);
	return conclude(d, OUTCOME_MISSING,
			"this kernel's %s has no %s; say one of these in [kernel]: %s",
			setting_name(s), setting_format(s, want, text), offered);
}

int decide_kernel(const struct config *config, const struct state *state,
		  const struct host_facts *host, enum setting s, struct decision *ret)
{
	_cleanup_(decision_clear) struct decision d = { .outcome = OUTCOME_OK };
	const struct kernel_facts *k = &host->kernel[s];
	const struct setting_facts facts = { .error = k->error, .live = k->live };
	struct basis b = {
		.setting = s,
		.policy = "kernel",
		.facts = &facts,
		.record = state_find(state, NULL, s),
		.wanted = config->kernel[s].managed,
		.want = config->kernel[s].value,
	};
	int r = 0;

	*ret = (struct decision){ .outcome = OUTCOME_OK };
	if (b.wanted && k->error < 0) {
		r = conclude(&d, OUTCOME_MISSING, "/%s: %s", setting_path(s),
			     !is_missing(k->error)   ? strerror(-k->error)
			     : s == SETTING_SWAP_PMD ? "this kernel cannot swap THPs as one piece"
						     : "this kernel has no zswap");
	} else if (b.wanted && k->words && !(k->words & 1U << b.want)) {
		/* What was set before stays. */
		r = say_not_offered(k, s, b.want, &d);
		b.wanted = false;
		b.record = NULL;
	}
	if (r >= 0 && (b.wanted || b.record))
		r = add_action(state, &b, &d.plan);
	if (r == ACTION_LEAVE)
		d.outcome = OUTCOME_DRIFTED;
	else if (r >= 0 && d.outcome == OUTCOME_OK && plan_count_writes(&d.plan) > 0)
		d.outcome = OUTCOME_NONE;
	return finish(r, &d, ret);
}

int decide_unwanted(const struct state *state, const struct cgroup_facts *f, enum setting s,
		    struct plan *plan)
{
	const struct basis b = get_basis(state, f, NULL, s);
	int action = add_action(state, &b, plan);

	return action < 0 ? action : action == ACTION_LEAVE;
}
