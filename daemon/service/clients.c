// SPDX-License-Identifier: GPL-2.0
#include "service/clients.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "service/bus.h"
#include "system/interface.h"
#include "system/state-file.h"

/* Others than root may hold so many connections, each and all together; root always gets one. */
#define USER_MAX 8
#define ALL_MAX  64

/* Who leaves more answers than this unread does not get any more. */
#define UNREAD_MAX 2

/* So many bytes of them are in the kernel before any counts as unread; sd-bus would have 8 MiB for
 * each connection. */
#define SEND_BUFFER (128 * 1024)

struct client {
	struct clients *clients;
	struct client *next;
	sd_bus *bus;
	uid_t uid;
};

struct clients {
	struct manager *manager;
	int fd;
	sd_event_source *source;
	struct client *first;
};

static void client_free(struct client *c)
{
	struct clients *s = c->clients;

	for (struct client **i = &s->first; *i; i = &(*i)->next) {
		if (*i == c) {
			*i = c->next;
			break;
		}
	}
	/* Not flushed: who does not read would keep us waiting. */
	sd_bus_close_unref(c->bus);
	free(c);
}
DEFINE_CLEANUP(struct client *, client_free);

static int on_client_gone(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	client_free(userdata);
	return 0;
}

/* A call of a client; what it does not read of the answers stays in memory here. */
static int on_client_call(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct client *c = userdata;
	uint64_t unread = 0;

	if (sd_bus_get_n_queued_write(c->bus, &unread) < 0 || unread <= UNREAD_MAX)
		return 0;
	log_debug("A client does not read its answers; closing the connection");
	client_free(c);
	return 1;
}

/* One user must not keep the others out. */
static bool has_too_many(const struct clients *s, uid_t uid)
{
	unsigned int all = 0, own = 0;

	for (const struct client *c = s->first; c; c = c->next) {
		all += c->uid != 0;
		own += c->uid == uid;
	}
	return own >= USER_MAX || all >= ALL_MAX;
}

static int add_client(struct clients *s, int connection)
{
	static const int send_buffer = SEND_BUFFER;
	_cleanup_close_ int fd = connection;
	_cleanup_(client_freep) struct client *c = NULL;
	struct ucred peer;
	socklen_t len = sizeof(peer);
	sd_id128_t id;
	int r;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return -errno;
	if (peer.uid != 0 && has_too_many(s, peer.uid))
		return -EBUSY;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->clients = s;
	c->next = s->first;
	s->first = c;
	c->uid = peer.uid;

	r = sd_bus_new(&c->bus);
	if (r >= 0)
		r = sd_bus_set_fd(c->bus, fd, fd);
	if (r < 0)
		return r;
	TAKE_FD(fd);
	r = sd_id128_randomize(&id);
	if (r >= 0)
		r = sd_bus_set_server(c->bus, 1, id);
	if (r >= 0)
		r = sd_bus_start(c->bus);
	if (r >= 0)
		r = setsockopt(sd_bus_get_fd(c->bus), SOL_SOCKET, SO_SNDBUF, &send_buffer,
			       sizeof(send_buffer)) < 0
			    ? -errno
			    : 0;
	if (r >= 0)
		/* At the end of the event loop it would be flushed. */
		r = sd_bus_set_close_on_exit(c->bus, 0);
	if (r >= 0)
		r = sd_bus_add_filter(c->bus, NULL, on_client_call, c);
	if (r >= 0)
		r = bus_export(s->manager, c->bus);
	if (r >= 0)
		r = sd_bus_match_signal(c->bus, NULL, NULL, "/org/freedesktop/DBus/Local",
					"org.freedesktop.DBus.Local", "Disconnected",
					on_client_gone, c);
	if (r >= 0)
		r = sd_bus_attach_event(c->bus, s->manager->event, SD_EVENT_PRIORITY_NORMAL);
	if (r < 0)
		return r;
	TAKE_PTR(c);
	return 0;
}

static int on_connection(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), r;

	r = connection < 0 ? -errno : add_client(userdata, connection);
	if (r < 0 && r != -EAGAIN && r != -ECONNABORTED)
		log_debug("Turned a client away: %s", strerror(-r));
	return 0;
}

int clients_new(struct clients **ret, struct manager *m)
{
	_cleanup_(clients_freep) struct clients *s = calloc(1, sizeof(*s));
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int dir = -1;
	int r;

	if (!s)
		return -ENOMEM;
	s->manager = m;
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return -errno;
	/* The path of a fake root may be too long for an address. */
	dir = openat(m->root_fd, RUNTIME_DIRECTORY, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" CONTROL_NAME, dir);
	/* What is there was left by a daemon that was killed: we hold the lock. */
	unlinkat(dir, CONTROL_NAME, 0);
	if (bind(s->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    fchmodat(dir, CONTROL_NAME, 0666, 0) < 0 || listen(s->fd, SOMAXCONN) < 0)
		return -errno;
	r = sd_event_add_io(m->event, &s->source, s->fd, EPOLLIN, on_connection, s);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

void clients_free(struct clients *s)
{
	if (!s)
		return;
	while (s->first)
		client_free(s->first);
	sd_event_source_disable_unref(s->source);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}
