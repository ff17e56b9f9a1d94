// SPDX-License-Identifier: GPL-2.0
#include "service/manager.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "policy/text.h"
#include "service/bus.h"
#include "service/log.h"
#include "service/reconcile.h"
#include "service/reload.h"
#include "service/stats.h"
#include "service/track.h"
#include "system/clock.h"
#include "system/fs.h"

#define RECONNECT_MIN_USEC (1 * USEC_PER_SEC)
#define RECONNECT_MAX_USEC (30 * USEC_PER_SEC)
#define REPEAT_USEC        (3 * USEC_PER_SEC)
#define STOP_USEC          (10 * USEC_PER_SEC)

#define BUS_SOCKET_DIRECTORY "run/dbus"
#define BUS_SOCKET           "system_bus_socket"

void manager_arm(struct manager *m, sd_event_source **timer, uint64_t usec,
		 sd_event_time_handler_t handler)
{
	int enabled = 0, r;

	if (!*timer) {
		r = sd_event_add_time_relative(m->event, timer, CLOCK_MONOTONIC, usec, 0, handler,
					       m);
	} else {
		r = sd_event_source_get_enabled(*timer, &enabled);
		if (r >= 0 && enabled == SD_EVENT_OFF) {
			r = sd_event_source_set_time_relative(*timer, usec);
			if (r >= 0)
				r = sd_event_source_set_enabled(*timer, SD_EVENT_ONESHOT);
		}
	}
	if (r < 0)
		log_error("Cannot set a timer: %s", strerror(-r));
}

bool manager_said_just_now(const struct manager *m, const char *text)
{
	if (!m->reload.active || clock_usec(CLOCK_REALTIME) - m->verdict.usec > REPEAT_USEC)
		return false;
	for (size_t i = 0; i < m->verdict.report.n; i++) {
		const struct message *msg = &m->verdict.report.messages[i];

		if (strcmp(msg->text, text) == 0)
			return true;
	}
	return false;
}

void manager_say(struct manager *m, enum severity severity, const struct log_fields *fields,
		 const char *fmt, ...)
{
	int level = severity == REPORT_ERROR ? LOG_ERR : LOG_WARNING;
	_cleanup_free_ char *raw = NULL, *text = NULL;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vasprintf(&raw, fmt, ap);
	va_end(ap);
	if (r < 0)
		raw = NULL;
	/* The name of a cgroup may be any bytes. */
	text = raw ? text_escaped(raw) : NULL;
	if (!text)
		return;
	log_full(manager_said_just_now(m, text) ? LOG_DEBUG : level, fields, "%s", text);
	if (m->reload.active)
		report_add(&m->reload.report, severity, NULL, 0, "%s", text);
}

/* The bus. */

/*
 * An administrator may have taken a property back, which PID 1 does not always write to the cgroup;
 * and there may be units that were not there before.
 */
static void on_pid1_reloaded(void *userdata)
{
	manager_reconcile(userdata, true);
}

static int on_reconnect(sd_event_source *source, uint64_t usec, void *userdata);

static void disconnect(struct manager *m)
{
	pid1_free(TAKE_PTR(m->pid1));
	m->bus = sd_bus_close_unref(m->bus);
}

static void say_if_private(const struct manager *m)
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
	manager_arm(m, &m->reconnect_timer, m->reconnect_usec, on_reconnect);
	return 0;
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
	m->bus_wd = watch_add(m->watch, BUS_SOCKET_DIRECTORY, mask, &m->bus_wd);
	if (m->bus_wd == -ENOENT)
		m->bus_wd = watch_add(m->watch, "run", mask, &m->bus_wd);
	if (m->bus_wd < 0)
		log_debug("Cannot watch for a system bus: %s", strerror(-m->bus_wd));
}

void manager_on_bus_event(struct manager *m, uint32_t mask, const char *name)
{
	if (mask & IN_IGNORED)
		m->bus_wd = -1;
	else if (strcmp(name, BUS_SOCKET) != 0 &&
		 strcmp(name, strrchr(BUS_SOCKET_DIRECTORY, '/') + 1) != 0)
		return;
	/* A socket is there before anybody listens on it. */
	m->reconnect_usec = RECONNECT_MIN_USEC;
	manager_arm(m, &m->reconnect_timer, m->reconnect_usec, on_reconnect);
}

static int connect_bus(struct manager *m)
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
		r = manager_bus_export(m, m->bus);
	if (r < 0) {
		disconnect(m);
		return r;
	}
	if (!m->bus_is_private)
		stop_watching_for_bus(m);
	return 0;
}

static int on_reconnect(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct manager *m = userdata;
	bool had_private = m->bus && m->bus_is_private;
	int r;

	/* What is under way would be lost with the connection. */
	if (m->bus && applier_busy(m->applier)) {
		manager_arm(m, &m->reconnect_timer, RECONNECT_MIN_USEC, on_reconnect);
		return 0;
	}
	disconnect(m);
	r = connect_bus(m);
	if (r >= 0) {
		if (had_private && !m->bus_is_private) {
			log_info("There is a system bus now");
		} else if (!had_private) {
			log_info("Connected to PID 1 again");
			say_if_private(m);
		}
		m->reconnect_usec = RECONNECT_MIN_USEC;
		/*
		 * PID 1 may have reloaded meanwhile, and there may be units that it was not told
		 * of. But not now: it may be slow, and the watchdog does not wait.
		 */
		m->busy_skipped = true;
		sd_event_source_set_enabled(m->settled, SD_EVENT_ONESHOT);
		return 0;
	}
	if (m->reconnect_usec < RECONNECT_MAX_USEC)
		m->reconnect_usec *= 2;
	manager_arm(m, &m->reconnect_timer, m->reconnect_usec, on_reconnect);
	return 0;
}

/* Life. */

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
	int r = manager_reload(userdata, NULL, false);

	if (r == -ESHUTDOWN)
		log_notice("Not reloading, since everything is being given back");
	else if (r < 0)
		log_error("Cannot reload: %s", strerror(-r));
	return 0;
}

static int on_stop_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct manager *m = userdata;

	log_warning("Not all settings could be given back in time");
	return sd_event_exit(m->event, 0);
}

static int on_terminate(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
	struct manager *m = userdata;
	sd_event_source *timer = NULL;

	sd_notify(0, "STOPPING=1");
	if (m->stopping || !m->config || !m->config->restore_on_stop ||
	    fs_exists(m->root_fd, UPGRADING_PATH))
		return sd_event_exit(m->event, 0);
	m->stopping = true;
	manager_arm(m, &timer, STOP_USEC, on_stop_timeout);
	if (timer)
		sd_event_source_set_floating(timer, true);
	sd_event_source_unref(timer);
	return manager_want_nothing(m) < 0 ? sd_event_exit(m->event, 0) : 0;
}

static int add_signal(struct manager *m, int signo, sd_event_signal_handler_t handler)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signo);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	return sd_event_add_signal(m->event, NULL, signo, handler, m);
}

static int lock(struct manager *m)
{
	m->lock_fd = state_lock(m->root_fd);
	if (m->lock_fd < 0)
		log_error("Cannot lock /%s: %s", LOCK_PATH,
			  m->lock_fd == -EWOULDBLOCK ? "another pmdswapd is running, or "
						       "\"pmdswapctl restore\" without it"
						     : strerror(-m->lock_fd));
	return m->lock_fd < 0 ? m->lock_fd : 0;
}

static int load_state(struct manager *m)
{
	int r = state_load(&m->state, m->root_fd);

	if (r == -EBADMSG) {
		log_error("/%s is damaged and put aside as /%s.bad; what was changed before this "
			  "start "
			  "will not be given back",
			  STATE_PATH, STATE_PATH);
		return renameat(m->root_fd, STATE_PATH, m->root_fd, STATE_PATH ".bad") < 0 ? -errno
											   : 0;
	}
	if (r < 0)
		log_error("Cannot read /%s: %s", STATE_PATH, strerror(-r));
	return r;
}

int manager_new(struct manager **ret, const char *root, bool once)
{
	_cleanup_(manager_freep) struct manager *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	m->lock_fd = m->bus_wd = -1;
	m->root = root;
	m->fake_root = strcmp(root, "/") != 0;
	m->once = once;
	m->retry_usec = RETRY_MIN_USEC;
	m->reconnect_usec = RECONNECT_MIN_USEC;
	m->root_fd = fs_open_root(root);
	if (m->root_fd < 0) {
		log_error("Cannot open %s: %s", root, strerror(-m->root_fd));
		return m->root_fd;
	}
	r = sd_event_new(&m->event);
	if (r >= 0)
		r = sd_event_set_watchdog(m->event, true);
	/* SIGHUP must be blocked before READY=1. */
	if (r >= 0)
		r = add_signal(m, SIGHUP, on_hangup);
	if (r >= 0)
		r = add_signal(m, SIGTERM, on_terminate);
	if (r >= 0)
		r = add_signal(m, SIGINT, on_terminate);
	if (r >= 0)
		r = sd_event_add_defer(m->event, &m->settled, manager_on_settled, m);
	if (r >= 0)
		r = sd_event_source_set_enabled(m->settled, SD_EVENT_OFF);
	if (r >= 0)
		r = watch_new(&m->watch, m->event, m->root_fd, manager_on_watch, m);
	if (r >= 0)
		r = applier_new(&m->applier, m->event, m->root_fd, manager_on_result, m);
	if (r >= 0)
		r = stats_new(&m->stats, m);
	if (r < 0) {
		log_error("Cannot set up the event loop: %s", strerror(-r));
		return r;
	}
	*ret = TAKE_PTR(m);
	return 0;
}

void manager_free(struct manager *m)
{
	if (!m)
		return;
	bus_server_free(m->server);
	/* Calls that are outstanding end in results, which need the rest. */
	pid1_free(TAKE_PTR(m->pid1));
	sd_bus_flush_close_unref(m->bus);
	for (size_t i = 0; i < m->reload.n_waiting; i++)
		sd_bus_message_unref(m->reload.waiting[i]);
	for (size_t i = 0; i < m->reload.n_waiting_again; i++)
		sd_bus_message_unref(m->reload.waiting_again[i]);
	free(m->reload.waiting);
	free(m->reload.waiting_again);
	report_clear(&m->reload.report);
	report_clear(&m->verdict.report);
	stats_free(m->stats);
	applier_free(m->applier);
	watch_free(m->watch);
	sd_event_source_disable_unref(m->settled);
	sd_event_source_disable_unref(m->rescan_timer);
	sd_event_source_disable_unref(m->retry_timer);
	sd_event_source_disable_unref(m->prune_timer);
	sd_event_source_disable_unref(m->reconnect_timer);
	sd_event_unref(m->event);
	cgroup_table_clear(&m->cgroups);
	for (size_t i = 0; i < N_KERNEL_SETTINGS; i++)
		free(m->kernel[i].reason);
	state_clear(&m->state);
	config_free(m->config);
	if (m->lock_fd >= 0)
		close(m->lock_fd);
	if (m->root_fd >= 0)
		close(m->root_fd);
	free(m);
}

int manager_run(struct manager *m)
{
	struct config *c = NULL;
	int r;

	r = lock(m);
	if (r >= 0)
		r = load_state(m);
	if (r < 0)
		return r;
	r = manager_read_config(m, &c, &m->reload.report);
	manager_log_report(m, &m->reload.report, r < 0 ? MESSAGE_REFUSED : NULL);
	if (r < 0) {
		log_full(LOG_ERR, &(struct log_fields){ .message_id = MESSAGE_REFUSED },
			 "Configuration refused (%zu error%s); correct it, check it with "
			 "\"pmdswapctl check\" and start again",
			 m->reload.report.errors, PLURAL_S(m->reload.report.errors));
		return r;
	}
	if (c->n_files == 0)
		log_notice("There is no /etc/pmdswapd.conf; every setting has its default");
	log_set_level(c->log_level);

	r = connect_bus(m);
	if (r < 0 && !m->fake_root)
		log_notice("Cannot talk to PID 1 (%s), so cgroups of units are written directly; "
			   "a daemon-reload undoes that for a moment",
			   strerror(-r));
	/* It is there, and busy. */
	if (r < 0 && r != -ENOENT && r != -ECONNREFUSED)
		manager_arm(m, &m->reconnect_timer, m->reconnect_usec, on_reconnect);
	if (r >= 0)
		say_if_private(m);
	if (!m->once) {
		r = bus_server_new(&m->server, m);
		if (r < 0) {
			log_error("Cannot listen on /%s/%s: %s", RUNTIME_DIRECTORY, CONTROL_NAME,
				  strerror(-r));
			config_free(c);
			return r;
		}
	}
	m->reload.active = true;
	manager_watch_kernel(m);
	manager_use_config(m, c);
	return sd_event_loop(m->event);
}
