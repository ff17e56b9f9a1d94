/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_PID1_H
#define PMDSWAP_PID1_H

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "policy/setting.h"
#include "policy/state.h"

/*
 * The system manager as owner of cgroups. It writes the properties of its units to their cgroups
 * again and again, so what it knows as a property must be set there, and only there.
 */

struct pid1;

/*
 * Connect to PID 1: through the system bus, or without one through PID 1's own socket, which only
 * root may use; *ret_private says which. Below a fake root it is always the latter. The caller
 * drops the bus. 0 or a negative errno.
 */
int pid1_connect(sd_bus **ret, int root_fd, bool fake_root, bool *ret_private);

/*
 * Ask PID 1 on an open bus which properties it knows. Blocks for at most some seconds. Takes a
 * reference of the bus.
 */
int pid1_new(struct pid1 **ret, sd_bus *bus);
void pid1_free(struct pid1 *p);
DEFINE_CLEANUP(struct pid1 *, pid1_free);

/* Whether PID 1 has a property for the setting. False for a NULL pid1. */
bool pid1_knows(const struct pid1 *p, enum setting s);

/* What PID 1 has for a unit that it can load, running or not. */
struct pid1_unit {
	char *id;                      /* its own name; what was asked for may be another one */
	char *cgroup;                  /* where the unit is, or would be */
	bool knows[N_CGROUP_SETTINGS]; /* it has the property */
	uint64_t value[N_CGROUP_SETTINGS];
};

void pid1_unit_clear(struct pid1_unit *u);

/*
 * Ask PID 1 what it has for a unit, loaded if need be. The callback comes once, with 0 and the
 * unit, which it may take over, or a negative errno: -ENOENT if PID 1 cannot load it.
 */
typedef void (*pid1_unit_t)(void *userdata, int error, struct pid1_unit *unit);
int pid1_ask_unit(struct pid1 *p, const char *unit, pid1_unit_t done, void *userdata);

/*
 * Without an event loop: wait for all answers to pid1_ask_unit(), so long at most. 0, -ETIMEDOUT or
 * another negative errno.
 */
int pid1_wait(struct pid1 *p, uint64_t usec);

/* Ask and wait, for five seconds at most. */
int pid1_read_unit(struct pid1 *p, const char *unit, struct pid1_unit *ret);

/* DefaultMemoryZSwapWriteback=no of the system manager. False for a NULL pid1. */
bool pid1_default_no_writeback(const struct pid1 *p);

struct pid1_property {
	enum setting setting;
	uint64_t value;
};

/*
 * Set properties of a unit until the next boot. A slice that is not loaded is left alone, unless it
 * may be loaded for that: somebody may have made a directory of its name. If this returns 0 the
 * callback comes, once, with 0 or a negative errno: -ENOENT if PID 1 has no such unit. It may come
 * before this returns. PID 1 writes to the cgroup soon after its reply, not before.
 */
typedef void (*pid1_done_t)(void *userdata, int error, const char *message);
int pid1_set(struct pid1 *p, const char *unit, bool may_load,
	     const struct pid1_property *properties, size_t n, pid1_done_t done, void *userdata);

/*
 * Have a callback called after each reload of PID 1, which may have changed the properties of its
 * units. 0 or a negative errno.
 */
typedef void (*pid1_reloaded_t)(void *userdata);
int pid1_on_reloaded(struct pid1 *p, pid1_reloaded_t callback, void *userdata);

/*
 * What PID 1 keeps for a property of a unit because somebody said so by "systemctl set-property" or
 * its equivalent, the daemon included. Returns 1 and the value, and the path of the file that says
 * so, which the caller frees; 0 if nobody did; or a negative errno. Needs no connection.
 */
int pid1_read_kept(int root_fd, const char *unit, enum setting s, uint64_t *ret, char **ret_path);

#endif
