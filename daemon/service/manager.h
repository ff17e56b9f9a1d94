/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_MANAGER_H
#define PMDSWAP_MANAGER_H

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "policy/cgroup.h"
#include "policy/conf.h"
#include "policy/report.h"
#include "service/log.h"
#include "system/apply.h"
#include "system/pid1.h"
#include "system/state-file.h"
#include "system/watch.h"

struct bus_server;
struct stats;

/* How one setting of the kernel stands. */
struct kernel_status {
	enum outcome outcome;
	char *reason;
	struct drift drift;
	bool watched;
	bool drifted;          /* somebody else wrote to it; to be looked at */
	bool retry;            /* the last write failed; to be looked at */
	unsigned int failures; /* in a row */
	unsigned int said;     /* in this reload, as of a cgroup */
};

/*
 * A reload that is under way: from reading the files to the last outcome. To give everything back
 * is one that wants nothing.
 */
struct reload {
	bool active;
	bool restore;             /* give everything back */
	bool again;               /* asked for once more meanwhile */
	bool again_restore;       /* ... and then to give everything back */
	bool said_units;          /* what there is to say of units that do not run */
	sd_bus_message **waiting; /* calls to answer when it is done */
	size_t n_waiting;
	sd_bus_message **waiting_again; /* calls to answer when the next one is done */
	size_t n_waiting_again;
	struct report report;
};

/* The verdict of the last reload. */
struct verdict {
	bool accepted;
	uint64_t usec; /* CLOCK_REALTIME */
	struct report report;
};

/* Owns everything. One event loop, no threads. */
struct manager {
	int root_fd;
	const char *root; /* "/" unless in tests */
	bool fake_root;
	bool once; /* leave as soon as everything is applied */
	bool started, stopping;
	int lock_fd;

	sd_event *event;
	struct watch *watch;
	struct applier *applier;
	struct config *config;
	struct state state;
	struct cgroup_table cgroups;
	struct kernel_status kernel[N_KERNEL_SETTINGS];
	bool have_cgroups; /* cgroup v2 is mounted */

	sd_bus *bus;         /* to PID 1: the system bus or PID 1's own socket; NULL: neither */
	bool bus_is_private; /* PID 1's own */
	int bus_wd;          /* the watch for a system bus that comes, or negative */
	struct pid1 *pid1;
	struct bus_server *server;
	struct stats *stats;

	struct reload reload;
	struct verdict verdict;
	bool suspended;  /* everything was given back; nothing is wanted until the next reload */
	bool zswap_seen; /* on at some time since the daemon started */

	bool rescan_needed;
	bool restores_failed;         /* something could not be given back */
	unsigned int restore_retries; /* in a row */
	bool busy_skipped;            /* something is to be looked at once nothing is outstanding */
	bool watches_exhausted;
	sd_event_source *settled; /* deferred: nothing is outstanding */
	sd_event_source *rescan_timer, *retry_timer, *prune_timer, *reconnect_timer;
	uint64_t retry_usec, reconnect_usec;
};

/* root is "/" or a fake root directory; the string must outlive the manager. */
int manager_new(struct manager **ret, const char *root, bool once);
void manager_free(struct manager *m);
DEFINE_CLEANUP(struct manager *, manager_free);

/*
 * Read the configuration, apply it and run until told to stop. 0, a negative errno, or -EBADMSG if
 * the configuration is wrong, which has been logged then.
 */
int manager_run(struct manager *m);

/* Say something now and, if a reload is under way, to whoever asked for it. */
void manager_say(struct manager *m, enum severity severity, const struct log_fields *fields,
		 const char *fmt, ...) _printf_(4, 5);

/*
 * Whether the reload before this one said the same a moment ago. systemd before 259 sends SIGHUP
 * and calls "pmdswapctl reload" for one and the same reload; what the first logged, the second need
 * not log again.
 */
bool manager_said_just_now(const struct manager *m, const char *text);

/* An event where a system bus would appear, of the watch bus_wd. */
void manager_on_bus_event(struct manager *m, uint32_t mask, const char *name);

/* Arm a timer of the manager, unless it is armed already. */
void manager_arm(struct manager *m, sd_event_source **timer, uint64_t usec,
		 sd_event_time_handler_t handler);

#endif
