// SPDX-License-Identifier: GPL-2.0
#include "policy/policy.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "policy/text.h"
#include "policy/unit.h"

#define GLOB_FLAGS (FNM_PATHNAME | FNM_NOESCAPE)

static bool glob_applies(const struct match *m, const char *cgroup, const char *unit)
{
	const char *name = m->type == MATCH_UNIT ? unit : cgroup;

	return name && strcmp(cgroup, "/") != 0 && fnmatch(m->glob, name, GLOB_FLAGS) == 0;
}

/* Whether a match comes before another one in deciding about a cgroup. */
static bool outranks(const struct match *a, const struct match *b)
{
	const struct policy *p = a->policy, *q = b->policy;

	if (p->priority != q->priority)
		return p->priority > q->priority;
	if (a->exact != b->exact)
		return a->exact;
	return p != q ? p->index < q->index : a < b;
}

/* Take the exact matches of a name into account. */
static const struct match *best_exact(const struct config *c, const struct match *best,
				      enum match_type type, const char *name)
{
	const struct sorted *exact = &c->exact[type];

	for (size_t i = name ? sorted_position(exact, name, sorted_by_name) : exact->n;
	     i < exact->n && sorted_by_name(name, exact->v[i]) == 0; i++)
		if (!best || outranks(exact->v[i], best))
			best = exact->v[i];
	return best;
}

const struct policy *policy_resolve(const struct config *c, const char *cgroup,
				    const struct match **ret_match)
{
	const char *unit = unit_of_cgroup(cgroup);
	const struct match *best = NULL;

	best = best_exact(c, best, MATCH_UNIT, unit);
	best = best_exact(c, best, MATCH_CGROUP, cgroup);
	for (size_t i = 0; i < c->globs.n; i++) {
		const struct match *m = c->globs.v[i];

		if ((!best || outranks(m, best)) && glob_applies(m, cgroup, unit))
			best = m;
	}
	if (ret_match)
		*ret_match = best;
	return best ? best->policy : NULL;
}

const struct match *policy_match(const struct policy *p, const char *cgroup)
{
	const char *unit = unit_of_cgroup(cgroup);
	const struct match *found = NULL;

	for (size_t i = 0; i < p->n_matches; i++) {
		const struct match *m = &p->matches[i];
		const char *name = m->type == MATCH_UNIT ? unit : cgroup;

		if (m->exact ? name && strcmp(m->glob, name) == 0 : glob_applies(m, cgroup, unit))
			if (!found || outranks(m, found))
				found = m;
	}
	return found;
}

/*
 * Whether the first components of a glob, as many as the path has, match it, and the glob has more
 * of them.
 */
static bool glob_reaches_below(const char *glob, const char *cgroup)
{
	const char *end = glob;
	char prefix[256];

	if (strcmp(cgroup, "/") == 0)
		return glob[1] != '\0';
	for (const char *p = cgroup; (p = strchr(p, '/')); p++) {
		if (*end != '/')
			return false;
		end += 1 + strcspn(end + 1, "/");
	}
	if (*end != '/' || (size_t)(end - glob) >= sizeof(prefix))
		return false;
	memcpy(prefix, glob, end - glob);
	prefix[end - glob] = '\0';
	return fnmatch(prefix, cgroup, GLOB_FLAGS) == 0;
}

bool policy_may_match_below(const struct config *c, const char *cgroup)
{
	const struct sorted *exact = &c->exact[MATCH_CGROUP];
	size_t len = strcmp(cgroup, "/") == 0 ? 0 : strlen(cgroup), i;
	char below[PATH_MAX + 2];

	/* Units of PID 1 live in slices. */
	if (c->names_units && (len == 0 || unit_is_slice(cgroup)))
		return true;
	if (len < PATH_MAX) {
		snprintf(below, sizeof(below), "%.*s/", (int)len, cgroup);
		i = sorted_position(exact, below, sorted_by_name);
		/* "/" itself is not below "/". */
		for (; i < exact->n; i++) {
			const struct match *m = exact->v[i];

			if (strncmp(m->glob, below, len + 1) != 0)
				break;
			if (m->glob[len + 1])
				return true;
		}
	}
	for (i = 0; i < c->globs.n; i++) {
		const struct match *m = c->globs.v[i];

		if (m->type == MATCH_CGROUP && glob_reaches_below(m->glob, cgroup))
			return true;
	}
	return false;
}

/* Whether the policy of a cgroup keeps one below it from coming true. */
static bool contradicts(const struct policy *above, const struct policy *p)
{
	if (p->mode != MODE_ZSWAP && p->mode != MODE_PMD)
		return false;
	if (above->mode == MODE_NONE)
		return true;
	if (p->mode == MODE_ZSWAP)
		return above->mode == MODE_PMD;
	return p->mode == MODE_PMD && above->mode == MODE_ZSWAP && !above->zswap_writeback;
}

int policy_find_blocker(const struct config *c, const char *cgroup, const struct policy *p,
			const struct policy **ret, char **ret_cgroup)
{
	_cleanup_free_ char *path = NULL;
	bool any = false;

	*ret = NULL;
	*ret_cgroup = NULL;
	/* Mostly there is none at all, and looking at thousands of cgroups takes its time. */
	for (size_t i = 0; i < c->n_policies && !any; i++)
		any = contradicts(c->policies[i], p);
	if (!any)
		return 0;
	path = strdup(cgroup);
	if (!path)
		return -ENOMEM;
	while (strcmp(path, "/") != 0) {
		const struct policy *above;
		char *slash = strrchr(path, '/');

		/* Above "/a" there is "/". */
		slash[slash == path] = '\0';
		above = policy_resolve(c, path, NULL);
		if (above && contradicts(above, p)) {
			*ret = above;
			*ret_cgroup = TAKE_PTR(path);
			return 0;
		}
	}
	return 0;
}

char *policy_blocks_how(const struct policy *blocker, const char *cgroup)
{
	bool none = blocker->mode == MODE_NONE, pmd = blocker->mode == MODE_PMD;

	return text_format("lies below %s, %s [policy %s] (%s:%u) %s; change %s", cgroup,
			   none  ? "for which"
			   : pmd ? "which"
				 : "where",
			   blocker->name, blocker->origin.file, blocker->origin.line,
			   none  ? "has mode = none, so it could not swap at all"
			   : pmd ? "keeps out of zswap"
				 : "has zswap-writeback = no, so it could not swap at all",
			   none || pmd ? "the mode of one of them" : "one of them");
}

static void check_match(const struct config *c, const struct policy *p, const struct match *m,
			struct report *report)
{
	_cleanup_free_ char *cgroup = NULL, *above = NULL, *how = NULL;
	const struct policy *blocker = NULL;
	int r;

	if (m->type == MATCH_UNIT)
		r = unit_slice_to_cgroup(m->glob, &cgroup);
	else
		r = (cgroup = strdup(m->glob)) ? 0 : -ENOMEM;
	if (r >= 0 && !cgroup)
		return; /* only the live system knows where it is */
	/* Another policy may win here. */
	if (r >= 0 && policy_resolve(c, cgroup, NULL) != p)
		return;
	if (r >= 0)
		r = policy_find_blocker(c, cgroup, p, &blocker, &above);
	if (r >= 0 && blocker && !(how = policy_blocks_how(blocker, above)))
		r = -ENOMEM;
	if (r < 0)
		report->out_of_memory = true;
	else if (blocker)
		report_add(report, REPORT_ERROR, m->origin.file, m->origin.line,
			   "[policy %s] with mode = %s for %s %s", p->name, mode_name(p->mode),
			   m->glob, how);
}

void policy_check(const struct config *c, struct report *report)
{
	for (size_t i = 0; i < c->n_policies; i++) {
		const struct policy *p = c->policies[i];

		for (size_t k = 0; p->mode != MODE_KEEP && k < p->n_matches; k++)
			if (p->matches[k].exact)
				check_match(c, p, &p->matches[k], report);
	}
}

bool policy_wants(const struct policy *p, enum setting s, uint64_t *ret)
{
	enum mode mode = p ? p->mode : MODE_KEEP;

	*ret = 0;
	if (mode == MODE_NONE)
		return s == SETTING_CGROUP_SWAP_MAX;
	if (mode == MODE_KEEP)
		return false;
	/*
	 * With mode = pmd writeback must be on: the kernel would otherwise neither compress the
	 * pages nor write them to the device.
	 */
	if (s == SETTING_CGROUP_ZSWAP_MAX)
		*ret = mode == MODE_PMD ? 0 : p->zswap_max;
	else if (s == SETTING_CGROUP_ZSWAP_WRITEBACK)
		*ret = mode == MODE_PMD ? 1 : p->zswap_writeback;
	return s == SETTING_CGROUP_ZSWAP_MAX || s == SETTING_CGROUP_ZSWAP_WRITEBACK;
}
