// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include "ctl/json.h"
#include "ctl/live.h"
#include "policy/policy.h"
#include "policy/text.h"
#include "policy/unit.h"
#include "system/assess.h"
#include "system/cgroupfs.h"

/* plan and verify: how the live system stands to the configuration. */

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
	size_t n_problems;
	struct report hints;
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
	plan_clear(&x->plan);
	live_close(&x->live);
}

static int add_problem(struct comparison *x, const char *what, const char *policy,
		       enum outcome outcome, const char *reason)
{
	struct problem *grown = reallocarray(x->problems, x->n_problems + 1, sizeof(*grown)), *new;

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

/* Take an assessment in, and clear it. */
static int add_assessment(struct comparison *x, struct assessment *a, const char *what,
			  const char *policy)
{
	int r = plan_move(&x->plan, &a->plan);

	if (r >= 0 && a->reason)
		r = add_problem(x, what, policy, a->outcome, a->reason);
	assessment_clear(a);
	return r;
}

static int visit(const char *path, void *userdata)
{
	struct comparison *x = userdata;
	const struct survey survey = live_survey(&x->live, NULL);
	const struct policy *policy = policy_resolve(x->live.config, path, NULL);
	struct assessment a;
	int r;

	if (policy) {
		x->n_cgroups++;
		r = assess_cgroup(&survey, x->live.config, path, policy, &a);
		/* A reload may change what is above it. */
		if (r >= 0 && x->verify && policy->mode == MODE_ZSWAP && a.outcome == OUTCOME_OK &&
		    assess_kept_out_of_zswap(x->live.root_fd, path, &a.reason) > 0)
			a.outcome = OUTCOME_BLOCKED;
		if (r >= 0)
			r = add_assessment(x, &a, path, policy->name);
		if (r < 0)
			return r;
	}
	return policy_may_match_below(x->live.config, path);
}

/* A record of a cgroup that has a policy is in use. */
static bool skip_record(void *userdata, const struct record *record)
{
	struct comparison *x = userdata;
	uint64_t want, id;

	return policy_wants(policy_resolve(x->live.config, record->cgroup, NULL), record->setting,
			    &want) &&
	       (record->as_property || cgroupfs_id(x->live.root_fd, record->cgroup, &id) >= 0);
}

/* What is left as somebody else made it is no difference to the configuration. */
static void ignore_left(void *userdata, const char *cgroup, enum setting s)
{
}

/* Units that are stopped. What is said of a line of a file is a problem of that line. */
static int compare_stopped_units(struct comparison *x, const struct survey *survey)
{
	struct report report = {};
	int r = assess_stopped_units(survey, x->live.config, &report), added = 0;

	for (size_t i = 0; added >= 0 && i < report.n; i++) {
		const struct message *m = &report.messages[i];
		_cleanup_free_ char *where = NULL;

		if (asprintf(&where, "%s:%u", m->file, m->line) < 0) {
			where = NULL;
			added = -ENOMEM;
		} else {
			added = add_problem(x, where, NULL, OUTCOME_MISSING, m->text);
		}
	}
	report_clear(&report);
	if (added < 0)
		return added;
	/* Without an answer of PID 1 they are left out, as the daemon does. */
	return r == -ETIMEDOUT || r == -ENOTCONN ? 0 : r;
}

static int compare(struct comparison *x)
{
	static const struct survey_records_ops ops = { skip_record, ignore_left };
	const struct survey survey = live_survey(&x->live, &x->plan);
	struct assessment a;
	int r = 0;

	for (int s = 0; r >= 0 && s < N_KERNEL_SETTINGS; s++) {
		x->n_kernel += x->live.config->kernel[s].managed;
		r = assess_kernel(&survey, x->live.config, s, &a);
		if (r >= 0)
			r = add_assessment(x, &a, setting_name(s), NULL);
	}
	if (r >= 0 && cgroupfs_check(x->live.root_fd) >= 0)
		r = cgroupfs_walk(x->live.root_fd, "/", visit, x);
	if (r >= 0)
		r = survey_records(&survey, &ops, x);
	return r < 0 ? r : compare_stopped_units(x, &survey);
}

/* The configuration contradicts itself on the live system: a reload would refuse it. */
static enum exit_code check_conflicts(struct comparison *x)
{
	struct report report = {};
	enum exit_code code = EXIT_OK;
	int r = 0;

	if (cgroupfs_check(x->live.root_fd) >= 0)
		r = assess_conflicts(x->live.root_fd, x->live.config, &report);
	if (r < 0) {
		code = ctl_fail(r, "cannot look at the cgroups");
	} else if (report_failed(&report)) {
		ctl_print_report(&report);
		fprintf(stderr, "%zu error%s; a reload would be refused\n", report.errors,
			PLURAL_S(report.errors));
		code = EXIT_FAILED;
	}
	report_clear(&report);
	return code;
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
		code = check_conflicts(x);
	if (code == EXIT_OK)
		code = live_read_state(&x->live);
	if (code != EXIT_OK)
		return code;
	assess_hints(x->live.root_fd, x->live.config, &x->hints);
	r = compare(x);
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
		_cleanup_free_ char *text = NULL;

		if (asprintf(&text, "%s: %s%s%s%s: %s", p->what, p->policy ? "[policy " : "",
			     p->policy ?: "", p->policy ? "] " : "", outcome_phrase(p->outcome),
			     p->reason) < 0)
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

static json_t *hints_to_json(const struct report *hints)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < hints->n; i++) {
		if (json_array_append_new(array, json_string(hints->messages[i].text)) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *items_to_json(const struct plan *plan)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < plan->n; i++) {
		const struct plan_item *item = &plan->items[i];
		char from[SETTING_TEXT_MAX], to[SETTING_TEXT_MAX];
		_cleanup_free_ char *cgroup = item->cgroup ? text_escaped(item->cgroup) : NULL;
		const char *unit = cgroup ? unit_of_cgroup(cgroup) : NULL;

		if ((item->cgroup && !cgroup) ||
		    json_array_append_new(
			    array,
			    json_pack("{s:s?, s:s?, s:s, s:s, s:s, s:s?, s:b, s:b}", "cgroup",
				      cgroup, "unit", unit, "setting", setting_name(item->setting),
				      "from", setting_format(item->setting, item->from, from), "to",
				      setting_format(item->setting, item->to, to), "policy",
				      item->cgroup ? item->policy : NULL, "restore",
				      item->action == ACTION_RESTORE, "through_systemd",
				      item->as_property)) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *problems_to_json(const struct comparison *x)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < x->n_problems; i++) {
		const struct problem *p = &x->problems[i];

		if (json_array_append_new(array, json_pack("{s:s, s:s?, s:s, s:s}", "of", p->what,
							   "policy", p->policy, "state",
							   outcome_name(p->outcome), "reason",
							   p->reason)) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static enum exit_code print_json(const struct comparison *x)
{
	return ctl_json_print(json_pack("{s:o, s:o, s:o}", "changes", items_to_json(&x->plan),
					"problems", problems_to_json(x), "warnings",
					hints_to_json(&x->hints)));
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
