// SPDX-License-Identifier: GPL-2.0
/*
 * A library to be preloaded, for a kernel that refuses. As long as there is a file "watches" in the
 * directory REFUSE, no inotify watch is to be had; as long as there is one of the name of a setting
 * of the kernel, that takes no value.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dlfcn.h>
#include <sys/inotify.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int refused_fd = -1;

static bool is_refused(const char *name)
{
	const char *directory = getenv("REFUSE");
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", directory ? directory : "", name);
	return directory && access(path, F_OK) == 0;
}

int inotify_add_watch(int fd, const char *path, uint32_t mask)
{
	if (is_refused("watches")) {
		errno = ENOSPC;
		return -1;
	}
	return NEXT(inotify_add_watch)(fd, path, mask);
}

ssize_t write(int fd, const void *buf, size_t n)
{
	if (fd >= 0 && fd == refused_fd) {
		errno = ENODEV;
		return -1;
	}
	return NEXT(write)(fd, buf, n);
}

#define OPEN(name)                                                                                 \
	int name(int fd, const char *path, int flags, ...)                                         \
	{                                                                                          \
		const char *slash = strrchr(path, '/');                                            \
		bool refused = (flags & (O_CREAT | O_TRUNC)) == O_TRUNC &&                         \
			       is_refused(slash ? slash + 1 : path);                               \
		mode_t mode = 0;                                                                   \
		va_list ap;                                                                        \
		int opened;                                                                        \
                                                                                                   \
		va_start(ap, flags);                                                               \
		if (flags & O_CREAT)                                                               \
			mode = va_arg(ap, mode_t);                                                 \
		va_end(ap);                                                                        \
		/* One of the kernel's keeps its value. */                                         \
		opened = NEXT(name)(fd, path, refused ? flags & ~O_TRUNC : flags, mode);           \
		if (refused)                                                                       \
			refused_fd = opened;                                                       \
		else if (opened == refused_fd)                                                     \
			refused_fd = -1;                                                           \
		return opened;                                                                     \
	}

/* With the flags of the daemon this is openat64() where that is another function. */
OPEN(openat)
