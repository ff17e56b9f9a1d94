/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_TRACK_H
#define PMDSWAP_TRACK_H

#include "service/manager.h"

/*
 * Knows which cgroups there are, and notices what others do to them and to the settings of the
 * kernel.
 */

/* Find all cgroups again, mark them dirty, and drop those that are gone or of no interest any more.
 */
void manager_rescan(struct manager *m);

/* Watch the settings of the kernel for writes, as far as they are not watched yet. */
void manager_watch_kernel(struct manager *m);

/* An event of the watch; userdata is the manager. */
void manager_on_watch(void *userdata, void *target, uint32_t mask, const char *name);

#endif
