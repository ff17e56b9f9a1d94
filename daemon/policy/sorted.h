/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_SORTED_H
#define PMDSWAP_SORTED_H

#include <stdbool.h>
#include <stddef.h>

/* Pointers in the order of a comparison, which is the same for all calls on one array. */
struct sorted {
	void **v;
	size_t n, allocated;
};

/* Less than, equal to or greater than 0, as the key comes before, at or after the element. */
typedef int (*sorted_compare_t)(const void *key, const void *element);

/* The place of the first element that does not come before the key. */
size_t sorted_position(const struct sorted *s, const void *key, sorted_compare_t compare);

/* The first element that the key is equal to, or NULL. */
void *sorted_find(const struct sorted *s, const void *key, sorted_compare_t compare);

/* Put an element before those that its key is equal to. 0 or -ENOMEM. */
int sorted_insert(struct sorted *s, const void *key, sorted_compare_t compare, void *element);

/* Take [start, end) out. */
void sorted_remove(struct sorted *s, size_t start, size_t end);

/* Free the array, and not what it points to. */
void sorted_clear(struct sorted *s);

/* For elements that start with a pointer to a string. */
int sorted_by_name(const void *key, const void *element);

#endif
