/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_PREPARE_H
#define PMDSWAP_PREPARE_H

#include "service/manager.h"

/*
 * Units that policies name exactly and that do not run have their policy before their first process
 * has a page: PID 1, if it knows the properties, gives it to them. It is asked for one unit after
 * the other, however long it takes.
 */

/* Start with the first unit. What there is to say of their names is said if it is for a reload. */
void manager_prepare_units(struct manager *m);

/* A reload has waited long enough. The handler of manager.prepare_timer. */
int manager_on_prepare_timer(sd_event_source *source, uint64_t usec, void *userdata);

/* Drop what is under way. */
void manager_stop_preparing(struct manager *m);

/* Whether a reload has to wait. */
bool manager_waits_for_units(const struct manager *m);

#endif
