// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "ctl/bus.h"
#include "ctl/live.h"
#include "system/conf-load.h"
#include "system/fs.h"

/*
 * One text for a bug report. It looks only, at what this program is about, and leaves out what is
 * nobody's business: names of hosts, comments in files, the rest of the kernel's command line.
 */

#define TEXT_MAX 16384

static void heading(const char *text)
{
	printf("\n== %s\n", text);
}

/* A file of one line. */
static void show_value(int root_fd, const char *path)
{
	char text[256];
	int r = fs_read_lines(root_fd, path, text, sizeof(text));

	printf("/%s: %s\n", path, r < 0 ? strerror(-r) : text);
}

static bool starts_with_any(const char *text, const char *const *prefixes)
{
	for (size_t i = 0; prefixes[i]; i++)
		if (strncmp(text, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

/* The lines of a file that start with one of the prefixes, the list of which ends with NULL. */
static void show_lines(int root_fd, const char *path, const char *const *prefixes)
{
	char text[TEXT_MAX];
	int r = fs_read_lines(root_fd, path, text, sizeof(text));
	char *save = NULL;

	if (r < 0) {
		printf("/%s: %s\n", path, strerror(-r));
		return;
	}
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (starts_with_any(line, prefixes))
			printf("%s\n", line);
}

/* Arguments of the kernel that change what this program sees. */
static void show_arguments(int root_fd)
{
	static const char *const prefixes[] = {
		"zswap.",    "transparent_hugepage", "thp_", "cgroup", "systemd.unified_cgroup",
		"delayacct", "hugepagesz=",          NULL
	};
	char text[TEXT_MAX];
	char *save = NULL;

	printf("arguments of the kernel:");
	if (fs_read_lines(root_fd, "proc/cmdline", text, sizeof(text)) < 0)
		strcpy(text, "");
	for (char *word = strtok_r(text, " \n", &save); word; word = strtok_r(NULL, " \n", &save))
		if (starts_with_any(word, prefixes))
			printf(" %s", word);
	printf("\n");
}

static void show_system(struct live *l)
{
	static const char *const os_release[] = { "PRETTY_NAME=", NULL };
	struct utsname name;

	heading("System");
	printf("pmdswapctl %s\n", PMDSWAP_VERSION);
	/* Not the name of the host. */
	if (uname(&name) >= 0)
		printf("%s %s %s\n", name.sysname, name.release, name.machine);
	printf("page size %ld\n", sysconf(_SC_PAGESIZE));
	show_lines(l->root_fd,
		   fs_exists(l->root_fd, "etc/os-release") ? "etc/os-release"
							   : "usr/lib/os-release",
		   os_release);
	show_arguments(l->root_fd);
}

static void show_systemd(const struct live *l)
{
	_cleanup_free_ char *version = NULL;
	int r = -ENOTCONN;

	heading("System manager");
	if (l->bus)
		r = sd_bus_get_property_string(
			l->bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
			"org.freedesktop.systemd1.Manager", "Version", NULL, &version);
	printf("version: %s\n", r < 0 ? strerror(-r) : version);
	for (int s = SETTING_CGROUP_FIRST; s < N_SETTINGS; s++)
		printf("%s: %s\n", setting_property(s),
		       pid1_knows(l->pid1, s) ? "known" : "not known");
}

static void show_kernel(const struct live *l)
{
	static const char *const values[] = {
		"sys/kernel/mm/transparent_hugepage/swap_pmd",
		"sys/kernel/mm/transparent_hugepage/enabled",
		"sys/kernel/mm/transparent_hugepage/defrag",
		"sys/kernel/mm/transparent_hugepage/hpage_pmd_size",
		"sys/module/zswap/parameters/enabled",
		"sys/module/zswap/parameters/compressor",
		"sys/module/zswap/parameters/shrinker_enabled",
		"sys/module/zswap/parameters/max_pool_percent",
		"sys/module/zswap/parameters/accept_threshold_percent",
		"proc/sys/vm/swappiness",
		"proc/sys/vm/page-cluster",
		"proc/sys/kernel/task_delayacct",
		"sys/fs/cgroup/cgroup.controllers",
		"sys/fs/cgroup/cgroup.subtree_control",
	};
	static const char *const meminfo[] = { "MemTotal:",  "MemAvailable:",  "SwapTotal:",
					       "SwapFree:",  "Zswap:",         "Zswapped:",
					       "AnonPages:", "AnonHugePages:", NULL };
	static const char *const vmstat[] = {
		"thp_swp",    "thp_split_pmd", "thp_fault_", "thp_collapse_alloc", "zsw", "pswp",
		"swpin_zero", "swpout_zero",   NULL
	};
	static const char *const all[] = { "", NULL };

	heading("Kernel");
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		show_value(l->root_fd, values[i]);
	heading("Memory and swap");
	show_lines(l->root_fd, "proc/meminfo", meminfo);
	show_lines(l->root_fd, "proc/swaps", all);
	heading("Counters");
	show_lines(l->root_fd, "proc/vmstat", vmstat);
}

/* The files of the configuration, without comments, and what is wrong with them. */
static void show_config(const struct ctl *x, struct live *l)
{
	_cleanup_(config_freep) struct config *c = NULL;
	_cleanup_(report_clear) struct report report = {};

	heading("Configuration");
	if (conf_load(l->root_fd, l->fake_root, &c, &report) < 0)
		c = NULL;
	for (size_t i = 0; c && i < c->n_files; i++) {
		_cleanup_free_ char *text = NULL;
		char *save = NULL;
		size_t size;

		printf("-- %s\n", c->files[i]);
		if (fs_read_text(l->root_fd, c->files[i] + 1, 1 << 20, &text, &size, NULL, NULL) <
		    0)
			continue;
		for (char *line = strtok_r(text, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save))
			if (*line != '#' && *line != ';')
				printf("%s\n", line);
	}
	printf("-- pmdswapctl check\n");
	fflush(stdout);
	ctl_check(x, NULL);
	fflush(stdout);
}

static void show_state(struct live *l)
{
	struct stat st;

	heading("State");
	if (fstatat(l->root_fd, STATE_PATH, &st, 0) < 0)
		printf("/" STATE_PATH ": %s\n", strerror(errno));
	else
		printf("/" STATE_PATH ": %zu records, %jd bytes\n", l->state.records.n,
		       (intmax_t)st.st_size);
}

enum exit_code ctl_support(const struct ctl *x, const char *argument)
{
	_cleanup_(live_close) struct live l = { .root_fd = -1 };
	enum exit_code code;

	/* What goes wrong is part of the text. */
	fflush(stdout);
	dup2(STDOUT_FILENO, STDERR_FILENO);
	code = live_open(x, &l);
	if (code != EXIT_OK)
		return code;
	printf("What pmdswap looks like on this system. Names of units and cgroups are in it; "
	       "take\n"
	       "out what is not to be seen. The journal is not: journalctl -b -u pmdswapd\n");
	live_read_state(&l);
	show_system(&l);
	show_systemd(&l);
	show_kernel(&l);
	show_config(x, &l);
	show_state(&l);
	heading("pmdswapctl verify");
	fflush(stdout);
	ctl_verify(x, NULL);
	fflush(stdout);
	heading("pmdswapctl status");
	fflush(stdout);
	ctl_status(x, NULL);
	return EXIT_OK;
}
