// SPDX-License-Identifier: GPL-2.0
#include "system/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "policy/cleanup.h"
#include "policy/text.h"

int fs_open_root(const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Read up to size bytes. Returns their number. */
static ssize_t read_all(int fd, char *buf, size_t size)
{
	size_t n = 0;

	while (n < size) {
		ssize_t r = read(fd, buf + n, size - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		n += r;
	}
	return n;
}

static ssize_t read_attribute(int root_fd, const char *path, char *buf, size_t size, bool whole)
{
	_cleanup_close_ int fd = openat(root_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n;

	if (fd < 0)
		return -errno;
	if (whole)
		return read_all(fd, buf, size);
	n = read(fd, buf, size);
	return n < 0 ? -errno : n;
}

static int end_attribute(char *buf, size_t size, ssize_t n)
{
	if (n < 0)
		return n;
	if ((size_t)n == size)
		return -E2BIG;
	if (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return 0;
}

int fs_read_value(int root_fd, const char *path, char *buf, size_t size)
{
	return end_attribute(buf, size, read_attribute(root_fd, path, buf, size, false));
}

int fs_read_lines(int root_fd, const char *path, char *buf, size_t size)
{
	return end_attribute(buf, size, read_attribute(root_fd, path, buf, size, true));
}

int fs_read_start(int root_fd, const char *path, char *buf, size_t size)
{
	ssize_t n = read_attribute(root_fd, path, buf, size - 1, true);
	char *cut;

	if (n < 0)
		return n;
	buf[n] = '\0';
	cut = (size_t)n == size - 1 ? strrchr(buf, '\n') : NULL;
	if (cut)
		*cut = '\0';
	return 0;
}

int fs_write_value(int root_fd, const char *path, const char *value)
{
	/* O_TRUNC means nothing to the kernel's files, and makes a fake root's behave like them. */
	_cleanup_close_ int fd = openat(root_fd, path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NONBLOCK);
	size_t len = strlen(value);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, value, len);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

int fs_read_text(int root_fd, const char *path, size_t max, char **ret, size_t *ret_size,
		 uid_t *ret_uid, mode_t *ret_mode)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r;

	/* O_NONBLOCK: a FIFO must not hold us up. */
	fd = openat(root_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	/* A masked file links to /dev/null. */
	if (!S_ISREG(st.st_mode) && !(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)))
		return -EINVAL;
	if (S_ISREG(st.st_mode) && (uintmax_t)st.st_size > max)
		return -EFBIG;

	r = fs_read_stream(fd, S_ISREG(st.st_mode) ? (size_t)st.st_size : 0, ret, ret_size);
	if (r < 0)
		return r == -EFBIG ? -EAGAIN : r; /* it grew meanwhile */
	if (ret_uid)
		*ret_uid = st.st_uid;
	if (ret_mode)
		*ret_mode = st.st_mode;
	return 0;
}

int fs_read_stream(int fd, size_t max, char **ret, size_t *ret_size)
{
	_cleanup_free_ char *buf = malloc(max + 1);
	ssize_t n;

	if (!buf)
		return -ENOMEM;
	/* Try to read more than there is: an error must not look like the end. */
	n = read_all(fd, buf, max + 1);
	if (n < 0)
		return n;
	if ((size_t)n > max)
		return -EFBIG;
	buf[n] = '\0';
	*ret = TAKE_PTR(buf);
	*ret_size = n;
	return 0;
}

static int write_text(int root_fd, const char *path, const char *text, size_t size)
{
	_cleanup_close_ int fd =
		openat(root_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0)
		return -errno;
	/* Whatever the umask: what pmdswapctl reads needs no root. */
	if (fchmod(fd, 0644) < 0)
		return -errno;
	while (size > 0) {
		ssize_t n = write(fd, text, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		size -= n;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

int fs_replace_text(int root_fd, const char *path, const char *text, size_t size)
{
	_cleanup_free_ char *temporary = text_format("%s.new", path);
	int r;

	if (!temporary)
		return -ENOMEM;
	r = write_text(root_fd, temporary, text, size);
	if (r >= 0 && renameat(root_fd, temporary, root_fd, path) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(root_fd, temporary, 0);
	return r;
}

int fs_make_directory(int root_fd, const char *path)
{
	_cleanup_free_ char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	for (char *p = copy;; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdirat(root_fd, copy, 0755) < 0 && errno != EEXIST)
			return -errno;
		if (c == '\0')
			return 0;
		*p = c;
	}
}

bool fs_exists(int root_fd, const char *path)
{
	return faccessat(root_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}
