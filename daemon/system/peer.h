/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_PEER_H
#define PMDSWAP_PEER_H

#include <systemd/sd-bus.h>

/*
 * Connect to a D-Bus peer without a message bus, by its socket in a directory below the root
 * directory. The caller drops the connection. 0 or a negative errno: -ENOENT or -ECONNREFUSED if
 * nobody listens.
 */
int peer_connect(int root_fd, const char *directory, const char *name, sd_bus **ret);

/*
 * Wait until the other side has let us in, for so long at most: until then calls have no time-out
 * of their own. 0 or a negative errno, -ETIMEDOUT among them.
 */
int peer_wait(sd_bus *bus, uint64_t usec);

#endif
