// SPDX-License-Identifier: GPL-2.0
#include "system/cgroupfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/cgroup.h"
#include "policy/cleanup.h"
#include "system/fs.h"

bool cgroupfs_is_gone(int error)
{
	return error == -ENOENT || error == -ENODEV;
}

int cgroupfs_check(int root_fd)
{
	return fs_exists(root_fd, CGROUPFS_PATH "/cgroup.controllers") ? 0 : -ENOENT;
}

char *cgroupfs_path(const char *cgroup, const char *file)
{
	/* For every look at every cgroup: printf() takes five times as long. */
	char *path =
		malloc(strlen(CGROUPFS_PATH) + strlen(cgroup) + 1 + (file ? strlen(file) : 0) + 1);
	char *end;

	if (!path)
		return NULL;
	end = stpcpy(path, CGROUPFS_PATH);
	if (strcmp(cgroup, "/") != 0)
		end = stpcpy(end, cgroup);
	if (file)
		stpcpy(stpcpy(end, "/"), file);
	return path;
}

static char *setting_file(const char *cgroup, enum setting s)
{
	return cgroup ? cgroupfs_path(cgroup, setting_path(s)) : strdup(setting_path(s));
}

int cgroupfs_read(int root_fd, const char *cgroup, enum setting s, uint64_t *ret)
{
	_cleanup_free_ char *path = setting_file(cgroup, s);
	char text[64];
	int r;

	if (!path)
		return -ENOMEM;
	r = fs_read_value(root_fd, path, text, sizeof(text));
	return r < 0 ? r : setting_parse(s, text, ret);
}

int cgroupfs_read_effective(int root_fd, const char *cgroup, enum setting s, uint64_t *ret,
			    char **ret_owner)
{
	_cleanup_free_ char *path = strdup(cgroup), *owner = NULL;
	bool found = false;

	if (!path)
		return -ENOMEM;
	for (;;) {
		char *slash = strrchr(path, '/');
		uint64_t value;

		/* A cgroup without the file has no say. */
		if (cgroupfs_read(root_fd, path, s, &value) >= 0 && (!found || value < *ret)) {
			found = true;
			*ret = value;
			free(owner);
			owner = strdup(path);
			if (!owner)
				return -ENOMEM;
		}
		if (!slash || !path[1])
			break;
		/* Above "/a" there is "/". */
		slash[slash == path] = '\0';
	}
	if (!found)
		return -ENOENT;
	if (ret_owner)
		*ret_owner = TAKE_PTR(owner);
	return 0;
}

int cgroupfs_write(int root_fd, const char *cgroup, enum setting s, uint64_t value)
{
	_cleanup_free_ char *path = setting_file(cgroup, s);
	char text[SETTING_TEXT_MAX];
	uint64_t live;
	int r;

	if (!path)
		return -ENOMEM;
	r = fs_write_value(root_fd, path, setting_format(s, value, text));
	if (r < 0)
		return r;
	r = cgroupfs_read(root_fd, cgroup, s, &live);
	if (r < 0)
		return r;
	return live == setting_round(s, value) ? 0 : -EREMOTEIO;
}

int cgroupfs_id(int root_fd, const char *cgroup, uint64_t *ret)
{
	_cleanup_free_ char *path = cgroupfs_path(cgroup, NULL);
	struct stat st;

	if (!path)
		return -ENOMEM;
	if (fstatat(root_fd, path, &st, 0) < 0)
		return -errno;
	*ret = st.st_ino;
	return 0;
}

int cgroupfs_read_stat(int root_fd, const char *cgroup, char text[static STAT_MAX],
		       struct counters *ret)
{
	_cleanup_free_ char *stat = cgroup ? cgroupfs_path(cgroup, "memory.stat") : NULL;
	_cleanup_free_ char *swap = cgroup ? cgroupfs_path(cgroup, "memory.swap.current") : NULL;
	char current[4096];
	int r;

	*ret = (struct counters){};
	if (cgroup && (!stat || !swap))
		return -ENOMEM;
	r = fs_read_lines(root_fd, stat ?: "proc/vmstat", text, STAT_MAX);
	if (r < 0)
		return r;
	counters_parse_stat(ret, text);
	/* The root cgroup has no memory.swap.current. */
	if (fs_read_lines(root_fd, swap ?: "proc/meminfo", current, sizeof(current)) < 0)
		return 0;
	if (cgroup)
		counters_set(ret, COUNTER_SWAP, strtoull(current, NULL, 10));
	else
		counters_parse_meminfo(ret, current);
	return 0;
}

int cgroupfs_counters(int root_fd, const char *cgroup, struct counters *ret)
{
	char text[STAT_MAX];

	return cgroupfs_read_stat(root_fd, cgroup, text, ret);
}

int cgroupfs_visit_children(int root_fd, const char *cgroup, cgroupfs_visit_t visit, void *userdata)
{
	_cleanup_free_ char *path = cgroupfs_path(cgroup, NULL);
	const struct dirent *entry;
	DIR *dir;
	int fd, r = 0;

	if (!path)
		return -ENOMEM;
	fd = openat(root_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return cgroupfs_is_gone(-errno) ? 0 : -errno;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while (r >= 0 && (entry = readdir(dir))) {
		_cleanup_free_ char *child = NULL;

		if (entry->d_type != DT_DIR || strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		child = cgroup_below(cgroup, entry->d_name);
		r = child ? visit(child, userdata) : -ENOMEM;
	}
	closedir(dir);
	return r < 0 ? r : 0;
}

struct walk {
	int root_fd;
	cgroupfs_visit_t visit;
	void *userdata;
};

static int walk_child(const char *cgroup, void *userdata)
{
	const struct walk *w = userdata;

	return cgroupfs_walk(w->root_fd, cgroup, w->visit, w->userdata);
}

int cgroupfs_walk(int root_fd, const char *cgroup, cgroupfs_visit_t visit, void *userdata)
{
	struct walk w = { root_fd, visit, userdata };
	int r = visit(cgroup, userdata);

	return r <= 0 ? r : cgroupfs_visit_children(root_fd, cgroup, walk_child, &w);
}
