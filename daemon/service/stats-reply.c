// SPDX-License-Identifier: GPL-2.0
#include "service/stats-reply.h"

#include <errno.h>
#include <limits.h>

#include "policy/text.h"
#include "policy/unit.h"

static int append_value(sd_bus_message *reply, const char *name, uint64_t value)
{
	return sd_bus_message_append(reply, "{st}", name, value);
}

static int append_known(sd_bus_message *reply, const struct counters *counters)
{
	int r = 0;

	for (int c = 0; r >= 0 && c < N_COUNTERS; c++)
		if (counters->of[c].known)
			r = append_value(reply, counter_name(c), counters->of[c].value);
	return r;
}

/* With the names that struct taskstats has for them. */
static int append_delays(sd_bus_message *reply, const struct delays *delays)
{
	int r = 0;

	for (int d = 0; r >= 0 && d < N_DELAYS; d++) {
		char name[32];

		if (!delays->of[d].known)
			continue;
		snprintf(name, sizeof(name), "%s_count", delay_name(d));
		r = append_value(reply, name, delays->of[d].count);
		snprintf(name, sizeof(name), "%s_delay_total", delay_name(d));
		if (r >= 0)
			r = append_value(reply, name, delays->of[d].total);
	}
	return r;
}

int stats_append_counters(sd_bus_message *reply, const struct counters *counters)
{
	int r = sd_bus_message_open_container(reply, 'a', "{st}");

	if (r >= 0)
		r = append_known(reply, counters);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_cgroup(sd_bus_message *reply, const struct sample_cgroup *c,
			 const struct cgroup *managed, bool with_delays)
{
	char path[TEXT_ESCAPED(PATH_MAX)], unit[TEXT_ESCAPED(NAME_MAX)];
	int r = sd_bus_message_open_container(reply, 'r', "ssssa{st}");

	text_escape(path, sizeof(path), c->path);
	text_escape(unit, sizeof(unit), unit_of_cgroup(c->path) ?: "");
	if (r >= 0)
		r = sd_bus_message_append(reply, "ssss", path, unit, managed->policy->name,
					  mode_name(managed->policy->mode));
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "{st}");
	if (r >= 0)
		r = append_known(reply, &c->counters);
	if (r >= 0)
		r = append_value(reply, "processes", c->processes);
	if (r >= 0 && with_delays)
		r = append_value(reply, "processes_unaccounted", c->unaccounted);
	if (r >= 0)
		r = append_delays(reply, &c->delays);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_cgroups(sd_bus_message *reply, const struct manager *m,
			  const struct sample *sample, bool with_delays)
{
	int r = sd_bus_message_open_container(reply, 'a', "(ssssa{st})");

	for (size_t i = 0; r >= 0 && i < sample->n_cgroups; i++) {
		const struct sample_cgroup *c = &sample->cgroups[i];
		const struct cgroup *managed = cgroup_table_find(&m->cgroups, c->path);

		/* It may be gone by now, or another of the same name. */
		if (managed && managed->policy && managed->id == c->id)
			r = append_cgroup(reply, c, managed, with_delays);
	}
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_process(sd_bus_message *reply, const struct sample *sample,
			  const struct sample_process *p)
{
	char path[TEXT_ESCAPED(PATH_MAX)], name[TEXT_ESCAPED(sizeof(p->info.name))];
	int r = sd_bus_message_open_container(reply, 'r', "utssba{st}");

	text_escape(path, sizeof(path), sample->cgroups[p->cgroup].path);
	text_escape(name, sizeof(name), p->info.name);
	if (r >= 0)
		r = sd_bus_message_append(reply, "utssb", (uint32_t)p->pid, p->started, name, path,
					  p->asked && p->info.delays.accounted);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "{st}");
	if (r >= 0 && p->asked)
		r = append_delays(reply, &p->info.delays);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_processes(sd_bus_message *reply, const struct sample *sample)
{
	int r = sd_bus_message_open_container(reply, 'a', "(utssba{st})");

	for (size_t i = 0; r >= 0 && i < sample->n_processes; i++)
		r = append_process(reply, sample, &sample->processes[i]);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

int stats_reply(sd_bus_message *call, const struct manager *m, const struct sample *sample,
		const char *reason)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	int r = sd_bus_message_new_method_return(call, &reply);

	if (r >= 0)
		r = sd_bus_message_append(reply, "ts", sample->usec, reason ?: "");
	if (r >= 0 && sd_bus_message_is_method_call(call, NULL, "ListProcesses")) {
		r = append_processes(reply, sample);
	} else if (r >= 0) {
		r = stats_append_counters(reply, &sample->system);
		if (r >= 0)
			r = append_cgroups(reply, m, sample, !reason);
	}
	return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}
