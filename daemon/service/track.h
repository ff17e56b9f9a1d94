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

/* After a batch of events of the watch; userdata is the manager. */
void manager_on_batch(void *userdata, bool lost);

/* The handlers of manager.rescan_timer and manager.prune_timer. */
int manager_on_rescan_timer(sd_event_source *source, uint64_t usec, void *userdata);
int manager_on_prune_timer(sd_event_source *source, uint64_t usec, void *userdata);

#endif
