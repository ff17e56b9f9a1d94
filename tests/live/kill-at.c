// SPDX-License-Identifier: GPL-2.0
/*
 * A library to be preloaded: it kills the program right before the KILL_AT-th call that changes a
 * file or sends a message, counted from 1. Each call is one instant at which a kill leaves
 * something else behind.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void instant(void)
{
	static unsigned long count;
	const char *at = getenv("KILL_AT");

	if (at && ++count == strtoul(at, NULL, 10))
		raise(SIGKILL);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/*
 * A file that stands for one of the kernel's, which cannot be empty: its opening is the instant,
 * and the write no other.
 */
static int attribute = -1;

ssize_t write(int fd, const void *buf, size_t n)
{
	/* What it says is not what it does. */
	if (fd > 2 && fd != attribute)
		instant();
	return NEXT(write)(fd, buf, n);
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	instant();
	return NEXT(sendmsg)(fd, m, flags);
}

int fsync(int fd)
{
	instant();
	return NEXT(fsync)(fd);
}

int fchmod(int fd, mode_t mode)
{
	instant();
	return NEXT(fchmod)(fd, mode);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	instant();
	return NEXT(renameat)(from_fd, from, to_fd, to);
}

int mkdirat(int fd, const char *path, mode_t mode)
{
	instant();
	return NEXT(mkdirat)(fd, path, mode);
}

#define OPEN(name)                                                                                 \
	int name(int fd, const char *path, int flags, ...)                                         \
	{                                                                                          \
		mode_t mode = 0;                                                                   \
		va_list ap;                                                                        \
		int opened;                                                                        \
                                                                                                   \
		va_start(ap, flags);                                                               \
		if (flags & O_CREAT)                                                               \
			mode = va_arg(ap, mode_t);                                                 \
		va_end(ap);                                                                        \
		if (flags & (O_CREAT | O_TRUNC))                                                   \
			instant();                                                                 \
		opened = NEXT(name)(fd, path, flags, mode);                                        \
		if ((flags & (O_CREAT | O_TRUNC)) == O_TRUNC)                                      \
			attribute = opened;                                                        \
		else if (opened == attribute)                                                      \
			attribute = -1;                                                            \
		return opened;                                                                     \
	}

/* With the flags of the daemon this is openat64() where that is another function. */
OPEN(openat)
