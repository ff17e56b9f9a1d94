// SPDX-License-Identifier: GPL-2.0
#include "ctl.h"

#include <errno.h>
#include <string.h>

enum exit_code ctl_fail(int error, const char *what)
{
	fprintf(stderr, "pmdswapctl: %s: %s\n", what, strerror(-error));
	return error == -EACCES || error == -EPERM ? EXIT_PERMISSION : EXIT_FAILED;
}

void ctl_print_lines(const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		fprintf(stderr, "pmdswapctl: %.*s\n", (int)len, text);
		text += len + (text[len] == '\n');
	}
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
