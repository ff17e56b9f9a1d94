// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "ctl/bus.h"
#include "ctl/json.h"
#include "ctl/view.h"
#include "system/fs.h"

/* The names of what is in a structure; NULL after the last one. */
struct field {
	const char *name;
	const struct field *fields; /* of the structure, or of those of the array, that it is */
};

static const struct field message_fields[] = { { "kind", NULL }, { "text", NULL }, {} };
static const struct field reload_fields[] = { { "accepted", NULL },
					      { "usec", NULL },
					      { "changes", NULL },
					      { "messages", message_fields },
					      {} };
static const struct field kernel_fields[] = { { "name", NULL },   { "wanted", NULL },
					      { "live", NULL },   { "state", NULL },
					      { "reason", NULL }, {} };
static const struct field policy_fields[] = {
	{ "name", NULL }, { "mode", NULL }, { "priority", NULL }, { "cgroups", NULL }, {}
};

/* The properties of the daemon that are shown, in this order. */
static const struct {
	const char *name, *property, *type;
	const struct field *fields;
} properties[] = {
	{ "files", "ConfigFiles", "as", NULL },
	{ "suspended", "Suspended", "b", NULL },
	{ "last_reload", "LastReload", "(btta(ss))", reload_fields },
	{ "kernel", "KernelSettings", "a(sssss)", kernel_fields },
	{ "zswap_seen", "ZswapSeenEnabled", "b", NULL },
	{ "policies", "Policies", "a(ssiu)", policy_fields },
};

struct status {
	json_t *json;
	struct views views;
};

static void status_clear(struct status *s)
{
	json_decref(s->json);
	views_clear(&s->views);
}

static json_t *get(const struct status *s, const char *name)
{
	return json_object_get(s->json, name);
}

static const char *get_text(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

/* Take what a message is at off it, as JSON. NULL if there is no memory, or it is something else.
 */
static json_t *read_value(sd_bus_message *m, const struct field *fields)
{
	union {
		const char *s;
		int b;
		int32_t i;
		uint32_t u;
		uint64_t t;
	} value;
	json_t *json = NULL;
	const char *contents;
	char type;

	if (sd_bus_message_peek_type(m, &type, &contents) <= 0)
		return NULL;
	if (type != 'a' && type != 'r') {
		if (sd_bus_message_read_basic(m, type, &value) < 0)
			return NULL;
		return type == 's'   ? json_string(value.s)
		       : type == 'b' ? json_boolean(value.b)
				     : json_integer(type == 'i'   ? value.i
						    : type == 'u' ? value.u
								  : (json_int_t)value.t);
	}
	if (sd_bus_message_enter_container(m, type, contents) < 0)
		return NULL;
	json = type == 'a' ? json_array() : json_object();
	for (int r = 0, i = 0; json && r >= 0 && sd_bus_message_at_end(m, 0) == 0; i++) {
		if (type == 'a')
			r = json_array_append_new(json, read_value(m, fields));
		else
			r = json_object_set_new(json, fields[i].name,
						read_value(m, fields[i].fields));
		if (r < 0) {
			json_decref(json);
			return NULL;
		}
	}
	if (sd_bus_message_exit_container(m) < 0) {
		json_decref(json);
		return NULL;
	}
	return json;
}

/* 0 or a negative errno. */
static int read_status(sd_bus *bus, const char *root, struct status *s)
{
	_cleanup_close_ int root_fd = fs_open_root(root);
	int r = 0;

	s->json = json_object();
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(properties); i++) {
		_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

		r = ctl_get_property(bus, properties[i].property, properties[i].type, &m);
		if (r >= 0 && json_object_set_new(s->json, properties[i].name,
						  read_value(m, properties[i].fields)) < 0)
			r = -ENOMEM;
	}
	for (size_t i = 0; r >= 0 && i < json_array_size(get(s, "kernel")); i++) {
		json_t *setting = json_array_get(get(s, "kernel"), i);

		if (!view_known(get_text(setting, "live")))
			json_object_set_new(setting, "live", json_null());
	}
	if (r >= 0)
		r = views_read(bus, &s->views, NULL);
	return r < 0 ? r : views_read_effects(root_fd, &s->views);
}

static bool was_refused(const json_t *reload)
{
	return json_integer_value(json_object_get(reload, "usec")) > 0 &&
	       !json_is_true(json_object_get(reload, "accepted"));
}

/* Whether anything in it is not as the configuration wants it. */
static bool is_bad(const struct status *s)
{
	bool bad = json_is_true(get(s, "suspended")) || was_refused(get(s, "last_reload"));

	for (size_t i = 0; i < json_array_size(get(s, "kernel")); i++)
		bad |= ctl_state_is_bad(get_text(json_array_get(get(s, "kernel"), i), "state"));
	for (size_t i = 0; i < s->views.n; i++)
		bad |= ctl_state_is_bad(s->views.v[i].state);
	return bad;
}

static void print_head(const struct status *s, size_t width)
{
	const json_t *files = get(s, "files"), *reload = get(s, "last_reload");
	const json_t *messages = json_object_get(reload, "messages");
	time_t t = json_integer_value(json_object_get(reload, "usec")) / 1000000;
	char when[64] = "";
	struct tm tm;

	for (size_t i = 0; i < json_array_size(files); i++)
		printf("%-16s%s\n", i == 0 ? "Configuration:" : "",
		       json_string_value(json_array_get(files, i)));
	if (json_is_true(get(s, "suspended")))
		printf("%-16s%s\n", "Suspended:",
		       "everything was given back; reload to apply the configuration");
	else if (json_array_size(files) == 0)
		printf("%-16s%s\n", "Configuration:", "none, every setting has its default");
	if (t > 0 && localtime_r(&t, &tm))
		strftime(when, sizeof(when), ", %Y-%m-%d %H:%M:%S %Z", &tm);
	printf("%-16s%s%s\n", "Last reload:",
	       t == 0                ? "under way"
	       : was_refused(reload) ? "refused, the old one stays in force"
				     : "accepted",
	       when);
	for (size_t i = 0; i < json_array_size(messages); i++)
		ctl_print_wrapped(get_text(json_array_get(messages, i), "text"), width);
}

static int print_kernel(const struct status *s, size_t width)
{
	struct table t = { .columns = 4 };

	table_row(&t, "KERNEL", "WANTED", "LIVE", "STATE");
	for (size_t i = 0; i < json_array_size(get(s, "kernel")); i++) {
		const json_t *k = json_array_get(get(s, "kernel"), i);

		table_row(&t, get_text(k, "name"), get_text(k, "wanted"),
			  get_text(k, "live") ?: "-", get_text(k, "state"));
	}
	return ctl_print_table(&t, width);
}

static int print_policies(const struct status *s, size_t width)
{
	struct table t = { .columns = 4 };

	table_row(&t, "MODE", "PRIORITY", "CGROUPS", "POLICY");
	for (size_t i = 0; i < json_array_size(get(s, "policies")); i++) {
		const json_t *p = json_array_get(get(s, "policies"), i);
		char priority[24], n[24];

		snprintf(priority, sizeof(priority), "%" JSON_INTEGER_FORMAT,
			 json_integer_value(json_object_get(p, "priority")));
		snprintf(n, sizeof(n), "%" JSON_INTEGER_FORMAT,
			 json_integer_value(json_object_get(p, "cgroups")));
		table_row(&t, get_text(p, "mode"), priority, n, get_text(p, "name"));
	}
	return ctl_print_table(&t, width);
}

static const char *colour_first(size_t column, const char *cell)
{
	return column == 0 ? ctl_state_colour(cell) : NULL;
}

static int print_cgroups(const struct status *s, const struct ctl *x)
{
	_cleanup_free_ char *summary = views_summary(&s->views);
	struct table t = {
		.columns = 5,
		.cut = TABLE_COLUMN(3) | TABLE_COLUMN(4),
		.colour = x->colour ? colour_first : NULL,
	};

	table_row(&t, "STATE", "WANTED", "LIVE", "POLICY", "CGROUP");
	for (size_t i = 0; i < s->views.n; i++) {
		const struct view *v = &s->views.v[i];
		char want[VIEW_TEXT_MAX], live[VIEW_TEXT_MAX];

		table_row(&t, v->state, view_format(v->want, want), view_format(v->live, live),
			  v->policy, v->cgroup);
	}
	if (ctl_print_table(&t, x->width) < 0)
		return -ENOMEM;
	if (s->views.n > 0)
		printf("WANTED, LIVE: memory.zswap.max, with /0 if memory.zswap.writeback is 0\n");
	if (summary)
		printf("Cgroups: %s\n", summary);
	if (s->views.clusters)
		ctl_print_wrapped(s->views.clusters, x->width);
	return views_print_reasons(&s->views, true, x->width);
}

static int print_text(const struct status *s, const struct ctl *x)
{
	int r;

	print_head(s, x->width);
	r = print_kernel(s, x->width);
	if (r < 0)
		return r;
	printf("zswap has %sbeen on since the daemon started.\n",
	       json_is_true(get(s, "zswap_seen")) ? "" : "not ");
	r = print_policies(s, x->width);
	return r < 0 ? r : print_cgroups(s, x);
}

enum exit_code ctl_status(const struct ctl *x, const char *argument)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	_cleanup_(status_clear) struct status s = {};
	enum exit_code code = ctl_connect(x, QUERY_TIMEOUT_USEC, &bus);
	int r;

	if (code != EXIT_OK)
		return code;
	r = read_status(bus, x->root, &s);
	if (r < 0)
		return ctl_call_failed(&SD_BUS_ERROR_NULL, r);
	if (x->json) {
		if (json_object_set_new(s.json, "cgroups", views_to_json(&s.views)) < 0)
			return ctl_fail(-ENOMEM, "cannot print JSON");
		code = ctl_json_print(json_incref(s.json));
	} else if (print_text(&s, x) < 0) {
		code = ctl_fail(-ENOMEM, "cannot print");
	}
	return code == EXIT_OK && is_bad(&s) ? EXIT_FAILED : code;
}
