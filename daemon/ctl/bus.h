/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_CTL_BUS_H
#define PMDSWAP_CTL_BUS_H

#include <systemd/sd-bus.h>

#include "ctl/ctl.h"

/* How long who wants to know something waits. */
#define QUERY_TIMEOUT_USEC (10 * 1000 * 1000ULL)

/*
 * The same for who wants a change: the daemon waits for PID 1 to take the properties of every unit,
 * others may want changes, too, and a host may be slow. A daemon that hangs is killed by its
 * watchdog before that, and the connection with it.
 */
#define CHANGE_TIMEOUT_USEC (600 * 1000 * 1000ULL)

/*
 * Connect to the daemon below a root directory, without a message. 0 or a negative errno:
 * -ECONNREFUSED if it is not running.
 */
int ctl_open(int root_fd, uint64_t timeout_usec, sd_bus **ret);

/*
 * Connect to the system bus if who asks is not root and the daemon runs: polkit may let others
 * change things, and wants to know them by the bus. 0 or a negative errno.
 */
int ctl_open_for_polkit(const struct ctl *x, sd_bus **ret);

/* Connect to the daemon. EXIT_OK, or the code to exit with after a message. */
enum exit_code ctl_connect(const struct ctl *x, uint64_t timeout_usec, sd_bus **ret);

/* The end of a call that failed with a negative errno: its message, and the code to exit with. */
enum exit_code ctl_call_failed(const sd_bus_error *error, int r);

/*
 * Call a method that changes things, and print its report; done is what to say if all went well.
 * The code to exit with.
 */
enum exit_code ctl_call_change(sd_bus *bus, const char *method, const char *done);

/* A property of the daemon, entered so that its value can be read. 0 or a negative errno. */
int ctl_get_property(sd_bus *bus, const char *name, const char *type, sd_bus_message **ret);

#endif
