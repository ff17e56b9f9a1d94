// SPDX-License-Identifier: GPL-2.0
#include "policy/sorted.h"

#include <errno.h>
#include <string.h>

#include "policy/array.h"

size_t sorted_position(const struct sorted *s, const void *key, sorted_compare_t compare)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(key, s->v[middle]) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void *sorted_find(const struct sorted *s, const void *key, sorted_compare_t compare)
{
	size_t i = sorted_position(s, key, compare);

	return i < s->n && compare(key, s->v[i]) == 0 ? s->v[i] : NULL;
}

int sorted_insert(struct sorted *s, const void *key, sorted_compare_t compare, void *element)
{
	void **grown = array_room(s->v, s->n, &s->allocated, sizeof(*grown));
	size_t i;

	if (!grown)
		return -ENOMEM;
	s->v = grown;
	i = sorted_position(s, key, compare);
	memmove(s->v + i + 1, s->v + i, (s->n - i) * sizeof(*s->v));
	s->v[i] = element;
	s->n++;
	return 0;
}

void sorted_remove(struct sorted *s, size_t start, size_t end)
{
	if (start == end)
		return;
	memmove(s->v + start, s->v + end, (s->n - end) * sizeof(*s->v));
	s->n -= end - start;
}

void sorted_clear(struct sorted *s)
{
	free(s->v);
	*s = (struct sorted){};
}

int sorted_by_name(const void *key, const void *element)
{
	return strcmp(key, *(const char *const *)element);
}
