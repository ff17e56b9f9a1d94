/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_BUS_H
#define PMDSWAP_BUS_H

#include "service/manager.h"

/* The interfaces on D-Bus: the tables, and the answers that are given at once. */

/* Offer the interfaces on a connection. 0 or a negative errno. */
int bus_export(struct manager *m, sd_bus *bus);

/* Offer them on the system bus, and ask for the name. */
int bus_export_by_name(struct manager *m, sd_bus *bus);

#endif
