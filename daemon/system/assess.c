// SPDX-License-Identifier: GPL-2.0
#include "system/assess.h"

#include <errno.h>
#include <string.h>

#include "policy/policy.h"
#include "policy/text.h"
#include "policy/unit.h"
#include "system/cgroupfs.h"
#include "system/clock.h"
#include "system/fs.h"

/*
 * How long units that do not run may be looked at in one go. PID 1 may be slow, and who waits for
 * it does nothing else.
 */
#define STOPPED_UNITS_USEC (5 * USEC_PER_SEC)

void assessment_clear(struct assessment *a)
{
	free(a->reason);
	plan_clear(&a->plan);
	*a = (struct assessment){};
}

const char *outcome_phrase(enum outcome o)
{
	switch (o) {
	case OUTCOME_BLOCKED:
		return "cannot come true";
	case OUTCOME_MISSING:
		return "has no effect";
	case OUTCOME_OVERRIDDEN:
		return "is overridden";
	default:
		return outcome_name(o);
	}
}

static int conclude(struct assessment *a, enum outcome outcome, const char *fmt, ...)
	_printf_(3, 4);

static int conclude(struct assessment *a, enum outcome outcome, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (r < 0)
		text = NULL;
	free(a->reason);
	/* It may name a cgroup, and goes onto the bus. */
	a->reason = text ? text_escaped(text) : NULL;
	a->outcome = outcome;
	return a->reason ? 0 : -ENOMEM;
}

/* Bring what is known of the cgroups above one up to date. 0 or -ENOMEM. */
static int look_above(const struct survey *s, const char *cgroup)
{
	_cleanup_free_ char *path = strdup(cgroup);
	struct above *above = s->above;
	char *slash;

	if (!path)
		return -ENOMEM;
	slash = strrchr(path, '/');
	*slash = '\0';
	if (above->parent && strcmp(above->parent, path) == 0)
		return 0;
	above_clear(above);
	/* Above the root cgroup there is none. */
	if (strcmp(cgroup, "/") == 0)
		return 0;
	above->parent = strdup(path);
	if (!above->parent)
		return -ENOMEM;
	for (; slash; slash = strrchr(path, '/')) {
		uint64_t writeback = 1;
		const char *name;

		*slash = '\0';
		name = *path ? path : "/";
		cgroupfs_read(s->root_fd, name, SETTING_CGROUP_ZSWAP_WRITEBACK, &writeback);
		if (!writeback) {
			above->no_writeback = strdup(name);
			return above->no_writeback ? 0 : -ENOMEM;
		}
	}
	return 0;
}

/* Find what keeps a policy from coming true. */
static int find_block(const struct survey *s, const struct config *config, const char *cgroup,
		      const struct policy *policy, struct assessment *a)
{
	_cleanup_free_ char *above = NULL, *how = NULL;
	const struct policy *blocker = NULL;
	int r;

	r = policy_find_blocker(config, cgroup, policy, &blocker, &above);
	if (r < 0)
		return r;
	if (blocker) {
		how = policy_blocks_how(blocker, above);
		return how ? conclude(a, OUTCOME_BLOCKED, "it %s", how) : -ENOMEM;
	}
	if (policy->mode != MODE_PMD)
		return 0;
	/* Neither zswap nor writeback: the cgroup could not swap at all. */
	r = look_above(s, cgroup);
	if (r < 0 || !s->above->no_writeback)
		return r;
	return conclude(a, OUTCOME_BLOCKED,
			"memory.zswap.writeback is 0 in %s, so nothing below it could swap at all; "
			"set it to 1",
			s->above->no_writeback);
}

/* Take one setting into the assessment. 1 if the file is missing, 0, or a negative errno. */
static int add_finding(const struct survey *s, const char *cgroup, uint64_t id,
		       const struct policy *policy, enum setting setting, struct assessment *a)
{
	char live[SETTING_TEXT_MAX];
	struct finding f;
	uint64_t want;
	int r = survey_cgroup(s, cgroup, id, policy, setting, &f);

	if (r < 0)
		return r;
	policy_wants(policy, setting, &want);
	if (cgroupfs_is_gone(f.error)) {
		/* Kernels before 6.8 know no writeback file, and act as if it said 1. */
		r = setting == SETTING_CGROUP_ZSWAP_MAX || want == 0;
	} else if (f.error < 0) {
		r = conclude(a, OUTCOME_FAILED, "%s: %s", setting_name(setting),
			     strerror(-f.error));
	} else if (f.action == ACTION_OVERRIDDEN) {
		r = conclude(a, OUTCOME_OVERRIDDEN,
			     "%s = %s was set with \"systemctl set-property\" and is left alone; "
			     "to give it back remove %s, then run \"systemctl daemon-reload\"",
			     setting_name(setting), setting_format(setting, f.live, live),
			     f.overrider);
	} else if (f.action == ACTION_SET && a->outcome == OUTCOME_OK) {
		a->outcome = OUTCOME_NONE;
	}
	finding_clear(&f);
	return r;
}

/* Why a cgroup lacks the file of a setting. */
static const char *why_missing(int root_fd, const char *cgroup, enum setting missing)
{
	_cleanup_free_ char *path = cgroupfs_path(cgroup, "memory.current");

	if (missing == SETTING_CGROUP_ZSWAP_WRITEBACK)
		return "this kernel has no memory.zswap.writeback; Linux 6.8 has";
	/* The root cgroup has no memory.current, and a memory controller in any case. */
	if (strcmp(cgroup, "/") == 0 || (path && fs_exists(root_fd, path)))
		return "this kernel has no zswap";
	return "the memory controller is not enabled; MemoryAccounting=yes enables it for a unit, "
	       "and +memory in cgroup.subtree_control for what is below a cgroup";
}

int assess_cgroup(const struct survey *s, const struct config *config, const char *cgroup,
		  const struct policy *policy, struct assessment *ret)
{
	struct assessment a = { .outcome = OUTCOME_OK };
	const struct survey mine = { s->root_fd, s->pid1, s->state, &a.plan };
	static const enum setting order[] = {
		/* Without its own writeback the cgroup must keep zswap. */
		SETTING_CGROUP_ZSWAP_WRITEBACK,
		SETTING_CGROUP_ZSWAP_MAX,
	};
	enum setting missing = N_SETTINGS;
	uint64_t id = 0;
	int r;

	*ret = (struct assessment){ .outcome = OUTCOME_OK };
	if (policy->mode == MODE_KEEP)
		return 0;
	cgroupfs_id(s->root_fd, cgroup, &id);
	r = find_block(s, config, cgroup, policy, &a);
	for (size_t i = 0; r >= 0 && a.outcome != OUTCOME_BLOCKED && i < ARRAY_SIZE(order); i++) {
		/* The root cgroup has no limit. */
		if (order[i] == SETTING_CGROUP_ZSWAP_MAX && strcmp(cgroup, "/") == 0)
			continue;
		r = add_finding(&mine, cgroup, id, policy, order[i], &a);
		if (r > 0)
			missing = order[i];
		if (policy->mode == MODE_PMD && order[i] == SETTING_CGROUP_ZSWAP_WRITEBACK &&
		    a.outcome == OUTCOME_OVERRIDDEN)
			break;
	}
	/* A cgroup that is gone lacks nothing. */
	if (r >= 0 && missing != N_SETTINGS &&
	    (a.outcome == OUTCOME_OK || a.outcome == OUTCOME_NONE) &&
	    cgroupfs_id(s->root_fd, cgroup, &id) >= 0)
		r = conclude(&a, OUTCOME_MISSING, "%s", why_missing(s->root_fd, cgroup, missing));
	if (r < 0) {
		assessment_clear(&a);
		return r;
	}
	plan_keep_a_way_out(&a.plan);
	*ret = a;
	return 0;
}

int assess_kernel(const struct survey *s, const struct config *config, enum setting setting,
		  struct assessment *ret)
{
	struct assessment a = { .outcome = OUTCOME_OK };
	const struct survey mine = { s->root_fd, s->pid1, s->state, &a.plan };
	struct finding f;
	int r = survey_kernel(&mine, config, setting, &f);

	if (r >= 0 && f.error < 0 && config->kernel[setting].managed)
		r = conclude(&a, OUTCOME_MISSING, "/%s: %s", setting_path(setting),
			     !cgroupfs_is_gone(f.error) ? strerror(-f.error)
			     : setting == SETTING_SWAP_PMD
				     ? "this kernel cannot swap THPs as one piece"
				     : "this kernel has no zswap");
	else if (a.plan.n > 0)
		a.outcome = OUTCOME_NONE;
	if (r < 0) {
		assessment_clear(&a);
		return r;
	}
	finding_clear(&f);
	*ret = a;
	return 0;
}

/* Whether a policy before this one names the unit exactly, too: it was looked at then. */
static bool is_named_before(const struct config *config, size_t policy, const char *unit)
{
	for (size_t i = 0; i < policy; i++) {
		const struct policy *p = config->policies[i];

		for (size_t k = 0; p->mode != MODE_KEEP && k < p->n_matches; k++)
			if (p->matches[k].type == MATCH_UNIT &&
			    strcmp(p->matches[k].glob, unit) == 0)
				return true;
	}
	return false;
}

static int assess_stopped_unit(const struct survey *s, const struct config *config,
			       const struct match *match, struct report *report)
{
	_cleanup_(pid1_unit_clear) struct pid1_unit found = {};
	_cleanup_free_ char *above = cgroup_below("/system.slice", match->glob);
	const struct policy *policy, *blocker;
	uint64_t id;
	int r;

	/* Most units that run are here, and PID 1 need not be asked. */
	if (!above)
		return -ENOMEM;
	if (cgroupfs_id(s->root_fd, above, &id) >= 0)
		return 0;
	r = pid1_read_unit(s->pid1, match->glob, &found);
	if (r <= 0)
		return r;
	if (strcmp(found.id, match->glob) != 0) {
		/* To set its properties would be to set those of a unit that has no policy. */
		report_add(report, REPORT_WARNING, match->origin.file, match->origin.line,
			   "unit = %s is another name of %s, and matches no cgroup; say unit = %s",
			   match->glob, found.id, found.id);
		return 0;
	}
	policy = policy_resolve(config, found.cgroup, NULL);
	/* One that runs is assessed by its cgroup. */
	if (!policy || cgroupfs_id(s->root_fd, found.cgroup, &id) >= 0)
		return 0;
	free(TAKE_PTR(above));
	r = policy_find_blocker(config, found.cgroup, policy, &blocker, &above);
	if (r < 0 || blocker)
		return r;
	for (int i = 0; i < N_CGROUP_SETTINGS; i++) {
		if (!found.knows[i])
			continue;
		r = survey_stopped_unit(s, found.cgroup, policy, SETTING_CGROUP_FIRST + i,
					found.value[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

int assess_stopped_units(const struct survey *s, const struct config *config, struct report *report)
{
	uint64_t end = clock_usec(CLOCK_MONOTONIC) + STOPPED_UNITS_USEC;

	/* One that knows neither property still knows which names are aliases. */
	if (!s->pid1)
		return 0;
	for (size_t i = 0; i < config->n_policies; i++) {
		const struct policy *p = config->policies[i];

		for (size_t k = 0; p->mode != MODE_KEEP && k < p->n_matches; k++) {
			const struct match *m = &p->matches[k];
			int r;

			/* A scope is made by who starts it. */
			if (m->type != MATCH_UNIT || !m->exact || strstr(m->glob, ".scope") ||
			    is_named_before(config, i, m->glob))
				continue;
			if (clock_usec(CLOCK_MONOTONIC) > end)
				return -ETIMEDOUT;
			r = assess_stopped_unit(s, config, m, report);
			if (r == -ETIMEDOUT || r == -ENOTCONN || r == -ENOMEM)
				return r;
		}
	}
	plan_keep_a_way_out(s->plan);
	return 0;
}

struct conflicts {
	const struct config *config;
	struct report *report;
};

static int report_conflict(const struct conflicts *x, const char *path, const struct policy *policy,
			   const struct match *match)
{
	_cleanup_free_ char *above = NULL, *shown = NULL, *shown_above = NULL, *how = NULL;
	const struct policy *blocker;
	int r = policy_find_blocker(x->config, path, policy, &blocker, &above);

	if (r < 0 || !blocker)
		return r;
	/* The name of a cgroup may be any bytes. */
	shown = text_escaped(path);
	shown_above = text_escaped(above);
	how = shown_above ? policy_blocks_how(blocker, shown_above) : NULL;
	if (!shown || !how)
		return -ENOMEM;
	report_add(x->report, REPORT_ERROR, match->origin.file, match->origin.line,
		   "[policy %s] with mode = %s matches %s, which %s", policy->name,
		   mode_name(policy->mode), shown, how);
	return 0;
}

static int visit_for_conflicts(const char *path, void *userdata)
{
	const struct conflicts *x = userdata;
	const struct policy *policy;
	const struct match *match;
	int r;

	policy = policy_resolve(x->config, path, &match);
	r = policy ? report_conflict(x, path, policy, match) : 0;
	return r < 0 ? r : policy_may_match_below(x->config, path);
}

int assess_conflicts(int root_fd, const struct config *config, struct report *report)
{
	struct conflicts x = { config, report };

	return cgroupfs_walk(root_fd, "/", visit_for_conflicts, &x);
}

bool assess_hints(int root_fd, const struct config *config, struct report *report)
{
	bool pmd = false, zswap = false, no_writeback = false, unasked;
	uint64_t live;
	int r;

	for (size_t i = 0; i < config->n_policies; i++) {
		const struct policy *p = config->policies[i];

		pmd |= p->mode == MODE_PMD;
		zswap |= p->mode == MODE_ZSWAP;
		no_writeback |= p->mode == MODE_ZSWAP && !p->zswap_writeback;
	}
	r = cgroupfs_read(root_fd, NULL, SETTING_SWAP_PMD, &live);
	unasked = cgroupfs_is_gone(r) && !config->kernel[SETTING_SWAP_PMD].managed;
	if (pmd && unasked)
		report_add(report, REPORT_WARNING, NULL, 0,
			   "This kernel has no swap_pmd, so THPs are split at swap-out; mode = pmd "
			   "only keeps cgroups out of zswap");
	else if (pmd && r >= 0 && live == SWAP_PMD_NEVER &&
		 (!config->kernel[SETTING_SWAP_PMD].managed ||
		  config->kernel[SETTING_SWAP_PMD].value == SWAP_PMD_NEVER))
		report_add(report, REPORT_WARNING, NULL, 0,
			   "mode = pmd needs swap-pmd = exclusive or always in [kernel]; swap_pmd "
			   "is never, so THPs are split at swap-out");
	r = cgroupfs_read(root_fd, NULL, SETTING_ZSWAP, &live);
	if (zswap && r >= 0 && !live &&
	    (!config->kernel[SETTING_ZSWAP].managed || !config->kernel[SETTING_ZSWAP].value))
		report_add(report, REPORT_WARNING, NULL, 0,
			   "mode = zswap needs zswap = on in [kernel]; zswap is off, so nothing is "
			   "compressed%s",
			   no_writeback ? ", and what has zswap-writeback = no cannot swap at all"
					: "");
	if (config->n_policies > 0 && cgroupfs_check(root_fd) < 0)
		report_add(report, REPORT_WARNING, NULL, 0,
			   "No cgroup v2 at /%s, so policies have no effect; boot with "
			   "systemd.unified_cgroup_hierarchy=1",
			   CGROUPFS_PATH);
	return unasked && !pmd;
}

int assess_kept_out_of_zswap(int root_fd, const char *cgroup, char **ret_reason)
{
	_cleanup_free_ char *owner = NULL, *shown = NULL;
	uint64_t limit;
	int r = cgroupfs_read_effective(root_fd, cgroup, SETTING_CGROUP_ZSWAP_MAX, &limit, &owner);

	if (r < 0 || limit > 0 || strcmp(owner, cgroup) == 0)
		return r == -ENOMEM ? r : 0;
	shown = text_escaped(owner);
	if (!shown ||
	    asprintf(ret_reason, "memory.zswap.max is 0 in %s, so nothing below it goes to zswap",
		     shown) < 0)
		return -ENOMEM;
	return 1;
}
