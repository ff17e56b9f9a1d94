/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_CGROUPFS_H
#define PMDSWAP_CGROUPFS_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/counters.h"
#include "policy/setting.h"

/*
 * Settings of the kernel and of cgroups in their files. A cgroup is named by its path below the
 * mount point: "/" is the root cgroup; NULL stands for the kernel's own settings. Errors are
 * negative errno; -ENOENT and -ENODEV mean that the cgroup is gone or the file not there.
 */

#define CGROUPFS_PATH "sys/fs/cgroup"

/* Whether an error means that a cgroup is gone, or has no such file. */
bool cgroupfs_is_gone(int error);

/* 0 if cgroup v2 is mounted where systemd mounts it, -ENOENT if not. */
int cgroupfs_check(int root_fd);

/*
 * The path of a cgroup, or of a file in it, below the root directory; the caller frees. NULL if
 * there is no memory.
 */
char *cgroupfs_path(const char *cgroup, const char *file);

int cgroupfs_read(int root_fd, const char *cgroup, enum setting s, uint64_t *ret);

/*
 * Write a value, then read it back. -EREMOTEIO if the kernel took the write and yet has another
 * value.
 */
int cgroupfs_write(int root_fd, const char *cgroup, enum setting s, uint64_t value);

/*
 * The value that is in force: the least one of the cgroup and all above it. The cgroup that has it,
 * the nearest one, goes to *ret_owner, which the caller frees, if that is not NULL.
 * -ENOENT if none has the file.
 */
int cgroupfs_read_effective(int root_fd, const char *cgroup, enum setting s, uint64_t *ret,
			    char **ret_owner);

/* The inode number of a cgroup, which no other cgroup gets until the next boot. */
int cgroupfs_id(int root_fd, const char *cgroup, uint64_t *ret);

/*
 * What the kernel counts of a cgroup, or of the system if it is NULL, as far as it tells; and the
 * text of its memory.stat, or of /proc/vmstat.
 */
int cgroupfs_counters(int root_fd, const char *cgroup, struct counters *ret);
#define STAT_MAX 16384
int cgroupfs_read_stat(int root_fd, const char *cgroup, char text[static STAT_MAX],
		       struct counters *ret);

/*
 * Visit a cgroup and those below it, parents first. The callback comes before the directory is
 * read, so that it can set a watch; it returns 1 to go on below the cgroup, 0 not to, or a negative
 * errno, which ends the walk and is returned. Cgroups that vanish meanwhile are passed over.
 */
typedef int (*cgroupfs_visit_t)(const char *cgroup, void *userdata);
int cgroupfs_walk(int root_fd, const char *cgroup, cgroupfs_visit_t visit, void *userdata);

/* Visit the cgroups directly below one. What the callback returns matters if it is negative only.
 */
int cgroupfs_visit_children(int root_fd, const char *cgroup, cgroupfs_visit_t visit,
			    void *userdata);

#endif
