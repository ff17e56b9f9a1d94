// SPDX-License-Identifier: GPL-2.0
#include "service/prepare.h"

#include <errno.h>
#include <string.h>

#include "service/keep.h"
#include "system/clock.h"
#include "system/look.h"

/* PID 1 answers so many at a time; what was found is carried out as often as this. */
#define ASKED_MAX  8
#define FLUSH_USEC (5 * USEC_PER_SEC)

struct question {
	struct manager *manager;
	unsigned int generation;
	const struct match *match; /* good for this generation */
};

bool manager_waits_for_units(const struct manager *m)
{
	return m->preparation.active && !m->preparation.late;
}

static int decide(struct manager *m, const struct match *match, const struct pid1_unit *unit)
{
	_cleanup_free_ char *alias = NULL;
	int r = look_and_decide_stopped(m->root_fd, m->config, &m->state, match, unit,
					&m->preparation.plan, &alias);

	if (alias && m->reload.active)
		manager_say(m, REPORT_WARNING,
			    &(struct log_fields){ .message_id = MESSAGE_DEGRADED }, "%s:%u: %s",
			    match->origin.file, match->origin.line, alias);
	return r;
}

void manager_stop_preparing(struct manager *m)
{
	m->preparation.active = false;
	m->preparation.generation++;
	plan_clear(&m->preparation.plan);
	sd_event_source_set_enabled(m->prepare_timer, SD_EVENT_OFF);
	manager_look_if_settled(m);
}

static void ask(struct manager *m);

static void on_unit(void *userdata, int error, struct pid1_unit *unit)
{
	struct question *question = userdata;
	struct manager *m = question->manager;
	struct preparation *p = &m->preparation;
	int r = 0;

	p->n_asked--;
	if (question->generation == p->generation && p->active) {
		if (error >= 0)
			r = decide(m, question->match, unit);
		else if (error != -ENOENT)
			log_debug("PID 1 does not tell of %s: %s", question->match->glob,
				  strerror(-error));
		if (r < 0)
			log_error("Cannot prepare %s: %s", question->match->glob, strerror(-r));
		/* It gets its policy when it starts, and all others when there is a connection. */
		if (error == -ENOTCONN)
			manager_stop_preparing(m);
	}
	free(question);
	ask(m);
}

static void finish(struct manager *m)
{
	struct preparation *p = &m->preparation;

	p->active = false;
	sd_event_source_set_enabled(m->prepare_timer, SD_EVENT_OFF);
	if (p->late)
		log_notice("All units that do not run are prepared now");
	manager_carry_out(m, &p->plan);
}

static void ask(struct manager *m)
{
	struct preparation *p = &m->preparation;
	const struct match *match = NULL;

	while (p->active && p->n_asked < ASKED_MAX &&
	       (match = look_for_stopped(m->root_fd, m->config, &p->next))) {
		struct question *question = malloc(sizeof(*question));
		int r = -ENOMEM;

		if (question) {
			*question = (struct question){ m, p->generation, match };
			p->n_asked++;
			r = pid1_ask_unit(m->pid1, match->glob, on_unit, question);
		}
		if (r < 0) {
			p->n_asked -= question != NULL;
			free(question);
			log_error("Cannot ask for %s: %s", match->glob, strerror(-r));
		}
	}
	if (p->active && p->n_asked == 0)
		finish(m);
}

int manager_on_prepare_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct manager *m = userdata;
	struct preparation *p = &m->preparation;
	size_t left = p->n_asked + m->config->exact[MATCH_UNIT].n - p->next;

	if (!p->active)
		return 0;
	if (!p->late)
		manager_say(m, REPORT_WARNING,
			    &(struct log_fields){ .message_id = MESSAGE_DEGRADED },
			    "PID 1 is slow to answer: up to %zu units that do not run were not "
			    "prepared in time; that goes on, and one that starts before gets its "
			    "policy a moment later",
			    left);
	p->late = true;
	manager_carry_out(m, &p->plan);
	manager_arm(source, FLUSH_USEC);
	return 0;
}

void manager_prepare_units(struct manager *m)
{
	struct preparation *p = &m->preparation;

	manager_stop_preparing(m);
	/* One that knows neither property still knows which names are aliases. */
	if (!m->pid1)
		return;
	p->active = true;
	p->late = false;
	p->next = 0;
	manager_arm(m->prepare_timer, FLUSH_USEC);
	ask(m);
}
