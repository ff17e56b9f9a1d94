/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_TASKSTATS_H
#define PMDSWAP_TASKSTATS_H

#include <sys/types.h>

#include "cleanup.h"
#include "taskstats-reply.h"

/*
 * The module that asks the kernel how long processes were delayed. The kernel answers within the
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
 * The delays of a process, by the number of its main thread. 0 or as taskstats_reply_parse(); in
 * place of -ENOMSG, -ENOBUFS: the reply was lost.
 */
int taskstats_ask(struct delay_source *t, pid_t tgid, struct delays *ret);

/* What the module offers: the functions above, in a variable taskstats_module. */
struct taskstats_module {
	int (*open)(struct delay_source **ret);
	void (*close)(struct delay_source *t);
	int (*ask)(struct delay_source *t, pid_t tgid, struct delays *ret);
};
#define TASKSTATS_MODULE_FILE   "taskstats.so"
#define TASKSTATS_MODULE_SYMBOL "taskstats_module"
extern const struct taskstats_module taskstats_module;

#endif
