// SPDX-License-Identifier: GPL-2.0
#include "service/reload.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "policy/text.h"
#include "service/log.h"
#include "service/keep.h"
#include "service/prepare.h"
#include "service/reconcile.h"
#include "service/reply.h"
#include "system/cgroupfs.h"
#include "system/look.h"
#include "system/state-file.h"
#include "service/stats.h"
#include "service/track.h"
#include "system/clock.h"
#include "system/conf-load.h"

/* The first error; there may be warnings before it. NULL if there is none. */
static char *first_error(const struct report *report)
{
	for (size_t i = 0; i < report->n; i++)
		if (report->messages[i].severity == REPORT_ERROR)
			return message_format(&report->messages[i]);
	return NULL;
}

/* What "systemctl status" shows. */
static void notify_ready(struct manager *m)
{
	const struct report *report = &m->verdict.report;
	_cleanup_free_ char *error = first_error(report);
	char more[48] = "";
	size_t n = 0;

	for (size_t i = 0; i < cgroup_table_size(&m->cgroups); i++)
		n += cgroup_table_at(&m->cgroups, i)->policy != NULL;
	if (report->errors > 1)
		snprintf(more, sizeof(more), " (and %zu more)", report->errors - 1);
	if (!m->verdict.accepted)
		sd_notifyf(0, "READY=1\nSTATUS=Configuration refused: %s%s",
			   error ?: strerror(ENOMEM), more);
	else if (error)
		sd_notifyf(0, "READY=1\nSTATUS=Not all could be applied: %s%s", error, more);
	else if (m->suspended)
		sd_notify(0, "READY=1\nSTATUS=Everything was given back; reload to apply the "
			     "configuration");
	else
		sd_notifyf(0, "READY=1\nSTATUS=%zu polic%s, %zu cgroup%s managed",
			   m->config->n_policies, PLURAL_IES(m->config->n_policies), n,
			   PLURAL_S(n));
}

/* What needs both the configuration and the kernel to be seen. */
static void say_what_is_missing(struct manager *m)
{
	_cleanup_(report_clear) struct report report = {};
	_cleanup_(host_facts_clear) struct host_facts host = {};
	bool no_swap_pmd = look_host(m->root_fd, m->pid1, &host) >= 0 &&
			   effect_hints(m->config, &host, &report);

	for (size_t i = 0; i < report.n; i++)
		manager_say(m, REPORT_WARNING,
			    &(struct log_fields){ .message_id = MESSAGE_DEGRADED }, "%s",
			    report.messages[i].text);
	if (no_swap_pmd && !m->started)
		log_notice("This kernel has no swap_pmd, so THPs are split at swap-out; only zswap "
			   "is managed");
}

static void answer(struct manager *m)
{
	size_t n = m->reload.n_waiting - m->reload.n_for_next;

	for (size_t i = 0; i < n; i++) {
		int r = reply_reload(m->reload.waiting[i], &m->verdict);

		/* Who waits must not wait for ever. */
		if (r < 0)
			sd_bus_reply_method_errno(m->reload.waiting[i], r, NULL);
		sd_bus_message_unref(m->reload.waiting[i]);
	}
	m->reload.n_waiting = m->reload.n_for_next;
	m->reload.n_for_next = 0;
	if (m->reload.n_waiting > 0)
		memmove(m->reload.waiting, m->reload.waiting + n,
			m->reload.n_waiting * sizeof(*m->reload.waiting));
}

static void start_reload(struct manager *m);

static void finish_reload(struct manager *m, bool accepted)
{
	bool again = m->reload.again;

	if (accepted)
		m->suspended = m->reload.restore;
	m->reload.active = m->reload.again = false;
	m->reload.restore = m->reload.again_restore;
	report_clear(&m->verdict.report);
	m->verdict = (struct verdict){
		.accepted = accepted,
		.usec = clock_usec(CLOCK_REALTIME),
		.accepted_usec = accepted ? clock_usec(CLOCK_REALTIME) : m->verdict.accepted_usec,
		.report = m->reload.report,
	};
	m->reload.report = (struct report){};
	/* Before the answer: who has it may look at "systemctl status" next. */
	notify_ready(m);
	answer(m);
	/* Two configurations and a plan were in memory, perhaps thousands of strings. */
	malloc_trim(0);
	if (again)
		start_reload(m);
}

/* What is moved away must not revert the host; an empty file says that it is meant. */
static void check_presence(const struct manager *m, const struct config *c, struct report *report)
{
	bool any_before = m->config ? m->config->n_files > 0 : m->state.records.n > 0;
	bool file_before = m->config && m->config->has_main_file;

	if ((any_before && c->n_files == 0) || (file_before && !c->has_main_file))
		report_add(report, REPORT_ERROR, "/etc/pmdswapd.conf", 0,
			   "is gone, and everything would be given back; if that is meant, make an "
			   "empty file of that name");
}

int manager_read_config(struct manager *m, struct config **ret, struct report *report)
{
	_cleanup_(config_freep) struct config *c = NULL;
	int r = conf_load(m->root_fd, m->fake_root, &c, report);

	if (r < 0)
		return r;
	check_presence(m, c, report);
	if (report_failed(report))
		return -EBADMSG;
	*ret = TAKE_PTR(c);
	return 0;
}

/* Of many that are alike, the journal needs no more than the first. */
#define LOGGED_MAX 20

void manager_log_report(const struct manager *m, const struct report *report,
			const char *message_id)
{
	for (size_t i = 0; i < report->n && i < LOGGED_MAX; i++) {
		const struct message *msg = &report->messages[i];
		_cleanup_free_ char *text = message_format(msg);

		log_full(manager_said_just_now(m, msg->text) ? LOG_DEBUG
			 : msg->severity == REPORT_ERROR     ? LOG_ERR
							     : LOG_WARNING,
			 &(struct log_fields){ .message_id = message_id }, "%s", text ?: msg->text);
	}
	if (report->n > LOGGED_MAX)
		log_full(LOG_WARNING, &(struct log_fields){ .message_id = message_id },
			 "There are %zu more messages like these; \"pmdswapctl check\" prints all "
			 "of "
			 "them",
			 report->n - LOGGED_MAX);
}

void manager_use_config(struct manager *m, struct config *c)
{
	/* Policies of the old one must not be looked at any more. */
	manager_stop_preparing(m);
	for (size_t i = 0; i < cgroup_table_size(&m->cgroups); i++) {
		cgroup_table_at(&m->cgroups, i)->policy = NULL;
		standing_forget(&cgroup_table_at(&m->cgroups, i)->standing);
	}
	for (size_t i = 0; i < N_KERNEL_SETTINGS; i++)
		standing_forget(&m->kernel[i].standing);
	config_free(m->config);
	m->config = c;
	m->retry_usec = RETRY_MIN_USEC;
	log_set_level(c->log_level);
	m->have_cgroups = cgroupfs_check(m->root_fd) >= 0;
	manager_rescan(m);
	stats_invalidate(m->stats);
	m->list = sd_bus_message_unref(m->list);
	say_what_is_missing(m);
	manager_reconcile(m, true);
	manager_prepare_units(m);
}

int manager_want_nothing(struct manager *m)
{
	struct config *c = config_new();

	if (!c)
		return -ENOMEM;
	c->log_level = m->config->log_level;
	manager_use_config(m, c);
	return 0;
}

static void start_reload(struct manager *m)
{
	struct config *c = NULL;
	int r;

	m->reload.active = true;
	m->progress_usec = clock_usec(CLOCK_MONOTONIC);
	if (m->reload.restore) {
		r = manager_want_nothing(m);
		if (r < 0) {
			report_add(&m->reload.report, REPORT_ERROR, NULL, 0, "Cannot give back: %s",
				   strerror(-r));
			finish_reload(m, false);
		}
		return;
	}
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=Reloading the configuration",
		   clock_usec(CLOCK_MONOTONIC));
	r = manager_read_config(m, &c, &m->reload.report);
	if (r < 0) {
		if (r != -EBADMSG)
			report_add(&m->reload.report, REPORT_ERROR, NULL, 0,
				   "Cannot read the configuration: %s", strerror(-r));
		manager_log_report(m, &m->reload.report, MESSAGE_REFUSED);
		log_full(LOG_ERR, &(struct log_fields){ .message_id = MESSAGE_REFUSED },
			 "Configuration refused (%zu error%s); the one before stays in force",
			 m->reload.report.errors, PLURAL_S(m->reload.report.errors));
		finish_reload(m, false);
		return;
	}
	manager_log_report(m, &m->reload.report, NULL);
	manager_use_config(m, c);
}

int manager_reload(struct manager *m, sd_bus_message *call, bool restore)
{
	/* It would set again what is being given back. */
	if (m->stopping)
		return -ESHUTDOWN;
	if (call) {
		sd_bus_message **grown =
			reallocarray(m->reload.waiting, m->reload.n_waiting + 1, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		m->reload.waiting = grown;
		grown[m->reload.n_waiting++] = sd_bus_message_ref(call);
		m->reload.n_for_next += m->reload.active;
	}
	/* The files may have changed since they were read. Of several requests the last one counts.
	 */
	if (m->reload.active) {
		m->reload.again = true;
		m->reload.again_restore = restore;
	} else {
		m->reload.restore = restore;
		start_reload(m);
	}
	return 0;
}

int manager_on_settled(sd_event_source *source, void *userdata)
{
	struct manager *m = userdata;
	int r;

	if (applier_busy(m->applier) || manager_waits_for_units(m))
		return 0;
	if (m->busy_skipped) {
		/* Rare enough to look at everything. */
		m->busy_skipped = false;
		manager_reconcile(m, true);
		return 0;
	}
	r = manager_save(m);
	if (r < 0)
		log_error("Cannot save /%s: %s", STATE_PATH, strerror(-r));
	if (m->stopping || m->once)
		return sd_event_exit(m->event,
				     m->once && report_failed(&m->reload.report) ? -EIO : 0);
	if (m->reload.active) {
		log_full(LOG_INFO, &(struct log_fields){ .message_id = MESSAGE_RELOADED },
			 "%s: %zu change%s, %zu failed",
			 m->reload.restore ? "Everything given back"
			 : m->started      ? "Configuration reloaded"
					   : "Configuration applied",
			 m->reload.report.changes, PLURAL_S(m->reload.report.changes),
			 m->reload.report.errors);
		m->started = true;
		finish_reload(m, true);
	}
	return 0;
}
