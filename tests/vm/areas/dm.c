// SPDX-License-Identifier: GPL-2.0
/*
 * The device mapper, as dmsetup drives it, in a guest that has no dmsetup.
 *
 * dm create NAME DEVICE MIB      a device that is the first MIB of DEVICE; print its path
 * dm suspend NAME                requests wait from now on
 * dm fail NAME                   put a table in place with which each request fails
 * dm mend NAME DEVICE MIB        put the first table in place again
 * dm resume NAME                 requests go on, with the last table that was put in place
 * dm remove NAME
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/dm-ioctl.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define SECTORS_PER_MIB	2048

static struct {
	struct dm_ioctl head;
	struct dm_target_spec target;
	char arguments[256];
} request;

static int control;

static int call(unsigned long command, const char *name, unsigned int flags)
{
	request.head.version[0] = DM_VERSION_MAJOR;
	request.head.data_size = sizeof(request);
	request.head.data_start = sizeof(request.head);
	request.head.flags = flags;
	snprintf(request.head.name, sizeof(request.head.name), "%s", name);
	return ioctl(control, command, &request);
}

/* One target over all of the device. */
static void load(const char *name, const char *type, const char *arguments, unsigned long long sectors)
{
	memset(&request, 0, sizeof(request));
	request.head.target_count = 1;
	request.target.length = sectors;
	request.target.next = sizeof(request.target) + sizeof(request.arguments);
	snprintf(request.target.target_type, sizeof(request.target.target_type), "%s", type);
	snprintf(request.arguments, sizeof(request.arguments), "%s", arguments);
	if (call(DM_TABLE_LOAD, name, 0))
		err(1, "%s: table '%s %s'", name, type, arguments);
}

static void load_linear(const char *name, const char *device, const char *mib)
{
	char arguments[sizeof(request.arguments)];

	snprintf(arguments, sizeof(arguments), "%s 0", device);
	load(name, "linear", arguments, strtoull(mib, NULL, 10) * SECTORS_PER_MIB);
}

/* The length of the table that is in place. */
static unsigned long long length(const char *name)
{
	memset(&request, 0, sizeof(request));
	if (call(DM_TABLE_STATUS, name, DM_STATUS_TABLE_FLAG) || request.head.target_count != 1)
		err(1, "%s: status", name);
	return request.target.length;
}

/* File systems are not asked to hold still, and requests that are on their way are not waited for. */
static void suspend(const char *name, unsigned int flags)
{
	memset(&request, 0, sizeof(request));
	if (call(DM_DEV_SUSPEND, name, flags | DM_SKIP_LOCKFS_FLAG | DM_NOFLUSH_FLAG))
		err(1, "%s: %s", name, flags ? "suspend" : "resume");
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "", *name = argc > 2 ? argv[2] : "";

	control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
	if (control < 0)
		err(1, "/dev/mapper/control");
	if (!strcmp(command, "create") && argc == 5) {
		if (call(DM_DEV_CREATE, name, 0))
			err(1, "%s: create", name);
		load_linear(name, argv[3], argv[4]);
		suspend(name, 0);
		printf("/dev/dm-%u\n", minor(request.head.dev));
	} else if (!strcmp(command, "suspend") && argc == 3) {
		suspend(name, DM_SUSPEND_FLAG);
	} else if (!strcmp(command, "fail") && argc == 3) {
		load(name, "error", "", length(name));
	} else if (!strcmp(command, "mend") && argc == 5) {
		load_linear(name, argv[3], argv[4]);
	} else if (!strcmp(command, "resume") && argc == 3) {
		suspend(name, 0);
	} else if (!strcmp(command, "remove") && argc == 3) {
		if (call(DM_DEV_REMOVE, name, 0))
			err(1, "%s: remove", name);
	} else {
		errx(2, "usage: dm create|suspend|fail|mend|resume|remove, see the source");
	}
	return 0;
}
