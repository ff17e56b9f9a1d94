/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_RECONCILE_H
#define PMDSWAP_RECONCILE_H

#include "service/manager.h"

/*
 * Bring the live system in line with the configuration: all of it, or the cgroups marked dirty and
 * the settings of the kernel marked drifted. Looks, decides, and has the plan carried out.
 */
void manager_reconcile(struct manager *m, bool all);

/* Try again what failed. The handler of manager.retry_timer. */
int manager_on_retry(sd_event_source *source, uint64_t usec, void *userdata);

#endif
