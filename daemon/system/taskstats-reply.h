/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_TASKSTATS_REPLY_H
#define PMDSWAP_TASKSTATS_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "policy/delays.h"

/* The replies of the kernel's TASKSTATS family, as bytes. Nothing here does I/O. */

/*
 * Find the reply to the request of this sequence number in a datagram: about the delays of a
 * process, or about its main thread, which has a name and an age. 0; the error that the kernel
 * answered with, -ESRCH if there is no such process, -EPERM without privilege; -ENOMSG if there is
 * no reply in it; -EBADMSG if it is malformed or about another process; -EPROTONOSUPPORT if its
 * struct taskstats is version 15, which has its fields where no other version has them.
 */
int taskstats_reply_parse_delays(const void *datagram, size_t size, uint32_t sequence, uint32_t pid,
				 struct delays *ret);
int taskstats_reply_parse_thread(const void *datagram, size_t size, uint32_t sequence, uint32_t pid,
				 struct process_info *ret);

#endif
