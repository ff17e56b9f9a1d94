/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_MANAGER_BUS_H
#define PMDSWAP_MANAGER_BUS_H

#include "service/manager.h"
#include "system/interface.h"

/* Listen on the control socket, for pmdswapctl, which works without a message bus. */
int bus_server_new(struct bus_server **ret, struct manager *m);
void bus_server_free(struct bus_server *s);
DEFINE_CLEANUP(struct bus_server *, bus_server_free);

/* Offer the interface on the system bus, too, and ask for the name. */
int manager_bus_export(struct manager *m, sd_bus *bus);

/*
 * 0 if the sender of a call is root or who runs the daemon; else a negative errno, with an error
 * that says what only root may do.
 */
int bus_check_root(sd_bus_message *call, const char *what, sd_bus_error *error);

/* Answer a Reload() call by the verdict. */
int manager_bus_reply_reload(sd_bus_message *call, const struct verdict *v);

#endif
