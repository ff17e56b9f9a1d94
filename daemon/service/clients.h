/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_CLIENTS_H
#define PMDSWAP_CLIENTS_H

#include "service/manager.h"

/* The control socket, on which pmdswapctl talks to the daemon without a message bus. */

int clients_new(struct clients **ret, struct manager *m);
void clients_free(struct clients *s);
DEFINE_CLEANUP(struct clients *, clients_free);

#endif
