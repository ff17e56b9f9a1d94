// SPDX-License-Identifier: GPL-2.0
#include "system/look.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/cgroup.h"
#include "policy/decide.h"
#include "policy/policy.h"
#include "policy/text.h"
#include "policy/unit.h"
#include "system/cgroupfs.h"
#include "system/fs.h"
#include "system/swap-file.h"

#define THP_DIRECTORY "sys/kernel/mm/transparent_hugepage"

/* Processes of a cgroup that are asked for prctl(PR_SET_THP_DISABLE), which children inherit. */
#define PROCESSES_MAX 2

static void look_at_kernel(int root_fd, enum setting s, struct kernel_facts *k)
{
	char text[128];

	k->error = fs_read_value(root_fd, setting_path(s), text, sizeof(text));
	if (k->error < 0)
		return;
	k->words = setting_offers(s, text);
	k->error = setting_parse(s, text, &k->live);
}

/* The word in brackets is this one. */
static bool chooses(int root_fd, const char *path, const char *word)
{
	char text[128], wanted[32];

	snprintf(wanted, sizeof(wanted), "[%s]", word);
	return fs_read_value(root_fd, path, text, sizeof(text)) >= 0 && strstr(text, wanted);
}

static void look_at_thp(int root_fd, struct host_facts *h)
{
	char text[32], path[128];

	h->pmd_size = 2 << 20;
	if (fs_read_value(root_fd, THP_DIRECTORY "/hpage_pmd_size", text, sizeof(text)) >= 0)
		text_parse_number(text, &h->pmd_size);
	snprintf(path, sizeof(path), THP_DIRECTORY "/hugepages-%jukB/enabled",
		 (uintmax_t)(h->pmd_size >> 10));
	h->thp_pmd_never = chooses(root_fd, path, "never");
	h->thp_never = chooses(root_fd, THP_DIRECTORY "/enabled", "never") &&
		       (!fs_exists(root_fd, path) || chooses(root_fd, path, "inherit"));
}

/* A line of /proc/swaps: "FILENAME TYPE SIZE USED PRIORITY", blanks in names escaped. */
struct area {
	const char *name, *type;
	uint64_t free; /* bytes */
};

static bool parse_area(char *line, struct area *a)
{
	char *rest = NULL, *size, *used;
	uint64_t has, uses;

	a->name = strtok_r(line, " \t", &rest);
	a->type = a->name ? strtok_r(NULL, " \t", &rest) : NULL;
	size = a->type ? strtok_r(NULL, " \t", &rest) : NULL;
	used = size ? strtok_r(NULL, " \t", &rest) : NULL;
	a->free = UINT64_MAX;
	if (used && text_parse_number(size, &has) && text_parse_number(used, &uses))
		a->free = has > uses ? (has - uses) << 10 : 0;
	return a->type;
}

/* Each area, below a line of headings. */
static int visit_areas(int root_fd,
		       int (*visit)(int root_fd, struct host_facts *h, const struct area *a),
		       struct host_facts *h)
{
	char text[16384], *save = NULL;
	int r = fs_read_lines(root_fd, "proc/swaps", text, sizeof(text));

	if (r < 0)
		return 0;
	h->no_swap = true;
	strtok_r(text, "\n", &save);
	for (char *line; r >= 0 && (line = strtok_r(NULL, "\n", &save));) {
		struct area area;

		if (!parse_area(line, &area))
			continue;
		h->no_swap = false;
		r = visit(root_fd, h, &area);
	}
	return r;
}

static int visit_area(int root_fd, struct host_facts *h, const struct area *a)
{
	h->other_swap |= strcmp(a->type, "file") != 0;
	h->swap_full &= a->free < h->pmd_size;
	if (!h->swap_file && !(h->swap_file = strdup(a->name)))
		return -ENOMEM;
	if (!h->zram && strncmp(a->name, "/dev/zram", 9) == 0 && !(h->zram = text_escaped(a->name)))
		return -ENOMEM;
	return 0;
}

static int look_at_swap(int root_fd, struct host_facts *h)
{
	int r;

	h->swap_full = true;
	r = visit_areas(root_fd, visit_area, h);
	/* Without any, or any to see, that is not what is wrong. */
	h->swap_full &= h->swap_file != NULL;
	if (h->other_swap)
		free(TAKE_PTR(h->swap_file));
	/*
	 * A kernel that knows the word auto comes with slots for THPs in files, as far as a cluster
	 * of them lies in one extent.
	 */
	h->no_file_slots = !(h->kernel[SETTING_SWAP_PMD].words & 1U << SWAP_PMD_AUTO);
	return r;
}

static int visit_file(int root_fd, struct host_facts *h, const struct area *a)
{
	/* Of several files it is all or nothing. */
	if (swap_file_clusters(root_fd, a->name, h->pmd_size, &h->clusters))
		return 0;
	h->clusters = (struct clusters){};
	return -ENODATA;
}

void look_at_clusters(int root_fd, struct host_facts *h)
{
	if (h->swap_file && !h->no_file_slots)
		visit_areas(root_fd, visit_file, h);
}

int look_host(int root_fd, const struct pid1 *pid1, struct host_facts *ret)
{
	*ret = (struct host_facts){
		.has_cgroups = cgroupfs_check(root_fd) >= 0,
		.default_no_writeback = pid1_default_no_writeback(pid1),
	};
	for (int s = 0; s < N_KERNEL_SETTINGS; s++)
		look_at_kernel(root_fd, s, &ret->kernel[s]);
	look_at_thp(root_fd, ret);
	return look_at_swap(root_fd, ret);
}

void host_facts_clear(struct host_facts *h)
{
	free(h->swap_file);
	free(h->zram);
	*h = (struct host_facts){};
}

void above_facts_clear(struct above_facts *a)
{
	free(a->parent);
	free(a->no_writeback);
	free(a->swap_max_of);
	free(a->no_zswap);
	*a = (struct above_facts){};
}

/*
 * The nearest cgroup, from this one up, that has the least value of a setting, if that is below a
 * limit. 0 or -ENOMEM.
 */
static int find_least(int root_fd, const char *cgroup, enum setting s, uint64_t limit,
		      uint64_t *value, char **ret)
{
	int r = cgroupfs_read_effective(root_fd, cgroup, s, value, ret);

	if (r >= 0 && *value >= limit)
		free(TAKE_PTR(*ret));
	return r == -ENOMEM ? r : 0;
}

int look_above(int root_fd, const char *cgroup, struct above_facts *a)
{
	_cleanup_free_ char *path = strdup(cgroup);
	const char *above;
	uint64_t value;
	int r;

	if (!path)
		return -ENOMEM;
	*strrchr(path, '/') = '\0';
	if (a->parent && strcmp(a->parent, path) == 0)
		return 0;
	above_facts_clear(a);
	/* Above the root cgroup there is none. */
	if (strcmp(cgroup, "/") == 0)
		return 0;
	above = *path ? path : "/";
	r = find_least(root_fd, above, SETTING_CGROUP_ZSWAP_WRITEBACK, 1, &value, &a->no_writeback);
	if (r >= 0)
		r = find_least(root_fd, above, SETTING_CGROUP_SWAP_MAX, LIMIT_MAX, &a->swap_max,
			       &a->swap_max_of);
	if (r >= 0)
		r = find_least(root_fd, above, SETTING_CGROUP_ZSWAP_MAX, 1, &value, &a->no_zswap);
	if (r >= 0)
		a->parent = TAKE_PTR(path);
	return r;
}

void cgroup_facts_clear(struct cgroup_facts *f)
{
	for (int i = 0; i < N_CGROUP_SETTINGS; i++)
		free(f->of[i].kept_path);
	*f = (struct cgroup_facts){};
}

static int look_at_kept(int root_fd, const char *unit, enum setting s, struct setting_facts *f)
{
	int r = pid1_read_kept(root_fd, unit, s, &f->kept_value, &f->kept_path);

	f->kept = r > 0;
	return r == -ENOMEM ? r : 0;
}

/* The value that follows a name at the start of a line, or 0. */
static uint64_t find_value(const char *text, const char *name)
{
	const char *value = text_find_line(text, name, ' ');

	return value ? strtoull(value, NULL, 10) : 0;
}

static void look_at_memory(int root_fd, struct cgroup_facts *f)
{
	char text[STAT_MAX];

	if (cgroupfs_read_stat(root_fd, f->cgroup, text, &f->counters) < 0)
		return;
	f->anon = find_value(text, "anon");
	f->shmem = find_value(text, "shmem");
}

void look_at_processes(int root_fd, struct cgroup_facts *f)
{
	_cleanup_free_ char *path = cgroupfs_path(f->cgroup, "cgroup.procs");
	char pids[64], *save = NULL, *pid = pids;

	/* The first ones are enough. */
	if (!path || fs_read_start(root_fd, path, pids, sizeof(pids)) < 0)
		return;
	pid = strtok_r(pids, "\n", &save);
	f->processes_hidden = pid;
	for (int i = 0; i < PROCESSES_MAX && pid; i++, pid = strtok_r(NULL, "\n", &save)) {
		char status[64], text[4096];

		snprintf(status, sizeof(status), "proc/%.16s/status", pid);
		if (fs_read_lines(root_fd, status, text, sizeof(text)) < 0)
			continue;
		f->processes_hidden = false;
		f->thp_disabled |= strstr(text, "\nTHP_enabled:\t0") != NULL;
	}
}

void look_at_effect(int root_fd, enum mode mode, struct cgroup_facts *f)
{
	if (mode != MODE_PMD && mode != MODE_ZSWAP)
		return;
	f->has_swap_max =
		cgroupfs_read(root_fd, f->cgroup, SETTING_CGROUP_SWAP_MAX, &f->swap_max) >= 0;
	if (mode == MODE_PMD)
		look_at_memory(root_fd, f);
}

int look_cgroup(int root_fd, const struct pid1 *pid1, const struct state *state,
		const struct policy *policy, const char *cgroup, struct cgroup_facts *ret)
{
	/* PID 1 leaves the files of the root cgroup alone. */
	const char *unit = strcmp(cgroup, "/") == 0 ? NULL : unit_of_cgroup(cgroup);
	_cleanup_free_ char *current = NULL;

	*ret = (struct cgroup_facts){
		.cgroup = cgroup,
		.looked = decide_needs(state, policy, cgroup),
	};
	cgroupfs_id(root_fd, cgroup, &ret->id);
	for (int s = SETTING_CGROUP_FIRST; s < N_SETTINGS; s++) {
		const struct record *record = state_find(state, cgroup, s);
		struct setting_facts *f = &ret->of[s - SETTING_CGROUP_FIRST];

		if (!(ret->looked & 1U << s))
			continue;
		f->error = ret->id ? cgroupfs_read(root_fd, cgroup, s, &f->live) : -ENOENT;
		/*
		 * PID 1 keeps what it was told also while there is no connection to it. It must be
		 * told otherwise before anything else is written, or its value would be taken for
		 * an administrator's.
		 */
		f->as_property =
			unit && (pid1 ? pid1_knows(pid1, s) : record && record->as_property);
		if (f->error == -ENOMEM ||
		    ((f->as_property || (unit && record && record->as_property)) &&
		     look_at_kept(root_fd, unit, s, f) < 0)) {
			cgroup_facts_clear(ret);
			return -ENOMEM;
		}
	}
	if (!ret->id || !policy)
		return 0;
	/* The root cgroup has no memory.current, and a memory controller in any case. */
	current = cgroupfs_path(cgroup, "memory.current");
	ret->has_memory = strcmp(cgroup, "/") == 0 || (current && fs_exists(root_fd, current));
	look_at_effect(root_fd, policy->mode, ret);
	if (policy->mode == MODE_PMD)
		look_at_processes(root_fd, ret);
	return 0;
}

int look_and_give_back(int root_fd, const struct pid1 *pid1, const struct state *state,
		       const struct record *record, struct plan *plan)
{
	struct cgroup_facts facts;
	int r = look_cgroup(root_fd, pid1, state, NULL, record->cgroup, &facts);

	if (r < 0)
		return r;
	r = decide_unwanted(state, &facts, record->setting, plan);
	cgroup_facts_clear(&facts);
	return r;
}

const struct match *look_for_stopped(int root_fd, const struct config *config, size_t *next)
{
	const struct sorted *exact = &config->exact[MATCH_UNIT];

	while (*next < exact->n) {
		const char *name = ((const struct match *)exact->v[*next])->glob;
		const struct match *match = NULL;
		_cleanup_free_ char *running = NULL;
		uint64_t id;

		/* Whichever policy wins, one question is enough. */
		for (; *next < exact->n; (*next)++) {
			const struct match *same = exact->v[*next];

			if (strcmp(same->glob, name) != 0)
				break;
			if (!match && same->policy->mode != MODE_KEEP)
				match = same;
		}
		/* A scope is made by who starts it. */
		if (!match || strstr(name, ".scope"))
			continue;
		/* Most units that run are here. */
		running = cgroup_below("/system.slice", name);
		if (!running || cgroupfs_id(root_fd, running, &id) < 0)
			return match;
	}
	return NULL;
}

static int look_at_stopped(int root_fd, const struct pid1_unit *unit, struct cgroup_facts *ret)
{
	const char *name = unit_of_cgroup(unit->cgroup);

	*ret = (struct cgroup_facts){ .cgroup = unit->cgroup };
	for (int i = 0; name && i < N_CGROUP_SETTINGS; i++) {
		enum setting s = SETTING_CGROUP_FIRST + i;

		if (!unit->knows[i])
			continue;
		ret->looked |= 1U << s;
		ret->of[i] = (struct setting_facts){ .live = unit->value[i], .as_property = true };
		if (look_at_kept(root_fd, name, s, &ret->of[i]) < 0) {
			cgroup_facts_clear(ret);
			return -ENOMEM;
		}
	}
	return 0;
}

int look_and_decide_stopped(int root_fd, const struct config *config, const struct state *state,
			    const struct match *match, const struct pid1_unit *unit,
			    struct plan *plan, char **ret_alias)
{
	const struct policy *policy = policy_resolve(config, unit->cgroup, NULL);
	struct cgroup_facts facts;
	struct decision d;
	uint64_t id;
	int r;

	*ret_alias = NULL;
	/* To set its properties would be to set those of a unit that has no policy. */
	if (strcmp(unit->id, match->glob) != 0) {
		*ret_alias = text_format(
			"unit = %s is another name of %s, and matches no cgroup; say unit = %s",
			match->glob, unit->id, unit->id);
		return *ret_alias ? 0 : -ENOMEM;
	}
	if (!policy || cgroupfs_id(root_fd, unit->cgroup, &id) >= 0)
		return 0;
	r = look_at_stopped(root_fd, unit, &facts);
	if (r < 0)
		return r;
	r = decide_stopped_unit(config, state, policy, &facts, &d);
	cgroup_facts_clear(&facts);
	if (r < 0)
		return r;
	r = plan_move(plan, &d.plan);
	decision_clear(&d);
	return r;
}

bool look_effective(int root_fd, const char *cgroup, struct effective *ret)
{
	uint64_t writeback = 1;
	bool known;

	/* A cgroup without limits has none. */
	ret->zswap_max = ret->swap_max = LIMIT_MAX;
	known = cgroupfs_read_effective(root_fd, cgroup, SETTING_CGROUP_ZSWAP_MAX, &ret->zswap_max,
					NULL) >= 0;
	cgroupfs_read_effective(root_fd, cgroup, SETTING_CGROUP_ZSWAP_WRITEBACK, &writeback, NULL);
	cgroupfs_read_effective(root_fd, cgroup, SETTING_CGROUP_SWAP_MAX, &ret->swap_max, NULL);
	ret->writeback = writeback;
	return known;
}
