// SPDX-License-Identifier: GPL-2.0
#include "policy/shown.h"

#include <stdlib.h>

void shown_clear(struct shown *s)
{
	for (size_t i = 0; i < s->n_cgroups; i++) {
		free(s->cgroups[i].path);
		free(s->cgroups[i].unit);
		free(s->cgroups[i].policy);
		free(s->cgroups[i].mode);
	}
	for (size_t i = 0; i < s->n_processes; i++) {
		free(s->processes[i].name);
		free(s->processes[i].cgroup);
	}
	free(s->cgroups);
	free(s->processes);
	free(s->no_delays);
	free(s->version);
	*s = (struct shown){};
}
