// SPDX-License-Identifier: GPL-2.0
#include "service/track.h"

#include <errno.h>
#include <string.h>

#include "policy/policy.h"
#include "policy/unit.h"
#include "service/log.h"
#include "service/reconcile.h"
#include "system/state-file.h"
#include "system/cgroupfs.h"
#include "system/clock.h"

#define PRUNE_USEC  (30 * USEC_PER_SEC)
#define RESCAN_USEC (10 * USEC_PER_SEC)

static void on_cgroup_event(void *userdata, void *target, uint32_t mask, const char *name);

/* Look at everything time and again, since the kernel will not tell of all changes. */
static void look_instead(struct manager *m, const char *of, int error)
{
	if (!m->watches_exhausted)
		log_warning("Cannot watch %s: %s%s; looking for changes every %d seconds instead",
			    of, strerror(-error),
			    error == -ENOSPC ? " (raise the sysctl fs.inotify.max_user_watches)"
					     : "",
			    (int)(RESCAN_USEC / USEC_PER_SEC));
	m->watches_exhausted = true;
	manager_arm(m->rescan_timer, RESCAN_USEC);
}

static void watch_cgroup(struct manager *m, struct cgroup *c, bool below)
{
	_cleanup_free_ char *path = cgroupfs_path(c->path, NULL);
	uint32_t mask = IN_ONLYDIR | IN_CLOSE_WRITE | (below ? IN_CREATE | IN_DELETE : 0);
	int r = path ? watch_add(m->watch, path, mask, on_cgroup_event, c) : -ENOMEM;

	if (r >= 0) {
		/* Of a directory that is gone: what it has yet to tell is not of this one. */
		if (c->wd >= 0 && c->wd != r)
			watch_remove(m->watch, c->wd);
		c->wd = r;
		c->watched_below = below;
	} else if (!cgroupfs_is_gone(r)) {
		look_instead(m, c->path, r);
	}
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

/* Whether the daemon has set what the policy wants, or would have if it were not to let it be. */
static bool is_set(const struct cgroup *c)
{
	return c->standing.outcome == OUTCOME_OK || c->standing.outcome == OUTCOME_DRIFTED;
}

/* Meet a cgroup: new, or known and to be looked at again. */
static int visit_cgroup(const char *path, void *userdata)
{
	struct manager *m = userdata;
	const struct policy *policy = policy_resolve(m->config, path, NULL);
	bool below = policy_may_match_below(m->config, path);
	struct cgroup *c;
	uint64_t id = 0;
	bool known, same;

	manager_make_progress(m);
	if (!policy && !below)
		return 0;
	c = cgroup_table_add(&m->cgroups, path);
	if (!c)
		return -ENOMEM;
	/* A reload makes it unknown. */
	known = c->policy;
	c->policy = policy;
	cgroupfs_id(m->root_fd, path, &id);
	same = c->id == id;
	if (!same) {
		standing_set(&c->standing, OUTCOME_NONE, NULL);
		c->standing.drift = (struct drift){};
		c->id = id;
	} else if (known && is_set(c) && !matches_want(m, c) &&
		   !applier_busy_with(m->applier, path)) {
		/* A watch would have told of it. */
		c->standing.drifted = true;
	}
	manager_mark(m, c);
	c->stale = false;
	/* The watch goes with the directory. */
	if (c->wd < 0 || !same || c->watched_below != below)
		watch_cgroup(m, c, below);
	return below;
}

static void remove_cgroups(struct manager *m, size_t start, size_t end)
{
	for (size_t i = start; i < end; i++)
		if (cgroup_table_at(&m->cgroups, i)->wd >= 0)
			watch_remove(m->watch, cgroup_table_at(&m->cgroups, i)->wd);
	cgroup_table_remove(&m->cgroups, start, end);
	manager_arm(m->prune_timer, PRUNE_USEC);
}

static void discover(struct manager *m, const char *path)
{
	int r = cgroupfs_walk(m->root_fd, path, visit_cgroup, m);

	if (r < 0)
		log_error("Cannot look at the cgroups below %s: %s", path, strerror(-r));
}

void manager_rescan(struct manager *m)
{
	m->rescan_needed = false;
	for (size_t i = 0; i < cgroup_table_size(&m->cgroups); i++)
		cgroup_table_at(&m->cgroups, i)->stale = true;
	if (m->have_cgroups)
		discover(m, "/");
	for (size_t end = cgroup_table_size(&m->cgroups), start; end > 0; end = start) {
		/* Those that stand together go together. */
		for (start = end - 1; start > 0 && cgroup_table_at(&m->cgroups, start)->stale &&
				      cgroup_table_at(&m->cgroups, start - 1)->stale;)
			start--;
		if (cgroup_table_at(&m->cgroups, start)->stale)
			remove_cgroups(m, start, end);
	}
}

/* Somebody, perhaps we, may have written to a setting of the kernel. */
static void look_at_kernel(struct manager *m, enum setting s)
{
	struct standing *k = &m->kernel[s].standing;
	uint64_t live;

	if (cgroupfs_read(m->root_fd, NULL, s, &live) < 0)
		return;
	if (s == SETTING_ZSWAP && live)
		m->zswap_seen = true;
	/* What failed is tried again by its timer; nobody else has changed it. */
	if (k->outcome == OUTCOME_FAILED)
		return;
	if (m->config->kernel[s].managed && live != m->config->kernel[s].value)
		k->drifted = true;
	else if (k->outcome == OUTCOME_DRIFTED)
		standing_set(k, OUTCOME_OK, NULL);
}

/* Find out what no event has told. */
static void look_again(struct manager *m)
{
	for (int s = 0; s < N_KERNEL_SETTINGS; s++)
		look_at_kernel(m, s);
	manager_rescan(m);
	manager_reconcile(m, false);
}

int manager_on_rescan_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct manager *m = userdata;

	manager_watch_kernel(m);
	look_again(m);
	return 0;
}

/* Drop records of cgroups that are gone for good. */
int manager_on_prune_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct manager *m = userdata;
	int r;

	for (size_t i = m->state.records.n; i-- > 0;) {
		struct record *record = m->state.records.v[i];
		_cleanup_free_ char *path = NULL;
		uint64_t id, value;

		if (!record->cgroup || cgroupfs_id(m->root_fd, record->cgroup, &id) >= 0)
			continue;
		if (!record->as_property ||
		    pid1_read_kept(m->root_fd, unit_of_cgroup(record->cgroup), record->setting,
				   &value, &path) == 0)
			state_remove(&m->state, record);
	}
	r = manager_save(m);
	if (r < 0)
		log_error("Cannot save /%s: %s", STATE_PATH, strerror(-r));
	return 0;
}

/* Somebody, perhaps we, wrote to a setting of a cgroup. */
static void on_written(struct manager *m, struct cgroup *c)
{
	enum outcome outcome = c->standing.outcome;

	if (!c->policy || c->policy->mode == MODE_KEEP || applier_busy_with(m->applier, c->path))
		return;
	/* What failed is tried again, and less and less often: a writer like us would keep us busy.
	 */
	if (outcome == OUTCOME_FAILED)
		return;
	if (outcome == OUTCOME_MISSING) {
		manager_mark(m, c);
	} else if (!matches_want(m, c)) {
		manager_mark(m, c);
		c->standing.drifted = is_set(c);
	} else if (outcome == OUTCOME_DRIFTED || outcome == OUTCOME_OVERRIDDEN) {
		standing_set(&c->standing, OUTCOME_OK, NULL);
	}
}

/* Without writeback nothing below a cgroup can have mode = pmd. */
static void on_writeback_written(struct manager *m, const struct cgroup *c)
{
	uint64_t live;
	size_t i, end;

	if (cgroupfs_read(m->root_fd, c->path, SETTING_CGROUP_ZSWAP_WRITEBACK, &live) < 0)
		return;
	cgroup_table_subtree(&m->cgroups, c->path, &i, &end);
	for (; i < end; i++) {
		struct cgroup *below = cgroup_table_at(&m->cgroups, i);

		if (below != c && below->policy && below->policy->mode == MODE_PMD &&
		    (!live || below->standing.outcome == OUTCOME_BLOCKED))
			manager_mark(m, below);
	}
}

static void on_file_written(struct manager *m, struct cgroup *c, const char *name)
{
	size_t start, end;

	if (strcmp(name, "cgroup.subtree_control") == 0) {
		/*
		 * The children may have lost their files, or got them with the kernel's values in
		 * them: no other event tells.
		 */
		cgroup_table_subtree(&m->cgroups, c->path, &start, &end);
		for (size_t i = start; i < end; i++)
			manager_mark(m, cgroup_table_at(&m->cgroups, i));
		return;
	}
	for (int s = SETTING_CGROUP_FIRST; s < N_SETTINGS; s++)
		if (strcmp(name, setting_path(s)) == 0)
			on_written(m, c);
	if (strcmp(name, setting_path(SETTING_CGROUP_ZSWAP_WRITEBACK)) == 0)
		on_writeback_written(m, c);
}

static void on_cgroup_event(void *userdata, void *target, uint32_t mask, const char *name)
{
	struct manager *m = userdata;
	struct cgroup *c = target;
	_cleanup_free_ char *child = NULL;
	size_t start, end;

	if (mask & IN_IGNORED)
		c->wd = -1;
	else if (mask & IN_CLOSE_WRITE)
		on_file_written(m, c, name);
	if (mask & (IN_IGNORED | IN_CLOSE_WRITE) || !(mask & IN_ISDIR))
		return;
	child = cgroup_below(c->path, name);
	if (!child) {
		m->rescan_needed = true;
	} else if (mask & IN_DELETE) {
		cgroup_table_subtree(&m->cgroups, child, &start, &end);
		if (end > start)
			remove_cgroups(m, start, end);
	} else if (mask & IN_CREATE) {
		discover(m, child);
	}
}

static void on_kernel_event(void *userdata, void *target, uint32_t mask, const char *name)
{
	struct manager *m = userdata;

	if (mask & IN_CLOSE_WRITE)
		look_at_kernel(m, (struct kernel_status *)target - m->kernel);
}

void manager_on_batch(void *userdata, bool lost)
{
	struct manager *m = userdata;

	if (lost)
		log_notice("Lost track of the cgroups in a flood of events; looking at all of them "
			   "again");
	if (lost || m->rescan_needed)
		look_again(m);
	else
		manager_reconcile(m, false);
}

void manager_watch_kernel(struct manager *m)
{
	for (int s = 0; s < N_KERNEL_SETTINGS; s++) {
		uint64_t live;
		int r;

		if (m->kernel[s].watched || cgroupfs_read(m->root_fd, NULL, s, &live) < 0)
			continue;
		if (s == SETTING_ZSWAP && live)
			m->zswap_seen = true;
		r = watch_add(m->watch, setting_path(s), IN_CLOSE_WRITE, on_kernel_event,
			      &m->kernel[s]);
		m->kernel[s].watched = r >= 0;
		if (r < 0)
			look_instead(m, setting_name(s), r);
	}
}
