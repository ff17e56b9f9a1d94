/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_CONF_LOAD_H
#define PMDSWAP_CONF_LOAD_H

#include "policy/conf.h"

/*
 * Read the configuration of the system: pmdswapd.conf of the first of etc, run and usr/lib that has
 * one, then every pmdswapd.conf.d/NAME.conf of the three by NAME, where a file hides those of the
 * same name in later directories. No file at all is fine: everything has its default then.
 *
 * What is wrong goes to the report. *ret is complete only if the report has no error; the caller
 * frees it. 0, or -ENOMEM.
 */
int conf_load(int root_fd, bool fake_root, struct config **ret, struct report *report);

/*
 * Read one file alone, as if it were the whole configuration, whoever may write it. The path is the
 * user's own; "-" is standard input.
 */
int conf_load_file(const char *path, struct config **ret, struct report *report);

#endif
