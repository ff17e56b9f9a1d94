// SPDX-License-Identifier: GPL-2.0
#include "test.h"

#include "policy/plan.h"

#define S SETTING_CGROUP_ZSWAP_MAX

static void test_format(void **state)
{
	struct plan_item item = { .action = ACTION_SET,
				  .setting = S,
				  .cgroup = "/a",
				  .policy = "p",
				  .from = UINT64_MAX };
	char *s = plan_item_format(&item);

	assert_string_equal(s, "/a: memory.zswap.max max -> 0 (policy p)");
	free(s);
	item = (struct plan_item){ .action = ACTION_SET,
				   .setting = SETTING_SWAP_PMD,
				   .from = SWAP_PMD_NEVER,
				   .to = SWAP_PMD_ALWAYS };
	s = plan_item_format(&item);
	assert_string_equal(s, "swap-pmd never -> always ([kernel])");
	free(s);
	item.action = ACTION_RESTORE;
	s = plan_item_format(&item);
	assert_string_equal(s, "swap-pmd never -> always (restored)");
	free(s);
}

static void test_add_and_move(void **state)
{
	const struct plan_item item = { .action = ACTION_SET,
					.setting = S,
					.cgroup = "/a",
					.as_property = true };
	struct plan p = {}, q = {};

	assert_int_equal(plan_move(&p, &q), 0);
	assert_int_equal(plan_add(&p, &item), 0);
	assert_int_equal(plan_add(&q, &item), 0);
	assert_int_equal(plan_move(&p, &q), 0);
	assert_int_equal(p.n, 2);
	assert_int_equal(q.n, 0);
	assert_string_equal(p.items[0].cgroup, "/a");
	assert_true(p.items[1].as_property);
	assert_null(p.items[1].policy);
	plan_clear(&p);
	assert_int_equal(p.n, 0);
}

static void test_a_way_out_stays_open(void **state)
{
	const enum setting writeback = SETTING_CGROUP_ZSWAP_WRITEBACK;
	struct plan_item items[] = {
		{ .cgroup = "/a", .setting = writeback, .from = 1, .to = 0 },
		{ .cgroup = "/a", .setting = S, .from = 0, .to = 8192 },
		{ .cgroup = "/b", .setting = writeback, .from = 0, .to = 1 },
		{ .cgroup = "/b", .setting = S, .from = 8192, .to = 0 },
		{ .setting = SETTING_ZSWAP, .from = 1, .to = 0 },
		{ .setting = SETTING_ZSWAP_SHRINKER, .from = 0, .to = 1 },
	};
	struct plan p = { items, ARRAY_SIZE(items) };

	plan_keep_a_way_out(&p);
	assert_int_equal(items[0].setting, S);
	assert_int_equal(items[1].setting, writeback);
	assert_int_equal(items[2].setting, writeback);
	assert_int_equal(items[3].setting, S);
	assert_int_equal(items[4].setting, SETTING_ZSWAP);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_add_and_move),
		cmocka_unit_test(test_a_way_out_stays_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
