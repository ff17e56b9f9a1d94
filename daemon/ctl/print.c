// SPDX-License-Identifier: GPL-2.0
#include "ctl/ctl.h"

#include <errno.h>
#include <string.h>

#include "policy/text.h"

enum exit_code ctl_fail(int error, const char *what)
{
	bool denied = error == -EACCES || error == -EPERM;

	fprintf(stderr, "pmdswapctl: %s: %s%s\n", what, strerror(-error),
		denied && geteuid() != 0 ? "; try it as root" : "");
	return denied ? EXIT_PERMISSION : EXIT_FAILED;
}

bool ctl_state_is_bad(const char *state)
{
	static const char *const bad[] = { "failed",  "drifted", "overridden",
					   "blocked", "missing", NULL };

	return text_find_word(bad, state, strlen(state)) >= 0;
}

const char *ctl_state_colour(const char *state)
{
	if (ctl_state_is_bad(state))
		return "\033[31m";
	if (strcmp(state, "draining") == 0 || strcmp(state, "pending") == 0)
		return "\033[33m";
	if (strcmp(state, "keep") == 0)
		return NULL;
	return "\033[32m";
}

void ctl_print_report(const struct report *report)
{
	for (size_t i = 0; i < report->n; i++) {
		_cleanup_free_ char *text = message_format(&report->messages[i]);

		fprintf(stderr, "%s\n", text ?: report->messages[i].text);
	}
	if (report_failed(report))
		fprintf(stderr, "%zu error%s\n", report->errors, PLURAL_S(report->errors));
}

void ctl_print_wrapped(const char *text, size_t width)
{
	const size_t indent = 2;

	while (*text) {
		size_t len = strlen(text), room = width ? width - indent : len;

		if (len > room) {
			len = room;
			while (len > 0 && text[len] != ' ')
				len--;
			if (len == 0) /* a word that is longer than the line stays whole */
				len = strcspn(text, " ");
		}
		printf("%*s%.*s\n", (int)indent, "", (int)len, text);
		text += len;
		text += strspn(text, " ");
	}
}

int ctl_print_table(struct table *t, size_t width)
{
	if (t->n == t->columns) {
		table_clear(t);
		return 0;
	}
	printf("\n");
	return table_print(t, width);
}
