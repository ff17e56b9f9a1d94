/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_SHOWN_H
#define PMDSWAP_SHOWN_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/counters.h"
#include "policy/delays.h"

/* Statistics as the daemon gives them. */

struct shown_cgroup {
	char *path, *unit, *policy, *mode;
	uint64_t processes;
	uint64_t unaccounted; /* of these, older than delay accounting */
	struct counters counters;
	struct delays delays;
};

struct shown_process {
	uint32_t pid;
	uint64_t started; /* microseconds since boot, to tell it from others of its number */
	char *name, *cgroup;
	bool accounted;
	struct delays delays;
};

struct shown {
	uint64_t usec;   /* CLOCK_REALTIME */
	char *no_delays; /* why there are none; "": there are */
	struct counters system;
	struct shown_cgroup *cgroups;
	size_t n_cgroups, cgroups_allocated;
	struct shown_process *processes; /* by pid */
	size_t n_processes, processes_allocated;

	/* Of the daemon itself, for alerts. */
	char *version; /* NULL: this and what follows was not asked for */
	bool reload_accepted;
	uint64_t reload_usec; /* CLOCK_REALTIME; 0: none has ended */
	struct shown_state {
		const char *name;
		size_t n; /* cgroups */
	} states[16];
	size_t n_states;
};

void shown_clear(struct shown *s);

#endif
