/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_TABLE_H
#define PMDSWAP_TABLE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A table of text with aligned columns. The last column takes what the others leave of the width;
 * what does not fit there is cut in the middle, unless the table is to be shown in full.
 */

#define TABLE_COLUMNS_MAX 8

struct table {
	size_t columns;
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
