/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_CLUSTERS_H
#define PMDSWAP_CLUSTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A run of blocks of a file, in bytes. */
struct extent {
	uint64_t logical, physical, length;
};

/* Clusters of swap files, each as large as a THP that a PMD maps. */
struct clusters {
	uint64_t all, whole;
};

/*
 * Add the clusters of a swap file of so many bytes, with extents in the order of the file. Whole
 * are those in one run of blocks, but for that of the header and one that the end cuts off, as
 * swapon counts them. False if the kernel may see other extents, since these are not of whole
 * pages.
 */
bool clusters_add(struct clusters *c, const struct extent *extents, size_t n, uint64_t bytes,
		  uint64_t page, uint64_t cluster);

#endif
