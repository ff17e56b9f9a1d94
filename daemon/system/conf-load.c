// SPDX-License-Identifier: GPL-2.0
#include "system/conf-load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/policy.h"
#include "policy/text.h"
#include "system/fs.h"

#define CONF_BYTES_MAX (256 * 1024)

static const char *const directories[] = { "etc", "run", "usr/lib" };

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int add_name(struct sorted *names, const char *name)
{
	_cleanup_free_ char *copy = NULL;

	if (sorted_find(names, name, compare_names))
		return 0;
	copy = strdup(name);
	if (!copy || sorted_insert(names, name, compare_names, copy) < 0)
		return -ENOMEM;
	TAKE_PTR(copy);
	return 0;
}

static bool is_drop_in_name(const char *name)
{
	size_t len = strlen(name);

	return name[0] != '.' && len > 5 && strcmp(name + len - 5, ".conf") == 0;
}

static void check_owner(const char *name, bool fake_root, uid_t uid, mode_t mode,
			struct report *report)
{
	if (uid != 0 && !(fake_root && uid == geteuid()))
		report_add(report, REPORT_ERROR, name, 0,
			   "belongs to user %u; only root may own it (chown root %s)",
			   (unsigned int)uid, name);
	if (mode & (S_IWGRP | S_IWOTH))
		report_add(report, REPORT_ERROR, name, 0,
			   "may be written by others than its owner (chmod go-w %s)", name);
}

/* A name goes into messages and onto the bus, which takes nothing but text. */
static bool is_text(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
			return false;
	return text_is_utf8(name, len);
}

static int report_odd_name(struct report *report, const char *directory, const char *name)
{
	_cleanup_free_ char *shown = text_escaped(name);
	_cleanup_free_ char *path = shown ? text_format("%s/%s", directory, shown) : NULL;

	if (!path)
		return -ENOMEM;
	report_add(report, REPORT_ERROR, path, 0, "the name is not text; rename the file");
	return 0;
}

static int list_drop_ins(int root_fd, bool fake_root, struct sorted *names, struct report *report)
{
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		const struct dirent *entry;
		struct stat st;
		char path[64];
		DIR *dir;
		int fd, r = 0;

		snprintf(path, sizeof(path), "/%s/pmdswapd.conf.d", directories[i]);
		fd = openat(root_fd, path + 1, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT)
			continue;
		dir = fd < 0 ? NULL : fdopendir(fd);
		if (!dir) {
			report_add(report, REPORT_ERROR, path, 0, "cannot be read: %s",
				   strerror(errno));
			if (fd >= 0)
				close(fd);
			continue;
		}
		/* Who may write to a directory can put another file in the place of any. */
		if (fstat(fd, &st) >= 0)
			check_owner(path, fake_root, st.st_uid, st.st_mode, report);
		while (r >= 0 && (entry = readdir(dir))) {
			if (!is_drop_in_name(entry->d_name))
				continue;
			r = is_text(entry->d_name) ? add_name(names, entry->d_name)
						   : report_odd_name(report, path, entry->d_name);
		}
		closedir(dir);
		if (r < 0)
			return r;
	}
	return 0;
}

static void report_unreadable(struct report *report, const char *name, int error)
{
	const char *why = error == -EISDIR   ? "is a directory; a file is needed"
			  : error == -EINVAL ? "is no regular file"
			  : error == -EFBIG  ? "is larger than 256 KiB"
					     : NULL;

	if (why)
		report_add(report, REPORT_ERROR, name, 0, "%s", why);
	else
		report_add(report, REPORT_ERROR, name, 0, "cannot be read: %s", strerror(-error));
}

/* Parse a file by its absolute name. -ENOENT if it does not exist. */
static int load_one(int root_fd, bool fake_root, const char *name, struct config *c,
		    struct report *report)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	mode_t mode;
	uid_t uid;
	int r = fs_read_text(root_fd, name + 1, CONF_BYTES_MAX, &text, &size, &uid, &mode);

	/* A dangling link is no missing file: somebody meant something by it. */
	if (r == -ENOMEM || (r == -ENOENT && !fs_exists(root_fd, name + 1)))
		return r;
	if (r < 0) {
		report_unreadable(report, name, r);
		return 0;
	}
	if (S_ISREG(mode))
		check_owner(name, fake_root, uid, mode, report);
	return conf_parse(c, name, text, size, report);
}

/* Parse a file of the first directory that has it. */
static int load_first(int root_fd, bool fake_root, const char *below, const char *name,
		      struct config *c, struct report *report)
{
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		_cleanup_free_ char *path = text_format("/%s/%s%s", directories[i], below, name);
		int r = path ? load_one(root_fd, fake_root, path, c, report) : -ENOMEM;

		if (r != -ENOENT)
			return r;
	}
	return 0;
}

static int load_all(int root_fd, bool fake_root, const struct sorted *drop_ins, struct config *c,
		    struct report *report)
{
	int r = load_first(root_fd, fake_root, "", "pmdswapd.conf", c, report);

	c->has_main_file = c->n_files > 0;
	for (size_t i = 0; r >= 0 && i < drop_ins->n; i++)
		r = load_first(root_fd, fake_root, "pmdswapd.conf.d/", drop_ins->v[i], c, report);
	return r;
}

static int finish(struct config *c, struct report *report)
{
	int r = conf_finish(c, report);

	if (r >= 0)
		policy_check(c, report);
	report_sort(report);
	return r;
}

int conf_load(int root_fd, bool fake_root, struct config **ret, struct report *report)
{
	_cleanup_(config_freep) struct config *c = config_new();
	struct sorted drop_ins = {};
	int r;

	if (!c)
		return -ENOMEM;
	r = list_drop_ins(root_fd, fake_root, &drop_ins, report);
	if (r >= 0)
		r = load_all(root_fd, fake_root, &drop_ins, c, report);
	for (size_t i = 0; i < drop_ins.n; i++)
		free(drop_ins.v[i]);
	sorted_clear(&drop_ins);
	if (r >= 0)
		r = finish(c, report);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

int conf_load_file(const char *path, struct config **ret, struct report *report)
{
	_cleanup_(config_freep) struct config *c = config_new();
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r;

	if (!c)
		return -ENOMEM;
	if (strcmp(path, "-") == 0)
		r = fs_read_stream(STDIN_FILENO, CONF_BYTES_MAX, &text, &size);
	else
		r = fs_read_text(AT_FDCWD, path, CONF_BYTES_MAX, &text, &size, NULL, NULL);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		report_unreadable(report, path, r);
	} else {
		r = conf_parse(c, path, text, size, report);
		if (r >= 0)
			r = finish(c, report);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(c);
	return 0;
}
