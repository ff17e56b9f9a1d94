/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_WATCH_H
#define PMDSWAP_WATCH_H

#include <stdbool.h>
#include <sys/inotify.h>
#include <systemd/sd-event.h>

#include "policy/cleanup.h"

/*
 * One inotify descriptor for the whole daemon. Every watch has a callback and a target, a pointer
 * that means something to it.
 */

struct watch;

typedef void (*watch_event_t)(void *userdata, void *target, uint32_t mask, const char *name);

/* Called after a batch of events, some of which may have been lost. */
typedef void (*watch_batch_t)(void *userdata, bool lost);

int watch_new(struct watch **ret, sd_event *event, int root_fd, watch_batch_t batch,
	      void *userdata);
void watch_free(struct watch *w);

/* Watch a path below the root directory. Returns the descriptor of the watch, or a negative errno.
 */
int watch_add(struct watch *w, const char *path, uint32_t mask, watch_event_t callback,
	      void *target);

/* End a watch; events of it that are under way are dropped. */
void watch_remove(struct watch *w, int wd);

#endif
