// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "ctl/json.h"
#include "ctl/live.h"
#include "policy/text.h"
#include "system/conf-load.h"
#include "system/fs.h"

static json_t *message_to_json(const void *list, size_t i)
{
	const struct message *m = &((const struct report *)list)->messages[i];

	return json_pack("{s:s, s:s?, s:o, s:s}", "kind",
			 m->severity == REPORT_ERROR ? "error" : "warning", "file", m->file, "line",
			 m->line ? json_integer(m->line) : json_null(), "text", m->text);
}

static enum exit_code print_json(const struct config *c, const struct report *report)
{
	return ctl_json_print(json_pack("{s:b, s:i, s:i, s:o}", "ok", !report_failed(report),
					"files", (int)c->n_files, "policies", (int)c->n_policies,
					"messages",
					ctl_json_array(report->n, message_to_json, report)));
}

enum exit_code ctl_check(const struct ctl *x, const char *argument)
{
	_cleanup_(config_freep) struct config *c = NULL;
	_cleanup_close_ int root_fd = fs_open_root(x->root);
	_cleanup_(report_clear) struct report report = {};
	enum exit_code code;
	int r;

	if (root_fd < 0)
		return ctl_fail(root_fd, x->root);
	if (argument)
		r = conf_load_file(argument, &c, &report);
	else
		r = conf_load(root_fd, strcmp(x->root, "/") != 0, &c, &report);
	if (r < 0)
		return ctl_fail(r, "cannot check the configuration");
	if (x->json) {
		code = print_json(c, &report);
		return code == EXIT_OK && report_failed(&report) ? EXIT_FAILED : code;
	}
	ctl_print_report(&report);
	if (report_failed(&report))
		return EXIT_FAILED;
	if (c->n_files == 0)
		printf("No configuration file; every setting has its default\n");
	else
		printf("OK: %zu file%s, %zu polic%s\n", c->n_files, PLURAL_S(c->n_files),
		       c->n_policies, PLURAL_IES(c->n_policies));
	return EXIT_OK;
}
