/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_SWAP_FILE_H
#define PMDSWAP_SWAP_FILE_H

#include "policy/clusters.h"

/*
 * Add the clusters of a swap file, named as in /proc/swaps. False if there is no telling: the file
 * cannot be read, or is of a file system that hides where its blocks are on the device.
 */
bool swap_file_clusters(int root_fd, const char *name, uint64_t cluster, struct clusters *ret);

#endif
