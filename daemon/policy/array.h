/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_ARRAY_H
#define PMDSWAP_ARRAY_H

#include <stddef.h>
#include <stdlib.h>

/*
 * Make room for one more element in an array of n elements of size bytes, which has room for
 * *allocated of them. The array, perhaps at another place, which the caller must keep; or NULL if
 * there is no memory, with the array as it was.
 */
static inline void *array_room(void *array, size_t n, size_t *allocated, size_t size)
{
	size_t more = *allocated ? *allocated * 2 : 16;
	void *grown;

	if (n < *allocated)
		return array;
	grown = reallocarray(array, more, size);
	if (grown)
		*allocated = more;
	return grown;
}

#endif
