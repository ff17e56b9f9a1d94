/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_CONNECT_H
#define PMDSWAP_CONNECT_H

#include "service/manager.h"

/*
 * The connection to PID 1: through the system bus, on which the daemon is then, too, or through
 * PID 1's own socket until there is one.
 */

#define RECONNECT_MIN_USEC 1000000ULL

/* 0 or a negative errno: -ENOENT or -ECONNREFUSED if neither is there. */
int manager_connect(struct manager *m);

/* Why it failed, in words. */
const char *manager_explain_connect(int error);

/* Say that there is no system bus, if that is so. */
void manager_say_if_private(const struct manager *m);

/* Try again. The handler of manager.reconnect_timer. */
int manager_on_reconnect(sd_event_source *source, uint64_t usec, void *userdata);

#endif
