/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_WATCH_H
#define PMDSWAP_WATCH_H

#include <sys/inotify.h>
#include <systemd/sd-event.h>

#include "policy/cleanup.h"

/*
 * One inotify descriptor for the whole daemon. Every watch belongs to a target, a pointer that
 * means something to the owner and comes back with its events.
 */

struct watch;

/* An event. The target is NULL for IN_Q_OVERFLOW, and for the end of a batch, when mask is 0. */
typedef void (*watch_event_t)(void *userdata, void *target, uint32_t mask, const char *name);

int watch_new(struct watch **ret, sd_event *event, int root_fd, watch_event_t callback,
	      void *userdata);
void watch_free(struct watch *w);

/* Watch a path below the root directory. Returns the descriptor of the watch, or a negative errno.
 */
int watch_add(struct watch *w, const char *path, uint32_t mask, void *target);

/* End a watch; events of it that are under way are dropped. */
void watch_remove(struct watch *w, int wd);

#endif
