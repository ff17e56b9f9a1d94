// SPDX-License-Identifier: GPL-2.0
#include "service/connect.h"

#include <errno.h>
#include <string.h>

#include "service/bus.h"
#include "service/prepare.h"
#include "service/reconcile.h"
#include "system/clock.h"
#include "system/interface.h"

#define RECONNECT_MAX_USEC (30 * USEC_PER_SEC)

#define BUS_SOCKET_DIRECTORY "run/dbus"
#define BUS_SOCKET           "system_bus_socket"

/*
 * An administrator may have taken a property back, which PID 1 does not always write to the cgroup;
 * and there may be units that were not there before.
 */
static void on_pid1_reloaded(void *userdata)
{
	manager_reconcile(userdata, true);
	manager_prepare_units(userdata);
}

static void disconnect(struct manager *m)
{
	pid1_free(TAKE_PTR(m->pid1));
	m->bus = sd_bus_close_unref(m->bus);
}

void manager_say_if_private(const struct manager *m)
{
	if (m->bus_is_private && !m->fake_root)
		log_full(LOG_NOTICE, &(struct log_fields){ .message_id = MESSAGE_DEGRADED },
			 "There is no system bus, so %s is not on it until there is one; "
			 "pmdswapctl works all the same",
			 BUS_NAME);
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct manager *m = userdata;

	log_notice("The connection to PID 1 was lost; trying to get it back");
	disconnect(m);
	manager_arm(m->reconnect_timer, m->reconnect_usec);
	return 0;
}

static void on_bus_event(void *userdata, void *target, uint32_t mask, const char *name)
{
	struct manager *m = userdata;

	if (mask & IN_IGNORED)
		m->bus_wd = -1;
	else if (strcmp(name, BUS_SOCKET) != 0 &&
		 strcmp(name, strrchr(BUS_SOCKET_DIRECTORY, '/') + 1) != 0)
		return;
	/* A socket is there before anybody listens on it. */
	m->reconnect_usec = RECONNECT_MIN_USEC;
	manager_arm(m->reconnect_timer, m->reconnect_usec);
}

static void stop_watching_for_bus(struct manager *m)
{
	if (m->bus_wd >= 0)
		watch_remove(m->watch, m->bus_wd);
	m->bus_wd = -1;
}

/* Hear of a system bus that comes, or of the directory that it will be in. */
static void watch_for_bus(struct manager *m)
{
	const uint32_t mask = IN_ONLYDIR | IN_CREATE | IN_MOVED_TO;

	/* The directory above it may have been watched until now. */
	stop_watching_for_bus(m);
	m->bus_wd = watch_add(m->watch, BUS_SOCKET_DIRECTORY, mask, on_bus_event, NULL);
	if (m->bus_wd == -ENOENT)
		m->bus_wd = watch_add(m->watch, "run", mask, on_bus_event, NULL);
	if (m->bus_wd < 0)
		log_debug("Cannot watch for a system bus: %s", strerror(-m->bus_wd));
}

const char *manager_explain_connect(int error)
{
	/* What sd-bus makes of org.freedesktop.DBus.Error.ServiceUnknown and NameHasNoOwner. */
	if (error == -EHOSTUNREACH || error == -ENXIO)
		return "there is a system bus, and no systemd on it";
	if (error == -ENOENT || error == -ECONNREFUSED)
		return "there is neither a system bus nor its own socket";
	return strerror(-error);
}

int manager_connect(struct manager *m)
{
	int r;

	/* Before the attempt: it may come right after it. */
	if (!m->fake_root)
		watch_for_bus(m);
	r = pid1_connect(&m->bus, m->root_fd, m->fake_root, &m->bus_is_private);
	if (r < 0)
		return r;
	r = sd_bus_match_signal_async(m->bus, NULL, "org.freedesktop.DBus.Local",
				      "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
				      "Disconnected", on_disconnected, NULL, m);
	if (r >= 0)
		r = pid1_new(&m->pid1, m->bus);
	if (r >= 0)
		r = pid1_on_reloaded(m->pid1, on_pid1_reloaded, m);
	if (r >= 0)
		r = sd_bus_attach_event(m->bus, m->event, SD_EVENT_PRIORITY_NORMAL);
	if (r >= 0 && !m->bus_is_private)
		r = bus_export_by_name(m, m->bus);
	if (r < 0) {
		disconnect(m);
		return r;
	}
	if (!m->bus_is_private)
		stop_watching_for_bus(m);
	return 0;
}

int manager_on_reconnect(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct manager *m = userdata;
	bool had_private = m->bus && m->bus_is_private;
	int r;

	/* What is under way would be lost with the connection. */
	if (m->bus && applier_busy(m->applier)) {
		manager_arm(m->reconnect_timer, RECONNECT_MIN_USEC);
		return 0;
	}
	disconnect(m);
	r = manager_connect(m);
	if (r >= 0) {
		if (had_private && !m->bus_is_private) {
			log_info("There is a system bus now");
		} else if (!had_private) {
			log_info("Connected to PID 1 again");
			manager_say_if_private(m);
		}
		m->reconnect_usec = RECONNECT_MIN_USEC;
		/*
		 * PID 1 may have reloaded meanwhile, and there may be units that it was not told
		 * of. But not now: it may be slow, and the watchdog does not wait.
		 */
		m->busy_skipped = true;
		manager_prepare_units(m);
		return 0;
	}
	if (m->reconnect_usec < RECONNECT_MAX_USEC)
		m->reconnect_usec *= 2;
	manager_arm(m->reconnect_timer, m->reconnect_usec);
	return 0;
}
