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
	sd_bus_flush_close_unref(l->bus);
	state_clear(&l->state);
	above_clear(&l->above);
	config_free(l->config);
	if (l->root_fd >= 0)
		close(l->root_fd);
	*l = (struct live){ .root_fd = -1 };
}

enum exit_code live_read_config(struct live *l)
{
	struct report report = {};
	enum exit_code code = EXIT_OK;
	int r = conf_load(l->root_fd, l->fake_root, &l->config, &report);

	if (r < 0) {
		code = ctl_fail(r, "cannot read the configuration");
	} else if (report_failed(&report)) {
		ctl_print_report(&report);
		fprintf(stderr, "%zu error%s\n", report.errors, PLURAL_S(report.errors));
		code = EXIT_FAILED;
	}
	report_clear(&report);
	return code;
}

enum exit_code live_read_state(struct live *l)
{
	int r = state_load(&l->state, l->root_fd);
	bool private;

	if (r == -EBADMSG) {
		fprintf(stderr,
			"pmdswapctl: /" STATE_PATH " is damaged; what it recorded cannot be "
			"given back\n");
		return EXIT_FAILED;
	}
	if (r < 0)
		return ctl_fail(r, "cannot read /" STATE_PATH);
	/* Without PID 1 the files are written, which lasts until its next reload. */
	if (pid1_connect(&l->bus, l->root_fd, l->fake_root, &private) >= 0)
		pid1_new(&l->pid1, l->bus);
	return EXIT_OK;
}

struct survey live_survey(struct live *l, struct plan *plan)
{
	return (struct survey){ l->root_fd, l->pid1, &l->state, plan, &l->above };
}
