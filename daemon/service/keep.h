/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_KEEP_H
#define PMDSWAP_KEEP_H

#include "service/manager.h"

/* Delay of the first retry after a failure; each further one doubles it. */
#define RETRY_MIN_USEC 1000000ULL

/*
 * Take a plan into the state, save what must not be lost, have it carried out and keep what comes
 * of it. The plan is empty afterwards. manager_look_if_settled() is called with each result.
 */
void manager_carry_out(struct manager *m, struct plan *plan);

/* The result of one item, from the applier; userdata is the manager. */
void manager_on_result(void *userdata, const struct plan_item *item, int error, const char *why);

/* See that what failed is tried again: soon, or later than the last time. */
void manager_retry_later(struct manager *m, bool soon);

#endif
