// SPDX-License-Identifier: GPL-2.0
#include "service/bus.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "policy/decide.h"
#include "policy/policy.h"
#include "policy/text.h"
#include "policy/unit.h"
#include "service/authorize.h"
#include "service/reload.h"
#include "service/reply.h"
#include "service/stats-reply.h"
#include "service/stats.h"
#include "system/cgroupfs.h"
#include "system/clock.h"
#include "system/interface.h"
#include "system/look.h"

/* How old the list of cgroups may be that others than root get. */
#define LIST_USEC USEC_PER_SEC

static int get_version(sd_bus *bus, const char *path, const char *interface, const char *property,
		       sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	return sd_bus_message_append(reply, "s", PMDSWAP_VERSION);
}

static int get_config_files(sd_bus *bus, const char *path, const char *interface,
			    const char *property, sd_bus_message *reply, void *userdata,
			    sd_bus_error *error)
{
	const struct manager *m = userdata;
	int r = sd_bus_message_open_container(reply, 'a', "s");

	for (size_t i = 0; r >= 0 && i < m->config->n_files; i++)
		r = sd_bus_message_append(reply, "s", m->config->files[i]);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int get_last_reload(sd_bus *bus, const char *path, const char *interface,
			   const char *property, sd_bus_message *reply, void *userdata,
			   sd_bus_error *error)
{
	const struct manager *m = userdata;
	int r = sd_bus_message_open_container(reply, 'r', "btta(ss)");

	if (r >= 0)
		r = sd_bus_message_append(reply, "btt", m->verdict.accepted, m->verdict.usec,
					  (uint64_t)m->verdict.report.changes);
	if (r >= 0)
		r = reply_append_report(reply, &m->verdict.report);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* The reason of an outcome; for a failure also how often, and when it is tried again. */
static const char *explain_outcome(const struct manager *m, const struct standing *s, char **ret)
{
	const char *reason = s->reason ?: "";
	uint64_t next, now = clock_usec(CLOCK_MONOTONIC), seconds;

	*ret = NULL;
	if (s->outcome != OUTCOME_FAILED || s->failures == 0 ||
	    sd_event_source_get_time(m->retry_timer, &next) < 0 || next < now)
		return reason;
	seconds = (next - now + USEC_PER_SEC - 1) / USEC_PER_SEC;
	*ret = text_format("%s; failed %u time%s, tried again in %" PRIu64 " s", reason,
			   s->failures, PLURAL_S(s->failures), seconds);
	return *ret ?: reason;
}

static int append_kernel_setting(const struct manager *m, sd_bus_message *reply, enum setting s)
{
	const struct standing *k = &m->kernel[s].standing;
	bool managed = m->config->kernel[s].managed;
	char want[SETTING_TEXT_MAX] = "keep", live[SETTING_TEXT_MAX] = "-";
	_cleanup_free_ char *text = NULL;
	uint64_t value;

	if (managed)
		setting_format(s, m->config->kernel[s].value, want);
	if (cgroupfs_read(m->root_fd, NULL, s, &value) >= 0)
		setting_format(s, value, live);
	return sd_bus_message_append(
		reply, "(sssss)", setting_name(s), want, live,
		managed || k->outcome == OUTCOME_FAILED ? outcome_name(k->outcome) : "keep",
		explain_outcome(m, k, &text));
}

static int get_kernel_settings(sd_bus *bus, const char *path, const char *interface,
			       const char *property, sd_bus_message *reply, void *userdata,
			       sd_bus_error *error)
{
	int r = sd_bus_message_open_container(reply, 'a', "(sssss)");

	for (int s = 0; r >= 0 && s < N_KERNEL_SETTINGS; s++)
		r = append_kernel_setting(userdata, reply, s);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* Of a bool in the manager. */
static int get_bool(sd_bus *bus, const char *path, const char *interface, const char *property,
		    sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	return sd_bus_message_append(reply, "b", *(const bool *)userdata);
}

static int get_policies(sd_bus *bus, const char *path, const char *interface, const char *property,
			sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const struct manager *m = userdata;
	_cleanup_free_ unsigned int *n = calloc(m->config->n_policies ?: 1, sizeof(*n));
	int r = n ? sd_bus_message_open_container(reply, 'a', "(ssiu)") : -ENOMEM;

	for (size_t i = 0; r >= 0 && i < cgroup_table_size(&m->cgroups); i++) {
		const struct policy *p = cgroup_table_at(&m->cgroups, i)->policy;

		if (p)
			n[p->index]++;
	}
	for (size_t i = 0; r >= 0 && i < m->config->n_policies; i++) {
		const struct policy *p = m->config->policies[i];

		r = sd_bus_message_append(reply, "(ssiu)", p->name, mode_name(p->mode), p->priority,
					  n[p->index]);
	}
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int get_pid1_properties(sd_bus *bus, const char *path, const char *interface,
			       const char *property, sd_bus_message *reply, void *userdata,
			       sd_bus_error *error)
{
	const struct manager *m = userdata;
	int r = sd_bus_message_open_container(reply, 'a', "s");

	for (int s = SETTING_CGROUP_FIRST; r >= 0 && s < N_SETTINGS; s++)
		if (pid1_knows(m->pid1, s))
			r = sd_bus_message_append(reply, "s", setting_property(s));
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

/*
 * 0 if the sender of a call is root or who runs the daemon; else a negative errno, with an error
 * that says what only root may do.
 */
static int check_root(sd_bus_message *call, const char *what, sd_bus_error *error)
{
	_cleanup_(sd_bus_creds_unrefp) sd_bus_creds *creds = NULL;
	uid_t uid = -1;
	int r;

	r = sd_bus_query_sender_creds(call, SD_BUS_CREDS_EUID, &creds);
	if (r >= 0)
		r = sd_bus_creds_get_euid(creds, &uid);
	if (r < 0)
		return r;
	if (uid != 0 && uid != geteuid())
		return sd_bus_error_setf(error, SD_BUS_ERROR_ACCESS_DENIED, "Only root may %s",
					 what);
	return 0;
}

/* A pass over all cgroups, for an answer about them. */
struct listing {
	struct manager *m;
	struct host_facts host;
	struct above_facts above;
};

/*
 * The state of a cgroup, and why it is so, in text that the caller frees; NULL: nothing to say.
 * What was counted of it on the way goes to *counters.
 */
static const char *cgroup_state(struct listing *l, const struct cgroup *c,
				struct counters *counters, char **ret_reason)
{
	struct manager *m = l->m;
	enum mode mode = c->policy->mode;
	enum outcome outcome = c->standing.outcome;
	bool set = outcome == OUTCOME_OK && mode != MODE_KEEP && mode != MODE_NONE;
	struct cgroup_facts facts = { .cgroup = c->path };
	int hindered = 0;

	if (set && look_above(m->root_fd, c->path, &l->above) >= 0) {
		look_at_effect(m->root_fd, mode, &facts);
		hindered =
			effect_hindrance(c->policy, &l->host, &l->above, &facts, true, ret_reason);
		*counters = facts.counters;
	}
	if (!set || mode != MODE_PMD)
		cgroupfs_counters(m->root_fd, c->path, counters);
	if (mode == MODE_KEEP)
		return "keep";
	if (outcome != OUTCOME_OK)
		return outcome_name(outcome);
	if (mode == MODE_NONE)
		return "none";
	if (hindered > 0)
		return "blocked";
	if (mode == MODE_ZSWAP)
		return "zswap";
	return counters->of[COUNTER_ZSWAPPED].value > 0 ? "draining" : "exclusive";
}

static int append_settings(struct manager *m, sd_bus_message *reply, const struct cgroup *c)
{
	int r = sd_bus_message_open_container(reply, 'a', "(sss)");

	for (int s = SETTING_CGROUP_FIRST; r >= 0 && s < N_SETTINGS; s++) {
		char want[SETTING_TEXT_MAX] = "-", live[SETTING_TEXT_MAX] = "-";
		uint64_t value;

		if (policy_wants(c->policy, s, &value))
			setting_format(s, setting_round(s, value), want);
		/* It is of interest only to who wants it. */
		if ((s != SETTING_CGROUP_SWAP_MAX || c->policy->mode == MODE_NONE) &&
		    cgroupfs_read(m->root_fd, c->path, s, &value) >= 0)
			setting_format(s, value, live);
		r = sd_bus_message_append(reply, "(sss)", setting_name(s), want, live);
	}
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_cgroup(struct listing *l, sd_bus_message *reply, const struct cgroup *c)
{
	char path[TEXT_ESCAPED(PATH_MAX)], unit[TEXT_ESCAPED(NAME_MAX)];
	_cleanup_free_ char *text = NULL, *hindrance = NULL;
	struct manager *m = l->m;
	struct counters counters = {};
	const char *state;
	int r = sd_bus_message_open_container(reply, 'r', "ssssa(sss)sa{st}s");

	text_escape(path, sizeof(path), c->path);
	text_escape(unit, sizeof(unit), unit_of_cgroup(c->path) ?: "");
	state = cgroup_state(l, c, &counters, &hindrance);
	if (r >= 0)
		r = sd_bus_message_append(reply, "ssss", path, unit, c->policy->name,
					  mode_name(c->policy->mode));
	if (r >= 0)
		r = append_settings(m, reply, c);
	if (r >= 0)
		r = sd_bus_message_append(reply, "s", state);
	if (r >= 0)
		r = stats_append_counters(reply, &counters);
	if (r >= 0)
		r = sd_bus_message_append(reply, "s",
					  hindrance ?: explain_outcome(m, &c->standing, &text));
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_list(struct manager *m, sd_bus_message *reply)
{
	struct listing l = { .m = m };
	int r = look_host(m->root_fd, m->pid1, &l.host);

	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "(ssssa(sss)sa{st}s)");
	for (size_t i = 0; r >= 0 && i < cgroup_table_size(&m->cgroups); i++)
		if (cgroup_table_at(&m->cgroups, i)->policy)
			r = append_cgroup(&l, reply, cgroup_table_at(&m->cgroups, i));
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	above_facts_clear(&l.above);
	host_facts_clear(&l.host);
	return r;
}

static int method_list_cgroups(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	struct manager *m = userdata;
	uint64_t now = clock_usec(CLOCK_MONOTONIC);
	bool is_root = check_root(call, "have a list of its own", NULL) >= 0;
	int r = sd_bus_message_new_method_return(call, &reply);

	/* Thousands of cgroups take a while, and anybody may ask: one list is good for a second. */
	if (r >= 0 && !is_root && m->list && now - m->list_usec < LIST_USEC) {
		r = sd_bus_message_rewind(m->list, true);
		if (r >= 0)
			r = sd_bus_message_copy(reply, m->list, true);
		return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
	}
	if (r >= 0)
		r = append_list(m, reply);
	if (r >= 0)
		r = sd_bus_send(NULL, reply, NULL);
	if (r >= 0 && !is_root) {
		sd_bus_message_unref(m->list);
		m->list = TAKE_PTR(reply);
		m->list_usec = now;
	}
	return r;
}

static bool is_restore(sd_bus_message *call)
{
	return sd_bus_message_is_method_call(call, NULL, "Restore");
}

/* Start a change. 0, or a negative errno with an error to answer. */
static int start_change(sd_bus_message *call, struct manager *m, sd_bus_error *error)
{
	int r = manager_reload(m, call, is_restore(call));

	return r == -ESHUTDOWN ? sd_bus_error_set(error, SD_BUS_ERROR_FAILED,
						  "pmdswapd is stopping, and gives everything back")
			       : r;
}

static void on_authorized(struct manager *m, sd_bus_message *call, bool yes)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = yes ? start_change(call, m, &error)
		    : sd_bus_error_set(&error, SD_BUS_ERROR_ACCESS_DENIED,
				       "Only root may do this, and who polkit lets");

	if (r < 0)
		sd_bus_reply_method_errno(call, r, &error);
}

/* Reload and Restore. */
static int method_change(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	bool restore = is_restore(call);
	struct manager *m = userdata;
	int r = check_root(call, restore ? "give back" : "reload", error);

	if (r == -EACCES &&
	    manager_authorize(m, call, restore ? BUS_NAME ".restore" : BUS_NAME ".reload",
			      on_authorized) >= 0) {
		sd_bus_error_free(error);
		return 1;
	}
	if (r >= 0)
		r = start_change(call, m, error);
	return r < 0 ? r : 1; /* answered later */
}

static const sd_bus_vtable manager_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("ConfigFiles", "as", get_config_files, 0, 0),
	SD_BUS_PROPERTY("LastReload", "(btta(ss))", get_last_reload, 0, 0),
	SD_BUS_PROPERTY("KernelSettings", "a(sssss)", get_kernel_settings, 0, 0),
	SD_BUS_PROPERTY("ZswapSeenEnabled", "b", get_bool, offsetof(struct manager, zswap_seen), 0),
	SD_BUS_PROPERTY("Suspended", "b", get_bool, offsetof(struct manager, suspended), 0),
	SD_BUS_PROPERTY("Policies", "a(ssiu)", get_policies, 0, 0),
	SD_BUS_PROPERTY("UnitProperties", "as", get_pid1_properties, 0, 0),
	SD_BUS_METHOD_WITH_ARGS("ListCgroups", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("a(ssssa(sss)sa{st}s)", cgroups), method_list_cgroups,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("t", changes, "a(ss)", messages), method_change,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Restore", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("t", changes, "a(ss)", messages), method_change,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

static int method_list_sample(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	bool is_root = check_root(call, "go first", NULL) >= 0;
	int r = stats_request(userdata, call, is_root);

	if (r == -EBUSY)
		return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
					"Too many wait for statistics; try again in a moment");
	return r < 0 ? r : 1; /* answered then or later */
}

static int method_list_processes(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	int r = check_root(call, "look at single processes", error);

	return r < 0 ? r : method_list_sample(call, userdata, error);
}

static const sd_bus_vtable statistics_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("ListCgroups", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("t", sampled_usec, "s", no_delays_because, "a{st}",
					      system, "a(ssssa{st})", cgroups),
				method_list_sample, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ListProcesses", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("t", sampled_usec, "s", no_delays_because,
					      "a(utssba{st})", processes),
				method_list_processes, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

int bus_export(struct manager *m, sd_bus *bus)
{
	int r = sd_bus_add_object_vtable(bus, NULL, BUS_PATH, BUS_INTERFACE, manager_vtable, m);

	return r < 0 ? r
		     : sd_bus_add_object_vtable(bus, NULL, BUS_PATH, BUS_STATISTICS,
						statistics_vtable, m->stats);
}

static int on_name(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
	const sd_bus_error *error = sd_bus_message_get_error(reply);

	if (error)
		log_warning("Cannot get the name %s on the system bus: %s; pmdswapctl works all "
			    "the same",
			    BUS_NAME, error->message);
	return 0;
}

int bus_export_by_name(struct manager *m, sd_bus *bus)
{
	int r = bus_export(m, bus);

	return r < 0 ? r : sd_bus_request_name_async(bus, NULL, BUS_NAME, 0, on_name, m);
}
