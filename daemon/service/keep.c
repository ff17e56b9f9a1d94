// SPDX-License-Identifier: GPL-2.0
#include "service/keep.h"

#include <errno.h>
#include <string.h>

#include "system/cgroupfs.h"
#include "system/state-file.h"

void manager_retry_later(struct manager *m, bool soon)
{
	if (soon) {
		m->retry_usec = RETRY_MIN_USEC;
		sd_event_source_set_enabled(m->retry_timer, SD_EVENT_OFF);
	}
	manager_arm(m->retry_timer, m->retry_usec);
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
	/* A cgroup that nobody matches any more may have something to give back. */
	struct standing other = {}, *standing = &other;
	const char *what = text ?: setting_name(item->setting);
	bool fails_anew;

	manager_make_progress(m);
	manager_look_if_settled(m);
	if (item->cgroup && cgroupfs_is_gone(error)) {
		log_debug("%s is gone", item->cgroup);
		return;
	}
	if (!item->cgroup)
		standing = &m->kernel[item->setting].standing;
	else if (c)
		standing = &c->standing;
	fails_anew = standing_result(standing, item->setting, error, why);
	if (error >= 0) {
		log_full(LOG_INFO, &fields, "%s", what);
		m->reload.report.changes += m->reload.active;
		state_written(&m->state, item);
	} else if (manager_has_to_say(m, standing == &other ? m->restore_retries == 0 : fails_anew,
				      standing, 1U << item->setting)) {
		manager_say(m, REPORT_ERROR, &fields, "%s: failed: %s", what, why);
	} else {
		log_debug("%s: failed again: %s", what, why);
	}
	if (error < 0) {
		bool restore = item->action == ACTION_RESTORE;

		m->restores_failed |= restore;
		manager_retry_later(m, standing->failures <= 1 &&
					       (!restore || m->restore_retries == 0));
	}
	standing_clear(&other);
}

static void fail_items(struct manager *m, struct plan *plan, int error)
{
	manager_say(m, REPORT_ERROR, NULL,
		    "Cannot save the original values in /%s: %s; nothing is changed without that",
		    STATE_PATH, strerror(-error));
	/* It is the record that is gone, and not the cgroup. */
	if (cgroupfs_is_gone(error))
		error = -EIO;
	for (size_t i = 0; i < plan->n; i++)
		if (plan_item_writes(&plan->items[i]))
			manager_on_result(m, &plan->items[i], error,
					  "the original value could not be saved");
}

void manager_carry_out(struct manager *m, struct plan *plan)
{
	int r = state_prepare(&m->state, plan);

	/* First the originals, then the writes; what was written may be saved when all is. */
	if (r >= 0 && m->state.urgent)
		r = manager_save(m);
	if (r < 0)
		fail_items(m, plan, r);
	else
		applier_run(m->applier, m->pid1, plan);
	plan_clear(plan);
	manager_look_if_settled(m);
}
