// SPDX-License-Identifier: GPL-2.0
#include "system/pid1.h"

#include <errno.h>
#include <string.h>

#include "policy/cgroup.h"
#include "policy/text.h"
#include "policy/unit.h"
#include "system/clock.h"
#include "system/fs.h"
#include "system/peer.h"

/* These hold everything up. */
#define CONNECT_TIMEOUT_USEC (5 * 1000 * 1000ULL)
#define WAIT_USEC            (5 * 1000 * 1000ULL)
/* This does not, and PID 1 is busy for a while with a reload of its own if it has many units. */
#define SET_TIMEOUT_USEC     (25 * 1000 * 1000ULL)
/* The bus limits the calls that may wait for an answer. */
#define CALLS_MAX            16
#define QUERIES_MAX          8 /* of five or six calls each */

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

/* What is asked about one unit, all at once. */
enum {
	ASK_STATE,
	ASK_ID,
	ASK_SLICE,
	ASK_VALUES,
	N_ASKED = ASK_VALUES + N_CGROUP_SETTINGS,
};

struct query {
	struct pid1 *pid1;
	struct query *next;
	char *name;
	struct question {
		struct query *query;
		int what;
		sd_bus_slot *slot;
	} questions[N_ASKED];
	sd_bus_slot *load;
	size_t n_outstanding;
	int error;
	char *state, *slice;
	struct pid1_unit unit;
	pid1_unit_t done;
	void *userdata;
};

struct pid1 {
	sd_bus *bus;
	bool knows[N_SETTINGS];
	bool default_no_writeback;
	struct query *asked; /* active ones */
	struct query *to_ask, **to_ask_tail;
	size_t n_asked;
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

/* A call that asks for a property. */
static int new_get(sd_bus *bus, sd_bus_message **ret, const char *path, const char *interface,
		   const char *property)
{
	int r = sd_bus_message_new_method_call(bus, ret, "org.freedesktop.systemd1", path,
					       "org.freedesktop.DBus.Properties", "Get");

	return r < 0 ? r : sd_bus_message_append(*ret, "ss", interface, property);
}

/* 1 if PID 1 has the property, 0 if not, or a negative errno if it does not answer. */
static int probe(sd_bus *bus, const char *path, const char *interface, const char *property,
		 sd_bus_message **ret)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
	int r = new_get(bus, &call, path, interface, property);

	if (r >= 0)
		r = sd_bus_call(bus, call, CONNECT_TIMEOUT_USEC, &error, ret);
	if (r < 0)
		return sd_bus_error_has_name(&error, SD_BUS_ERROR_UNKNOWN_PROPERTY) ? 0 : r;
	return 1;
}

int pid1_new(struct pid1 **ret, sd_bus *bus)
{
	_cleanup_(pid1_freep) struct pid1 *p = calloc(1, sizeof(*p));
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	int r, writeback = 1;

	if (!p)
		return -ENOMEM;
	p->bus = sd_bus_ref(bus);
	p->waiting_tail = &p->waiting;
	p->to_ask_tail = &p->to_ask;
	r = peer_wait(bus, CONNECT_TIMEOUT_USEC);
	if (r < 0)
		return r;
	for (int s = SETTING_CGROUP_FIRST; s < N_SETTINGS; s++) {
		r = probe(bus, "/org/freedesktop/systemd1/unit/_2d_2eslice",
			  "org.freedesktop.systemd1.Slice", setting_property(s), NULL);
		if (r < 0)
			return r;
		p->knows[s] = r;
	}
	r = probe(bus, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
		  "DefaultMemoryZSwapWriteback", &reply);
	if (r > 0)
		r = sd_bus_message_read(reply, "v", "b", &writeback);
	if (r < 0)
		return r;
	p->default_no_writeback = !writeback;
	*ret = TAKE_PTR(p);
	return 0;
}

bool pid1_knows(const struct pid1 *p, enum setting s)
{
	return p && p->knows[s];
}

bool pid1_default_no_writeback(const struct pid1 *p)
{
	return p && p->default_no_writeback;
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

void pid1_unit_clear(struct pid1_unit *u)
{
	free(u->id);
	free(u->cgroup);
	*u = (struct pid1_unit){};
}

static void query_free(struct query *q)
{
	for (int i = 0; i < N_ASKED; i++)
		sd_bus_slot_unref(q->questions[i].slot);
	sd_bus_slot_unref(q->load);
	free(q->name);
	free(q->state);
	free(q->slice);
	pid1_unit_clear(&q->unit);
	free(q);
}

void pid1_free(struct pid1 *p)
{
	if (!p)
		return;
	while (p->asked || p->to_ask) {
		struct query *q = p->asked ?: p->to_ask;

		if (p->asked)
			p->asked = q->next;
		else
			p->to_ask = q->next;
		q->done(q->userdata, -ENOTCONN, NULL);
		query_free(q);
	}
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

		if (p->setting != SETTING_CGROUP_ZSWAP_WRITEBACK)
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

/* All answers about a unit are there: put them together. */
static int conclude(struct query *q)
{
	_cleanup_free_ char *above = NULL;
	int r = q->error;

	if (r < 0)
		return r;
	if (!q->state || strcmp(q->state, "loaded") != 0 || !q->unit.id)
		return -ENOENT;
	r = unit_slice_to_cgroup(q->unit.id, &q->unit.cgroup);
	if (r < 0 || q->unit.cgroup)
		return r;
	r = q->slice ? unit_slice_to_cgroup(q->slice, &above) : 0;
	if (r < 0)
		return r;
	if (!above)
		return -EBADMSG;
	q->unit.cgroup = cgroup_below(above, q->unit.id);
	return q->unit.cgroup ? 0 : -ENOMEM;
}

static void ask_waiting(struct pid1 *p);

/* Take a query off the active ones and tell its owner. */
static void finish_query(struct query *q, int error)
{
	struct pid1 *p = q->pid1;

	for (struct query **i = &p->asked; *i; i = &(*i)->next) {
		if (*i == q) {
			*i = q->next;
			p->n_asked--;
			break;
		}
	}
	q->done(q->userdata, error, error < 0 ? NULL : &q->unit);
	query_free(q);
	ask_waiting(p);
}

static int take_answer(struct query *q, int what, sd_bus_message *reply)
{
	char **to = what == ASK_STATE ? &q->state : what == ASK_ID ? &q->unit.id : &q->slice;
	enum setting s = SETTING_CGROUP_FIRST + what - ASK_VALUES;
	const char *text;
	uint64_t value;
	int yes, r;

	if (what < ASK_VALUES) {
		r = sd_bus_message_read(reply, "v", "s", &text);
		if (r < 0)
			return r;
		*to = strdup(text);
		return *to ? 0 : -ENOMEM;
	}
	if (s == SETTING_CGROUP_ZSWAP_WRITEBACK) {
		r = sd_bus_message_read(reply, "v", "b", &yes);
		value = yes;
	} else {
		r = sd_bus_message_read(reply, "v", "t", &value);
	}
	if (r < 0)
		return r;
	q->unit.knows[s - SETTING_CGROUP_FIRST] = true;
	/* As the kernel will show it. */
	q->unit.value[s - SETTING_CGROUP_FIRST] = setting_round(s, value);
	return 0;
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
	const struct question *question = userdata;
	struct query *q = question->query;
	const sd_bus_error *error = sd_bus_message_get_error(reply);
	int r = error ? -sd_bus_message_get_errno(reply) : take_answer(q, question->what, reply);

	/* An error that PID 1 gives is about the unit; a slice, for one, is in none. */
	if (r < 0 && q->error >= 0 && (!error || r == -ETIMEDOUT || r == -ENOTCONN))
		q->error = r;
	if (--q->n_outstanding == 0)
		finish_query(q, conclude(q));
	return 0;
}

/* Ask all about one unit that is loaded; the answers may come in any order. */
static int ask_values(struct query *q, const char *path)
{
	static const char *const names[] = {
		[ASK_STATE] = "LoadState", [ASK_ID] = "Id", [ASK_SLICE] = "Slice"
	};
	const char *suffix = strrchr(q->name, '.') + 1;
	char interface[64];
	int r = 0;

	/* "service": org.freedesktop.systemd1.Service */
	snprintf(interface, sizeof(interface), "org.freedesktop.systemd1.%c%s",
		 suffix[0] - 'a' + 'A', suffix + 1);
	for (int i = 0; r >= 0 && i < N_ASKED; i++) {
		_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
		enum setting s = SETTING_CGROUP_FIRST + i - ASK_VALUES;

		if (i >= ASK_VALUES && !q->pid1->knows[s])
			continue;
		q->questions[i] = (struct question){ .query = q, .what = i };
		r = new_get(q->pid1->bus, &call, path,
			    i < ASK_SLICE ? "org.freedesktop.systemd1.Unit" : interface,
			    i < ASK_VALUES ? names[i] : setting_property(s));
		if (r >= 0)
			r = sd_bus_call_async(q->pid1->bus, &q->questions[i].slot, call, on_answer,
					      &q->questions[i], SET_TIMEOUT_USEC);
		q->n_outstanding += r >= 0;
	}
	return r;
}

static int on_loaded(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
	struct query *q = userdata;
	const sd_bus_error *error = sd_bus_message_get_error(reply);
	const char *path;
	int r = error ? -sd_bus_message_get_errno(reply) : sd_bus_message_read(reply, "o", &path);

	if (r >= 0)
		r = ask_values(q, path);
	/* An error that PID 1 gives is about the unit. */
	if (r < 0)
		finish_query(q, error && r != -ETIMEDOUT && r != -ENOTCONN ? -ENOENT : r);
	return 0;
}

static int ask(struct query *q)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
	int r = sd_bus_message_new_method_call(q->pid1->bus, &call, "org.freedesktop.systemd1",
					       "/org/freedesktop/systemd1",
					       "org.freedesktop.systemd1.Manager", "LoadUnit");

	if (r >= 0)
		r = sd_bus_message_append(call, "s", q->name);
	return r < 0 ? r
		     : sd_bus_call_async(q->pid1->bus, &q->load, call, on_loaded, q,
					 SET_TIMEOUT_USEC);
}

static void ask_waiting(struct pid1 *p)
{
	while (p->to_ask && p->n_asked < QUERIES_MAX) {
		struct query *q = p->to_ask;
		int r;

		p->to_ask = q->next;
		if (!p->to_ask)
			p->to_ask_tail = &p->to_ask;
		r = ask(q);
		if (r < 0) {
			q->done(q->userdata, r, NULL);
			query_free(q);
			continue;
		}
		q->next = p->asked;
		p->asked = q;
		p->n_asked++;
	}
}

int pid1_ask_unit(struct pid1 *p, const char *unit, pid1_unit_t done, void *userdata)
{
	struct query *q;

	if (!unit_has_cgroup_suffix(unit))
		return -EINVAL;
	q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	q->name = strdup(unit);
	if (!q->name) {
		query_free(q);
		return -ENOMEM;
	}
	q->pid1 = p;
	q->done = done;
	q->userdata = userdata;
	*p->to_ask_tail = q;
	p->to_ask_tail = &q->next;
	ask_waiting(p);
	return 0;
}

int pid1_wait(struct pid1 *p, uint64_t usec)
{
	uint64_t end = clock_usec(CLOCK_MONOTONIC) + usec, now;
	int r = 0;

	while (r >= 0 && p->n_asked > 0) {
		r = sd_bus_process(p->bus, NULL);
		now = clock_usec(CLOCK_MONOTONIC);
		if (r == 0 && now < end)
			r = sd_bus_wait(p->bus, end - now);
		if (r >= 0 && now >= end && p->n_asked > 0)
			return -ETIMEDOUT;
	}
	return r < 0 ? r : 0;
}

struct waiting {
	int error;
	struct pid1_unit *unit;
};

static void on_waited_for(void *userdata, int error, struct pid1_unit *unit)
{
	struct waiting *w = userdata;

	w->error = error;
	if (!unit)
		return;
	*w->unit = *unit;
	*unit = (struct pid1_unit){};
}

int pid1_read_unit(struct pid1 *p, const char *unit, struct pid1_unit *ret)
{
	struct waiting w = { -ETIMEDOUT, ret };
	int r = pid1_ask_unit(p, unit, on_waited_for, &w);

	if (r < 0)
		return r;
	r = pid1_wait(p, WAIT_USEC);
	if (r == -ETIMEDOUT && p->asked) {
		/* Nobody waits for the answer any more. */
		struct query *q = p->asked;

		p->asked = q->next;
		p->n_asked--;
		query_free(q);
	}
	return r < 0 ? r : w.error;
}

static int parse_kept(const char *text, enum setting s, uint64_t *ret)
{
	const char *name = setting_property(s), *value = NULL;
	char word[SETTING_TEXT_MAX];

	/* The last one counts. */
	for (const char *v = text; v && (v = text_find_line(v, name, '=')); v = strchr(v, '\n'))
		value = v;
	if (!value || strcspn(value, "\n") >= sizeof(word))
		return -EBADMSG;
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(value, "\n"), value);
	if (strcmp(word, "infinity") == 0)
		*ret = LIMIT_MAX;
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
		_cleanup_free_ char *path = text_format("/%s/%s.d/50-%s.conf", directories[i], unit,
							setting_property(s));
		_cleanup_free_ char *text = NULL;
		size_t size;
		int r;

		if (!path)
			return -ENOMEM;
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
