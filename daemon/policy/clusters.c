// SPDX-License-Identifier: GPL-2.0
#include "policy/clusters.h"

/* How many clusters lie between two places of a file; the first one has the header. */
static uint64_t count_between(uint64_t start, uint64_t end, uint64_t cluster)
{
	uint64_t first = (start + cluster - 1) / cluster, last = end / cluster;

	first += first == 0;
	return last > first ? last - first : 0;
}

bool clusters_add(struct clusters *c, const struct extent *extents, size_t n, uint64_t bytes,
		  uint64_t page, uint64_t cluster)
{
	uint64_t whole = 0;

	for (size_t i = 0; i < n;) {
		uint64_t start = extents[i].logical, end = start, ahead;

		/* One after the other, on the device as well. */
		ahead = extents[i].physical - start;
		for (; i < n && extents[i].logical == end &&
		       extents[i].physical - extents[i].logical == ahead;
		     i++) {
			if ((extents[i].logical | extents[i].physical | extents[i].length) % page ||
			    extents[i].length == 0)
				return false;
			end += extents[i].length;
		}
		whole += count_between(start, end < bytes ? end : bytes, cluster);
	}
	c->all += (bytes + cluster - 1) / cluster;
	c->whole += whole;
	return true;
}
