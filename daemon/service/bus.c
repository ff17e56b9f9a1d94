// SPDX-License-Identifier: GPL-2.0
#include "service/bus.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "policy/policy.h"
#include "policy/text.h"
#include "policy/unit.h"
#include "service/log.h"
#include "service/reload.h"
#include "service/stats.h"
#include "system/assess.h"
#include "system/cgroupfs.h"
#include "system/clock.h"

/* Others than root may hold this many connections; root is never turned away. */
#define CLIENTS_MAX 16

/* Who leaves more answers than this unread does not get any more. */
#define UNREAD_MAX 4

struct client {
	struct bus_server *server;
	struct client *next;
	sd_bus *bus;
	bool privileged;
};

struct bus_server {
	struct manager *manager;
	int fd;
	sd_event_source *source;
	struct client *clients;
	unsigned int n_unprivileged;
};

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

static int append_report(sd_bus_message *reply, const struct report *report)
{
	static const char *const kinds[] = {
		[REPORT_ERROR] = "error",
		[REPORT_WARNING] = "warning",
	};
	int r = sd_bus_message_open_container(reply, 'a', "(ss)");

	for (size_t i = 0; r >= 0 && i < report->n; i++) {
		_cleanup_free_ char *text = message_format(&report->messages[i]);

		r = -ENOMEM;
		if (text)
			r = sd_bus_message_append(reply, "(ss)",
						  kinds[report->messages[i].severity], text);
	}
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
		r = append_report(reply, &m->verdict.report);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* The reason of an outcome; for a failure also how often, and when it is tried again. */
static const char *explain_outcome(const struct manager *m, enum outcome outcome,
				   const char *reason, unsigned int failures, char **ret)
{
	uint64_t next, now = clock_usec(CLOCK_MONOTONIC), seconds;

	*ret = NULL;
	if (outcome != OUTCOME_FAILED || failures == 0 || !m->retry_timer ||
	    sd_event_source_get_time(m->retry_timer, &next) < 0 || next < now)
		return reason ?: "";
	seconds = (next - now + USEC_PER_SEC - 1) / USEC_PER_SEC;
	if (asprintf(ret, "%s; failed %u time%s, tried again in %" PRIu64 " s", reason ?: "unknown",
		     failures, PLURAL_S(failures), seconds) < 0)
		*ret = NULL;
	return *ret ?: reason ?: "";
}

static int append_kernel_setting(const struct manager *m, sd_bus_message *reply, enum setting s)
{
	const struct kernel_status *k = &m->kernel[s];
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
		explain_outcome(m, k->outcome, k->reason, k->failures, &text));
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

static int get_zswap_seen(sd_bus *bus, const char *path, const char *interface,
			  const char *property, sd_bus_message *reply, void *userdata,
			  sd_bus_error *error)
{
	const struct manager *m = userdata;

	return sd_bus_message_append(reply, "b", m->zswap_seen);
}

static int get_suspended(sd_bus *bus, const char *path, const char *interface, const char *property,
			 sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const struct manager *m = userdata;

	return sd_bus_message_append(reply, "b", m->suspended);
}

static int get_policies(sd_bus *bus, const char *path, const char *interface, const char *property,
			sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const struct manager *m = userdata;
	int r = sd_bus_message_open_container(reply, 'a', "(ssiu)");

	for (size_t i = 0; r >= 0 && i < m->config->n_policies; i++) {
		const struct policy *p = m->config->policies[i];
		unsigned int n = 0;

		for (size_t k = 0; k < m->cgroups.n; k++)
			n += m->cgroups.cgroups[k]->policy == p;
		r = sd_bus_message_append(reply, "(ssiu)", p->name, mode_name(p->mode), p->priority,
					  n);
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

/* The state of a cgroup. If it takes a look at others to know it, the caller frees the reason. */
static const char *cgroup_state(const struct manager *m, const struct cgroup *c, uint64_t zswapped,
				char **ret_reason)
{
	if (c->policy->mode == MODE_KEEP)
		return "keep";
	if (c->outcome != OUTCOME_OK)
		return outcome_name(c->outcome);
	if (c->policy->mode == MODE_PMD)
		return zswapped > 0 ? "draining" : "exclusive";
	return assess_kept_out_of_zswap(m->root_fd, c->path, ret_reason) > 0 ? "blocked" : "zswap";
}

static int append_cgroup(const struct manager *m, sd_bus_message *reply, const struct cgroup *c)
{
	char want[N_CGROUP_SETTINGS][SETTING_TEXT_MAX], live[N_CGROUP_SETTINGS][SETTING_TEXT_MAX];
	char path[TEXT_ESCAPED(PATH_MAX)], unit[TEXT_ESCAPED(NAME_MAX)];
	_cleanup_free_ char *text = NULL, *kept_out = NULL;
	const char *state, *reason;
	unsigned int failures = 0;
	struct counters counters;
	uint64_t zswapped;

	for (int i = 0; i < N_CGROUP_SETTINGS; i++) {
		enum setting s = SETTING_CGROUP_FIRST + i;
		uint64_t value;

		if (c->failures[i] > failures)
			failures = c->failures[i];
		strcpy(want[i], "-");
		strcpy(live[i], "-");
		if (policy_wants(c->policy, s, &value))
			setting_format(s, setting_round(s, value), want[i]);
		if (cgroupfs_read(m->root_fd, c->path, s, &value) >= 0)
			setting_format(s, value, live[i]);
	}
	text_escape(path, sizeof(path), c->path);
	text_escape(unit, sizeof(unit), unit_of_cgroup(c->path) ?: "");
	cgroupfs_counters(m->root_fd, c->path, &counters);
	zswapped = counters.of[COUNTER_ZSWAPPED].value;
	state = cgroup_state(m, c, zswapped, &kept_out);
	reason = kept_out ?: explain_outcome(m, c->outcome, c->reason, failures, &text);
	return sd_bus_message_append(reply, "(sssssssssts)", path, unit, c->policy->name,
				     mode_name(c->policy->mode), want[0], live[0], want[1], live[1],
				     state, zswapped, reason);
}

static int method_list_cgroups(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	const struct manager *m = userdata;
	int r;

	r = sd_bus_message_new_method_return(call, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "(sssssssssts)");
	for (size_t i = 0; r >= 0 && i < m->cgroups.n; i++)
		if (m->cgroups.cgroups[i]->policy)
			r = append_cgroup(m, reply, m->cgroups.cgroups[i]);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

int bus_check_root(sd_bus_message *call, const char *what, sd_bus_error *error)
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

static int start_change(sd_bus_message *call, struct manager *m, bool restore, sd_bus_error *error)
{
	int r = bus_check_root(call, restore ? "give back" : "reload", error);

	if (r >= 0)
		r = manager_reload(m, call, restore);
	if (r == -ESHUTDOWN)
		return sd_bus_error_set(error, SD_BUS_ERROR_FAILED,
					"pmdswapd is stopping, and gives everything back");
	return r < 0 ? r : 1; /* answered later */
}

static int method_reload(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return start_change(call, userdata, false, error);
}

static int method_restore(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return start_change(call, userdata, true, error);
}

int manager_bus_reply_reload(sd_bus_message *call, const struct verdict *v)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	_cleanup_free_ char *all = NULL;
	size_t size;
	FILE *f;
	int r;

	if (v->accepted) {
		r = sd_bus_message_new_method_return(call, &reply);
		if (r >= 0)
			r = sd_bus_message_append(reply, "t", (uint64_t)v->report.changes);
		if (r >= 0)
			r = append_report(reply, &v->report);
		return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
	}
	f = open_memstream(&all, &size);
	if (!f)
		return -ENOMEM;
	for (size_t i = 0; i < v->report.n; i++) {
		_cleanup_free_ char *text = message_format(&v->report.messages[i]);

		fprintf(f, "%s%s", i ? "\n" : "", text ?: v->report.messages[i].text);
	}
	if (fclose(f) != 0)
		return -ENOMEM;
	return sd_bus_reply_method_errorf(call, BUS_ERROR_CONFIGURATION, "%s", all);
}

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("ConfigFiles", "as", get_config_files, 0, 0),
	SD_BUS_PROPERTY("LastReload", "(btta(ss))", get_last_reload, 0, 0),
	SD_BUS_PROPERTY("KernelSettings", "a(sssss)", get_kernel_settings, 0, 0),
	SD_BUS_PROPERTY("ZswapSeenEnabled", "b", get_zswap_seen, 0, 0),
	SD_BUS_PROPERTY("Suspended", "b", get_suspended, 0, 0),
	SD_BUS_PROPERTY("Policies", "a(ssiu)", get_policies, 0, 0),
	SD_BUS_PROPERTY("UnitProperties", "as", get_pid1_properties, 0, 0),
	SD_BUS_METHOD_WITH_ARGS("ListCgroups", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("a(sssssssssts)", cgroups), method_list_cgroups,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("t", changes, "a(ss)", messages), method_reload,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Restore", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("t", changes, "a(ss)", messages), method_restore,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

static int export(struct manager *m, sd_bus *bus)
{
	int r = sd_bus_add_object_vtable(bus, NULL, BUS_PATH, BUS_INTERFACE, vtable, m);

	return r < 0 ? r : stats_bus_export(m->stats, bus);
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

int manager_bus_export(struct manager *m, sd_bus *bus)
{
	int r = export(m, bus);

	return r < 0 ? r : sd_bus_request_name_async(bus, NULL, BUS_NAME, 0, on_name, m);
}

static void client_free(struct client *c)
{
	struct bus_server *s = c->server;

	for (struct client **i = &s->clients; *i; i = &(*i)->next) {
		if (*i == c) {
			*i = c->next;
			break;
		}
	}
	s->n_unprivileged -= !c->privileged;
	/* Not flushed: who does not read would keep us waiting. */
	sd_bus_close_unref(c->bus);
	free(c);
}
DEFINE_CLEANUP(struct client *, client_free);

static int on_client_gone(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	client_free(userdata);
	return 0;
}

/* A call of a client; what it does not read of the answers stays in memory here. */
static int on_client_call(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct client *c = userdata;
	uint64_t unread = 0;

	if (sd_bus_get_n_queued_write(c->bus, &unread) < 0 || unread <= UNREAD_MAX)
		return 0;
	log_debug("A client does not read its answers; closing the connection");
	client_free(c);
	return 1;
}

static int add_client(struct bus_server *s, int connection)
{
	_cleanup_close_ int fd = connection;
	_cleanup_(client_freep) struct client *c = NULL;
	struct ucred peer;
	socklen_t len = sizeof(peer);
	sd_id128_t id;
	int r;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return -errno;
	if (peer.uid != 0 && s->n_unprivileged >= CLIENTS_MAX)
		return -EBUSY;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->server = s;
	c->next = s->clients;
	s->clients = c;
	c->privileged = peer.uid == 0;
	s->n_unprivileged += !c->privileged;

	r = sd_bus_new(&c->bus);
	if (r >= 0)
		r = sd_bus_set_fd(c->bus, fd, fd);
	if (r < 0)
		return r;
	TAKE_FD(fd);
	r = sd_id128_randomize(&id);
	if (r >= 0)
		r = sd_bus_set_server(c->bus, 1, id);
	if (r >= 0)
		r = sd_bus_start(c->bus);
	if (r >= 0)
		r = sd_bus_add_filter(c->bus, NULL, on_client_call, c);
	if (r >= 0)
		r = export(s->manager, c->bus);
	if (r >= 0)
		r = sd_bus_match_signal(c->bus, NULL, NULL, "/org/freedesktop/DBus/Local",
					"org.freedesktop.DBus.Local", "Disconnected",
					on_client_gone, c);
	if (r >= 0)
		r = sd_bus_attach_event(c->bus, s->manager->event, SD_EVENT_PRIORITY_NORMAL);
	if (r < 0)
		return r;
	TAKE_PTR(c);
	return 0;
}

static int on_connection(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), r;

	r = connection < 0 ? -errno : add_client(userdata, connection);
	if (r < 0 && r != -EAGAIN && r != -ECONNABORTED)
		log_debug("Turned a client away: %s", strerror(-r));
	return 0;
}

int bus_server_new(struct bus_server **ret, struct manager *m)
{
	_cleanup_(bus_server_freep) struct bus_server *s = calloc(1, sizeof(*s));
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int dir = -1;
	int r;

	if (!s)
		return -ENOMEM;
	s->manager = m;
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return -errno;
	/* The path of a fake root may be too long for an address. */
	dir = openat(m->root_fd, RUNTIME_DIRECTORY, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" CONTROL_NAME, dir);
	/* What is there was left by a daemon that was killed: we hold the lock. */
	unlinkat(dir, CONTROL_NAME, 0);
	if (bind(s->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    fchmodat(dir, CONTROL_NAME, 0666, 0) < 0 || listen(s->fd, SOMAXCONN) < 0)
		return -errno;
	r = sd_event_add_io(m->event, &s->source, s->fd, EPOLLIN, on_connection, s);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

void bus_server_free(struct bus_server *s)
{
	if (!s)
		return;
	while (s->clients)
		client_free(s->clients);
	sd_event_source_disable_unref(s->source);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}
