/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_RELOAD_H
#define PMDSWAP_RELOAD_H

#include "service/manager.h"

/* From reading the configuration to the verdict. */

/*
 * Reload, or give everything back and want nothing until the next reload. The call is answered when
 * all is done; NULL: nobody waits. 0 or a negative errno if it cannot even be queued: -ESHUTDOWN if
 * the daemon is giving everything back to stop.
 */
int manager_reload(struct manager *m, sd_bus_message *call, bool restore);

/* Read a new configuration. 0, or -EBADMSG with the reasons in the report, or -ENOMEM. */
int manager_read_config(struct manager *m, struct config **ret, struct report *report);

/* Switch to a configuration, which the manager owns from then on, and start to apply it. */
void manager_use_config(struct manager *m, struct config *c);

/* Switch to a configuration that wants nothing, so that everything is given back. 0 or -ENOMEM. */
int manager_want_nothing(struct manager *m);

void manager_log_report(const struct manager *m, const struct report *report,
			const char *message_id);

/* Nothing is outstanding, perhaps: end a reload, or the daemon. The handler of manager.settled. */
int manager_on_settled(sd_event_source *source, void *userdata);

#endif
