// SPDX-License-Identifier: GPL-2.0
#include <errno.h>

#include "ctl/bus.h"
#include "ctl/json.h"
#include "ctl/view.h"
#include "policy/format.h"
#include "policy/policy.h"
#include "system/fs.h"

static void add_row(struct table *t, const struct view *v)
{
	char want[VIEW_TEXT_MAX], live[VIEW_TEXT_MAX], share[FORMAT_MAX];
	char out[FORMAT_MAX], in[FORMAT_MAX], zswapped[FORMAT_MAX];

	table_row(t, *v->unit ? v->unit : v->cgroup, v->policy, view_format(v->want, want),
		  view_format(v->live, live), v->effect_known ? effect_name(v->effect) : "-",
		  v->state, format_counter_short(&v->counters, COUNTER_THP_SWPOUT_PMD, out),
		  format_counter_short(&v->counters, COUNTER_THP_SWPIN_PMD, in),
		  format_share(view_fallback_share(&v->counters), share),
		  format_counter(&v->counters, COUNTER_ZSWAPPED, zswapped));
}

static const char *colour(size_t column, const char *cell)
{
	return column == 5 ? ctl_state_colour(cell) : NULL;
}

static enum exit_code print_text(const struct ctl *x, const struct views *views, bool filtered)
{
	struct table t = {
		.columns = 10,
		.narrow = true,
		.cut = TABLE_COLUMN(0) | TABLE_COLUMN(1),
		.right = TABLE_COLUMN(6) | TABLE_COLUMN(7) | TABLE_COLUMN(8) | TABLE_COLUMN(9),
		.colour = x->colour ? colour : NULL,
	};

	if (views->n == 0) {
		printf(filtered ? "No cgroup like that has a policy\n"
				: "No cgroup has a policy\n");
		return EXIT_OK;
	}
	table_row(&t, "UNIT", "POLICY", "WANTED", "LIVE", "EFFECT", "STATE", "OUT", "IN", "FALLB",
		  "ZSWAP");
	for (size_t i = 0; i < views->n; i++)
		add_row(&t, &views->v[i]);
	if (table_print(&t, x->width) < 0)
		return ctl_fail(-ENOMEM, "cannot print");
	if (views_print_reasons(views, false, x->width) < 0)
		return ctl_fail(-ENOMEM, "cannot print");
	printf("WANTED, LIVE: memory.zswap.max, with /0 if memory.zswap.writeback is 0\n"
	       "EFFECT: what comes of it; OUT, IN: thp_swpout_pmd, thp_swpin_pmd\n"
	       "FALLB: share of THPs that fell back to small pages; ZSWAP: bytes in zswap\n");
	return EXIT_OK;
}

enum exit_code ctl_list(const struct ctl *x, const char *argument)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_close_ int root_fd = fs_open_root(x->root);
	_cleanup_(views_clear) struct views views = {};
	enum exit_code code = ctl_connect(x, QUERY_TIMEOUT_USEC, &bus);
	int r;

	if (code != EXIT_OK)
		return code;
	r = views_read(bus, &views, &error);
	if (r < 0)
		return ctl_call_failed(&error, r);
	r = views_read_effects(root_fd, &views);
	if (r < 0)
		return ctl_fail(r, "cannot look at the cgroups");
	if (!views_filter(&views, x->states, argument)) {
		fprintf(stderr,
			"pmdswapctl: --state %s: must be states with commas between them: "
			"exclusive, zswap, none, draining, keep, blocked, pending, failed, "
			"drifted, missing, overridden\n",
			x->states);
		return EXIT_USAGE;
	}
	return x->json ? ctl_json_print(views_to_json(&views))
		       : print_text(x, &views, argument || x->states);
}
