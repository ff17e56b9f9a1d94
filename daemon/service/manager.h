/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_MANAGER_H
#define PMDSWAP_MANAGER_H

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "policy/cgroup.h"
#include "policy/conf.h"
#include "policy/plan.h"
#include "policy/report.h"
#include "policy/state.h"
#include "service/log.h"
#include "system/apply.h"
#include "system/pid1.h"
#include "system/watch.h"

/*
 * The daemon's one struct, which owns everything, and what all of its parts need to say and to
 * note. The parts, each of which uses only those before it: keep.c has plans carried out, prepare.c
 * sees to units that do not run, reconcile.c compares and decides, track.c notices changes,
 * reload.c goes from reading the configuration to the verdict; stats.c, bus.c, clients.c and
 * connect.c talk to others; run.c puts it all together.
 */

struct clients;
struct stats;

/* A setting of the kernel. */
struct kernel_status {
	struct standing standing;
	bool watched;
	bool retry; /* the last write failed; to be looked at */
};

/*
 * A reload that is under way: from reading the files to the last outcome. To give everything back
 * is one that wants nothing.
 */
struct reload {
	bool active;
	bool restore;                 /* give everything back */
	bool again;                   /* asked for once more meanwhile */
	bool again_restore;           /* ... and then to give everything back */
	sd_bus_message **waiting;     /* calls to answer when it is done, and then: */
	size_t n_waiting, n_for_next; /* those to answer when the next one is done */
	struct report report;
};

/* The verdict of the last reload. */
struct verdict {
	bool accepted;
	uint64_t usec,
		accepted_usec; /* CLOCK_REALTIME, of the last one and the last accepted one */
	struct report report;
};

/* Units that policies name and that do not run are being asked for. */
struct preparation {
	bool active;
	bool late;      /* nobody waits for it any more */
	size_t next;    /* in the exact matches of the configuration */
	size_t n_asked; /* without an answer, also of earlier ones */
	unsigned int generation;
	struct plan plan; /* not carried out yet */
};

/* One event loop, no threads. */
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
	bool any_dirty; /* a cgroup is to be looked at */
	struct kernel_status kernel[N_KERNEL_SETTINGS];
	bool have_cgroups; /* cgroup v2 is mounted */

	sd_bus *bus;         /* to PID 1: the system bus or PID 1's own socket; NULL: neither */
	bool bus_is_private; /* PID 1's own */
	int bus_wd;          /* the watch for a system bus that comes, or negative */
	struct pid1 *pid1;
	struct clients *clients;
	struct stats *stats;
	sd_bus_message *list; /* the last answer of ListCgroups, for who is not root */
	uint64_t list_usec;

	struct reload reload;
	struct verdict verdict;
	struct preparation preparation;
	bool suspended;  /* everything was given back; nothing is wanted until the next reload */
	bool zswap_seen; /* on at some time since the daemon started */

	bool rescan_needed;
	bool restores_failed;         /* something could not be given back */
	unsigned int restore_retries; /* in a row */
	bool busy_skipped;            /* something is to be looked at once nothing is outstanding */
	bool watches_exhausted;

	sd_event_source *settled; /* deferred: nothing is outstanding */
	sd_event_source *rescan_timer, *retry_timer, *prune_timer, *reconnect_timer, *prepare_timer;
	uint64_t progress_usec; /* CLOCK_MONOTONIC, when systemd last heard of progress */
	uint64_t retry_usec, reconnect_usec;
};

/* Say something now and, if a reload is under way, to whoever asked for it. */
void manager_say(struct manager *m, enum severity severity, const struct log_fields *fields,
		 const char *fmt, ...) _printf_(4, 5);

/*
 * Whether there is something to say: it is new, or there is a reload in which it was not said yet.
 * A reload may look at everything more than once. It counts as said from then on, by a bit.
 */
bool manager_has_to_say(const struct manager *m, bool is_new, struct standing *s, unsigned int bit);

/*
 * Whether the reload before this one said the same a moment ago. systemd before 259 sends SIGHUP
 * and calls "pmdswapctl reload" for one and the same reload; what the first logged, the second need
 * not log again.
 */
bool manager_said_just_now(const struct manager *m, const char *text);

/* Arm one of the timers, unless it is armed already. */
void manager_arm(sd_event_source *timer, uint64_t usec);

/*
 * Call it for each cgroup and each value: thousands of them take long where a host is slow, and as
 * long as there are ever more done, neither the watchdog nor who waits for a reload shall give up.
 */
void manager_make_progress(struct manager *m);

/* Have reload.c look whether all is done. */
void manager_look_if_settled(struct manager *m);

/* See that a cgroup is looked at with the next batch of events. */
void manager_mark(struct manager *m, struct cgroup *c);

/* Save the state. 0 or a negative errno. */
int manager_save(struct manager *m);

#endif
