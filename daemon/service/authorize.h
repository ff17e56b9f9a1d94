/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_AUTHORIZE_H
#define PMDSWAP_AUTHORIZE_H

#include "service/manager.h"

/*
 * Ask polkit whether the sender of a call on the system bus may do something that only root may
 * otherwise. It is told once, unless the connection ends before: yes, or no, also if there is no
 * polkit. 0 or a negative errno, -EACCES if the call did not come by the system bus.
 */
typedef void (*authorized_t)(struct manager *m, sd_bus_message *call, bool yes);
int manager_authorize(struct manager *m, sd_bus_message *call, const char *action,
		      authorized_t done);

#endif
