// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include "ctl/json.h"
#include "ctl/live.h"
#include "policy/policy.h"
#include "policy/text.h"
#include "policy/unit.h"
#include "policy/array.h"
#include "system/cgroupfs.h"

/* plan and verify: how the live system stands to the configuration. */

#define STOPPED_UNITS_USEC (5 * 1000 * 1000ULL)

/* Something that cannot be as the configuration wants it. */
struct problem {
	char *what;   /* a cgroup or a setting of the kernel */
	char *policy; /* NULL: none */
	enum outcome outcome;
	char *reason;
};

struct comparison {
	struct live live;
	struct plan plan;
	struct problem *problems;
	size_t n_problems, allocated;
	int error; /* of what an answer of PID 1 was about */
	struct report hints;
	char *clusters;   /* what room there is for whole THPs; NULL: nothing is known */
	size_t n_cgroups; /* that have a policy */
	size_t n_kernel;  /* settings that are wanted */
	bool verify;
};

static void comparison_clear(struct comparison *x)
{
	for (size_t i = 0; i < x->n_problems; i++) {
		free(x->problems[i].what);
		free(x->problems[i].policy);
		free(x->problems[i].reason);
	}
	free(x->problems);
	report_clear(&x->hints);
	free(x->clusters);
	plan_clear(&x->plan);
	live_close(&x->live);
}

static int add_problem(struct comparison *x, const char *what, const char *policy,
		       enum outcome outcome, const char *reason)
{
	struct problem *grown = array_room(x->problems, x->n_problems, &x->allocated,
					   sizeof(*grown)),
		       *new;

	if (!grown)
		return -ENOMEM;
	x->problems = grown;
	new = &grown[x->n_problems];
	*new = (struct problem){
		.what = text_escaped(what),
		.policy = policy ? strdup(policy) : NULL,
		.outcome = outcome,
		.reason = strdup(reason),
	};
	x->n_problems++;
	return new->what &&new->reason && (!policy || new->policy) ? 0 : -ENOMEM;
}

/* Take a decision in, and clear it. */
static int add_decision(struct comparison *x, struct decision *d, const char *what,
			const char *policy)
{
	int r = plan_move(&x->plan, &d->plan);

	if (r >= 0 && d->reason)
		r = add_problem(x, what, policy, d->outcome, d->reason);
	if (r >= 0 && d->hindrance)
		r = add_problem(x, what, policy, OUTCOME_MISSING, d->hindrance);
	decision_clear(d);
	return r;
}

static int visit(const char *path, void *userdata)
{
	struct comparison *x = userdata;
	const struct policy *policy = policy_resolve(x->live.config, path, NULL);
	struct decision d;
	int r;

	if (policy) {
		x->n_cgroups++;
		r = live_decide(&x->live, path, policy, &d);
		/* A reload may change what is above it. */
		if (r >= 0 && x->verify && d.outcome == OUTCOME_OK && !d.hindrance &&
		    live_hindrance(&x->live, path, policy, &d.reason) > 0)
			d.outcome = OUTCOME_BLOCKED;
		if (r >= 0)
			r = add_decision(x, &d, path, policy->name);
		if (r < 0)
			return r;
	}
	return policy_may_match_below(x->live.config, path);
}

/* Give back what no policy wants any more. */
static int compare_records(struct comparison *x)
{
	const struct state *state = &x->live.state;
	int r = 0;

	for (size_t i = state->records.n; r >= 0 && i-- > 0;) {
		const struct record *record = state->records.v[i];
		const struct policy *policy;
		uint64_t want, id;

		if (!record->cgroup)
			continue;
		/* One of a cgroup that has a policy was decided about with all else of it. */
		policy = policy_resolve(x->live.config, record->cgroup, NULL);
		if ((policy && policy->mode != MODE_KEEP &&
		     cgroupfs_id(x->live.root_fd, record->cgroup, &id) >= 0) ||
		    (record->as_property && policy_wants(policy, record->setting, &want)))
			continue;
		/* What is left as somebody else made it is no difference to the configuration. */
		r = look_and_give_back(x->live.root_fd, x->live.pid1, state, record, &x->plan);
	}
	plan_keep_a_way_out(&x->plan);
	return r;
}

/* What is said of a line of a file is a problem of that line. */
struct stopped {
	struct comparison *x;
	const struct match *match;
};

static int add_stopped_unit(const struct stopped *s, const struct pid1_unit *unit)
{
	const struct match *m = s->match;
	struct live *l = &s->x->live;
	_cleanup_free_ char *where = NULL, *alias = NULL;
	int r = look_and_decide_stopped(l->root_fd, l->config, &l->state, m, unit, &s->x->plan,
					&alias);

	if (r < 0 || !alias)
		return r;
	where = text_format("%s:%u", m->origin.file, m->origin.line);
	return where ? add_problem(s->x, where, NULL, OUTCOME_MISSING, alias) : -ENOMEM;
}

static void on_unit(void *userdata, int error, struct pid1_unit *unit)
{
	struct stopped *s = userdata;

	if (error >= 0)
		error = add_stopped_unit(s, unit);
	if (error == -ENOMEM)
		s->x->error = error;
	free(s);
}

/* Units that policies name exactly and that do not run: PID 1 may be slow to tell of thousands. */
static int compare_stopped_units(struct comparison *x)
{
	struct live *l = &x->live;
	const struct match *m = NULL;
	size_t next = 0;
	int r = 0;

	while (l->pid1 && r >= 0 && (m = look_for_stopped(l->root_fd, l->config, &next))) {
		struct stopped *s = malloc(sizeof(*s));

		if (!s)
			return -ENOMEM;
		*s = (struct stopped){ x, m };
		r = pid1_ask_unit(l->pid1, m->glob, on_unit, s);
		if (r < 0)
			free(s);
	}
	if (r >= 0 && l->pid1)
		r = pid1_wait(l->pid1, STOPPED_UNITS_USEC);
	if (r == -ETIMEDOUT || r == -ENOTCONN) {
		report_add(&x->hints, REPORT_WARNING, NULL, 0,
			   "PID 1 is slow to answer, so units that do not run are left out");
		r = 0;
	}
	return x->error < 0 ? x->error : r;
}

static int compare(struct comparison *x)
{
	struct decision d;
	int r = 0;

	for (int s = 0; r >= 0 && s < N_KERNEL_SETTINGS; s++) {
		x->n_kernel += x->live.config->kernel[s].managed;
		r = decide_kernel(x->live.config, &x->live.state, &x->live.host, s, &d);
		if (r >= 0)
			r = add_decision(x, &d, setting_name(s), NULL);
	}
	if (r >= 0 && x->live.host.has_cgroups)
		r = cgroupfs_walk(x->live.root_fd, "/", visit, x);
	if (r >= 0)
		r = compare_records(x);
	return r < 0 ? r : compare_stopped_units(x);
}

/* A reload would refuse it, and not give back everything, as the daemon does. */
static enum exit_code check_presence(const struct comparison *x)
{
	if (x->live.config->n_files > 0 || x->live.state.records.n == 0)
		return EXIT_OK;
	fprintf(stderr, "/etc/pmdswapd.conf: is gone, and everything would be given back; if that "
			"is meant, make an empty file of that name\n1 error; a reload would be "
			"refused\n");
	return EXIT_FAILED;
}

static int compare_text(const char *a, const char *b)
{
	return strcmp(a ?: "", b ?: "");
}

static int compare_items(const void *a, const void *b)
{
	const struct plan_item *x = a, *y = b;

	return compare_text(x->cgroup, y->cgroup) ?: (int)x->setting - (int)y->setting;
}

static int compare_problems(const void *a, const void *b)
{
	const struct problem *x = a, *y = b;

	return compare_text(x->what, y->what);
}

/* Cgroups come in the order of their directory, which is none. */
static void sort(struct comparison *x)
{
	if (x->plan.n > 0)
		qsort(x->plan.items, x->plan.n, sizeof(*x->plan.items), compare_items);
	if (x->n_problems > 0)
		qsort(x->problems, x->n_problems, sizeof(*x->problems), compare_problems);
}

/* Fill in a comparison. EXIT_OK, or the code to exit with after a message. */
static enum exit_code make_comparison(const struct ctl *ctl, struct comparison *x)
{
	enum exit_code code = live_open(ctl, &x->live);
	int r;

	if (code == EXIT_OK)
		code = live_read_config(&x->live);
	if (code == EXIT_OK)
		code = live_read_state(&x->live);
	if (code == EXIT_OK)
		code = check_presence(x);
	if (code != EXIT_OK)
		return code;
	effect_hints(x->live.config, &x->live.host, &x->hints);
	r = effect_of_clusters(&x->live.host, &x->clusters);
	if (r >= 0)
		r = compare(x);
	plan_keep_writes(&x->plan);
	sort(x);
	return r < 0 ? ctl_fail(r, "cannot compare with the live system") : EXIT_OK;
}

static int print_items(const struct comparison *x, size_t width, bool verify)
{
	struct table t = { .columns = 5, .cut = TABLE_COLUMN(0) | TABLE_COLUMN(4) };

	table_row(&t, "UNIT OR CGROUP", "SETTING", verify ? "LIVE" : "FROM",
		  verify ? "WANTED" : "TO", "POLICY");
	for (size_t i = 0; i < x->plan.n; i++) {
		const struct plan_item *item = &x->plan.items[i];
		char from[SETTING_TEXT_MAX], to[SETTING_TEXT_MAX];
		_cleanup_free_ char *cgroup = item->cgroup ? text_escaped(item->cgroup) : NULL;
		const char *setting = setting_name(item->setting);

		if (item->cgroup && !cgroup) {
			table_clear(&t);
			return -ENOMEM;
		}
		/* All settings of a cgroup are of its memory. */
		setting += cgroup ? strlen("memory.") : 0;
		table_row(&t, cgroup ? unit_of_cgroup(cgroup) ?: cgroup : "[kernel]", setting,
			  setting_format_short(item->setting, item->from, from),
			  setting_format_short(item->setting, item->to, to),
			  item->action == ACTION_RESTORE ? "none: give back"
			  : item->cgroup                 ? item->policy
							 : "-");
	}
	if (x->plan.n > 0)
		return table_print(&t, width);
	table_clear(&t);
	return 0;
}

static int print_problems(const struct comparison *x, size_t width)
{
	for (size_t i = 0; i < x->n_problems; i++) {
		const struct problem *p = &x->problems[i];
		_cleanup_free_ char *text = text_format(
			"%s: %s%s%s%s: %s", p->what, p->policy ? "[policy " : "", p->policy ?: "",
			p->policy ? "] " : "", outcome_phrase(p->outcome), p->reason);

		if (!text)
			return -ENOMEM;
		ctl_print_wrapped(text, width);
	}
	return 0;
}

static int print_hints(const struct report *hints, size_t width)
{
	for (size_t i = 0; i < hints->n; i++) {
		_cleanup_free_ char *text = message_format(&hints->messages[i]);

		if (!text)
			return -ENOMEM;
		ctl_print_wrapped(text, width);
	}
	return 0;
}

static json_t *hint_to_json(const void *list, size_t i)
{
	return json_string(((const struct report *)list)->messages[i].text);
}

static json_t *item_to_json(const void *list, size_t i)
{
	const struct plan_item *item = &((const struct plan *)list)->items[i];
	char from[SETTING_TEXT_MAX], to[SETTING_TEXT_MAX];
	_cleanup_free_ char *cgroup = item->cgroup ? text_escaped(item->cgroup) : NULL;
	const char *unit = cgroup ? unit_of_cgroup(cgroup) : NULL;

	if (item->cgroup && !cgroup)
		return NULL;
	return json_pack("{s:s?, s:s?, s:s, s:s, s:s, s:s?, s:b, s:b}", "cgroup", cgroup, "unit",
			 unit, "setting", setting_name(item->setting), "from",
			 setting_format(item->setting, item->from, from), "to",
			 setting_format(item->setting, item->to, to), "policy",
			 item->cgroup ? item->policy : NULL, "restore",
			 item->action == ACTION_RESTORE, "through_systemd", item->as_property);
}

static json_t *problem_to_json(const void *list, size_t i)
{
	const struct problem *p = &((const struct problem *)list)[i];

	return json_pack("{s:s, s:s?, s:s, s:s}", "of", p->what, "policy", p->policy, "state",
			 outcome_name(p->outcome), "reason", p->reason);
}

static enum exit_code print_json(const struct comparison *x)
{
	return ctl_json_print(json_pack(
		"{s:o, s:o, s:o}", "changes", ctl_json_array(x->plan.n, item_to_json, &x->plan),
		"problems", ctl_json_array(x->n_problems, problem_to_json, x->problems), "warnings",
		ctl_json_array(x->hints.n, hint_to_json, &x->hints)));
}

static enum exit_code plan_or_verify(const struct ctl *ctl, bool verify)
{
	_cleanup_(comparison_clear) struct comparison x = { .verify = verify };
	enum exit_code code = make_comparison(ctl, &x);
	bool same;
	int r;

	if (code != EXIT_OK)
		return code;
	same = x.plan.n == 0 && x.n_problems == 0;
	if (ctl->json) {
		code = print_json(&x);
		return code != EXIT_OK ? code : verify && !same ? EXIT_FAILED : EXIT_OK;
	}
	r = print_items(&x, ctl->width, verify);
	if (r >= 0)
		r = print_problems(&x, ctl->width);
	if (r >= 0)
		r = print_hints(&x.hints, ctl->width);
	if (x.clusters)
		ctl_print_wrapped(x.clusters, ctl->width);
	if (r < 0)
		return ctl_fail(r, "cannot print");
	if (!verify) {
		printf("A reload would make %zu change%s\n", x.plan.n, PLURAL_S(x.plan.n));
		return EXIT_OK;
	}
	if (same)
		printf("OK: %zu setting%s of the kernel and %zu cgroup%s as configured\n",
		       x.n_kernel, PLURAL_S(x.n_kernel), x.n_cgroups, PLURAL_S(x.n_cgroups));
	else
		printf("%zu difference%s, %zu problem%s\n", x.plan.n, PLURAL_S(x.plan.n),
		       x.n_problems, PLURAL_S(x.n_problems));
	return same ? EXIT_OK : EXIT_FAILED;
}

enum exit_code ctl_plan(const struct ctl *ctl, const char *argument)
{
	return plan_or_verify(ctl, false);
}

enum exit_code ctl_verify(const struct ctl *ctl, const char *argument)
{
	return plan_or_verify(ctl, true);
}
