// SPDX-License-Identifier: GPL-2.0
#include "ctl/table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/cleanup.h"

#define GAP           2
#define CUT_WIDTH_MIN 8

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
		printf("%s", s);
	else
		printf("%.*s...%s", (int)(width - 3 - tail), s, s + len - tail);
}

/* Make the columns that may be cut narrower, the widest first, until all fit or none is wide. */
static void fit(const struct table *t, size_t *widths, size_t width)
{
	unsigned int cut = t->cut ?: TABLE_COLUMN(t->columns - 1);
	size_t gaps = (t->columns - 1) * (t->narrow ? 1 : GAP);

	for (;;) {
		size_t used = gaps, widest = t->columns;

		for (size_t i = 0; i < t->columns; i++) {
			used += widths[i];
			if (cut & TABLE_COLUMN(i) && widths[i] > CUT_WIDTH_MIN &&
			    (widest == t->columns || widths[i] > widths[widest]))
				widest = i;
		}
		if (used <= width || widest == t->columns)
			return;
		widths[widest]--;
	}
}

static void print_cell(const struct table *t, size_t i, size_t width)
{
	const char *cell = t->cells[i], *colour = NULL;
	size_t column = i % t->columns, len = strlen(cell);
	size_t padding = len < width ? width - len : 0;

	if (t->colour && i >= t->columns)
		colour = t->colour(column, cell);
	if (t->right & TABLE_COLUMN(column))
		printf("%*s", (int)padding, "");
	if (colour)
		fputs(colour, stdout);
	print_cut(cell, width);
	if (colour)
		fputs("\033[0m", stdout);
	if (column + 1 == t->columns)
		putchar('\n');
	else
		printf("%*s",
		       (int)((t->right & TABLE_COLUMN(column) ? 0 : padding) +
			     (t->narrow ? 1 : GAP)),
		       "");
}

int table_print(struct table *t, size_t width)
{
	size_t widths[TABLE_COLUMNS_MAX] = {};

	for (size_t i = 0; i < t->n; i++) {
		size_t len = strlen(t->cells[i]);

		if (len > widths[i % t->columns])
			widths[i % t->columns] = len;
	}
	if (width)
		fit(t, widths, width);
	for (size_t i = 0; i < t->n && !t->out_of_memory; i++)
		print_cell(t, i, widths[i % t->columns]);
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
