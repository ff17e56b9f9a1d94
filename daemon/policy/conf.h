/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_CONF_H
#define PMDSWAP_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/cleanup.h"
#include "policy/report.h"
#include "policy/setting.h"
#include "policy/sorted.h"

/*
 * The configuration as a value. Nothing here touches a file: conf-load.c finds and reads the files,
 * and hands their text to conf_parse() one by one, the most important one last.
 */

enum mode {
	MODE_KEEP,
	MODE_PMD,
	MODE_ZSWAP,
	MODE_NONE,
};

enum on_drift {
	ON_DRIFT_REAPPLY,
	ON_DRIFT_WARN,
};

enum match_type {
	MATCH_UNIT,
	MATCH_CGROUP,
	N_MATCH_TYPES,
};

/* Where something stands. All zero: nowhere, it has its default. */
struct origin {
	const char *file; /* owned by the config */
	unsigned int line;
};

/* One "unit =" or "cgroup =" line. */
struct match {
	char *glob; /* first, for sorted_by_name() */
	enum match_type type;
	bool exact;                  /* no wildcard in it */
	const struct policy *policy; /* once the config is finished */
	struct origin origin;
};

/* One [policy NAME] section. */
struct policy {
	char *name;   /* first, for sorted_by_name() */
	size_t index; /* in the order of the files */
	struct origin origin;
	enum mode mode;
	bool mode_known; /* false: it has none, or a word that is none */
	struct origin mode_origin;
	uint64_t zswap_max; /* bytes */
	struct origin zswap_max_origin;
	bool zswap_writeback;
	struct origin zswap_writeback_origin;
	int priority;
	struct match *matches;
	size_t n_matches, matches_allocated;
	bool match_refused; /* one of its lines is wrong and not among them */
};

struct config {
	char **files; /* in the order in which they were read */
	size_t n_files;
	bool has_main_file; /* and not drop-ins alone */

	int log_level; /* syslog priority */
	enum on_drift on_drift;
	bool restore_on_stop;

	struct {
		bool managed; /* false: "keep" */
		uint64_t value;
		struct origin origin;
	} kernel[N_KERNEL_SETTINGS];

	bool taskstats;
	unsigned int stats_interval; /* seconds between two samples, at least */

	struct policy **policies; /* in file order */
	size_t n_policies, policies_allocated;
	struct sorted by_name;

	/* Once it is finished: all matches, the exact ones by their names. */
	struct sorted exact[N_MATCH_TYPES], globs;
	bool names_units;
};

/* A configuration with every setting at its default. NULL if there is no memory. */
struct config *config_new(void);
void config_free(struct config *c);
DEFINE_CLEANUP(struct config *, config_free);

/*
 * Add the text of one file. What is wrong with it goes to the report, all of it. 0 if the text
 * could be looked at, wrong or not, or -ENOMEM.
 */
int conf_parse(struct config *c, const char *file, const char *text, size_t size,
	       struct report *report);

/* Check, after the last file, what only the whole can tell, and index it. 0 or -ENOMEM. */
int conf_finish(struct config *c, struct report *report);

const char *mode_name(enum mode mode);

#endif
