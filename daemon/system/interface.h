/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_INTERFACE_H
#define PMDSWAP_INTERFACE_H

/* What the daemon and its client call things on D-Bus, and the socket where they meet. */

#define CONTROL_NAME "control"

#define BUS_NAME       "org.pmdswapd1"
#define BUS_PATH       "/org/pmdswapd1"
#define BUS_INTERFACE  "org.pmdswapd1.Manager"
#define BUS_STATISTICS "org.pmdswapd1.Statistics"

#define BUS_ERROR_CONFIGURATION BUS_NAME ".Error.Configuration"

#endif
