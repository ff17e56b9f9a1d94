/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_REPORT_H
#define PMDSWAP_REPORT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "policy/cleanup.h"

/*
 * A report collects everything there is to say about one configuration, plan or reload, in order,
 * so that all of it reaches the user and not only the first line.
 */

enum severity {
	REPORT_ERROR,
	REPORT_WARNING,
};

struct message {
	enum severity severity;
	unsigned int line; /* 0: not about a line of a file */
	char *file;        /* NULL: not about a file */
	char *text;
};

struct report {
	struct message *messages;
	size_t n;
	size_t errors;
	size_t changes;     /* settings that were changed; the journal tells which */
	bool out_of_memory; /* at least one message is missing; counts as an error */
};

/* Add a message. Never fails: lack of memory is noted in the report itself. */
void report_add(struct report *r, enum severity severity, const char *file, unsigned int line,
		const char *fmt, ...) _printf_(5, 6);
void report_addv(struct report *r, enum severity severity, const char *file, unsigned int line,
		 const char *fmt, va_list ap) _printf_(5, 0);

/* True if the report holds an error, or could not hold one for lack of memory. */
bool report_failed(const struct report *r);

/* Sort the messages of each file by line. The order of files, and of messages on one line, stays.
 */
void report_sort(struct report *r);

/* Format a message as "FILE:LINE: TEXT"; the caller frees. NULL if there is no memory. */
char *message_format(const struct message *m);

/* Free what the report holds and make it empty. */
void report_clear(struct report *r);

#endif
