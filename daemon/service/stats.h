/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_STATS_H
#define PMDSWAP_STATS_H

#include "policy/sample.h"
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
 * Answer a call, now or when a sample is complete: with stats_bus_reply(), or an error. 0, -EBUSY
 * if too many others than root wait, or another negative errno.
 */
int stats_request(struct stats *s, sd_bus_message *call, bool is_root);

/* The configuration is another one: what was sampled before is not to be shown any more. */
void stats_invalidate(struct stats *s);

/* Make the interface known on a bus. 0 or a negative errno. */
int stats_bus_export(struct stats *s, sd_bus *bus);

/*
 * Answer a call with a sample. The reason says why it has no delays; NULL: it has. 0 or a negative
 * errno.
 */
int stats_bus_reply(sd_bus_message *call, const struct manager *m, const struct sample *sample,
		    const char *reason);

#endif
