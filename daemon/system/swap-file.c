// SPDX-License-Identifier: GPL-2.0
#include "system/swap-file.h"

#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "policy/array.h"
#include "policy/cleanup.h"

#define XFS_MAGIC 0x58465342

/* At a time, and of files in more pieces than anybody has for swap. */
#define BATCH       256
#define EXTENTS_MAX (1 << 20)

/* What the kernel writes as \040 and the like. Relative to the root. */
static char *decode_name(const char *name)
{
	char *path = strdup(name + (*name == '/')), *to = path;

	for (const char *p = path; p && *p; p++) {
		if (p[0] == '\\' && strspn(p + 1, "01234567") >= 3) {
			*to++ = (p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0');
			p += 3;
		} else {
			*to++ = *p;
		}
	}
	if (path)
		*to = '\0';
	return path;
}

/* Read what follows the extents that are there. 1, 0 at the end, or -1 if there is no telling. */
static int read_extents(int fd, struct extent **extents, size_t *n, size_t *allocated)
{
	_cleanup_free_ struct fiemap *map =
		calloc(1, sizeof(*map) + BATCH * sizeof(struct fiemap_extent));
	const struct extent *last = *n ? &(*extents)[*n - 1] : NULL;

	if (!map)
		return -1;
	map->fm_start = last ? last->logical + last->length : 0;
	map->fm_length = FIEMAP_MAX_OFFSET - map->fm_start;
	map->fm_extent_count = BATCH;
	if (ioctl(fd, FS_IOC_FIEMAP, map) < 0 || *n > EXTENTS_MAX)
		return -1;
	for (unsigned int i = 0; i < map->fm_mapped_extents; i++) {
		const struct fiemap_extent *e = &map->fm_extents[i];
		struct extent *grown = array_room(*extents, *n, allocated, sizeof(*grown));

		if (!grown || e->fe_flags & ~(FIEMAP_EXTENT_LAST | FIEMAP_EXTENT_UNWRITTEN |
					      FIEMAP_EXTENT_MERGED))
			return -1;
		*extents = grown;
		grown[(*n)++] = (struct extent){ e->fe_logical, e->fe_physical, e->fe_length };
		if (e->fe_flags & FIEMAP_EXTENT_LAST)
			return 0;
	}
	return map->fm_mapped_extents > 0;
}

bool swap_file_clusters(int root_fd, const char *name, uint64_t cluster, struct clusters *ret)
{
	_cleanup_free_ char *path = decode_name(name);
	_cleanup_free_ struct extent *extents = NULL;
	_cleanup_close_ int fd =
		path ? openat(root_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	size_t n = 0, allocated = 0;
	struct statfs fs;
	struct stat st;
	int r;

	if (fd < 0 || fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	/* Others may have blocks that are not those of the device. */
	if (fs.f_type != EXT4_SUPER_MAGIC && fs.f_type != XFS_MAGIC)
		return false;
	do {
		r = read_extents(fd, &extents, &n, &allocated);
	} while (r > 0);
	return r == 0 && clusters_add(ret, extents, n, st.st_size, sysconf(_SC_PAGESIZE), cluster);
}
