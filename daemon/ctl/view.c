// SPDX-License-Identifier: GPL-2.0
#include "ctl/view.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <string.h>

#include "ctl/bus.h"
#include "policy/array.h"
#include "policy/text.h"
#include "ctl/json.h"
#include "ctl/sample.h"
#include "system/look.h"
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
	free(views->clusters);
	*views = (struct views){};
}

/* Replace a string. 0 or -ENOMEM. */
static int copy(char **to, const char *from)
{
	free(*to);
	*to = strdup(from);
	return *to ? 0 : -ENOMEM;
}

int view_read_effect(int root_fd, const struct host_facts *host, const char *path, struct view *v)
{
	const struct policy pmd = { .mode = MODE_PMD };
	const struct above_facts above = {};
	_cleanup_free_ char *reason = NULL;
	struct cgroup_facts facts = { .cgroup = path };
	int r;

	v->effect_known = look_effective(root_fd, path, &v->effective);
	look_at_processes(root_fd, &facts);
	v->effect = effect_of(host, &v->effective, &facts);
	v->processes_hidden = facts.processes_hidden;
	/* The service may not look at processes of others and swap files, as who asks perhaps may.
	 */
	if (!v->state || (strcmp(v->state, "exclusive") != 0 && strcmp(v->state, "draining") != 0))
		return 0;
	r = effect_hindrance(&pmd, host, &above, &facts, true, &reason);
	if (r <= 0)
		return r;
	free(v->reason);
	v->reason = TAKE_PTR(reason);
	return copy(&v->state, "blocked");
}

int views_read_effects(int root_fd, struct views *views)
{
	_cleanup_(host_facts_clear) struct host_facts host;
	int r = look_host(root_fd, NULL, &host);

	look_at_clusters(root_fd, &host);
	if (r >= 0)
		r = effect_of_clusters(&host, &views->clusters);
	for (size_t i = 0; r >= 0 && i < views->n; i++) {
		struct view *v = &views->v[i];
		_cleanup_free_ char *path = text_unescaped(v->cgroup);

		r = path ? view_read_effect(root_fd, &host, path, v) : -ENOMEM;
	}
	return r;
}

const char *const view_states[] = { "exclusive", "zswap",   "none",       "draining",
				    "keep",      "blocked", "pending",    "failed",
				    "drifted",   "missing", "overridden", NULL };

/* The states of a list with commas, as bits; 0: it has one that there is not. */
static unsigned int parse_states(const char *list)
{
	unsigned int bits = 0;

	for (const char *p = list; p; p = strchr(p, ',')) {
		int i;

		p += *p == ',';
		i = text_find_word(view_states, p, strcspn(p, ","));
		if (i < 0)
			return 0;
		bits |= 1U << i;
	}
	return bits;
}

bool views_filter(struct views *views, const char *list, const char *glob)
{
	unsigned int states = list ? parse_states(list) : 0;
	size_t n = 0;

	if (list && !states)
		return false;
	for (size_t i = 0; i < views->n; i++) {
		struct view *v = &views->v[i];
		const char *name = glob && *glob == '/' ? v->cgroup : v->unit;
		int state = text_find_word(view_states, v->state, strlen(v->state));

		if ((list && (state < 0 || !(states & 1U << state))) ||
		    (glob && fnmatch(glob, name, FNM_PATHNAME | FNM_NOESCAPE) != 0))
			view_clear(v);
		else
			views->v[n++] = *v;
	}
	views->n = n;
	return true;
}

size_t views_count(const struct views *views, const char *state)
{
	size_t n = 0;

	for (size_t i = 0; i < views->n; i++)
		n += strcmp(views->v[i].state, state) == 0;
	return n;
}

char *views_summary(const struct views *views)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	const char *gap = "";

	for (int i = 0; f && view_states[i]; i++) {
		size_t n = views_count(views, view_states[i]);

		if (n > 0)
			fprintf(f, "%s%zu %s", gap, n, view_states[i]);
		gap = n > 0 ? ", " : gap;
	}
	if (!f || fclose(f) != 0 || size == 0)
		return NULL;
	return TAKE_PTR(text);
}

int views_print_reasons(const struct views *views, bool draining, size_t width)
{
	for (size_t i = 0; i < views->n; i++) {
		const struct view *v = &views->v[i];
		bool is_first = true, drains = draining && strcmp(v->state, "draining") == 0;
		_cleanup_free_ char *text = NULL;
		char more[32] = "";
		size_t n = 0;

		for (size_t k = 0; *v->reason && k < views->n && is_first; k++) {
			if (strcmp(views->v[k].reason, v->reason) != 0)
				continue;
			is_first = k >= i;
			n += k > i;
		}
		if (!is_first || (!*v->reason && !drains))
			continue;
		if (n > 0)
			snprintf(more, sizeof(more), " and %zu more", n);
		text = *v->reason ? text_format("%s%s: %s", v->cgroup, more, v->reason)
				  : text_format("%s: %" PRIu64 " KiB still in zswap", v->cgroup,
						v->counters.of[COUNTER_ZSWAPPED].value / 1024);
		if (!text)
			return -ENOMEM;
		ctl_print_wrapped(text, width);
	}
	return 0;
}

static int read_settings(sd_bus_message *m, struct view *v)
{
	const char *name, *want, *live;
	int r = sd_bus_message_enter_container(m, 'a', "(sss)");

	for (int i = 0; r >= 0 && i < N_CGROUP_SETTINGS; i++)
		r = copy(&v->want[i], "-") < 0 || copy(&v->live[i], "-") < 0 ? -ENOMEM : 0;
	while (r >= 0 && (r = sd_bus_message_read(m, "(sss)", &name, &want, &live)) > 0) {
		int s = setting_from_name(name) - SETTING_CGROUP_FIRST;

		/* One that is not known is of a later daemon. */
		if (s >= 0 && (copy(&v->want[s], want) < 0 || copy(&v->live[s], live) < 0))
			r = -ENOMEM;
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* Read one element of ListCgroups(). 1, 0 at the end, or a negative errno. */
static int read_view(sd_bus_message *m, struct view *v)
{
	const char *path, *unit, *policy, *mode, *state, *reason;
	int r = sd_bus_message_enter_container(m, 'r', "ssssa(sss)sa{st}s");

	if (r <= 0)
		return r;
	r = sd_bus_message_read(m, "ssss", &path, &unit, &policy, &mode);
	if (r >= 0)
		r = read_settings(m, v);
	if (r >= 0)
		r = sd_bus_message_read(m, "s", &state);
	if (r >= 0)
		r = shown_read_counters(&v->counters, m);
	if (r >= 0)
		r = sd_bus_message_read(m, "s", &reason);
	if (r >= 0)
		r = sd_bus_message_exit_container(m);
	if (r < 0)
		return r;
	return copy(&v->cgroup, path) < 0 || copy(&v->unit, unit) < 0 ||
			       copy(&v->policy, policy) < 0 || copy(&v->mode, mode) < 0 ||
			       copy(&v->state, state) < 0 || copy(&v->reason, reason) < 0
		       ? -ENOMEM
		       : 1;
}

int views_read(sd_bus *bus, struct views *ret, sd_bus_error *error)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int r = sd_bus_call_method(bus, NULL, BUS_PATH, BUS_INTERFACE, "ListCgroups", error, &m,
				   NULL);

	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'a', "(ssssa(sss)sa{st}s)");
	while (r >= 0) {
		struct view *grown = array_room(ret->v, ret->n, &ret->allocated, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		ret->v = grown;
		grown[ret->n] = (struct view){};
		r = read_view(m, &grown[ret->n]);
		if (r == 0)
			break;
		/* What was read in part is freed with the rest. */
		ret->n++;
	}
	return r;
}

const char *view_format(char *const settings[N_CGROUP_SETTINGS], char *buf)
{
	const char *zswap_max = settings[SETTING_CGROUP_ZSWAP_MAX - SETTING_CGROUP_FIRST];
	const char *writeback = settings[SETTING_CGROUP_ZSWAP_WRITEBACK - SETTING_CGROUP_FIRST];
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

static json_t *settings_to_json(char *const values[N_CGROUP_SETTINGS])
{
	return json_pack("{s:s?, s:s?, s:s?}", "zswap_max", view_known(values[0]),
			 "zswap_writeback", view_known(values[1]), "swap_max",
			 view_known(values[2]));
}

static json_t *view_to_json(const void *list, size_t i)
{
	const struct view *v = &((const struct views *)list)->v[i];
	double share = view_fallback_share(&v->counters);
	char zswap_max[SETTING_TEXT_MAX];

	setting_format(SETTING_CGROUP_ZSWAP_MAX, v->effective.zswap_max, zswap_max);
	return json_pack("{s:s, s:s?, s:s, s:s, s:o, s:o, s:{s:s, s:s, s:s?}, s:s, s:s, s:o, s:o}",
			 "cgroup", v->cgroup, "unit", *v->unit ? v->unit : NULL, "policy",
			 v->policy, "mode", v->mode, "wanted", settings_to_json(v->want), "live",
			 settings_to_json(v->live), "effective", "zswap_max", zswap_max,
			 "zswap_writeback", v->effective.writeback ? "1" : "0", "effect",
			 v->effect_known ? effect_name(v->effect) : NULL, "state", v->state,
			 "reason", v->reason, "counters", ctl_json_counters(&v->counters),
			 "fallback_share", share < 0 ? json_null() : json_real(share));
}

json_t *views_to_json(const struct views *views)
{
	return ctl_json_array(views->n, view_to_json, views);
}
