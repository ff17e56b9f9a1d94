// SPDX-License-Identifier: GPL-2.0
#include "ctl/live.h"

#include <errno.h>
#include <string.h>

#include "policy/text.h"
#include "system/conf-load.h"
#include "system/fs.h"

enum exit_code live_open(const struct ctl *x, struct live *l)
{
	*l = (struct live){
		.root_fd = fs_open_root(x->root),
		.fake_root = strcmp(x->root, "/") != 0,
	};
	return l->root_fd < 0 ? ctl_fail(l->root_fd, x->root) : EXIT_OK;
}

void live_close(struct live *l)
{
	pid1_free(l->pid1);
	/* All that was asked for is answered, or given up: a flush would wait for what is not. */
	sd_bus_close_unref(l->bus);
	state_clear(&l->state);
	above_facts_clear(&l->above);
	host_facts_clear(&l->host);
	config_free(l->config);
	if (l->root_fd >= 0)
		close(l->root_fd);
	*l = (struct live){ .root_fd = -1 };
}

enum exit_code live_read_config(struct live *l)
{
	_cleanup_(report_clear) struct report report = {};
	enum exit_code code = EXIT_OK;
	int r = conf_load(l->root_fd, l->fake_root, &l->config, &report);

	if (r < 0) {
		code = ctl_fail(r, "cannot read the configuration");
	} else if (report_failed(&report)) {
		ctl_print_report(&report);
		code = EXIT_FAILED;
	}
	return code;
}

enum exit_code live_read_state(struct live *l)
{
	int r = state_load(&l->state, l->root_fd);
	bool private;

	if (r == -EBADMSG || r == -EPROTONOSUPPORT) {
		fprintf(stderr,
			"pmdswapctl: /" STATE_PATH " is %s; what it recorded cannot be "
			"given back\n",
			r == -EBADMSG ? "damaged" : "of a newer pmdswapd");
		return EXIT_FAILED;
	}
	if (r < 0)
		return ctl_fail(r, "cannot read /" STATE_PATH);
	/* Without PID 1 the files are written, which lasts until its next reload. */
	if (pid1_connect(&l->bus, l->root_fd, l->fake_root, &private) >= 0)
		pid1_new(&l->pid1, l->bus);
	r = look_host(l->root_fd, l->pid1, &l->host);
	look_at_clusters(l->root_fd, &l->host);
	return r < 0 ? ctl_fail(r, "cannot look at the system") : EXIT_OK;
}

int live_decide(struct live *l, const char *cgroup, const struct policy *policy,
		struct decision *ret)
{
	struct cgroup_facts facts;
	int r = look_above(l->root_fd, cgroup, &l->above);

	if (r >= 0)
		r = look_cgroup(l->root_fd, l->pid1, &l->state, policy, cgroup, &facts);
	if (r < 0)
		return r;
	r = decide_cgroup(l->config, &l->state, policy, &l->host, &l->above, &facts, ret);
	cgroup_facts_clear(&facts);
	return r;
}

int live_hindrance(struct live *l, const char *cgroup, const struct policy *policy,
		   char **ret_reason)
{
	struct cgroup_facts facts = { .cgroup = cgroup };
	int r = look_above(l->root_fd, cgroup, &l->above);

	*ret_reason = NULL;
	if (r < 0)
		return r;
	look_at_effect(l->root_fd, policy->mode, &facts);
	look_at_processes(l->root_fd, &facts);
	return effect_hindrance(policy, &l->host, &l->above, &facts, true, ret_reason);
}
