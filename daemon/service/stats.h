/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_STATS_H
#define PMDSWAP_STATS_H

#include "service/manager.h"

/*
 * Statistics of the managed cgroups and their processes. They are taken when somebody asks, at most
 * once in each interval of the configuration, and everybody who asks meanwhile gets the same.
 */

struct stats;

int stats_new(struct stats **ret, struct manager *m);
void stats_free(struct stats *s);
DEFINE_CLEANUP(struct stats *, stats_free);

/*
 * Answer a call, now or when a sample is complete: with stats_reply(), or an error. 0, -EBUSY
 * if too many others than root wait, or another negative errno.
 */
int stats_request(struct stats *s, sd_bus_message *call, bool is_root);

/* The configuration is another one: what was sampled before is not to be shown any more. */
void stats_invalidate(struct stats *s);

#endif
