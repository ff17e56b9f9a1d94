// SPDX-License-Identifier: GPL-2.0
#include "ctl/view.h"

#include <errno.h>
#include <string.h>

#include "ctl/bus.h"
#include "policy/array.h"
#include "policy/text.h"
#include "system/cgroupfs.h"
#include "system/interface.h"

static void view_clear(struct view *v)
{
	free(v->cgroup);
	free(v->unit);
	free(v->policy);
	free(v->mode);
	for (int i = 0; i < N_CGROUP_SETTINGS; i++) {
		free(v->want[i]);
		free(v->live[i]);
	}
	free(v->state);
	free(v->reason);
	*v = (struct view){};
}

void views_clear(struct views *views)
{
	for (size_t i = 0; i < views->n; i++)
		view_clear(&views->v[i]);
	free(views->v);
	*views = (struct views){};
}

void view_read_kernel(int root_fd, const char *path, struct view *v)
{
	uint64_t swap_pmd = SWAP_PMD_NEVER, zswap = 0;

	cgroupfs_counters(root_fd, path, &v->counters);
	/* What a kernel does not have is never and off; a cgroup without limits has none. */
	cgroupfs_read(root_fd, NULL, SETTING_SWAP_PMD, &swap_pmd);
	cgroupfs_read(root_fd, NULL, SETTING_ZSWAP, &zswap);
	v->effective[0] = ZSWAP_MAX_UNLIMITED;
	v->effective[1] = 1;
	v->effect_known = cgroupfs_read_effective(root_fd, path, SETTING_CGROUP_ZSWAP_MAX,
						  &v->effective[0], NULL) >= 0;
	cgroupfs_read_effective(root_fd, path, SETTING_CGROUP_ZSWAP_WRITEBACK, &v->effective[1],
				NULL);
	v->effect = policy_effect(swap_pmd, zswap, v->effective[0], v->effective[1]);
}

int views_read_kernel(int root_fd, struct views *views)
{
	for (size_t i = 0; i < views->n; i++) {
		struct view *v = &views->v[i];
		_cleanup_free_ char *path = NULL;
		uint64_t id;

		/* The daemon sends text, which nearly always is the path. */
		if (cgroupfs_id(root_fd, v->cgroup, &id) < 0) {
			path = text_unescaped(v->cgroup);
			if (!path)
				return -ENOMEM;
		}
		view_read_kernel(root_fd, path ?: v->cgroup, v);
	}
	return 0;
}

bool view_is_bad(const struct view *v)
{
	return ctl_state_is_bad(v->state);
}

/* Read one element of ListCgroups(). 1, 0 at the end, or a negative errno. */
static int read_view(sd_bus_message *m, struct view *ret)
{
	const char *path, *unit, *policy, *mode, *want[2], *live[2], *state, *reason;
	uint64_t zswapped;
	int r;

	r = sd_bus_message_read(m, "(sssssssssts)", &path, &unit, &policy, &mode, &want[0],
				&live[0], &want[1], &live[1], &state, &zswapped, &reason);
	if (r <= 0)
		return r;
	*ret = (struct view){
		.cgroup = strdup(path),
		.unit = strdup(unit),
		.policy = strdup(policy),
		.mode = strdup(mode),
		.want = { strdup(want[0]), strdup(want[1]) },
		.live = { strdup(live[0]), strdup(live[1]) },
		.state = strdup(state),
		.reason = strdup(reason),
		.zswapped = zswapped,
	};
	if (ret->cgroup && ret->unit && ret->policy && ret->mode && ret->want[0] && ret->want[1] &&
	    ret->live[0] && ret->live[1] && ret->state && ret->reason)
		return 1;
	view_clear(ret);
	return -ENOMEM;
}

int views_read(sd_bus *bus, struct views *ret, sd_bus_error *error)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *m = NULL;
	int r;

	r = sd_bus_message_new_method_call(bus, &call, NULL, BUS_PATH, BUS_INTERFACE,
					   "ListCgroups");
	if (r >= 0)
		r = sd_bus_call(bus, call, QUERY_TIMEOUT_USEC, error, &m);
	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'a', "(sssssssssts)");
	while (r >= 0) {
		struct view *grown = array_room(ret->v, ret->n, &ret->allocated, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		ret->v = grown;
		r = read_view(m, &grown[ret->n]);
		if (r <= 0)
			break;
		ret->n++;
	}
	return r;
}

const char *view_format(const char *zswap_max, const char *writeback, char *buf)
{
	char limit[SETTING_TEXT_MAX];
	uint64_t value;

	if (setting_parse(SETTING_CGROUP_ZSWAP_MAX, zswap_max, &value) >= 0)
		zswap_max = setting_format_short(SETTING_CGROUP_ZSWAP_MAX, value, limit);
	snprintf(buf, VIEW_TEXT_MAX, "%s%s", zswap_max, strcmp(writeback, "0") == 0 ? "/0" : "");
	return buf;
}

const char *view_known(const char *text)
{
	return strcmp(text, "-") == 0 ? NULL : text;
}

double view_fallback_share(const struct counters *c)
{
	static const enum counter fallbacks[] = { COUNTER_THP_SWPOUT_PMD_FALLBACK,
						  COUNTER_THP_SWPIN_PMD_FALLBACK };
	static const enum counter all[] = { COUNTER_THP_SWPOUT_PMD, COUNTER_THP_SWPIN_PMD,
					    COUNTER_THP_SWPOUT_PMD_FALLBACK,
					    COUNTER_THP_SWPIN_PMD_FALLBACK };
	uint64_t part = 0, whole = 0;

	for (size_t i = 0; i < ARRAY_SIZE(fallbacks); i++)
		part += c->of[fallbacks[i]].known ? c->of[fallbacks[i]].value : 0;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		whole += c->of[all[i]].known ? c->of[all[i]].value : 0;
	return whole ? (double)part / whole : -1;
}

static json_t *counters_to_json(const struct counters *c)
{
	json_t *object = json_object();

	for (int i = 0; object && i < N_COUNTERS; i++) {
		json_t *value = c->of[i].known ? json_integer(c->of[i].value) : json_null();

		if (json_object_set_new(object, counter_name(i), value) < 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

json_t *view_to_json(const struct view *v)
{
	double share = view_fallback_share(&v->counters);
	char effective[N_CGROUP_SETTINGS][SETTING_TEXT_MAX];

	for (int i = 0; i < N_CGROUP_SETTINGS; i++)
		setting_format(SETTING_CGROUP_FIRST + i, v->effective[i], effective[i]);
	return json_pack(
		"{s:s, s:s?, s:s, s:s, s:{s:s?, s:s?}, s:{s:s?, s:s?}, s:{s:s, s:s, s:s?}, "
		"s:s, s:s, s:o, s:o}",
		"cgroup", v->cgroup, "unit", *v->unit ? v->unit : NULL, "policy", v->policy, "mode",
		v->mode, "wanted", "zswap_max", view_known(v->want[0]), "zswap_writeback",
		view_known(v->want[1]), "live", "zswap_max", view_known(v->live[0]),
		"zswap_writeback", view_known(v->live[1]), "effective", "zswap_max", effective[0],
		"zswap_writeback", effective[1], "effect",
		v->effect_known ? effect_name(v->effect) : NULL, "state", v->state, "reason",
		v->reason, "counters", counters_to_json(&v->counters), "fallback_share",
		share < 0 ? json_null() : json_real(share));
}

json_t *views_to_json(const struct views *views)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < views->n; i++) {
		if (json_array_append_new(array, view_to_json(&views->v[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}
