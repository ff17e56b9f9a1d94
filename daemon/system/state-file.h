/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_STATE_FILE_H
#define PMDSWAP_STATE_FILE_H

#include "policy/state.h"

/* The file that the state is kept in from one start to the next, and the lock on it. */

#define RUNTIME_DIRECTORY "run/pmdswapd"
#define STATE_PATH        RUNTIME_DIRECTORY "/state"
#define LOCK_PATH         RUNTIME_DIRECTORY "/lock"
/* While it is there, a stop is a part of the restart of an upgrade, and nothing is given back. */
#define UPGRADING_PATH    RUNTIME_DIRECTORY "/upgrading"

/*
 * Take the lock without which nobody may change anything: two programs would undo each other's
 * work. A descriptor that the caller closes in the end, or a negative errno: -EWOULDBLOCK if
 * another program has it.
 */
int state_lock(int root_fd);

/* 0 also if there is no file. */
int state_load(struct state *s, int root_fd);
/* Write the file if anything changed. */
int state_save(struct state *s, int root_fd);

/*
 * Keep a file that cannot be read under another name, which goes into a buffer; no earlier one is
 * overwritten.
 */
#define ASIDE_MAX 64
int state_put_aside(int root_fd, char *name, size_t size);

#endif
