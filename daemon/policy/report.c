// SPDX-License-Identifier: GPL-2.0
#include "policy/report.h"

#include <string.h>

void report_addv(struct report *r, enum severity severity, const char *file, unsigned int line,
		 const char *fmt, va_list ap)
{
	_cleanup_free_ char *text = NULL, *name = NULL;
	struct message *messages;

	if (severity == REPORT_ERROR)
		r->errors++;
	if (vasprintf(&text, fmt, ap) < 0) {
		text = NULL;
		r->out_of_memory = true;
		return;
	}
	if (file) {
		name = strdup(file);
		if (!name) {
			r->out_of_memory = true;
			return;
		}
	}
	messages = reallocarray(r->messages, r->n + 1, sizeof(*messages));
	if (!messages) {
		r->out_of_memory = true;
		return;
	}
	r->messages = messages;
	r->messages[r->n++] = (struct message){
		.severity = severity,
		.line = line,
		.file = TAKE_PTR(name),
		.text = TAKE_PTR(text),
	};
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
	char *s;
	int r;

	if (m->file && m->line)
		r = asprintf(&s, "%s:%u: %s%s", m->file, m->line, kind, m->text);
	else if (m->file)
		r = asprintf(&s, "%s: %s%s", m->file, kind, m->text);
	else
		r = asprintf(&s, "%s%s", kind, m->text);
	return r < 0 ? NULL : s;
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
