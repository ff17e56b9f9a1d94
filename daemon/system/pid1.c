// SPDX-License-Identifier: GPL-2.0
#include "system/pid1.h"

#include <errno.h>
#include <string.h>

#include "policy/cgroup.h"
#include "policy/unit.h"
#include "system/clock.h"
#include "system/fs.h"
#include "system/peer.h"

/* These hold everything up. */
#define CONNECT_TIMEOUT_USEC (5 * 1000 * 1000ULL)
#define READ_TIMEOUT_USEC    (2 * 1000 * 1000ULL)
/* This does not, and PID 1 is busy for a while with a reload of its own if it has many units. */
#define SET_TIMEOUT_USEC     (25 * 1000 * 1000ULL)
/* The bus limits the calls that may wait for an answer. */
#define CALLS_MAX            16

#define PROPERTIES_MAX N_CGROUP_SETTINGS

struct call {
	struct pid1 *pid1;
	struct call *next;
	char *unit;
	struct pid1_property properties[PROPERTIES_MAX];
	size_t n;
	bool loaded; /* PID 1 has said that it knows the unit */
	sd_bus_slot *slot;
	pid1_done_t done;
	void *userdata;
};

struct pid1 {
	sd_bus *bus;
	bool knows[N_SETTINGS];
	struct call *active;
	struct call *waiting, **waiting_tail;
	size_t n_active;
	sd_bus_slot *reloading;
	pid1_reloaded_t reloaded;
	void *userdata;
};

static void call_free(struct call *c)
{
	sd_bus_slot_unref(c->slot);
	free(c->unit);
	free(c);
}
DEFINE_CLEANUP(struct call *, call_free);

int pid1_connect(sd_bus **ret, int root_fd, bool fake_root, bool *ret_private)
{
	int r = fake_root ? -ENOENT : sd_bus_open_system(ret);

	*ret_private = r < 0;
	/* PID 1's own socket is there without a message bus. */
	return r < 0 ? peer_connect(root_fd, "run/systemd", "private", ret) : r;
}

/* 1 if PID 1 has the property, 0 if not, or a negative errno if it does not answer. */
static int probe(sd_bus *bus, const char *property)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	int r;

	r = sd_bus_message_new_method_call(bus, &call, "org.freedesktop.systemd1",
					   "/org/freedesktop/systemd1/unit/_2d_2eslice",
					   "org.freedesktop.DBus.Properties", "Get");
	if (r >= 0)
		r = sd_bus_message_append(call, "ss", "org.freedesktop.systemd1.Slice", property);
	if (r >= 0)
		r = sd_bus_call(bus, call, CONNECT_TIMEOUT_USEC, &error, &reply);
	if (r >= 0)
		return 1;
	return sd_bus_error_has_name(&error, SD_BUS_ERROR_UNKNOWN_PROPERTY) ? 0 : r;
}

int pid1_new(struct pid1 **ret, sd_bus *bus)
{
	_cleanup_(pid1_freep) struct pid1 *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->bus = sd_bus_ref(bus);
	p->waiting_tail = &p->waiting;
	r = peer_wait(bus, CONNECT_TIMEOUT_USEC);
	if (r < 0)
		return r;
	for (int s = SETTING_CGROUP_FIRST; s < N_SETTINGS; s++) {
		r = probe(bus, setting_property(s));
		if (r < 0)
			return r;
		p->knows[s] = r;
	}
	*ret = TAKE_PTR(p);
	return 0;
}

bool pid1_knows(const struct pid1 *p, enum setting s)
{
	return p && p->knows[s];
}

/* Take a call off the active ones and tell its owner. */
static void finish(struct call *c, int error, const char *message)
{
	struct pid1 *p = c->pid1;

	for (struct call **i = &p->active; *i; i = &(*i)->next) {
		if (*i == c) {
			*i = c->next;
			p->n_active--;
			break;
		}
	}
	c->done(c->userdata, error, message);
	call_free(c);
}

void pid1_free(struct pid1 *p)
{
	if (!p)
		return;
	while (p->active)
		finish(p->active, -ENOTCONN, "the connection to PID 1 was lost");
	while (p->waiting) {
		struct call *c = p->waiting;

		p->waiting = c->next;
		c->done(c->userdata, -ENOTCONN, "the connection to PID 1 was lost");
		call_free(c);
	}
	sd_bus_slot_unref(p->reloading);
	sd_bus_unref(p->bus);
	free(p);
}

static int on_reloading(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
	struct pid1 *p = userdata;
	int active;

	if (sd_bus_message_read(signal, "b", &active) > 0 && !active)
		p->reloaded(p->userdata);
	return 0;
}

int pid1_on_reloaded(struct pid1 *p, pid1_reloaded_t callback, void *userdata)
{
	int r;

	p->reloaded = callback;
	p->userdata = userdata;
	/* On its own socket PID 1 has no name. */
	r = sd_bus_match_signal_async(
		p->bus, &p->reloading,
		sd_bus_is_bus_client(p->bus) > 0 ? "org.freedesktop.systemd1" : NULL,
		"/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "Reloading",
		on_reloading, NULL, p);
	/* PID 1 sends signals only if somebody asks for them. */
	if (r >= 0)
		r = sd_bus_call_method_async(
			p->bus, NULL, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
			"org.freedesktop.systemd1.Manager", "Subscribe", NULL, NULL, NULL);
	return r;
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error);

static int append_properties(sd_bus_message *m, const struct call *c)
{
	int r = sd_bus_message_open_container(m, 'a', "(sv)");

	for (size_t i = 0; r >= 0 && i < c->n; i++) {
		const struct pid1_property *p = &c->properties[i];
		const char *name = setting_property(p->setting);

		if (p->setting == SETTING_CGROUP_ZSWAP_MAX)
			r = sd_bus_message_append(m, "(sv)", name, "t", p->value);
		else
			r = sd_bus_message_append(m, "(sv)", name, "b", (int)p->value);
	}
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int send_call(struct call *c)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int r;

	c->slot = sd_bus_slot_unref(c->slot);
	/*
	 * Setting a property of a slice that nobody loaded would load it, without any effect on a
	 * cgroup.
	 */
	r = sd_bus_message_new_method_call(
		c->pid1->bus, &m, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
		"org.freedesktop.systemd1.Manager", c->loaded ? "SetUnitProperties" : "GetUnit");
	if (r >= 0)
		r = sd_bus_message_append(m, "s", c->unit);
	if (r >= 0 && c->loaded) {
		r = sd_bus_message_append(m, "b", 1); /* until the next boot */
		if (r >= 0)
			r = append_properties(m, c);
	}
	if (r >= 0)
		r = sd_bus_call_async(c->pid1->bus, &c->slot, m, on_reply, c, SET_TIMEOUT_USEC);
	return r;
}

/* Send what waits, as far as there is room. */
static void send_waiting(struct pid1 *p)
{
	while (p->waiting && p->n_active < CALLS_MAX) {
		struct call *c = p->waiting;
		int r;

		p->waiting = c->next;
		if (!p->waiting)
			p->waiting_tail = &p->waiting;
		c->next = p->active;
		p->active = c;
		p->n_active++;
		r = send_call(c);
		if (r < 0)
			finish(c, r, strerror(-r));
	}
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
	struct call *c = userdata;
	struct pid1 *p = c->pid1;
	const sd_bus_error *error = sd_bus_message_get_error(reply);
	int r = 0;

	if (error) {
		r = sd_bus_error_has_name(error, "org.freedesktop.systemd1.NoSuchUnit")
			    ? -ENOENT
			    : -sd_bus_message_get_errno(reply);
	} else if (!c->loaded) {
		c->loaded = true;
		r = send_call(c);
		if (r >= 0)
			return 0;
	}
	finish(c, r, error && error->message ? error->message : strerror(-r));
	send_waiting(p);
	return 0;
}

int pid1_set(struct pid1 *p, const char *unit, bool may_load,
	     const struct pid1_property *properties, size_t n, pid1_done_t done, void *userdata)
{
	_cleanup_(call_freep) struct call *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	if (n > PROPERTIES_MAX)
		return -E2BIG;
	c->unit = strdup(unit);
	if (!c->unit)
		return -ENOMEM;
	c->pid1 = p;
	memcpy(c->properties, properties, n * sizeof(*properties));
	c->n = n;
	c->loaded = may_load || !unit_is_slice(unit);
	c->done = done;
	c->userdata = userdata;
	*p->waiting_tail = c;
	p->waiting_tail = &c->next;
	TAKE_PTR(c);

	send_waiting(p);
	return 0;
}

/* Read a property, entered; 0 or a negative errno. */
static int get(const struct pid1 *p, const char *path, const char *interface, const char *name,
	       const char *type, sd_bus_message **ret)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	int r;

	r = sd_bus_message_new_method_call(p->bus, &call, "org.freedesktop.systemd1", path,
					   "org.freedesktop.DBus.Properties", "Get");
	if (r >= 0)
		r = sd_bus_message_append(call, "ss", interface, name);
	if (r >= 0)
		r = sd_bus_call(p->bus, call, READ_TIMEOUT_USEC, NULL, &reply);
	if (r >= 0)
		r = sd_bus_message_enter_container(reply, 'v', type);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(reply);
	return 0;
}

static int get_string(const struct pid1 *p, const char *path, const char *interface,
		      const char *name, char **ret)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const char *s;
	int r = get(p, path, interface, name, "s", &m);

	if (r >= 0)
		r = sd_bus_message_read(m, "s", &s);
	if (r < 0)
		return r;
	*ret = strdup(s);
	return *ret ? 0 : -ENOMEM;
}

static int get_value(const struct pid1 *p, const char *path, const char *interface, enum setting s,
		     uint64_t *ret)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	bool limit = s == SETTING_CGROUP_ZSWAP_MAX;
	int r = get(p, path, interface, setting_property(s), limit ? "t" : "b", &m), yes;

	if (r >= 0 && limit)
		return sd_bus_message_read(m, "t", ret);
	if (r >= 0)
		r = sd_bus_message_read(m, "b", &yes);
	if (r >= 0)
		*ret = yes;
	return r;
}

/* The object of a unit, loaded if need be. 1, 0 if PID 1 cannot load it, or a negative errno. */
static int load(const struct pid1 *p, const char *unit, char **ret)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_free_ char *state = NULL;
	const char *path;
	int r;

	r = sd_bus_message_new_method_call(p->bus, &call, "org.freedesktop.systemd1",
					   "/org/freedesktop/systemd1",
					   "org.freedesktop.systemd1.Manager", "LoadUnit");
	if (r >= 0)
		r = sd_bus_message_append(call, "s", unit);
	if (r >= 0)
		r = sd_bus_call(p->bus, call, READ_TIMEOUT_USEC, &error, &reply);
	/* An error that PID 1 gives is about the unit. */
	if (r < 0)
		return sd_bus_error_is_set(&error) && r != -ETIMEDOUT && r != -ENOTCONN ? 0 : r;
	r = sd_bus_message_read(reply, "o", &path);
	if (r >= 0)
		r = get_string(p, path, "org.freedesktop.systemd1.Unit", "LoadState", &state);
	if (r < 0 || strcmp(state, "loaded") != 0)
		return r < 0 ? r : 0;
	*ret = strdup(path);
	return *ret ? 1 : -ENOMEM;
}

static int find_cgroup(const struct pid1 *p, const char *path, const char *interface,
		       const char *unit, char **ret)
{
	_cleanup_free_ char *slice = NULL, *above = NULL;
	int r = unit_slice_to_cgroup(unit, ret);

	if (r < 0 || *ret)
		return r;
	r = get_string(p, path, interface, "Slice", &slice);
	if (r >= 0)
		r = unit_slice_to_cgroup(slice, &above);
	if (r < 0)
		return r;
	if (!above)
		return -EBADMSG;
	*ret = cgroup_below(above, unit);
	return *ret ? 0 : -ENOMEM;
}

void pid1_unit_clear(struct pid1_unit *u)
{
	free(u->id);
	free(u->cgroup);
	*u = (struct pid1_unit){};
}

int pid1_read_unit(const struct pid1 *p, const char *unit, struct pid1_unit *ret)
{
	const char *dot = strrchr(unit, '.');
	_cleanup_(pid1_unit_clear) struct pid1_unit u = {};
	_cleanup_free_ char *path = NULL;
	char interface[64];
	int r;

	*ret = (struct pid1_unit){};
	if (!dot)
		return 0;
	/* "service": org.freedesktop.systemd1.Service */
	snprintf(interface, sizeof(interface), "org.freedesktop.systemd1.%c%s", dot[1] - 'a' + 'A',
		 dot + 2);
	r = load(p, unit, &path);
	if (r <= 0)
		return r;
	r = get_string(p, path, "org.freedesktop.systemd1.Unit", "Id", &u.id);
	if (r >= 0)
		r = find_cgroup(p, path, interface, u.id, &u.cgroup);
	for (int i = 0; r >= 0 && i < N_CGROUP_SETTINGS; i++) {
		enum setting s = SETTING_CGROUP_FIRST + i;

		u.knows[i] = p->knows[s];
		if (u.knows[i])
			r = get_value(p, path, interface, s, &u.value[i]);
		/* As the kernel will show it. */
		u.value[i] = setting_round(s, u.value[i]);
	}
	if (r < 0)
		return r;
	*ret = u;
	u = (struct pid1_unit){};
	return 1;
}

static int parse_kept(const char *text, enum setting s, uint64_t *ret)
{
	const char *name = setting_property(s), *value = NULL;
	char word[SETTING_TEXT_MAX];
	size_t len = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, len) == 0 && line[len] == '=')
			value = line + len + 1;
	}
	if (!value || strcspn(value, "\n") >= sizeof(word))
		return -EBADMSG;
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(value, "\n"), value);
	if (strcmp(word, "infinity") == 0)
		*ret = ZSWAP_MAX_UNLIMITED;
	else if (strcmp(word, "yes") == 0 || strcmp(word, "no") == 0)
		*ret = word[0] == 'y';
	else
		return setting_parse(s, word, ret);
	return 0;
}

int pid1_read_kept(int root_fd, const char *unit, enum setting s, uint64_t *ret, char **ret_path)
{
	/* The first one wins in systemd, too. */
	static const char *const directories[] = {
		"etc/systemd/system.control",
		"run/systemd/system.control",
		"run/systemd/transient",
	};

	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		_cleanup_free_ char *path = NULL, *text = NULL;
		size_t size;
		int r;

		if (asprintf(&path, "/%s/%s.d/50-%s.conf", directories[i], unit,
			     setting_property(s)) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		r = fs_read_text(root_fd, path + 1, 65536, &text, &size, NULL, NULL);
		if (r == -ENOENT)
			continue;
		if (r >= 0)
			r = parse_kept(text, s, ret);
		if (r < 0)
			return r;
		*ret_path = TAKE_PTR(path);
		return 1;
	}
	return 0;
}
