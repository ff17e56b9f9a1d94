// SPDX-License-Identifier: GPL-2.0
#include "system/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "policy/cleanup.h"
#include "system/clock.h"

int peer_connect(int root_fd, const char *directory, const char *name, sd_bus **ret)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
	_cleanup_close_ int dir = -1, fd = -1;
	int r;

	/* The path of a fake root may be too long for an address. */
	dir = openat(root_fd, directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", dir, name);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_fd(bus, fd, fd);
	if (r < 0)
		return r;
	TAKE_FD(fd);
	r = sd_bus_start(bus);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(bus);
	return 0;
}

int peer_wait(sd_bus *bus, uint64_t usec)
{
	uint64_t end = clock_usec(CLOCK_MONOTONIC) + usec;
	int r;

	while ((r = sd_bus_is_ready(bus)) == 0) {
		uint64_t now = clock_usec(CLOCK_MONOTONIC);

		if (now >= end)
			return -ETIMEDOUT;
		r = sd_bus_process(bus, NULL);
		if (r == 0)
			r = sd_bus_wait(bus, end - now);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : 0;
}
