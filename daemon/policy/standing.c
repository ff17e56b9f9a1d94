// SPDX-License-Identifier: GPL-2.0
#include "policy/standing.h"

#include <stdlib.h>
#include <string.h>

#define DRIFTS_MAX        5
#define DRIFT_WINDOW_USEC (60 * 1000 * 1000ULL)

const char *outcome_name(enum outcome o)
{
	static const char *const names[] = {
		[OUTCOME_NONE] = "pending",    [OUTCOME_OK] = "ok",
		[OUTCOME_FAILED] = "failed",   [OUTCOME_MISSING] = "missing",
		[OUTCOME_DRIFTED] = "drifted", [OUTCOME_OVERRIDDEN] = "overridden",
		[OUTCOME_BLOCKED] = "blocked",
	};

	return names[o];
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

static void set(struct standing *s, enum outcome outcome, const char *reason)
{
	char *copy = reason ? strdup(reason) : NULL;

	free(s->reason);
	s->outcome = outcome;
	s->reason = copy;
}

void standing_set(struct standing *s, enum outcome outcome, const char *reason)
{
	set(s, outcome, reason);
	s->writing = false;
	s->failing = s->failures = 0;
}

void standing_decide(struct standing *s, enum outcome outcome, const char *reason,
		     unsigned int writes)
{
	bool goes_on = s->outcome == OUTCOME_FAILED && writes;

	s->writing = writes && (outcome == OUTCOME_NONE || outcome == OUTCOME_OK);
	/* What need not be written any more does not fail. */
	if (outcome == OUTCOME_NONE || outcome == OUTCOME_OK)
		s->failing &= writes;
	if (goes_on && s->writing)
		return;
	set(s, outcome, reason);
	if (!goes_on)
		s->failures = 0;
}

bool standing_result(struct standing *s, enum setting setting, int error, const char *why)
{
	unsigned int bit = 1U << setting;
	bool fails_anew = error < 0 && !(s->failing & bit);

	if (error < 0) {
		/* Of several settings that fail together one counts. */
		s->failures += s->writing || s->failures == 0;
		s->writing = false;
		s->failing |= bit;
		set(s, OUTCOME_FAILED, why);
		return fails_anew;
	}
	s->failing &= ~bit;
	if (s->writing && !s->failing)
		standing_set(s, OUTCOME_OK, NULL);
	return false;
}

bool standing_allows_drift(struct standing *s, uint64_t now_usec)
{
	struct drift *d = &s->drift;

	if (now_usec - d->since_usec > DRIFT_WINDOW_USEC)
		*d = (struct drift){ .since_usec = now_usec };
	if (d->count >= DRIFTS_MAX)
		return false;
	d->count++;
	return true;
}

void standing_forget(struct standing *s)
{
	s->drift = (struct drift){};
	s->said = 0;
}

void standing_clear(struct standing *s)
{
	free(s->reason);
	*s = (struct standing){};
}
