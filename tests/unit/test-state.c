// SPDX-License-Identifier: GPL-2.0
#include "test.h"

#include <errno.h>
#include <string.h>

#include "policy/state.h"

/* As a plan that was about to be carried out leaves it. */
static void note(struct state *s, const char *cgroup, bool as_property, uint64_t id,
		 enum setting setting, uint64_t original, uint64_t to)
{
	struct plan_item item = {
		.action = ACTION_SET,
		.setting = setting,
		.cgroup = cgroup,
		.as_property = as_property,
		.from = original,
		.to = to,
		.id = id,
		.original = original,
		.anew = true,
	};
	const struct plan plan = { &item, 1 };

	assert_int_equal(state_prepare(s, &plan), 0);
	assert_true(s->urgent);
}

static void test_later_version(void **state)
{
	static const char text[] = "pmdswapd-state 2\nsomething else\n";
	struct state s = {};

	assert_int_equal(state_parse(&s, text, strlen(text)), -EPROTONOSUPPORT);
}

static void test_nul_byte(void **state)
{
	static const char text[] = "pmdswapd-state 1\nend 0\n\0more\n";
	struct state s = {};

	assert_int_equal(state_parse(&s, text, sizeof(text) - 1), -EBADMSG);
}

static void test_what_is_written_need_not_be_saved_at_once(void **state)
{
	struct plan_item item = { .action = ACTION_SET, .setting = SETTING_ZSWAP, .to = 1,
				  .anew = true };
	const struct plan plan = { &item, 1 };
	struct state s = {};

	assert_int_equal(state_prepare(&s, &plan), 0);
	assert_true(s.urgent);
	s.urgent = s.changed = false;
	state_written(&s, &item);
	assert_true(s.changed && !s.urgent);
	/* The same once more, as after a drift. */
	s.changed = false;
	item.anew = false;
	item.from = 5;
	assert_int_equal(state_prepare(&s, &plan), 0);
	assert_true(!s.changed && !s.urgent);
	item.action = ACTION_RESTORE;
	item.to = 0;
	assert_int_equal(state_prepare(&s, &plan), 0);
	assert_true(s.urgent);
	state_written(&s, &item);
	assert_int_equal(s.records.n, 0);
	state_clear(&s);
}

static void test_round_trip(void **state)
{
	struct state s = {}, t = {};
	char *text, *again;
	size_t size;

	note(&s, "/b c\\d\n", false, 42, SETTING_CGROUP_ZSWAP_MAX, UINT64_MAX, UINT64_MAX);
	note(&s, "/c.slice/u\\x2d.service", true, 8, SETTING_CGROUP_ZSWAP_MAX, 0, 0);
	note(&s, "/a", false, 7, SETTING_CGROUP_ZSWAP_WRITEBACK, 1, 1);
	note(&s, NULL, false, 0, SETTING_SWAP_PMD, SWAP_PMD_EXCLUSIVE, SWAP_PMD_ALWAYS);
	assert_int_equal(state_format(&s, &text, &size), 0);
	assert_string_equal(
		text, "pmdswapd-state 1\n"
		      "swap-pmd - - 0 exclusive exclusive always\n"
		      "memory.zswap.writeback /a - 7 1 1 1\n"
		      "memory.zswap.max /b\\x20c\\x5cd\\x0a - 42 max max max\n"
		      "memory.zswap.max /c.slice/u\\x5cx2d.service u\\x5cx2d.service 8 0 0 0\n"
		      "end 4\n");
	assert_int_equal(state_parse(&t, text, size), 0);
	assert_false(t.changed);
	assert_int_equal(state_format(&t, &again, &size), 0);
	assert_string_equal(text, again);
	assert_non_null(state_find(&t, "/b c\\d\n", SETTING_CGROUP_ZSWAP_MAX));
	assert_null(state_find(&t, "/a", SETTING_CGROUP_ZSWAP_MAX));
	state_remove(&t, state_find(&t, "/a", SETTING_CGROUP_ZSWAP_WRITEBACK));
	assert_int_equal(t.records.n, 3);
	free(text);
	free(again);
	state_clear(&s);
	state_clear(&t);
}

static void test_damaged(void **state)
{
	static const char *const texts[] = {
		"",
		"pmdswapd-state 0\nend 0\n",
		"pmdswapd-state 1\n",
		"pmdswapd-state 1\nend 1\n",
		"pmdswapd-state 1\nfoo - - 0 1 1 1\nend 1\n",
		"pmdswapd-state 1\nzswap - - 0 Y Y\nend 1\n",
		"pmdswapd-state 1\nzswap - - 0 Y Y 7\nend 1\n",
		"pmdswapd-state 1\nzswap - - 0 Y Y Y Y\nend 1\n",
		"pmdswapd-state 1\nmemory.zswap.max - a.service 0 0 0 0\nend 1\n",
		"pmdswapd-state 1\nmemory.zswap.max /a a.service 0 0 0 0\nend 1\n",
		"pmdswapd-state 1\nmemory.zswap.max /a.service b.service 0 0 0 0\nend 1\n",
		"pmdswapd-state 1\nmemory.zswap.max \\x00 - 0 max max max\nend 1\n",
		"pmdswapd-state 1\nmemory.zswap.max /a\\x0 - 0 max max max\nend 1\n",
		"pmdswapd-state 1\nmemory.zswap.max /a\\ - 0 max max max\nend 1\n",
		"pmdswapd-state 1\nmemory.zswap.max a - 0 max max max\nend 1\n",
		"pmdswapd-state 1\nmemory.zswap.max /a/../b - 0 max max max\nend 1\n",
		"pmdswapd-state 1\nmemory.zswap.max - - 0 max max max\nend 1\n",
		"pmdswapd-state 1\nzswap /a - 0 Y Y Y\nend 1\n",
		"pmdswapd-state 1\nzswap - - -1 Y Y Y\nend 1\n",
		"pmdswapd-state 1\nzswap - - 0 Y Y Y\nzswap - - 0 Y Y Y\nend 2\n",
		"pmdswapd-state 1\nzswap-max-pool-percent - - 0 99999999999 20 20\nend 1\n",
		"pmdswapd-state 1\nmemory.zswap.writeback /a - 0 2 1 1\nend 1\n",
		"pmdswapd-state 1\nend 0 \n",
		"pmdswapd-state 1\nend 0\nmore\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct state s = {};

		assert_int_equal(state_parse(&s, texts[i], strlen(texts[i])), -EBADMSG);
		state_clear(&s);
	}
}

static void test_ours(void **state)
{
	struct record r = { .setting = SETTING_CGROUP_ZSWAP_MAX,
			    .original = 1 << 20,
			    .previous = 8192,
			    .current = 4097 };

	assert_true(record_is_ours(&r, 4096));
	assert_true(record_is_ours(&r, 8192));
	assert_false(record_is_ours(&r, 1 << 20));
}

/* PID 1 may get to a value that it was told earlier while it is told another one. */
static void test_value_on_its_way_stays_ours(void **state)
{
	struct plan_item item = {
		.action = ACTION_SET,
		.setting = SETTING_CGROUP_ZSWAP_MAX,
		.cgroup = "/a.service",
		.as_property = true,
		.original = 8192,
	};
	const struct plan plan = { &item, 1 };
	const uint64_t lives[] = { 0, 8192, 77 << 12 };

	for (size_t i = 0; i < ARRAY_SIZE(lives); i++) {
		struct state s = {};
		struct record *r;

		note(&s, "/a.service", true, 1, SETTING_CGROUP_ZSWAP_MAX, 8192, 0);
		r = state_find(&s, "/a.service", SETTING_CGROUP_ZSWAP_MAX);
		assert_true(record_is_ours(r, 8192) && record_is_ours(r, 0));
		item.id = 1;
		item.from = lives[i];
		item.to = 8192;
		assert_int_equal(state_prepare(&s, &plan), 0);
		assert_true(record_is_ours(r, 8192) && record_is_ours(r, 0));
		item.to = 0;
		assert_int_equal(state_prepare(&s, &plan), 0);
		assert_true(record_is_ours(r, 8192) && record_is_ours(r, 0));
		state_written(&s, &item);
		assert_false(record_is_ours(r, 8192));
		state_clear(&s);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_later_version),
		cmocka_unit_test(test_nul_byte),
		cmocka_unit_test(test_what_is_written_need_not_be_saved_at_once),
		cmocka_unit_test(test_ours),
		cmocka_unit_test(test_value_on_its_way_stays_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
