// SPDX-License-Identifier: GPL-2.0
#include "manager.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "cgroupfs.h"
#include "conf-load.h"
#include "fs.h"
#include "log.h"
#include "manager-bus.h"
#include "policy.h"
#include "survey.h"
#include "unit.h"

#define USEC_PER_SEC 1000000ULL

#define RETRY_MIN_USEC     (1 * USEC_PER_SEC)
#define RETRY_MAX_USEC     (60 * USEC_PER_SEC)
#define RECONNECT_MIN_USEC (1 * USEC_PER_SEC)
#define RECONNECT_MAX_USEC (30 * USEC_PER_SEC)
#define PRUNE_USEC         (30 * USEC_PER_SEC)
#define RESCAN_USEC        (10 * USEC_PER_SEC)
#define REPEAT_USEC        (3 * USEC_PER_SEC)
#define STOP_USEC          (10 * USEC_PER_SEC)

static uint64_t now_usec(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

static bool is_gone(int error)
{
	return error == -ENOENT || error == -ENODEV;
}

/* Arm a timer, unless it is armed already. */
static void arm(struct manager *m, sd_event_source **timer, uint64_t usec,
		sd_event_time_handler_t handler)
{
	int enabled = 0, r;

	if (!*timer) {
		r = sd_event_add_time_relative(m->event, timer, CLOCK_MONOTONIC, usec, 0, handler,
					       m);
	} else {
		r = sd_event_source_get_enabled(*timer, &enabled);
		if (r >= 0 && enabled == SD_EVENT_OFF) {
			r = sd_event_source_set_time_relative(*timer, usec);
			if (r >= 0)
				r = sd_event_source_set_enabled(*timer, SD_EVENT_ONESHOT);
		}
	}
	if (r < 0)
		log_error("Cannot set a timer: %s", strerror(-r));
}

/*
 * systemd before 259 sends SIGHUP and calls "pmdswapctl reload" for one and the same reload; what
 * the first of two quick reloads logged, the second need not log again.
 */
static bool was_said_just_now(const struct manager *m, const char *text)
{
	if (!m->reload.active || now_usec(CLOCK_REALTIME) - m->verdict.usec > REPEAT_USEC)
		return false;
	for (size_t i = 0; i < m->verdict.report.n; i++) {
		const struct message *msg = &m->verdict.report.messages[i];

		if (strcmp(msg->text, text) == 0)
			return true;
	}
	return false;
}

/* Say something now and, if a reload is under way, to whoever asked for it. */
static void say(struct manager *m, enum severity severity, const struct log_fields *fields,
		const char *fmt, ...) _printf_(4, 5);

static void say(struct manager *m, enum severity severity, const struct log_fields *fields,
		const char *fmt, ...)
{
	int level = severity == REPORT_ERROR ? LOG_ERR : LOG_WARNING;
	_cleanup_free_ char *text = NULL;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (r < 0) {
		text = NULL;
		return;
	}
	log_full(was_said_just_now(m, text) ? LOG_DEBUG : level, fields, "%s", text);
	if (m->reload.active)
		report_add(&m->reload.report, severity, NULL, 0, "%s", text);
}

/* Deciding what to do. */

static void fail_items(struct manager *m, struct plan *plan, int error);

/* Outcome of a kernel setting. */
static void set_kernel_outcome(struct manager *m, enum setting s, enum outcome outcome,
			       const char *reason)
{
	m->kernel[s].outcome = outcome;
	free(m->kernel[s].reason);
	m->kernel[s].reason = reason ? strdup(reason) : NULL;
}

static bool drift_is_let_be(struct manager *m, const char *what, enum outcome before,
			    struct drift *drift, const struct log_fields *fields)
{
	bool warn = m->config->on_drift == ON_DRIFT_WARN;

	if (!warn && drift_allows(drift, now_usec(CLOCK_MONOTONIC))) {
		say(m, REPORT_WARNING, fields,
		    "%s was changed from %s to %s by somebody else; setting it again", what,
		    fields->new_value, fields->old_value);
		return false;
	}
	if (before != OUTCOME_DRIFTED)
		say(m, REPORT_WARNING, fields,
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

	k->drifted = false;
	r = survey_kernel(&survey, m->config, s, &f);
	if (r < 0)
		return r;
	if (f.error < 0 && managed) {
		const char *why = !is_gone(f.error) ? strerror(-f.error)
				  : s == SETTING_SWAP_PMD
					  ? "this kernel cannot swap THPs as one piece"
					  : "this kernel has no zswap";

		if (k->outcome != OUTCOME_MISSING || m->reload.active)
			say(m, REPORT_WARNING,
			    &(struct log_fields){ .message_id = MESSAGE_DEGRADED },
			    "%s has no effect: /%s: %s", setting_name(s), setting_path(s), why);
		set_kernel_outcome(m, s, OUTCOME_MISSING, why);
	} else if (f.action == ACTION_SET && drifted &&
		   drift_is_let_be(
			   m, setting_name(s), k->outcome, &k->drift,
			   &(struct log_fields){
				   .message_id = MESSAGE_DRIFT,
				   .old_value = setting_format(s, f.live, live),
				   .new_value = setting_format(s, m->config->kernel[s].value, want),
			   })) {
		set_kernel_outcome(m, s, OUTCOME_DRIFTED, NULL);
		plan_clear(&mine);
	} else {
		set_kernel_outcome(m, s, mine.n > 0 || !managed ? OUTCOME_NONE : OUTCOME_OK, NULL);
		r = plan_move(plan, &mine);
	}
	finding_clear(&f);
	return r;
}

static void block(struct manager *m, struct cgroup *c, const char *reason)
{
	if (c->outcome != OUTCOME_BLOCKED || m->reload.active)
		say(m, REPORT_WARNING,
		    &(struct log_fields){ .message_id = MESSAGE_DEGRADED,
					  .cgroup = c->path,
					  .unit = c->unit,
					  .policy = c->policy->name },
		    "%s: [policy %s] cannot come true: %s", c->path, c->policy->name, reason);
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
	char live[SETTING_TEXT_MAX];

	setting_format(s, f->live, live);
	if (before != OUTCOME_OVERRIDDEN || m->reload.active)
		say(m, REPORT_WARNING,
		    &(struct log_fields){ .message_id = MESSAGE_OVERRIDDEN,
					  .cgroup = c->path,
					  .unit = c->unit,
					  .policy = c->policy->name },
		    "%s: %s = %s was set with \"systemctl set-property\" and is left alone; to "
		    "give it back to "
		    "[policy %s] remove %s and run \"systemctl daemon-reload\", then \"pmdswapctl "
		    "reload\"",
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
	if (!c->policy || c->policy->mode == MODE_KEEP || applier_busy_with(m->applier, c->path))
		return 0;
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
		if (is_gone(f.error)) {
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
			say(m, REPORT_WARNING,
			    &(struct log_fields){ .message_id = MESSAGE_DEGRADED,
						  .cgroup = c->path,
						  .policy = c->policy->name },
			    "%s: [policy %s] has no effect: %s", c->path, c->policy->name, why);
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
			say(m, REPORT_WARNING,
			    &(struct log_fields){ .cgroup = cgroup, .unit = unit },
			    "%s: %s was changed by somebody else and is not given back", cgroup,
			    setting_name(s));
		finding_clear(&f);
	}
	return 0;
}

/* Bring the live system in line with the configuration: all of it, or what is marked dirty. */
static void reconcile(struct manager *m, bool all)
{
	struct plan plan = {};
	int r = 0;

	for (int s = 0; s < N_KERNEL_SETTINGS && r >= 0; s++)
		if (all || m->kernel[s].drifted)
			r = reconcile_kernel(m, &plan, s);
	for (size_t i = 0; i < m->cgroups.n && r >= 0; i++)
		if (all || m->cgroups.cgroups[i]->dirty)
			r = reconcile_cgroup(m, &plan, m->cgroups.cgroups[i]);
	if (all && r >= 0)
		r = reconcile_records(m, &plan);
	if (r < 0)
		say(m, REPORT_ERROR, NULL, "Cannot work out what to do: %s", strerror(-r));

	/* First the originals, then the writes. */
	r = state_save(&m->state, m->root_fd);
	if (r < 0) {
		say(m, REPORT_ERROR, NULL,
		    "Cannot save the original values in /%s: %s; nothing is changed without that",
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

	m->retry_usec = m->retry_usec * 2 > RETRY_MAX_USEC ? RETRY_MAX_USEC : m->retry_usec * 2;
	for (size_t i = 0; i < m->cgroups.n; i++)
		if (m->cgroups.cgroups[i]->outcome == OUTCOME_FAILED)
			m->cgroups.cgroups[i]->dirty = true;
	reconcile(m, false);
	return 0;
}

/* The record of a value given back has served, unless PID 1 keeps that value and it must be known
 * for ours. */
static void forget_restored(struct manager *m, const struct plan_item *item)
{
	struct record *record = state_find(&m->state, item->cgroup, item->setting);

	if (record && !record->unit)
		state_remove(&m->state, record);
}

static void on_result(void *userdata, const struct plan_item *item, int error, const char *why)
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

	sd_event_source_set_enabled(m->settled, SD_EVENT_ONESHOT);
	if (item->cgroup && is_gone(error)) {
		log_debug("%s is gone", item->cgroup);
		return;
	}
	if (error < 0)
		say(m, REPORT_ERROR, &fields, "%s: failed: %s", text ?: setting_name(item->setting),
		    why);
	else
		log_full(LOG_INFO, &fields, "%s", text ?: setting_name(item->setting));
	m->reload.report.changes += m->reload.active && error >= 0;

	if (!item->cgroup)
		set_kernel_outcome(m, item->setting, outcome, why);
	else if (c && (error < 0 || c->outcome == OUTCOME_NONE))
		cgroup_set_outcome(c, outcome, why);
	if (error >= 0 && item->action == ACTION_RESTORE)
		forget_restored(m, item);
	if (error < 0 && c && item->action == ACTION_SET)
		arm(m, &m->retry_timer, m->retry_usec, on_retry);
}

static void fail_items(struct manager *m, struct plan *plan, int error)
{
	for (size_t i = 0; i < plan->n; i++)
		on_result(m, &plan->items[i], error, "the original value could not be saved");
}

/* Knowing the cgroups. */

static int on_rescan_timer(sd_event_source *source, uint64_t usec, void *userdata);

static void watch_cgroup(struct manager *m, struct cgroup *c, bool below)
{
	_cleanup_free_ char *path = cgroupfs_path(c->path, NULL);
	uint32_t mask = IN_ONLYDIR | IN_CLOSE_WRITE | (below ? IN_CREATE | IN_DELETE : 0);
	int r = path ? watch_add(m->watch, path, mask, c) : -ENOMEM;

	if (r >= 0) {
		c->wd = r;
	} else if (!is_gone(r)) {
		if (!m->watches_exhausted)
			log_warning("Cannot watch %s: %s%s; looking for changes every %d seconds "
				    "instead",
				    c->path, strerror(-r),
				    r == -ENOSPC ? " (raise the sysctl fs.inotify.max_user_watches)"
						 : "",
				    (int)(RESCAN_USEC / USEC_PER_SEC));
		m->watches_exhausted = true;
		arm(m, &m->rescan_timer, RESCAN_USEC, on_rescan_timer);
	}
}

/* Meet a cgroup: new, or known and to be looked at again. */
static int visit_cgroup(const char *path, void *userdata)
{
	struct manager *m = userdata;
	_cleanup_free_ char *unit = NULL;
	const struct policy *policy;
	struct cgroup *c;
	uint64_t id = 0;
	bool below;
	int r;

	r = unit_from_cgroup(path, &unit);
	if (r < 0)
		return r;
	policy = policy_resolve(m->config, path, unit, NULL);
	below = policy_may_match_below(m->config, path);
	if (!policy && !below)
		return 0;
	c = cgroup_table_add(&m->cgroups, path);
	if (!c)
		return -ENOMEM;
	free(c->unit);
	c->unit = TAKE_PTR(unit);
	c->policy = policy;
	cgroupfs_id(m->root_fd, path, &id);
	if (c->id != id) {
		cgroup_set_outcome(c, OUTCOME_NONE, NULL);
		c->drift = (struct drift){};
		c->id = id;
	}
	c->dirty = true;
	c->stale = false;
	watch_cgroup(m, c, below);
	return below;
}

static void remove_cgroups(struct manager *m, size_t start, size_t end)
{
	for (size_t i = start; i < end; i++)
		if (m->cgroups.cgroups[i]->wd >= 0)
			watch_remove(m->watch, m->cgroups.cgroups[i]->wd);
	cgroup_table_remove(&m->cgroups, start, end);
}

static void discover(struct manager *m, const char *path)
{
	int r = cgroupfs_walk(m->root_fd, path, visit_cgroup, m);

	if (r < 0)
		log_error("Cannot look at the cgroups below %s: %s", path, strerror(-r));
}

/* Find all cgroups again, and drop those that are gone or of no interest any more. */
static void rescan(struct manager *m)
{
	m->rescan_needed = false;
	for (size_t i = 0; i < m->cgroups.n; i++)
		m->cgroups.cgroups[i]->stale = true;
	if (m->have_cgroups)
		discover(m, "/");
	for (size_t i = m->cgroups.n; i-- > 0;)
		if (m->cgroups.cgroups[i]->stale)
			remove_cgroups(m, i, i + 1);
}

static int on_rescan_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct manager *m = userdata;

	rescan(m);
	reconcile(m, false);
	return 0;
}

/* Drop records of cgroups that are gone for good. */
static int on_prune(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct manager *m = userdata;
	int r;

	for (size_t i = m->state.n; i-- > 0;) {
		struct record *record = m->state.records[i];
		_cleanup_free_ char *path = NULL;
		uint64_t id, value;

		if (!record->cgroup || cgroupfs_id(m->root_fd, record->cgroup, &id) >= 0)
			continue;
		if (!record->unit ||
		    pid1_read_kept(m->root_fd, record->unit, record->setting, &value, &path) == 0)
			state_remove(&m->state, record);
	}
	r = state_save(&m->state, m->root_fd);
	if (r < 0)
		log_error("Cannot save /%s: %s", STATE_PATH, strerror(-r));
	return 0;
}

static bool matches_want(struct manager *m, const struct cgroup *c)
{
	for (int s = SETTING_CGROUP_FIRST; s < N_SETTINGS; s++) {
		uint64_t want, live;

		if (policy_wants(c->policy, s, &want) &&
		    cgroupfs_read(m->root_fd, c->path, s, &live) >= 0 &&
		    live != setting_round(s, want))
			return false;
	}
	return true;
}

/* Somebody, perhaps we, wrote to a setting of a cgroup. */
static void on_written(struct manager *m, struct cgroup *c)
{
	if (!c->policy || c->policy->mode == MODE_KEEP || applier_busy_with(m->applier, c->path))
		return;
	if (!matches_want(m, c)) {
		c->dirty = true;
		c->drifted = c->outcome == OUTCOME_OK || c->outcome == OUTCOME_DRIFTED;
	} else if (c->outcome == OUTCOME_DRIFTED || c->outcome == OUTCOME_OVERRIDDEN) {
		cgroup_set_outcome(c, OUTCOME_OK, NULL);
	}
}

static void on_cgroup_event(struct manager *m, struct cgroup *c, uint32_t mask, const char *name)
{
	_cleanup_free_ char *child = NULL;
	size_t start, end;

	if (mask & IN_IGNORED) {
		c->wd = -1;
		return;
	}
	if (mask & IN_CLOSE_WRITE) {
		if (strcmp(name, "cgroup.subtree_control") == 0) {
			/* The children may have got the files that they lacked. */
			cgroup_table_subtree(&m->cgroups, c->path, &start, &end);
			for (size_t i = start; i < end; i++)
				if (m->cgroups.cgroups[i]->outcome == OUTCOME_MISSING)
					m->cgroups.cgroups[i]->dirty = true;
		} else if (strcmp(name, setting_path(SETTING_CGROUP_ZSWAP_MAX)) == 0 ||
			   strcmp(name, setting_path(SETTING_CGROUP_ZSWAP_WRITEBACK)) == 0) {
			on_written(m, c);
		}
		return;
	}
	if (!(mask & IN_ISDIR))
		return;
	if (asprintf(&child, "%s/%s", strcmp(c->path, "/") == 0 ? "" : c->path, name) < 0) {
		child = NULL;
		m->rescan_needed = true;
		return;
	}
	if (mask & IN_DELETE) {
		cgroup_table_subtree(&m->cgroups, child, &start, &end);
		if (end > start) {
			remove_cgroups(m, start, end);
			arm(m, &m->prune_timer, PRUNE_USEC, on_prune);
		}
	} else if (mask & IN_CREATE) {
		discover(m, child);
	}
}

static void on_watch(void *userdata, void *target, uint32_t mask, const char *name)
{
	struct manager *m = userdata;
	struct kernel_status *k = target;

	if (!target && mask & IN_Q_OVERFLOW) {
		log_notice("Lost track of the cgroups in a flood of events; looking at all of them "
			   "again");
		m->rescan_needed = true;
	} else if (!target) {
		if (m->rescan_needed)
			rescan(m);
		reconcile(m, false);
	} else if (k >= m->kernel && k < m->kernel + N_KERNEL_SETTINGS) {
		enum setting s = k - m->kernel;
		uint64_t live;

		if (!(mask & IN_CLOSE_WRITE) || cgroupfs_read(m->root_fd, NULL, s, &live) < 0)
			return;
		if (s == SETTING_ZSWAP && live)
			m->zswap_seen = true;
		if (m->config->kernel[s].managed && live != m->config->kernel[s].value)
			k->drifted = true;
		else if (k->outcome == OUTCOME_DRIFTED)
			set_kernel_outcome(m, s, OUTCOME_OK, NULL);
	} else {
		on_cgroup_event(m, target, mask, name);
	}
}

static void watch_kernel(struct manager *m)
{
	for (int s = 0; s < N_KERNEL_SETTINGS; s++) {
		uint64_t live;
		int r;

		if (cgroupfs_read(m->root_fd, NULL, s, &live) < 0)
			continue;
		if (s == SETTING_ZSWAP && live)
			m->zswap_seen = true;
		r = watch_add(m->watch, setting_path(s), IN_CLOSE_WRITE, &m->kernel[s]);
		if (r < 0)
			log_warning("Cannot watch /%s: %s; changes by others go unnoticed",
				    setting_path(s), strerror(-r));
		m->kernel[s].wd = r;
	}
}

/* Reloading. */

static void notify_ready(struct manager *m)
{
	_cleanup_free_ char *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < m->cgroups.n; i++)
		n += m->cgroups.cgroups[i]->policy != NULL;
	/* The first reason is what "systemctl status" shows after a reload that failed. */
	if (!m->verdict.accepted && m->verdict.report.n > 0)
		first = message_format(&m->verdict.report.messages[0]);
	if (first)
		sd_notifyf(0, "READY=1\nSTATUS=Configuration refused: %s", first);
	else
		sd_notifyf(0, "READY=1\nSTATUS=%zu policies, %zu cgroups managed",
			   m->config->n_policies, n);
}

/* Hints that need both the configuration and the kernel. */
static void say_what_is_missing(struct manager *m)
{
	const struct log_fields fields = { .message_id = MESSAGE_DEGRADED };
	bool pmd = false;
	uint64_t live;
	int r;

	for (size_t i = 0; i < m->config->n_policies; i++)
		pmd |= m->config->policies[i]->mode == MODE_PMD;
	r = cgroupfs_read(m->root_fd, NULL, SETTING_SWAP_PMD, &live);
	if (is_gone(r) && !m->config->kernel[SETTING_SWAP_PMD].managed) {
		if (pmd)
			say(m, REPORT_WARNING, &fields,
			    "This kernel has no swap_pmd, so THPs are split at swap-out; "
			    "mode = pmd only keeps cgroups out of zswap");
		else if (!m->started)
			log_notice("This kernel has no swap_pmd, so THPs are split at swap-out; "
				   "only zswap is managed");
	} else if (r >= 0 && live == SWAP_PMD_NEVER && pmd &&
		   (!m->config->kernel[SETTING_SWAP_PMD].managed ||
		    m->config->kernel[SETTING_SWAP_PMD].value == SWAP_PMD_NEVER)) {
		say(m, REPORT_WARNING, &fields,
		    "mode = pmd needs swap-pmd = exclusive or always in [kernel]; swap_pmd is "
		    "never, "
		    "so THPs are split at swap-out");
	}
	if (!m->have_cgroups && m->config->n_policies > 0)
		say(m, REPORT_WARNING, &fields,
		    "No cgroup v2 at /%s, so policies have no effect; boot with "
		    "systemd.unified_cgroup_hierarchy=1",
		    CGROUPFS_PATH);
}

static void answer(struct manager *m)
{
	for (size_t i = 0; i < m->reload.n_waiting; i++) {
		manager_bus_reply_reload(m->reload.waiting[i], &m->verdict);
		sd_bus_message_unref(m->reload.waiting[i]);
	}
	free(m->reload.waiting);
	m->reload.waiting = TAKE_PTR(m->reload.waiting_again);
	m->reload.n_waiting = m->reload.n_waiting_again;
	m->reload.n_waiting_again = 0;
}

static void start_reload(struct manager *m);

static void finish_reload(struct manager *m, bool accepted)
{
	bool again = m->reload.again;

	m->reload.active = m->reload.again = false;
	report_clear(&m->verdict.report);
	m->verdict = (struct verdict){
		.accepted = accepted,
		.usec = now_usec(CLOCK_REALTIME),
		.report = m->reload.report,
	};
	m->reload.report = (struct report){};
	answer(m);
	notify_ready(m);
	/* Two configurations and a plan were in memory, perhaps thousands of strings. */
	malloc_trim(0);
	if (again)
		start_reload(m);
}

struct conflicts {
	const struct config *config;
	struct report *report;
};

static int visit_for_conflicts(const char *path, void *userdata)
{
	const struct conflicts *x = userdata;
	_cleanup_free_ char *unit = NULL, *above = NULL;
	const struct policy *policy, *blocker;
	const struct match *match;
	int r;

	r = unit_from_cgroup(path, &unit);
	if (r < 0)
		return r;
	policy = policy_resolve(x->config, path, unit, &match);
	/* An exact match of a path has been checked without the live system. */
	if (policy && policy->mode == MODE_ZSWAP) {
		r = policy_find_blocker(x->config, path, &blocker, &above);
		if (r < 0)
			return r;
		if (blocker)
			report_add(
				x->report, REPORT_ERROR, match->origin.file, match->origin.line,
				"[policy %s] with mode = zswap matches %s, which lies below %s, "
				"which [policy %s] (%s:%u) keeps out of zswap; change the mode of "
				"one of them",
				policy->name, path, above, blocker->name, blocker->origin.file,
				blocker->origin.line);
	}
	return policy_may_match_below(x->config, path);
}

/* Read a new configuration. 0, or -EBADMSG with the reasons in the report, or -ENOMEM. */
static int read_config(struct manager *m, struct config **ret, struct report *report)
{
	_cleanup_(config_freep) struct config *c = NULL;
	int r = conf_load(m->root_fd, m->fake_root, &c, report);

	if (r < 0)
		return r;
	/* At start it is better to do what can be done; a reload can still be refused. */
	if (m->started && m->have_cgroups && !report_failed(report)) {
		r = cgroupfs_walk(m->root_fd, "/", visit_for_conflicts,
				  &(struct conflicts){ c, report });
		if (r < 0)
			return r;
	}
	if (report_failed(report))
		return -EBADMSG;
	*ret = TAKE_PTR(c);
	return 0;
}

static void log_report(const struct manager *m, const struct report *report, const char *message_id)
{
	for (size_t i = 0; i < report->n; i++) {
		const struct message *msg = &report->messages[i];
		_cleanup_free_ char *text = message_format(msg);

		log_full(was_said_just_now(m, msg->text) ? LOG_DEBUG
			 : msg->severity == REPORT_ERROR ? LOG_ERR
							 : LOG_WARNING,
			 &(struct log_fields){ .message_id = message_id }, "%s", text ?: msg->text);
	}
}

static void use_config(struct manager *m, struct config *c)
{
	/* Policies of the old one must not be looked at any more. */
	for (size_t i = 0; i < m->cgroups.n; i++) {
		m->cgroups.cgroups[i]->policy = NULL;
		m->cgroups.cgroups[i]->drift = (struct drift){};
	}
	for (size_t i = 0; i < N_KERNEL_SETTINGS; i++)
		m->kernel[i].drift = (struct drift){};
	config_free(m->config);
	m->config = c;
	m->retry_usec = RETRY_MIN_USEC;
	log_set_level(c->log_level);
	m->have_cgroups = cgroupfs_check(m->root_fd) >= 0;
	rescan(m);
	say_what_is_missing(m);
	reconcile(m, true);
}

static void start_reload(struct manager *m)
{
	struct config *c = NULL;
	int r;

	m->reload.active = true;
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=Reloading the configuration",
		   now_usec(CLOCK_MONOTONIC));
	r = read_config(m, &c, &m->reload.report);
	if (r < 0) {
		if (r != -EBADMSG)
			report_add(&m->reload.report, REPORT_ERROR, NULL, 0,
				   "Cannot read the configuration: %s", strerror(-r));
		log_report(m, &m->reload.report, MESSAGE_REFUSED);
		log_full(LOG_ERR, &(struct log_fields){ .message_id = MESSAGE_REFUSED },
			 "Configuration refused (%zu errors); the one before stays in force",
			 m->reload.report.errors);
		finish_reload(m, false);
		return;
	}
	log_report(m, &m->reload.report, NULL);
	use_config(m, c);
}

int manager_reload(struct manager *m, sd_bus_message *call)
{
	bool busy = m->reload.active;
	sd_bus_message ***list = busy ? &m->reload.waiting_again : &m->reload.waiting;
	size_t *n = busy ? &m->reload.n_waiting_again : &m->reload.n_waiting;

	if (call) {
		sd_bus_message **grown = reallocarray(*list, *n + 1, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		*list = grown;
		grown[(*n)++] = sd_bus_message_ref(call);
	}
	/* The files may have changed since they were read. */
	if (busy)
		m->reload.again = true;
	else
		start_reload(m);
	return 0;
}

/* Nothing is outstanding, perhaps. */
static int on_settled(sd_event_source *source, void *userdata)
{
	struct manager *m = userdata;
	int r;

	if (applier_busy(m->applier))
		return 0;
	r = state_save(&m->state, m->root_fd);
	if (r < 0)
		log_error("Cannot save /%s: %s", STATE_PATH, strerror(-r));
	if (m->stopping || m->once)
		return sd_event_exit(m->event,
				     m->once && report_failed(&m->reload.report) ? -EIO : 0);
	if (m->reload.active) {
		log_full(LOG_INFO, &(struct log_fields){ .message_id = MESSAGE_RELOADED },
			 "Configuration %s: %zu changes, %zu failed",
			 m->started ? "reloaded" : "applied",
			 m->reload.report.changes,
			 m->reload.report.errors);
		m->started = true;
		finish_reload(m, true);
	}
	return 0;
}

/* The bus. */

/* An administrator may have taken a property back, which PID 1 does not always write to the cgroup.
 */
static void on_pid1_reloaded(void *userdata)
{
	struct manager *m = userdata;

	for (size_t i = 0; i < m->cgroups.n; i++)
		if (m->cgroups.cgroups[i]->unit)
			m->cgroups.cgroups[i]->dirty = true;
	reconcile(m, false);
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	manager_bus_lost(userdata);
	return 0;
}

/* Connect to the socket of PID 1, which is there without a message bus. */
static int connect_private(struct manager *m, sd_bus **ret)
{
	_cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1, dir = -1;
	int r;

	/* The path of a fake root may be too long for an address. */
	dir = openat(m->root_fd, "run/systemd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/private", dir);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_fd(bus, fd, fd);
	if (r < 0)
		return r;
	TAKE_FD(fd);
	r = sd_bus_start(bus);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(bus);
	return 0;
}

static int connect_bus(struct manager *m)
{
	bool private = m->fake_root;
	int r = -ENOENT;

	if (!private) {
		r = sd_bus_open_system(&m->bus);
		if (r < 0)
		private = true;
	}
	if (private)
		r = connect_private(m, &m->bus);
	if (r < 0)
		return r;
	r = sd_bus_match_signal_async(m->bus, NULL, "org.freedesktop.DBus.Local",
				      "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
				      "Disconnected", on_disconnected, NULL, m);
	if (r >= 0)
		r = pid1_new(&m->pid1, m->bus);
	if (r >= 0)
		r = pid1_on_reloaded(m->pid1, on_pid1_reloaded, m);
	if (r >= 0)
		r = sd_bus_attach_event(m->bus, m->event, SD_EVENT_PRIORITY_NORMAL);
	if (r >= 0 && !private)
		r = manager_bus_export(m, m->bus);
	if (r < 0) {
		pid1_free(TAKE_PTR(m->pid1));
		m->bus = sd_bus_flush_close_unref(m->bus);
	}
	return r;
}

static int on_reconnect(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct manager *m = userdata;

	if (connect_bus(m) >= 0) {
		log_info("Connected to PID 1 again");
		m->reconnect_usec = RECONNECT_MIN_USEC;
		return 0;
	}
	if (m->reconnect_usec < RECONNECT_MAX_USEC)
		m->reconnect_usec *= 2;
	arm(m, &m->reconnect_timer, m->reconnect_usec, on_reconnect);
	return 0;
}

void manager_bus_lost(struct manager *m)
{
	log_notice("The connection to PID 1 was lost; trying to get it back");
	pid1_free(TAKE_PTR(m->pid1));
	m->bus = sd_bus_close_unref(m->bus);
	arm(m, &m->reconnect_timer, m->reconnect_usec, on_reconnect);
}

/* Life. */

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
	int r = manager_reload(userdata, NULL);

	if (r < 0)
		log_error("Cannot reload: %s", strerror(-r));
	return 0;
}

static int on_stop_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct manager *m = userdata;

	log_warning("Not all settings could be given back in time");
	return sd_event_exit(m->event, 0);
}

static int on_terminate(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
	struct manager *m = userdata;
	sd_event_source *timer = NULL;
	struct config *c;

	sd_notify(0, "STOPPING=1");
	if (m->stopping || !m->config || !m->config->restore_on_stop)
		return sd_event_exit(m->event, 0);
	/* Nothing is wanted any more, so everything is given back. */
	c = config_new();
	if (!c)
		return sd_event_exit(m->event, 0);
	c->log_level = m->config->log_level;
	m->stopping = true;
	arm(m, &timer, STOP_USEC, on_stop_timeout);
	if (timer)
		sd_event_source_set_floating(timer, true);
	sd_event_source_unref(timer);
	use_config(m, c);
	return 0;
}

static int add_signal(struct manager *m, int signo, sd_event_signal_handler_t handler)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signo);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	return sd_event_add_signal(m->event, NULL, signo, handler, m);
}

/* One daemon per system: two would undo each other's work. */
static int lock(struct manager *m)
{
	int r = fs_make_directory(m->root_fd, RUNTIME_DIRECTORY);

	if (r < 0) {
		log_error("Cannot make /%s: %s", RUNTIME_DIRECTORY, strerror(-r));
		return r;
	}
	m->lock_fd = openat(m->root_fd, LOCK_PATH, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (m->lock_fd < 0) {
		r = -errno;
		log_error("Cannot open /%s: %s", LOCK_PATH, strerror(-r));
		return r;
	}
	if (flock(m->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		r = -errno;
		log_error("Cannot lock /%s: %s", LOCK_PATH,
			  r == -EWOULDBLOCK ? "another pmdswapd is running" : strerror(-r));
		return r;
	}
	return 0;
}

static int load_state(struct manager *m)
{
	int r = state_load(&m->state, m->root_fd);

	if (r == -EBADMSG) {
		log_error("/%s is damaged and put aside as /%s.bad; what was changed before this "
			  "start "
			  "will not be given back",
			  STATE_PATH, STATE_PATH);
		return renameat(m->root_fd, STATE_PATH, m->root_fd, STATE_PATH ".bad") < 0 ? -errno
											   : 0;
	}
	if (r < 0)
		log_error("Cannot read /%s: %s", STATE_PATH, strerror(-r));
	return r;
}

int manager_new(struct manager **ret, const char *root, bool once)
{
	_cleanup_(manager_freep) struct manager *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	m->lock_fd = -1;
	m->root = root;
	m->fake_root = strcmp(root, "/") != 0;
	m->once = once;
	m->retry_usec = RETRY_MIN_USEC;
	m->reconnect_usec = RECONNECT_MIN_USEC;
	m->root_fd = fs_open_root(root);
	if (m->root_fd < 0) {
		log_error("Cannot open %s: %s", root, strerror(-m->root_fd));
		return m->root_fd;
	}
	r = sd_event_new(&m->event);
	if (r >= 0)
		r = sd_event_set_watchdog(m->event, true);
	/* SIGHUP must be blocked before READY=1. */
	if (r >= 0)
		r = add_signal(m, SIGHUP, on_hangup);
	if (r >= 0)
		r = add_signal(m, SIGTERM, on_terminate);
	if (r >= 0)
		r = add_signal(m, SIGINT, on_terminate);
	if (r >= 0)
		r = sd_event_add_defer(m->event, &m->settled, on_settled, m);
	if (r >= 0)
		r = sd_event_source_set_enabled(m->settled, SD_EVENT_OFF);
	if (r >= 0)
		r = watch_new(&m->watch, m->event, m->root_fd, on_watch, m);
	if (r >= 0)
		r = applier_new(&m->applier, m->event, m->root_fd, on_result, m);
	if (r < 0) {
		log_error("Cannot set up the event loop: %s", strerror(-r));
		return r;
	}
	*ret = TAKE_PTR(m);
	return 0;
}

void manager_free(struct manager *m)
{
	if (!m)
		return;
	bus_server_free(m->server);
	/* Calls that are outstanding end in results, which need the rest. */
	pid1_free(TAKE_PTR(m->pid1));
	sd_bus_flush_close_unref(m->bus);
	for (size_t i = 0; i < m->reload.n_waiting; i++)
		sd_bus_message_unref(m->reload.waiting[i]);
	for (size_t i = 0; i < m->reload.n_waiting_again; i++)
		sd_bus_message_unref(m->reload.waiting_again[i]);
	free(m->reload.waiting);
	free(m->reload.waiting_again);
	report_clear(&m->reload.report);
	report_clear(&m->verdict.report);
	applier_free(m->applier);
	watch_free(m->watch);
	sd_event_source_disable_unref(m->settled);
	sd_event_source_disable_unref(m->rescan_timer);
	sd_event_source_disable_unref(m->retry_timer);
	sd_event_source_disable_unref(m->prune_timer);
	sd_event_source_disable_unref(m->reconnect_timer);
	sd_event_unref(m->event);
	cgroup_table_clear(&m->cgroups);
	for (size_t i = 0; i < N_KERNEL_SETTINGS; i++)
		free(m->kernel[i].reason);
	state_clear(&m->state);
	config_free(m->config);
	if (m->lock_fd >= 0)
		close(m->lock_fd);
	if (m->root_fd >= 0)
		close(m->root_fd);
	free(m);
}

int manager_run(struct manager *m)
{
	struct config *c = NULL;
	int r;

	r = lock(m);
	if (r >= 0)
		r = load_state(m);
	if (r < 0)
		return r;
	r = read_config(m, &c, &m->reload.report);
	log_report(m, &m->reload.report, r < 0 ? MESSAGE_REFUSED : NULL);
	if (r < 0) {
		log_full(LOG_ERR, &(struct log_fields){ .message_id = MESSAGE_REFUSED },
			 "Configuration refused (%zu errors); correct it, check it with "
			 "\"pmdswapctl check\" and start again",
			 m->reload.report.errors);
		return r;
	}
	if (c->n_files == 0)
		log_notice("There is no /etc/pmdswapd.conf; every setting has its default");
	log_set_level(c->log_level);

	r = connect_bus(m);
	if (r < 0 && !m->fake_root)
		log_notice("Cannot talk to PID 1 (%s), so cgroups of units are written directly; "
			   "a daemon-reload undoes that for a moment",
			   strerror(-r));
	if (!m->once) {
		r = bus_server_new(&m->server, m);
		if (r < 0) {
			log_error("Cannot listen on /%s/%s: %s", RUNTIME_DIRECTORY, CONTROL_NAME,
				  strerror(-r));
			config_free(c);
			return r;
		}
	}
	m->reload.active = true;
	watch_kernel(m);
	use_config(m, c);
	return sd_event_loop(m->event);
}
