/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_LOG_H
#define PMDSWAP_LOG_H

#include <syslog.h>

#include "policy/cleanup.h"

/*
 * Messages go to the journal with structured fields if standard error is connected to it, else to
 * standard error: plain on a terminal, with a "<N>" priority prefix elsewhere.
 */

/* Identifies a kind of message in the journal; see systemd/pmdswapd.catalog. */
#define MESSAGE_CHANGED    "8f2a6f1b3d5c4a5f9a0c2a8f6f7d1e01"
#define MESSAGE_RELOADED   "8f2a6f1b3d5c4a5f9a0c2a8f6f7d1e02"
#define MESSAGE_REFUSED    "8f2a6f1b3d5c4a5f9a0c2a8f6f7d1e03"
#define MESSAGE_DRIFT      "8f2a6f1b3d5c4a5f9a0c2a8f6f7d1e04"
#define MESSAGE_OVERRIDDEN "8f2a6f1b3d5c4a5f9a0c2a8f6f7d1e05"
#define MESSAGE_DEGRADED   "8f2a6f1b3d5c4a5f9a0c2a8f6f7d1e06"
#define MESSAGE_FAILED     "8f2a6f1b3d5c4a5f9a0c2a8f6f7d1e07"
#define MESSAGE_LEFT       "8f2a6f1b3d5c4a5f9a0c2a8f6f7d1e08"

/* Fields of a journal entry; NULL where one does not apply. */
struct log_fields {
	const char *message_id;
	const char *cgroup; /* its unit is told as well */
	const char *policy;
	const char *old_value;
	const char *new_value;
};

/* Choose where messages go. To be called once, before the first message. */
void log_open(void);

/* Drop messages above this syslog priority. The default is LOG_INFO. */
void log_set_level(int level);

void log_full(int level, const struct log_fields *fields, const char *fmt, ...) _printf_(3, 4);

#define log_error(...)   log_full(LOG_ERR, NULL, __VA_ARGS__)
#define log_warning(...) log_full(LOG_WARNING, NULL, __VA_ARGS__)
#define log_notice(...)  log_full(LOG_NOTICE, NULL, __VA_ARGS__)
#define log_info(...)    log_full(LOG_INFO, NULL, __VA_ARGS__)
#define log_debug(...)   log_full(LOG_DEBUG, NULL, __VA_ARGS__)

#endif
