/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_STATS_REPLY_H
#define PMDSWAP_STATS_REPLY_H

#include "policy/sample.h"
#include "service/manager.h"

/*
 * Answer a call with a sample. The reason says why it has no delays; NULL: it has. 0 or a negative
 * errno.
 */
int stats_reply(sd_bus_message *call, const struct manager *m, const struct sample *sample,
		const char *reason);

/* Append what is known of counters as an a{st}. */
int stats_append_counters(sd_bus_message *reply, const struct counters *counters);

#endif
