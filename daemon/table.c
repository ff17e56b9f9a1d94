// SPDX-License-Identifier: GPL-2.0
#include "table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"

#define GAP            2
#define LAST_WIDTH_MIN 8

void table_row(struct table *t, ...)
{
	va_list ap;

	va_start(ap, t);
	for (size_t i = 0; i < t->columns; i++) {
		char **grown = reallocarray(t->cells, t->n + 1, sizeof(*grown));
		char *cell = strdup(va_arg(ap, const char *));

		if (grown)
			t->cells = grown;
		if (!grown || !cell) {
			free(cell);
			t->out_of_memory = true;
			break;
		}
		t->cells[t->n++] = cell;
	}
	va_end(ap);
}

static void print_cut(const char *s, size_t width)
{
	size_t len = strlen(s), tail = (width - 3) * 2 / 3;

	if (len <= width)
		printf("%s\n", s);
	else
		printf("%.*s...%s\n", (int)(width - 3 - tail), s, s + len - tail);
}

int table_print(struct table *t, size_t width)
{
	size_t widths[TABLE_COLUMNS_MAX] = {}, used = 0, last;

	for (size_t i = 0; i < t->n; i++) {
		size_t len = strlen(t->cells[i]);

		if (len > widths[i % t->columns])
			widths[i % t->columns] = len;
	}
	for (size_t i = 0; i + 1 < t->columns; i++)
		used += widths[i] + GAP;
	last = width > used + LAST_WIDTH_MIN ? width - used : LAST_WIDTH_MIN;
	for (size_t i = 0; i < t->n && !t->out_of_memory; i++) {
		size_t column = i % t->columns;

		if (column + 1 < t->columns)
			printf("%-*s", (int)(widths[column] + GAP), t->cells[i]);
		else if (width)
			print_cut(t->cells[i], last);
		else
			printf("%s\n", t->cells[i]);
	}
	table_clear(t);
	return t->out_of_memory ? -ENOMEM : 0;
}

void table_clear(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	t->cells = NULL;
	t->n = 0;
}
