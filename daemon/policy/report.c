// SPDX-License-Identifier: GPL-2.0
#include "policy/report.h"

#include <string.h>

#include "policy/text.h"

void report_addv(struct report *r, enum severity severity, const char *file, unsigned int line,
		 const char *fmt, va_list ap)
{
	struct message *grown = reallocarray(r->messages, r->n + 1, sizeof(*grown)), *new;

	r->errors += severity == REPORT_ERROR;
	if (!grown) {
		r->out_of_memory = true;
		return;
	}
	r->messages = grown;
	new = &grown[r->n];
	*new = (struct message){ severity, line, file ? strdup(file) : NULL, NULL };
	if (vasprintf(&new->text, fmt, ap) >= 0 && (!file || new->file)) {
		r->n++;
		return;
	}
	free(new->file);
	r->out_of_memory = true;
}

void report_add(struct report *r, enum severity severity, const char *file, unsigned int line,
		const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report_addv(r, severity, file, line, fmt, ap);
	va_end(ap);
}

bool report_failed(const struct report *r)
{
	return r->errors > 0 || r->out_of_memory;
}

void report_sort(struct report *r)
{
	/* Insertion sort: stable, and the messages come nearly sorted. */
	for (size_t i = 1; i < r->n; i++) {
		struct message m = r->messages[i];
		size_t j = i;

		while (j > 0 && m.file && r->messages[j - 1].file &&
		       strcmp(m.file, r->messages[j - 1].file) == 0 &&
		       m.line < r->messages[j - 1].line) {
			r->messages[j] = r->messages[j - 1];
			j--;
		}
		r->messages[j] = m;
	}
}

char *message_format(const struct message *m)
{
	const char *kind = m->severity == REPORT_WARNING ? "warning: " : "";

	if (m->file && m->line)
		return text_format("%s:%u: %s%s", m->file, m->line, kind, m->text);
	if (m->file)
		return text_format("%s: %s%s", m->file, kind, m->text);
	return text_format("%s%s", kind, m->text);
}

void report_clear(struct report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->messages[i].file);
		free(r->messages[i].text);
	}
	free(r->messages);
	*r = (struct report){};
}
