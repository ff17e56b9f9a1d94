// SPDX-License-Identifier: GPL-2.0
#include "service/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "policy/text.h"
#include "service/clients.h"
#include "service/connect.h"
#include "service/keep.h"
#include "service/prepare.h"
#include "service/reconcile.h"
#include "service/reload.h"
#include "service/stats.h"
#include "service/track.h"
#include "system/clock.h"
#include "system/fs.h"
#include "system/interface.h"
#include "system/state-file.h"

#define STOP_USEC (10 * USEC_PER_SEC)

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
	sd_notify(0, "STOPPING=1");
	if (m->stopping || !m->config || !m->config->restore_on_stop ||
	    fs_exists(m->root_fd, UPGRADING_PATH))
		return sd_event_exit(m->event, 0);
	m->stopping = true;
	if (sd_event_add_time_relative(m->event, NULL, CLOCK_MONOTONIC, STOP_USEC, 0,
				       on_stop_timeout, m) < 0)
		log_error("Cannot set a timer: %s", strerror(ENOMEM));
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

	char aside[ASIDE_MAX];

	if (r == -EBADMSG || r == -EPROTONOSUPPORT) {
		bool newer = r == -EPROTONOSUPPORT;

		r = state_put_aside(m->root_fd, aside, sizeof(aside));
		if (r >= 0)
			log_error("/%s is %s and put aside as /%s; what was changed before this "
				  "start will not be given back",
				  STATE_PATH, newer ? "of a newer pmdswapd" : "damaged", aside);
	}
	if (r < 0)
		log_error("Cannot read /%s: %s", STATE_PATH, strerror(-r));
	return r;
}

static int add_timers(struct manager *m)
{
	const struct {
		sd_event_source **timer;
		sd_event_time_handler_t handler;
	} timers[] = {
		{ &m->rescan_timer, manager_on_rescan_timer },
		{ &m->retry_timer, manager_on_retry },
		{ &m->prune_timer, manager_on_prune_timer },
		{ &m->reconnect_timer, manager_on_reconnect },
		{ &m->prepare_timer, manager_on_prepare_timer },
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(timers); i++) {
		r = sd_event_add_time(m->event, timers[i].timer, CLOCK_MONOTONIC, 0, 0,
				      timers[i].handler, m);
		if (r >= 0)
			r = sd_event_source_set_enabled(*timers[i].timer, SD_EVENT_OFF);
	}
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
		r = add_timers(m);
	if (r >= 0)
		r = watch_new(&m->watch, m->event, m->root_fd, manager_on_batch, m);
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
	clients_free(m->clients);
	/* Calls that are outstanding end in results, which need the rest. */
	m->preparation.active = false;
	pid1_free(TAKE_PTR(m->pid1));
	sd_bus_flush_close_unref(m->bus);
	for (size_t i = 0; i < m->reload.n_waiting; i++)
		sd_bus_message_unref(m->reload.waiting[i]);
	free(m->reload.waiting);
	report_clear(&m->reload.report);
	report_clear(&m->verdict.report);
	sd_bus_message_unref(m->list);
	plan_clear(&m->preparation.plan);
	stats_free(m->stats);
	applier_free(m->applier);
	watch_free(m->watch);
	sd_event_source_disable_unref(m->settled);
	sd_event_source_disable_unref(m->rescan_timer);
	sd_event_source_disable_unref(m->retry_timer);
	sd_event_source_disable_unref(m->prune_timer);
	sd_event_source_disable_unref(m->reconnect_timer);
	sd_event_source_disable_unref(m->prepare_timer);
	sd_event_unref(m->event);
	cgroup_table_clear(&m->cgroups);
	for (size_t i = 0; i < N_KERNEL_SETTINGS; i++)
		standing_clear(&m->kernel[i].standing);
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

	r = manager_connect(m);
	if (r < 0 && !m->fake_root)
		log_notice("Cannot talk to PID 1 (%s), so cgroups of units are written directly; "
			   "a daemon-reload undoes that for a moment",
			   manager_explain_connect(r));
	/* It is there, and busy. */
	if (r < 0 && r != -ENOENT && r != -ECONNREFUSED)
		manager_arm(m->reconnect_timer, m->reconnect_usec);
	if (r >= 0)
		manager_say_if_private(m);
	if (!m->once) {
		r = clients_new(&m->clients, m);
		if (r < 0) {
			log_error("Cannot listen on /%s/%s: %s", RUNTIME_DIRECTORY, CONTROL_NAME,
				  strerror(-r));
			config_free(c);
			return r;
		}
	}
	m->reload.active = true;
	m->progress_usec = clock_usec(CLOCK_MONOTONIC);
	manager_watch_kernel(m);
	manager_use_config(m, c);
	return sd_event_loop(m->event);
}
