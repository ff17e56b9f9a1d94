/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_CTL_H
#define PMDSWAP_CTL_H

#include <stdbool.h>
#include <stddef.h>

#include "ctl/table.h"
#include "policy/cleanup.h"
#include "policy/report.h"

/*
 * What the commands of pmdswapctl share. Each group of commands has a file, ctl-NAME.c; the table
 * in pmdswapctl.c says which there are, and what they take.
 */

enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1, /* or drifted */
	EXIT_USAGE = 2,
	EXIT_NOT_RUNNING = 3,
	EXIT_PERMISSION = 4,
	EXIT_BUSY = 5, /* the daemon has too many clients */
};

#define OUTPUT_WIDTH 80

/* The command line. */
struct ctl {
	const char *root;
	bool full;
	bool prometheus;       /* for its textfile collector */
	bool print;            /* show commands instead of doing it */
	bool json;             /* for a machine */
	bool once;             /* not again and again */
	const char *states;    /* that list shows, with commas between them; NULL: all */
	unsigned int interval; /* seconds between two refreshes */
	bool colour;           /* standard output is a terminal that may have colours */
	size_t width;          /* of the output; 0: no limit */
};

/* The commands. The argument is NULL if there was none. */
enum exit_code ctl_check(const struct ctl *x, const char *argument);
enum exit_code ctl_explain(const struct ctl *x, const char *argument);
enum exit_code ctl_list(const struct ctl *x, const char *argument);
enum exit_code ctl_plan(const struct ctl *x, const char *argument);
enum exit_code ctl_reload(const struct ctl *x, const char *argument);
enum exit_code ctl_restore(const struct ctl *x, const char *argument);
enum exit_code ctl_stats(const struct ctl *x, const char *argument);
enum exit_code ctl_status(const struct ctl *x, const char *argument);
enum exit_code ctl_support(const struct ctl *x, const char *argument);
enum exit_code ctl_top(const struct ctl *x, const char *argument);
enum exit_code ctl_verify(const struct ctl *x, const char *argument);

/* Say on standard error what failed. The code to exit with. */
enum exit_code ctl_fail(int error, const char *what);

/* Whether a state of a cgroup or setting, by its name, is one that nobody wants. */
bool ctl_state_is_bad(const char *state);

/* The escape sequence for the state of a cgroup or setting; NULL: none. */
const char *ctl_state_colour(const char *state);

/* Print every message of a report on standard error, and how many errors there are. */
void ctl_print_report(const struct report *report);

/*
 * Print a text that may be long in lines of at most width characters, indented; 0: in one line.
 */
void ctl_print_wrapped(const char *text, size_t width);

/* Print a table that has more than its head, after an empty line. 0 or -ENOMEM. Empties it. */
int ctl_print_table(struct table *t, size_t width);

#endif
