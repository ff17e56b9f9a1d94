/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_TABLE_H
#define PMDSWAP_TABLE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A table of text with aligned columns. What does not fit the width is cut in the middle, in the
 * columns that may be cut, the widest first.
 */

#define TABLE_COLUMNS_MAX 12

#define TABLE_COLUMN(i) (1U << (i))

struct table {
	size_t columns;
	unsigned int cut;   /* columns that may be cut; 0: the last one */
	unsigned int right; /* columns of numbers, aligned at the right */
	bool narrow;        /* one blank between columns, not two */
	/* The escape sequence that a cell starts with on a terminal with colours; NULL: none. */
	const char *(*colour)(size_t column, const char *cell);
	char **cells; /* row by row */
	size_t n;
	bool out_of_memory;
};

/* Add a row of the table's number of cells, const char *; the strings are copied. */
void table_row(struct table *t, ...);

/*
 * Print to standard output, at most width characters per line; 0: in full. 0 or -ENOMEM. Empties
 * the table.
 */
int table_print(struct table *t, size_t width);

void table_clear(struct table *t);

#endif
