/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_FS_H
#define PMDSWAP_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * All access to files. Paths are relative to a root directory descriptor, "/" in earnest and a fake
 * root in tests; they have no leading slash. Errors are negative errno.
 */

/* Open the root directory. A descriptor that the caller closes. */
int fs_open_root(const char *path);

/*
 * Read an attribute into a buffer, without its last newline: a short value, which the kernel gives
 * whole with the first read(2), or lines. -E2BIG if it does not fit.
 */
int fs_read_value(int root_fd, const char *path, char *buf, size_t size);
int fs_read_lines(int root_fd, const char *path, char *buf, size_t size);

/* Read whole lines from the start, as many as fit. */
int fs_read_start(int root_fd, const char *path, char *buf, size_t size);

/* Write an attribute with exactly one write(2), as kernel files want it. The file must exist. */
int fs_write_value(int root_fd, const char *path, const char *value);

/*
 * Read a whole regular file of at most max bytes. *ret is followed by a NUL byte that *ret_size
 * does not count; the caller frees it. The owner and mode go to *ret_uid and *ret_mode if those are
 * not NULL. -EISDIR or -EINVAL if it is no regular file, -EFBIG if it is
 * larger, -EAGAIN if it grows meanwhile.
 */
int fs_read_text(int root_fd, const char *path, size_t max, char **ret, size_t *ret_size,
		 uid_t *ret_uid, mode_t *ret_mode);

/* The same of what a descriptor has yet to give, which need not be a file. */
int fs_read_stream(int fd, size_t max, char **ret, size_t *ret_size);

/*
 * Replace a file in one step: a reader, and whoever comes after a crash, finds the old text or the
 * new one.
 */
int fs_replace_text(int root_fd, const char *path, const char *text, size_t size);

/* Make a directory of mode 0755, and those above it. 0 if it exists. */
int fs_make_directory(int root_fd, const char *path);

/* Whether a path exists. */
bool fs_exists(int root_fd, const char *path);

#endif
