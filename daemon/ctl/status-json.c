// SPDX-License-Identifier: GPL-2.0
#include "ctl/status.h"

#include <errno.h>
#include <inttypes.h>

#include "ctl/bus.h"
#include "ctl/json.h"
#include "ctl/view.h"

/*
 * Each takes the values of one property, or its elements one by one, off a message: 1, 0 at the
 * end, or a negative errno.
 */
typedef int (*read_element_t)(sd_bus_message *m, json_t **ret);

/* An element that was read, or could not be packed. */
static int packed(int r, json_t *element, json_t **ret)
{
	*ret = element;
	return r > 0 && !element ? -ENOMEM : r;
}

static int read_string(sd_bus_message *m, json_t **ret)
{
	const char *s;
	int r = sd_bus_message_read(m, "s", &s);

	return packed(r, r > 0 ? json_string(s) : NULL, ret);
}

static int read_message(sd_bus_message *m, json_t **ret)
{
	const char *kind, *text;
	int r = sd_bus_message_read(m, "(ss)", &kind, &text);

	return packed(r, r > 0 ? json_pack("{s:s, s:s}", "kind", kind, "text", text) : NULL, ret);
}

static int read_setting(sd_bus_message *m, json_t **ret)
{
	const char *name, *want, *live, *state, *reason;
	int r = sd_bus_message_read(m, "(sssss)", &name, &want, &live, &state, &reason);

	return packed(r,
		      r > 0 ? json_pack("{s:s, s:s, s:s?, s:s, s:s}", "name", name, "wanted", want,
					"live", view_known(live), "state", state, "reason", reason)
			    : NULL,
		      ret);
}

static int read_policy(sd_bus_message *m, json_t **ret)
{
	const char *name, *mode;
	uint32_t n;
	int priority, r = sd_bus_message_read(m, "(ssiu)", &name, &mode, &priority, &n);

	return packed(r,
		      r > 0 ? json_pack("{s:s, s:s, s:i, s:i}", "name", name, "mode", mode,
					"priority", priority, "cgroups", (int)n)
			    : NULL,
		      ret);
}

/* The rest of a message, an array of elements of a type. */
static int read_array(sd_bus_message *m, const char *type, read_element_t read, json_t **ret)
{
	json_t *array = json_array(), *element;
	int r = array ? sd_bus_message_enter_container(m, 'a', type) : -ENOMEM;

	while (r >= 0 && (r = read(m, &element)) > 0)
		if (json_array_append_new(array, element) < 0)
			r = -ENOMEM;
	if (r >= 0)
		r = sd_bus_message_exit_container(m);
	if (r < 0)
		json_decref(array);
	else
		*ret = array;
	return r;
}

static int read_list(sd_bus *bus, const char *property, const char *type, read_element_t read,
		     json_t **ret)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	_cleanup_free_ char *signature = NULL;
	int r;

	if (asprintf(&signature, "a%s", type) < 0) {
		signature = NULL;
		return -ENOMEM;
	}
	r = ctl_get_property(bus, property, signature, &m);
	return r < 0 ? r : read_array(m, type, read, ret);
}

static int read_bool(sd_bus *bus, const char *property, json_t **ret)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int r = ctl_get_property(bus, property, "b", &m), value;

	if (r >= 0)
		r = sd_bus_message_read(m, "b", &value);
	if (r >= 0)
		*ret = json_boolean(value);
	return r;
}

static int read_last_reload(sd_bus *bus, json_t **ret)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	struct ctl_reload reload;
	json_t *messages;
	int r;

	r = ctl_get_last_reload(bus, &reload, &m);
	if (r >= 0)
		r = read_array(m, "(ss)", read_message, &messages);
	if (r < 0)
		return r;
	*ret = json_pack("{s:b, s:I, s:I, s:o}", "accepted", reload.accepted, "usec",
			 (json_int_t)reload.usec, "changes", (json_int_t)reload.changes, "messages",
			 messages);
	return *ret ? 0 : -ENOMEM;
}

static int read_cgroups(sd_bus *bus, int root_fd, json_t **ret)
{
	_cleanup_(views_clear) struct views views = {};
	int r = views_read(bus, &views, NULL);

	if (r < 0)
		return r;
	r = views_read_effects(root_fd, &views);
	if (r < 0)
		return r;
	*ret = views_to_json(&views);
	return *ret ? 0 : -ENOMEM;
}

int ctl_status_to_json(sd_bus *bus, int root_fd, json_t **ret)
{
	json_t *files = NULL, *suspended = NULL, *last = NULL, *kernel = NULL, *seen = NULL,
	       *policies = NULL, *cgroups = NULL;
	int r;

	r = read_list(bus, "ConfigFiles", "s", read_string, &files);
	if (r >= 0)
		r = read_bool(bus, "Suspended", &suspended);
	if (r >= 0)
		r = read_last_reload(bus, &last);
	if (r >= 0)
		r = read_list(bus, "KernelSettings", "(sssss)", read_setting, &kernel);
	if (r >= 0)
		r = read_bool(bus, "ZswapSeenEnabled", &seen);
	if (r >= 0)
		r = read_list(bus, "Policies", "(ssiu)", read_policy, &policies);
	if (r >= 0)
		r = read_cgroups(bus, root_fd, &cgroups);
	*ret = json_pack("{s:o*, s:o*, s:o*, s:o*, s:o*, s:o*, s:o*}", "files", files, "suspended",
			 suspended, "last_reload", last, "kernel", kernel, "zswap_seen", seen,
			 "policies", policies, "cgroups", cgroups);
	if (r >= 0 && *ret)
		return 0;
	json_decref(*ret);
	return r < 0 ? r : -ENOMEM;
}

/* Whether the "state" of any element is one that the configuration does not want. */
static bool any_is_bad(const json_t *elements)
{
	const json_t *element;
	size_t i;

	json_array_foreach(elements, i, element) if (ctl_state_is_bad(
							     json_string_value(json_object_get(
								     element,
								     "state")))) return true;
	return false;
}

bool ctl_status_is_bad(const json_t *status)
{
	const json_t *last = json_object_get(status, "last_reload");

	return json_is_true(json_object_get(status, "suspended")) ||
	       (json_integer_value(json_object_get(last, "usec")) > 0 &&
		json_is_false(json_object_get(last, "accepted"))) ||
	       any_is_bad(json_object_get(status, "kernel")) ||
	       any_is_bad(json_object_get(status, "cgroups"));
}
