/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_RUN_H
#define PMDSWAP_RUN_H

#include "service/manager.h"

/* root is "/" or a fake root directory; the string must outlive the manager. */
int manager_new(struct manager **ret, const char *root, bool once);
void manager_free(struct manager *m);
DEFINE_CLEANUP(struct manager *, manager_free);

/*
 * Read the configuration, apply it and run until told to stop. 0, a negative errno, or -EBADMSG if
 * the configuration is wrong, which has been logged then.
 */
int manager_run(struct manager *m);

#endif
