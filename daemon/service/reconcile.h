/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_RECONCILE_H
#define PMDSWAP_RECONCILE_H

#include "service/manager.h"

/* Finds out what differs from the configuration, has it applied, and keeps the outcome. */

/* Delay of the first retry after a failure; each further one doubles it. */
#define RETRY_MIN_USEC 1000000ULL

/*
 * Bring the live system in line with the configuration: all of it, or the cgroups marked dirty and
 * the settings of the kernel marked drifted. manager_on_settled() runs when nothing is outstanding
 * any more.
 */
void manager_reconcile(struct manager *m, bool all);

/* The result of one item, from the applier; userdata is the manager. */
void manager_on_result(void *userdata, const struct plan_item *item, int error, const char *why);

/* Set outcome and reason of a setting of the kernel; the reason is copied and may be NULL. */
void kernel_set_outcome(struct manager *m, enum setting s, enum outcome outcome,
			const char *reason);

#endif
