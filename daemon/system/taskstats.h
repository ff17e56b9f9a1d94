/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_TASKSTATS_H
#define PMDSWAP_TASKSTATS_H

#include <sys/types.h>

#include "policy/cleanup.h"
#include "system/taskstats-reply.h"

/*
 * Ask the kernel how long processes were delayed. It answers within the
 * call that sends the request, so nothing here ever waits.
 */

struct delay_source;

/*
 * 0, or a negative errno: -ENOENT if the kernel has no taskstats, -EPERM or -EACCES if the socket
 * is not allowed, -EAFNOSUPPORT if there is no netlink.
 */
int taskstats_open(struct delay_source **ret);
void taskstats_close(struct delay_source *t);
DEFINE_CLEANUP(struct delay_source *, taskstats_close);

/*
 * Ask about a process, by the number of its main thread. 0 or as taskstats_reply_parse_delays(); in
 * place of -ENOMSG, -ENOBUFS: the reply was lost.
 */
int taskstats_ask(struct delay_source *t, pid_t pid, struct process_info *ret);

#endif
