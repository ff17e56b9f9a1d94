// SPDX-License-Identifier: GPL-2.0
#include "system/watch.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>

#include "policy/array.h"

struct entry {
	int wd;
	void *target;
};

struct watch {
	int fd;
	int root_fd;
	sd_event_source *source;
	watch_event_t callback;
	void *userdata;
	struct entry *entries; /* sorted by wd */
	size_t n, allocated;
};

static size_t position(const struct watch *w, int wd)
{
	size_t low = 0, high = w->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (w->entries[middle].wd < wd)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct watch *w, size_t i, int wd)
{
	return i < w->n && w->entries[i].wd == wd;
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	char buf[32768] __attribute__((aligned(__alignof__(struct inotify_event))));
	struct watch *w = userdata;
	ssize_t n = read(fd, buf, sizeof(buf));

	for (char *p = buf; n > 0 && p < buf + n;) {
		const struct inotify_event *e = (const struct inotify_event *)p;
		size_t i = position(w, e->wd);

		p += sizeof(*e) + e->len;
		if (e->mask & IN_Q_OVERFLOW) {
			w->callback(w->userdata, NULL, IN_Q_OVERFLOW, NULL);
			continue;
		}
		if (!is_at(w, i, e->wd))
			continue;
		w->callback(w->userdata, w->entries[i].target, e->mask, e->len ? e->name : "");
		i = position(w, e->wd);
		if ((e->mask & IN_IGNORED) && is_at(w, i, e->wd)) {
			w->n--;
			memmove(w->entries + i, w->entries + i + 1,
				(w->n - i) * sizeof(*w->entries));
		}
	}
	w->callback(w->userdata, NULL, 0, NULL);
	return 0;
}

int watch_new(struct watch **ret, sd_event *event, int root_fd, watch_event_t callback,
	      void *userdata)
{
	struct watch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->root_fd = root_fd;
	w->callback = callback;
	w->userdata = userdata;
	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	r = w->fd < 0 ? -errno : 0;
	if (r >= 0)
		r = sd_event_add_io(event, &w->source, w->fd, EPOLLIN, on_readable, w);
	if (r < 0) {
		watch_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	sd_event_source_disable_unref(w->source);
	if (w->fd >= 0)
		close(w->fd);
	free(w->entries);
	free(w);
}

int watch_add(struct watch *w, const char *path, uint32_t mask, void *target)
{
	_cleanup_free_ char *absolute = NULL;
	struct entry *grown;
	size_t i;
	int wd;

	grown = array_room(w->entries, w->n, &w->allocated, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	w->entries = grown;
	/* inotify has no call that takes a directory descriptor. */
	if (asprintf(&absolute, "/proc/self/fd/%d/%s", w->root_fd, path) < 0) {
		absolute = NULL;
		return -ENOMEM;
	}
	wd = inotify_add_watch(w->fd, absolute, mask);
	if (wd < 0)
		return -errno;
	i = position(w, wd);
	if (!is_at(w, i, wd)) {
		memmove(w->entries + i + 1, w->entries + i, (w->n - i) * sizeof(*w->entries));
		w->n++;
	}
	w->entries[i] = (struct entry){ wd, target };
	return wd;
}

void watch_remove(struct watch *w, int wd)
{
	size_t i = position(w, wd);

	if (!is_at(w, i, wd))
		return;
	w->n--;
	memmove(w->entries + i, w->entries + i + 1, (w->n - i) * sizeof(*w->entries));
	inotify_rm_watch(w->fd, wd);
}
