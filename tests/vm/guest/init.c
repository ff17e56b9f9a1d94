// SPDX-License-Identifier: GPL-2.0
/*
 * The init of a guest that has no Debian: mount what the selftest looks at,
 * swap to the first disk, run /selftest with the arguments of init, send its
 * output and its exit status through virtio ports, and power off.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

static void power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	/* The kernel panics when init exits, which the host sees. */
	exit(1);
}

/* Say on the console what is wrong, and give up. */
static void die(const char *format, ...)
{
	va_list ap;
	FILE *kmsg = fopen("/dev/kmsg", "w");

	if (kmsg) {
		va_start(ap, format);
		fputs("guest-init: ", kmsg);
		vfprintf(kmsg, format, ap);
		fprintf(kmsg, ": %s\n", strerror(errno));
		va_end(ap);
		fclose(kmsg);
	}
	power_off();
}

static void mount_at(const char *type, const char *dir, const char *options)
{
	if ((mkdir(dir, 0755) && errno != EEXIST) ||
	    mount(type, dir, type, 0, options))
		die("cannot mount %s at %s", type, dir);
}

/* The virtio port that the host calls @name; it may come late. */
static int open_port(const char *name)
{
	static const char class[] = "/sys/class/virtio-ports";
	char path[PATH_MAX], found[64];
	struct dirent *entry;
	FILE *file;
	DIR *dir;
	int fd = -1, i;

	for (i = 0; fd < 0 && i < 100; i++) {
		dir = opendir(class);
		while (dir && fd < 0 && (entry = readdir(dir))) {
			snprintf(path, sizeof(path), "%s/%s/name", class,
				 entry->d_name);
			file = fopen(path, "r");
			if (!file)
				continue;
			if (fscanf(file, "%63s", found) == 1 &&
			    !strcmp(found, name)) {
				snprintf(path, sizeof(path), "/dev/%s",
					 entry->d_name);
				fd = open(path, O_WRONLY | O_CLOEXEC);
			}
			fclose(file);
		}
		if (dir)
			closedir(dir);
		if (fd < 0)
			usleep(100000);
	}
	if (fd < 0)
		die("there is no virtio port %s", name);
	return fd;
}

/*
 * virtio-blk always calls itself rotational, which decides whether there is
 * read-ahead by VMA, and how swap slots are taken.
 */
static void stop_rotation(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "0", 1) != 1)
		die("cannot write %s", path);
	close(fd);
}

static void run(char *argv[], int output)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 ||
	    dup2(output, 2) < 0)
		_exit(125);
	setsid();
	argv[0] = "/selftest";
	execv(argv[0], argv);
	_exit(127);
}

int main(int argc, char *argv[])
{
	int output, answer, status;
	pid_t test, pid;

	(void)argc;
	mkdir("/dev", 0755);
	if (mount("devtmpfs", "/dev", "devtmpfs", 0, NULL))
		power_off();
	mount_at("proc", "/proc", NULL);
	mount_at("sysfs", "/sys", NULL);
	mount_at("debugfs", "/sys/kernel/debug", NULL);
	mount_at("cgroup2", "/sys/fs/cgroup", NULL);
	mount_at("tmpfs", "/dev/shm", NULL);
	mount_at("tmpfs", "/tmp", NULL);
	mkdir("/var", 0755);
	/* Loop devices that are swapped to have their files here. */
	mount_at("tmpfs", "/var/tmp", "noswap");
	output = open_port("output");
	answer = open_port("status");
	stop_rotation("/sys/block/vda/queue/rotational");
	if (swapon("/dev/vda", 0))
		die("cannot swap to /dev/vda");

	test = fork();
	if (!test)
		run(argv, output);
	if (test < 0)
		die("cannot fork");
	do {
		pid = wait(&status);
	} while (pid != test && (pid > 0 || errno == EINTR));
	if (pid != test)
		die("the selftest is gone");
	status = WIFEXITED(status) ? WEXITSTATUS(status) :
				     128 + WTERMSIG(status);
	dprintf(answer, "exit %d\n", status);
	power_off();
}
