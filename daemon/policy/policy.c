// SPDX-License-Identifier: GPL-2.0
#include "policy/policy.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "policy/unit.h"

#define GLOB_FLAGS (FNM_PATHNAME | FNM_NOESCAPE)

static bool match_applies(const struct match *m, const char *cgroup, const char *unit)
{
	const char *name = m->type == MATCH_UNIT ? unit : cgroup;

	if (!name)
		return false;
	if (m->exact || strcmp(cgroup, "/") == 0)
		return strcmp(m->glob, name) == 0;
	return fnmatch(m->glob, name, GLOB_FLAGS) == 0;
}

/* The first exact match, else the first glob that matches. */
static const struct match *match_names(const struct policy *p, const char *cgroup, const char *unit)
{
	const struct match *found = NULL;

	for (size_t i = 0; i < p->n_matches; i++) {
		const struct match *m = &p->matches[i];

		if ((!found || m->exact) && match_applies(m, cgroup, unit)) {
			found = m;
			if (m->exact)
				break;
		}
	}
	return found;
}

const struct match *policy_match(const struct policy *p, const char *cgroup)
{
	return match_names(p, cgroup, unit_of_cgroup(cgroup));
}

const struct policy *policy_resolve(const struct config *c, const char *cgroup,
				    const struct match **ret_match)
{
	const char *unit = unit_of_cgroup(cgroup);
	const struct policy *winner = NULL;
	const struct match *winning = NULL;

	for (size_t i = 0; i < c->n_policies; i++) {
		const struct policy *p = c->policies[i];
		const struct match *m;

		if (winner && p->priority < winner->priority)
			continue;
		m = match_names(p, cgroup, unit);
		if (m &&
		    (!winner || p->priority > winner->priority || (m->exact && !winning->exact))) {
			winner = p;
			winning = m;
		}
	}
	if (ret_match)
		*ret_match = winning;
	return winner;
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
	/* Units of PID 1 live in slices. */
	bool slice = strcmp(cgroup, "/") == 0 || unit_is_slice(cgroup);

	for (size_t i = 0; i < c->n_policies; i++) {
		const struct policy *p = c->policies[i];

		for (size_t k = 0; k < p->n_matches; k++) {
			const struct match *m = &p->matches[k];

			if (m->type == MATCH_UNIT ? slice : glob_reaches_below(m->glob, cgroup))
				return true;
		}
	}
	return false;
}

/* Whether the policy of a cgroup keeps one below it from coming true. */
static bool contradicts(const struct policy *above, const struct policy *p)
{
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
	char *s;
	int r;

	if (blocker->mode == MODE_PMD)
		r = asprintf(
			&s,
			"lies below %s, which [policy %s] (%s:%u) keeps out of zswap; change the "
			"mode of one of them",
			cgroup, blocker->name, blocker->origin.file, blocker->origin.line);
	else
		r = asprintf(
			&s,
			"lies below %s, where [policy %s] (%s:%u) has zswap-writeback = no, so "
			"it could not swap at all; change one of them",
			cgroup, blocker->name, blocker->origin.file, blocker->origin.line);
	return r < 0 ? NULL : s;
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

enum effect policy_effect(uint64_t swap_pmd, bool zswap, uint64_t zswap_max, bool writeback)
{
	bool compressed = zswap && zswap_max > 0;

	if (!compressed && !writeback)
		return EFFECT_NONE;
	if (swap_pmd == SWAP_PMD_ALWAYS)
		return compressed ? EFFECT_BOTH : EFFECT_PMD;
	if (compressed)
		return EFFECT_ZSWAP;
	return swap_pmd == SWAP_PMD_NEVER ? EFFECT_SPLIT : EFFECT_PMD;
}

const char *effect_name(enum effect e)
{
	static const char *const names[] = {
		[EFFECT_PMD] = "pmd",     [EFFECT_ZSWAP] = "zswap", [EFFECT_BOTH] = "both",
		[EFFECT_SPLIT] = "split", [EFFECT_NONE] = "none",
	};

	return names[e];
}

bool policy_wants(const struct policy *p, enum setting s, uint64_t *ret)
{
	if (!p || p->mode == MODE_KEEP)
		return false;
	/*
	 * With mode = pmd writeback must be on: the kernel would otherwise neither compress the
	 * pages nor write them to the device.
	 */
	if (s == SETTING_CGROUP_ZSWAP_MAX)
		*ret = p->mode == MODE_PMD ? 0 : p->zswap_max;
	else if (s == SETTING_CGROUP_ZSWAP_WRITEBACK)
		*ret = p->mode == MODE_PMD ? 1 : p->zswap_writeback;
	else
		return false;
	return true;
}
