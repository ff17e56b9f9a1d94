/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_APPLY_H
#define PMDSWAP_APPLY_H

#include <systemd/sd-event.h>

#include "policy/plan.h"
#include "system/pid1.h"

/*
 * Carries plans out. What goes to a file is done at once; what goes through PID 1 takes its time,
 * and is done when the cgroup shows the value.
 */

struct applier;

/*
 * The outcome of one item: 0, or a negative errno and what is wrong. -ENOENT and -ENODEV: the
 * cgroup is gone.
 */
typedef void (*applier_result_t)(void *userdata, const struct plan_item *item, int error,
				 const char *why);

int applier_new(struct applier **ret, sd_event *event, int root_fd, applier_result_t result,
		void *userdata);
void applier_free(struct applier *a);

/* Start on what a plan writes. Results come during this call or later. PID 1 may be NULL. */
void applier_run(struct applier *a, struct pid1 *pid1, const struct plan *plan);

/* True while results are outstanding. */
bool applier_busy(const struct applier *a);

/* True while results of this cgroup are outstanding. */
bool applier_busy_with(const struct applier *a, const char *cgroup);

#endif
