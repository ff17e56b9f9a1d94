// SPDX-License-Identifier: GPL-2.0
#include "service/manager.h"

#include <string.h>
#include <systemd/sd-daemon.h>

#include "policy/text.h"
#include "system/clock.h"
#include "system/state-file.h"

#define REPEAT_USEC   (3 * USEC_PER_SEC)
#define PROGRESS_USEC (5 * USEC_PER_SEC)

void manager_arm(sd_event_source *timer, uint64_t usec)
{
	int enabled = 0, r;

	r = sd_event_source_get_enabled(timer, &enabled);
	if (r >= 0 && enabled == SD_EVENT_OFF) {
		r = sd_event_source_set_time_relative(timer, usec);
		if (r >= 0)
			r = sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
	}
	if (r < 0)
		log_error("Cannot set a timer: %s", strerror(-r));
}

void manager_make_progress(struct manager *m)
{
	uint64_t now = clock_usec(CLOCK_MONOTONIC);

	if (now - m->progress_usec < PROGRESS_USEC)
		return;
	m->progress_usec = now;
	sd_notify(0, m->reload.active ? "WATCHDOG=1\nEXTEND_TIMEOUT_USEC=90000000" : "WATCHDOG=1");
}

void manager_look_if_settled(struct manager *m)
{
	sd_event_source_set_enabled(m->settled, SD_EVENT_ONESHOT);
}

void manager_mark(struct manager *m, struct cgroup *c)
{
	c->dirty = m->any_dirty = true;
}

bool manager_said_just_now(const struct manager *m, const char *text)
{
	if (!m->reload.active || clock_usec(CLOCK_REALTIME) - m->verdict.usec > REPEAT_USEC)
		return false;
	for (size_t i = 0; i < m->verdict.report.n; i++) {
		const struct message *msg = &m->verdict.report.messages[i];

		if (strcmp(msg->text, text) == 0)
			return true;
	}
	return false;
}

void manager_say(struct manager *m, enum severity severity, const struct log_fields *fields,
		 const char *fmt, ...)
{
	int level = severity == REPORT_ERROR ? LOG_ERR : LOG_WARNING;
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	/* The name of a cgroup may be any bytes. */
	text = text_escaped_vformat(fmt, ap);
	va_end(ap);
	if (!text)
		return;
	log_full(manager_said_just_now(m, text) ? LOG_DEBUG : level, fields, "%s", text);
	if (m->reload.active)
		report_add(&m->reload.report, severity, NULL, 0, "%s", text);
}

bool manager_has_to_say(const struct manager *m, bool is_new, struct standing *s, unsigned int bit)
{
	bool yes = is_new || (m->reload.active && !(s->said & bit));

	if (yes)
		s->said |= bit;
	return yes;
}

int manager_save(struct manager *m)
{
	bool changed = m->state.changed || m->state.urgent;
	int r = state_save(&m->state, m->root_fd);

	if (changed && r >= 0)
		log_debug("Saved /%s", STATE_PATH);
	return r;
}
