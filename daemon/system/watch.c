// SPDX-License-Identifier: GPL-2.0
#include "system/watch.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>

#include "policy/sorted.h"
#include "policy/text.h"

struct entry {
	int wd;
	watch_event_t callback;
	void *target;
};

struct watch {
	int fd;
	int root_fd;
	sd_event_source *source;
	watch_batch_t batch;
	void *userdata;
	struct sorted entries; /* struct entry, by wd */
};

static int compare(const void *key, const void *element)
{
	int a = *(const int *)key, b = ((const struct entry *)element)->wd;

	return (a > b) - (a < b);
}

static void drop(struct watch *w, int wd)
{
	size_t i = sorted_position(&w->entries, &wd, compare);

	free(w->entries.v[i]);
	sorted_remove(&w->entries, i, i + 1);
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	char buf[32768] __attribute__((aligned(__alignof__(struct inotify_event))));
	struct watch *w = userdata;
	ssize_t n = read(fd, buf, sizeof(buf));
	bool lost = false;

	for (char *p = buf; n > 0 && p < buf + n;) {
		const struct inotify_event *e = (const struct inotify_event *)p;
		const struct entry *entry = sorted_find(&w->entries, &e->wd, compare);

		p += sizeof(*e) + e->len;
		lost |= e->mask & IN_Q_OVERFLOW;
		if (!entry)
			continue;
		entry->callback(w->userdata, entry->target, e->mask, e->len ? e->name : "");
		if (e->mask & IN_IGNORED && sorted_find(&w->entries, &e->wd, compare))
			drop(w, e->wd);
	}
	w->batch(w->userdata, lost);
	return 0;
}

int watch_new(struct watch **ret, sd_event *event, int root_fd, watch_batch_t batch, void *userdata)
{
	struct watch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->root_fd = root_fd;
	w->batch = batch;
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
	for (size_t i = 0; i < w->entries.n; i++)
		free(w->entries.v[i]);
	sorted_clear(&w->entries);
	free(w);
}

int watch_add(struct watch *w, const char *path, uint32_t mask, watch_event_t callback,
	      void *target)
{
	/* inotify has no call that takes a directory descriptor. */
	_cleanup_free_ char *absolute = text_format("/proc/self/fd/%d/%s", w->root_fd, path);
	struct entry *entry;
	int wd;

	if (!absolute)
		return -ENOMEM;
	wd = inotify_add_watch(w->fd, absolute, mask);
	if (wd < 0)
		return -errno;
	entry = sorted_find(&w->entries, &wd, compare);
	if (!entry) {
		entry = malloc(sizeof(*entry));
		if (!entry || sorted_insert(&w->entries, &wd, compare, entry) < 0) {
			free(entry);
			inotify_rm_watch(w->fd, wd);
			return -ENOMEM;
		}
	}
	*entry = (struct entry){ wd, callback, target };
	return wd;
}

void watch_remove(struct watch *w, int wd)
{
	if (!sorted_find(&w->entries, &wd, compare))
		return;
	drop(w, wd);
	inotify_rm_watch(w->fd, wd);
}
