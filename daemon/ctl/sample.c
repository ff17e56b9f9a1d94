// SPDX-License-Identifier: GPL-2.0
#include "ctl/sample.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/array.h"
#include "policy/cleanup.h"

/* Take a value for what its name says; one that is not known is of a later daemon. */
static void take_value(struct counters *counters, struct delays *delays, const char *name,
		       uint64_t value)
{
	for (int c = 0; counters && c < N_COUNTERS; c++)
		if (strcmp(name, counter_name(c)) == 0)
			counters_set(counters, c, value);
	for (int d = 0; delays && d < N_DELAYS; d++) {
		size_t len = strlen(delay_name(d));

		if (strncmp(name, delay_name(d), len) != 0)
			continue;
		if (strcmp(name + len, "_count") == 0)
			delays->of[d].count = value;
		else if (strcmp(name + len, "_delay_total") == 0)
			delays->of[d].total = value;
		else
			continue;
		delays->of[d].known = true;
	}
}

/* Read a{st}. */
static int read_values(sd_bus_message *m, struct shown_cgroup *cgroup, struct counters *counters,
		       struct delays *delays)
{
	const char *name;
	uint64_t value;
	int r = sd_bus_message_enter_container(m, 'a', "{st}");

	while (r >= 0 && (r = sd_bus_message_read(m, "{st}", &name, &value)) > 0) {
		if (cgroup && strcmp(name, "processes") == 0)
			cgroup->processes = value;
		else if (cgroup && strcmp(name, "processes_unaccounted") == 0)
			cgroup->unaccounted = value;
		else
			take_value(counters, delays, name, value);
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int copy(char **to, const char *from)
{
	*to = strdup(from);
	return *to ? 0 : -ENOMEM;
}

static int read_head(struct shown *s, sd_bus_message *m)
{
	const char *reason;
	int r = sd_bus_message_read(m, "ts", &s->usec, &reason);

	return r < 0 ? r : copy(&s->no_delays, reason);
}

static int read_cgroup(struct shown *s, sd_bus_message *m)
{
	const char *path, *unit, *policy, *mode;
	struct shown_cgroup *c;
	int r = sd_bus_message_enter_container(m, 'r', "ssssa{st}");

	if (r <= 0)
		return r;
	c = array_room(s->cgroups, s->n_cgroups, &s->cgroups_allocated, sizeof(*c));
	if (!c)
		return -ENOMEM;
	s->cgroups = c;
	c += s->n_cgroups++;
	*c = (struct shown_cgroup){};
	r = sd_bus_message_read(m, "ssss", &path, &unit, &policy, &mode);
	if (r < 0)
		return r;
	if (copy(&c->path, path) < 0 || copy(&c->unit, unit) < 0 || copy(&c->policy, policy) < 0 ||
	    copy(&c->mode, mode) < 0)
		return -ENOMEM;
	r = read_values(m, c, &c->counters, &c->delays);
	if (r >= 0)
		r = sd_bus_message_exit_container(m);
	return r < 0 ? r : 1;
}

int shown_read_cgroups(struct shown *s, sd_bus_message *m)
{
	int r = read_head(s, m);

	if (r >= 0)
		r = read_values(m, NULL, &s->system, NULL);
	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'a', "(ssssa{st})");
	while (r >= 0 && (r = read_cgroup(s, m)) > 0)
		;
	return r;
}

static int read_process(struct shown *s, sd_bus_message *m)
{
	const char *name, *cgroup;
	struct shown_process *p;
	int accounted, r = sd_bus_message_enter_container(m, 'r', "utssba{st}");

	if (r <= 0)
		return r;
	p = array_room(s->processes, s->n_processes, &s->processes_allocated, sizeof(*p));
	if (!p)
		return -ENOMEM;
	s->processes = p;
	p += s->n_processes++;
	*p = (struct shown_process){};
	r = sd_bus_message_read(m, "utssb", &p->pid, &p->started, &name, &cgroup, &accounted);
	if (r < 0)
		return r;
	p->accounted = accounted;
	if (copy(&p->name, name) < 0 || copy(&p->cgroup, cgroup) < 0)
		return -ENOMEM;
	r = read_values(m, NULL, NULL, &p->delays);
	if (r >= 0)
		r = sd_bus_message_exit_container(m);
	return r < 0 ? r : 1;
}

int shown_read_processes(struct shown *s, sd_bus_message *m)
{
	int r = read_head(s, m);

	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'a', "(utssba{st})");
	while (r >= 0 && (r = read_process(s, m)) > 0)
		;
	return r;
}

int shown_read_counters(struct counters *ret, sd_bus_message *m)
{
	return read_values(m, NULL, ret, NULL);
}
