// SPDX-License-Identifier: GPL-2.0
#include "system/state-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

#include "policy/cleanup.h"
#include "system/fs.h"

#define STATE_BYTES_MAX (64 * 1024 * 1024)

int state_lock(int root_fd)
{
	_cleanup_close_ int fd = -1;
	int r = fs_make_directory(root_fd, RUNTIME_DIRECTORY);

	if (r < 0)
		return r;
	fd = openat(root_fd, LOCK_PATH, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int state_load(struct state *s, int root_fd)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = fs_read_text(root_fd, STATE_PATH, STATE_BYTES_MAX, &text, &size, NULL, NULL);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	return state_parse(s, text, size);
}

int state_save(struct state *s, int root_fd)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r;

	if (!s->changed && !s->urgent)
		return 0;
	r = state_format(s, &text, &size);
	if (r >= 0)
		r = fs_replace_text(root_fd, STATE_PATH, text, size);
	/* Somebody tidied up. */
	if (r == -ENOENT && fs_make_directory(root_fd, RUNTIME_DIRECTORY) >= 0)
		r = fs_replace_text(root_fd, STATE_PATH, text, size);
	if (r >= 0)
		s->changed = s->urgent = false;
	return r;
}

int state_put_aside(int root_fd, char *name, size_t size)
{
	for (int i = 1; i < 1000; i++) {
		snprintf(name, size, i == 1 ? STATE_PATH ".bad" : STATE_PATH ".bad.%d", i);
		if (renameat2(root_fd, STATE_PATH, root_fd, name, RENAME_NOREPLACE) >= 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}
