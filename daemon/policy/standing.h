/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_STANDING_H
#define PMDSWAP_STANDING_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/setting.h"

enum outcome {
	OUTCOME_NONE, /* not looked at yet, or not written yet */
	OUTCOME_OK,
	OUTCOME_FAILED,     /* could not be written; the reason says why */
	OUTCOME_MISSING,    /* the kernel has no such file here */
	OUTCOME_DRIFTED,    /* somebody changed it and it was left so */
	OUTCOME_OVERRIDDEN, /* "systemctl set-property" says otherwise */
	OUTCOME_BLOCKED,    /* an ancestor keeps it from coming true */
};

const char *outcome_name(enum outcome o);

/* What an outcome means for a policy, between its name and the reason: "cannot come true". */
const char *outcome_phrase(enum outcome o);

/* Of what was said in a reload; lower bits are settings that failed. */
#define SAID_DECISION  (1U << N_SETTINGS)
#define SAID_HINDRANCE (1U << (N_SETTINGS + 1))

/*
 * How a cgroup or a setting of the kernel stands to what is wanted of it. What could not be written
 * has failed until it is written, also while that is tried again.
 */
struct standing {
	enum outcome outcome;
	char *reason; /* or NULL */
	bool writing; /* once what is outstanding is written, all is well */
	bool drifted; /* somebody else wrote to it; to be looked at */
	/* Settings that could not be written, as bits, and how often in a row. */
	unsigned int failing, failures;
	unsigned int said; /* in this reload: bits of settings that failed, and the above */
	/* How often somebody changed what the daemon had set. */
	struct drift {
		unsigned int count;
		uint64_t since_usec;
	} drift;
};

/* Set outcome and reason, which nothing outstanding changes; the reason is copied. */
void standing_set(struct standing *s, enum outcome outcome, const char *reason);

/* Take a decision, of which the settings with these bits are written now. */
void standing_decide(struct standing *s, enum outcome outcome, const char *reason,
		     unsigned int writes);

/* Take what came of writing a setting: 0, or a negative errno and why. True if it fails anew. */
bool standing_result(struct standing *s, enum setting setting, int error, const char *why);

/* Note one more drift. False if there were too many of late to go on setting it. */
bool standing_allows_drift(struct standing *s, uint64_t now_usec);

/* A reload starts: what somebody changed, and what was said of it, does not count any more. */
void standing_forget(struct standing *s);

void standing_clear(struct standing *s);

#endif
