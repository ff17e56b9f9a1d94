// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include "ctl/bus.h"
#include "ctl/json.h"
#include "ctl/live.h"
#include "ctl/view.h"
#include "policy/policy.h"
#include "policy/text.h"
#include "policy/unit.h"
#include "system/cgroupfs.h"

/* What is known of one cgroup. */
struct subject {
	struct live live;
	char *cgroup;
	const char *unit;         /* NULL if it is none */
	char *shown, *shown_unit; /* the same, fit to be shown */
	bool exists;
	const struct policy *policy; /* NULL: none */
	const struct match *match;
	struct view view; /* only what view_read_effect() sets */
	struct decision decision;
	char *hindrance;    /* why it does not do what it says; NULL: nothing is known */
	char *clusters;     /* what room there is for whole THPs; NULL: nothing is known */
	bool unknown;       /* no such unit, as far as can be told */
	struct views views; /* of the daemon, if it is running */
	const struct view *said;
};

static void subject_clear(struct subject *s)
{
	free(s->cgroup);
	free(s->shown);
	free(s->shown_unit);
	decision_clear(&s->decision);
	free(s->hindrance);
	free(s->clusters);
	views_clear(&s->views);
	live_close(&s->live);
}

struct search {
	const char *unit;
	char *found;
};

static int visit(const char *path, void *userdata)
{
	struct search *x = userdata;
	const char *unit = unit_of_cgroup(path);

	if (!unit || x->found)
		return 0;
	if (strcmp(unit, x->unit) == 0) {
		x->found = strdup(path);
		return x->found ? 0 : -ENOMEM;
	}
	return unit_is_slice(unit);
}

/* Where the cgroup of a unit is, or would be. 0 or a negative errno. */
static int find_unit(struct subject *s, const char *unit)
{
	_cleanup_(pid1_unit_clear) struct pid1_unit found = {};
	struct search x = { .unit = unit };
	int r = unit_slice_to_cgroup(unit, &s->cgroup);

	if (r >= 0 && !s->cgroup)
		r = cgroupfs_walk(s->live.root_fd, "/", visit, &x);
	if (x.found)
		s->cgroup = x.found;
	if (r < 0 || s->cgroup)
		return r;
	/* It is not running, or has another name. */
	if (s->live.pid1)
		r = pid1_read_unit(s->live.pid1, unit, &found);
	s->unknown = !s->live.pid1 || r == -ENOENT;
	s->cgroup = TAKE_PTR(found.cgroup);
	/* Most units are here. */
	if (!s->cgroup)
		s->cgroup = cgroup_below("/system.slice", unit);
	return s->cgroup ? 0 : -ENOMEM;
}

/* What list prints stands for a cgroup whose name may be any bytes. */
static int find_path(struct subject *s, const char *name)
{
	_cleanup_free_ char *plain = strdup(name), *meant = text_unescaped(name);
	size_t len = strlen(name);
	uint64_t id;

	if (!plain || !meant)
		return -ENOMEM;
	s->cgroup =
		cgroupfs_id(s->live.root_fd, meant, &id) >= 0 ? TAKE_PTR(meant) : TAKE_PTR(plain);
	len = strlen(s->cgroup);
	if (len > 1 && s->cgroup[len - 1] == '/')
		s->cgroup[len - 1] = '\0';
	return 0;
}

static enum exit_code find(struct subject *s, const char *name)
{
	const size_t mount = strlen("/" CGROUPFS_PATH);
	uint64_t id;
	int r;

	if (*name == '/') {
		if (strncmp(name, "/" CGROUPFS_PATH, mount) == 0 &&
		    (name[mount] == '/' || !name[mount]))
			name += mount;
		r = find_path(s, *name ? name : "/");
	} else if (unit_has_cgroup_suffix(name)) {
		r = find_unit(s, name);
	} else {
		fprintf(stderr,
			"pmdswapctl: %s is neither a cgroup, which starts with /, nor a unit, "
			"which ends in .service, .slice, .scope, .socket, .mount or .swap\n",
			name);
		return EXIT_USAGE;
	}
	if (r >= 0) {
		s->unit = unit_of_cgroup(s->cgroup);
		s->shown = text_escaped(s->cgroup);
		s->shown_unit = s->unit ? text_escaped(s->unit) : NULL;
		if (!s->shown || (s->unit && !s->shown_unit))
			r = -ENOMEM;
	}
	if (r < 0)
		return ctl_fail(r, "cannot look for it");
	s->exists = cgroupfs_id(s->live.root_fd, s->cgroup, &id) >= 0;
	s->policy = policy_resolve(s->live.config, s->cgroup, &s->match);
	/* A slice that nobody loaded is no unit; any other may be there and not run. */
	if (s->exists || s->policy || (*name != '/' && !s->unknown && !unit_is_slice(name)))
		return EXIT_OK;
	fprintf(stderr, "pmdswapctl: there is no %s %s, and no policy for it\n",
		s->unknown ? "unit" : "cgroup", s->unknown ? name : s->shown);
	return EXIT_FAILED;
}

/* Find out all there is. EXIT_OK, or the code to exit with after a message. */
static enum exit_code look(const struct ctl *x, const char *name, struct subject *s)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *daemon = NULL;
	enum exit_code code = live_open(x, &s->live);
	int r = 0;

	if (code == EXIT_OK)
		code = live_read_config(&s->live);
	if (code == EXIT_OK)
		code = live_read_state(&s->live);
	if (code == EXIT_OK)
		code = find(s, name);
	if (code != EXIT_OK)
		return code;
	r = view_read_effect(s->live.root_fd, &s->live.host, s->cgroup, &s->view);
	if (r >= 0 && s->policy && s->exists)
		r = live_decide(&s->live, s->cgroup, s->policy, &s->decision);
	if (r >= 0 && s->policy && s->exists && !s->decision.reason)
		r = live_hindrance(&s->live, s->cgroup, s->policy, &s->hindrance);
	if (r == 0 && s->policy && s->exists && !s->decision.reason)
		r = effect_kernel_hindrance(s->policy, s->live.config, &s->live.host,
					    &s->hindrance);
	if (r >= 0 && s->view.effect == EFFECT_PMD && !s->hindrance)
		r = effect_of_clusters(&s->live.host, &s->clusters);
	/* What the daemon says of it is more, but not needed. */
	if (r >= 0 && ctl_open(s->live.root_fd, QUERY_TIMEOUT_USEC, &daemon) >= 0)
		views_read(daemon, &s->views, NULL);
	for (size_t i = 0; i < s->views.n; i++)
		if (strcmp(s->views.v[i].cgroup, s->shown) == 0)
			s->said = &s->views.v[i];
	return r < 0 ? ctl_fail(r, s->shown) : EXIT_OK;
}

/* Why a policy that matches did not win. */
static void format_loss(const struct subject *s, const struct policy *p, const struct match *m,
			char *buf, size_t size)
{
	if (p->priority != s->policy->priority)
		snprintf(buf, size, "priority %d, not %d", p->priority, s->policy->priority);
	else if (m->exact != s->match->exact)
		snprintf(buf, size, "a glob, no exact name");
	else
		snprintf(buf, size, "comes later");
}

static const char *match_key(const struct match *m)
{
	return m->type == MATCH_UNIT ? "unit" : "cgroup";
}

static void print_policies(const struct subject *s)
{
	if (!s->policy) {
		printf("%-12s%s\n", "Policy:", "none matches; the cgroup is left alone");
		return;
	}
	printf("%-12s%s, mode = %s\n", "Policy:", s->policy->name, mode_name(s->policy->mode));
	printf("%-12s%s = %s (%s:%u)\n", "Matched by:", match_key(s->match), s->match->glob,
	       s->match->origin.file, s->match->origin.line);
	for (size_t i = 0; i < s->live.config->n_policies; i++) {
		const struct policy *p = s->live.config->policies[i];
		const struct match *m = policy_match(p, s->cgroup);
		char why[64];

		if (!m || p == s->policy)
			continue;
		format_loss(s, p, m, why, sizeof(why));
		printf("%-12s%s: %s (%s:%u)\n", "Outranked:", p->name, why, m->origin.file,
		       m->origin.line);
	}
}

/* The words for one setting; the original is what was there before the daemon changed it. */
struct words {
	char want[SETTING_TEXT_MAX], live[SETTING_TEXT_MAX];
	char effective[SETTING_TEXT_MAX], original[SETTING_TEXT_MAX];
};

static void format_setting(const struct subject *s, enum setting setting, struct words *w)
{
	const struct record *record = state_find(&s->live.state, s->cgroup, setting);
	uint64_t value;

	*w = (struct words){ "-", "-", "-", "-" };
	if (policy_wants(s->policy, setting, &value))
		setting_format(setting, setting_round(setting, value), w->want);
	if (cgroupfs_read(s->live.root_fd, s->cgroup, setting, &value) >= 0)
		setting_format(setting, value, w->live);
	if (cgroupfs_read_effective(s->live.root_fd, s->cgroup, setting, &value, NULL) >= 0)
		setting_format(setting, value, w->effective);
	if (record)
		setting_format(setting, record->original, w->original);
}

static int print_settings(const struct subject *s, size_t width)
{
	struct table t = { .columns = 6 };

	table_row(&t, "SETTING", "WANTED", "LIVE", "EFFECTIVE", "ORIGINAL", "IN FORCE FROM");
	for (int i = 0; i < N_CGROUP_SETTINGS; i++) {
		enum setting setting = SETTING_CGROUP_FIRST + i;
		_cleanup_free_ char *owner = NULL, *shown = NULL;
		struct words w;
		uint64_t value;

		format_setting(s, setting, &w);
		/* Whether it may be swapped at all is of interest if somebody says that it may not.
		 */
		if (setting == SETTING_CGROUP_SWAP_MAX && strcmp(w.want, "-") == 0 &&
		    (strcmp(w.effective, "-") == 0 || strcmp(w.effective, "max") == 0))
			continue;
		cgroupfs_read_effective(s->live.root_fd, s->cgroup, setting, &value, &owner);
		shown = text_escaped(owner ?: "-");
		if (!shown) {
			table_clear(&t);
			return -ENOMEM;
		}
		table_row(&t, setting_name(setting), w.want, w.live, w.effective, w.original,
			  owner && strcmp(owner, s->cgroup) == 0 ? "itself" : shown);
	}
	return ctl_print_table(&t, width);
}

static const char *describe_effect(enum effect e)
{
	static const char *const texts[] = {
		[EFFECT_PMD] = "THPs go whole to the swap device",
		[EFFECT_ZSWAP] = "THPs are split, and their pages compressed in memory",
		[EFFECT_BOTH] = "THPs keep one entry, and their pages are compressed in memory",
		[EFFECT_SPLIT] = "THPs are split, and their pages go to the swap device",
		[EFFECT_NONE] = "Nothing of it can be swapped",
	};

	return texts[e];
}

static enum exit_code print_text(const struct subject *s, size_t width)
{
	const struct plan *plan = &s->decision.plan;

	printf("%-12s%s%s\n", "Cgroup:", s->shown, s->exists ? "" : " (does not exist)");
	printf("%-12s%s\n", "Unit:", s->shown_unit ?: "none of the system manager");
	print_policies(s);
	if (s->said)
		printf("%-12s%s\n", "State:", s->said->state);
	/* What keeps the policy from coming true is said below. */
	if (s->said && !s->decision.reason && !s->hindrance && *s->said->reason)
		ctl_print_wrapped(s->said->reason, width);
	if (s->exists && print_settings(s, width) < 0)
		return ctl_fail(-ENOMEM, "cannot print");
	/* What follows says what the kernel cannot be asked for. */
	if (s->exists && s->view.effect_known && !(s->hindrance && s->view.effect == EFFECT_PMD))
		printf("\n%s.\n", describe_effect(s->view.effect));
	if (s->decision.reason) {
		_cleanup_free_ char *text =
			text_format("[policy %s] %s: %s", s->policy->name,
				    outcome_phrase(s->decision.outcome), s->decision.reason);

		if (!text)
			return ctl_fail(-ENOMEM, "cannot print");
		ctl_print_wrapped(text, width);
	}
	if (s->hindrance)
		ctl_print_wrapped(s->hindrance, width);
	if (s->clusters)
		ctl_print_wrapped(s->clusters, width);
	if (s->exists && s->view.effect == EFFECT_PMD && s->view.processes_hidden)
		ctl_print_wrapped("Whether its processes have THPs, or not by "
				  "prctl(PR_SET_THP_DISABLE), is not for you to see here; try it "
				  "as root",
				  width);
	if (plan_count_writes(plan) > 0)
		printf("A reload would change:\n");
	for (size_t i = 0; i < plan->n; i++) {
		_cleanup_free_ char *text = plan_item_format(&plan->items[i]);

		if (text && plan_item_writes(&plan->items[i]))
			ctl_print_wrapped(text, width);
	}
	return EXIT_OK;
}

static json_t *settings_to_json(const struct subject *s)
{
	json_t *object = json_object();

	for (int i = 0; object && i < N_CGROUP_SETTINGS; i++) {
		enum setting setting = SETTING_CGROUP_FIRST + i;
		struct words w;

		format_setting(s, setting, &w);
		if (json_object_set_new(object, setting_name(setting),
					json_pack("{s:s?, s:s?, s:s?, s:s?}", "wanted",
						  view_known(w.want), "live", view_known(w.live),
						  "effective", view_known(w.effective), "original",
						  view_known(w.original))) < 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *match_to_json(const struct policy *p, const struct match *m, const char *why)
{
	return json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:i, s:s?}", "policy", p->name, "mode",
			 mode_name(p->mode), "priority", p->priority, "key", match_key(m), "glob",
			 m->glob, "file", m->origin.file, "line", (int)m->origin.line, "outranked",
			 why);
}

static json_t *matches_to_json(const struct subject *s)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < s->live.config->n_policies; i++) {
		const struct policy *p = s->live.config->policies[i];
		const struct match *m = p == s->policy ? s->match : policy_match(p, s->cgroup);
		char why[64];

		if (!m)
			continue;
		format_loss(s, p, m, why, sizeof(why));
		if (json_array_append_new(array, match_to_json(p, m, p == s->policy ? NULL : why)) <
		    0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static const char *reason_of(const struct subject *s)
{
	const char *said = s->said && *s->said->reason ? s->said->reason : NULL;

	return s->decision.reason ?: s->hindrance ?: said;
}

static enum exit_code print_json(const struct subject *s)
{
	return ctl_json_print(
		json_pack("{s:s, s:s?, s:b, s:s?, s:o, s:o, s:s?, s:s?, s:s?, s:i}", "cgroup",
			  s->shown, "unit", s->shown_unit, "exists", s->exists, "policy",
			  s->policy ? s->policy->name : NULL, "matches", matches_to_json(s),
			  "settings", settings_to_json(s), "effect",
			  s->view.effect_known ? effect_name(s->view.effect) : NULL, "state",
			  s->said ? s->said->state : NULL, "reason", reason_of(s), "changes",
			  (int)plan_count_writes(&s->decision.plan)));
}

enum exit_code ctl_explain(const struct ctl *x, const char *argument)
{
	_cleanup_(subject_clear) struct subject s = {};
	enum exit_code code = look(x, argument, &s);

	if (code != EXIT_OK)
		return code;
	return x->json ? print_json(&s) : print_text(&s, x->width);
}
