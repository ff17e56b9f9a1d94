// SPDX-License-Identifier: GPL-2.0
#include "test.h"

#include <errno.h>
#include <string.h>

#include "policy/state.h"

static void test_round_trip(void **state)
{
	struct state s = {}, t = {};
	struct record *r;
	char *text, *again;
	size_t size;

	assert_non_null(state_add(&s, "/b c\\d\n", false, 42, SETTING_CGROUP_ZSWAP_MAX, UINT64_MAX));
	assert_non_null(state_add(&s, "/c.slice/u\\x2d.service", true, 8, SETTING_CGROUP_ZSWAP_MAX, 0));
	assert_non_null(state_add(&s, "/a", false, 7, SETTING_CGROUP_ZSWAP_WRITEBACK, 1));
	r = state_add(&s, NULL, false, 0, SETTING_SWAP_PMD, SWAP_PMD_EXCLUSIVE);
	r->current = SWAP_PMD_ALWAYS;
	assert_int_equal(state_format(&s, &text, &size), 0);
	assert_string_equal(
		text, "pmdswapd-state 1\n"
		      "swap-pmd - - 0 exclusive exclusive always\n"
		      "memory.zswap.writeback /a - 7 1 1 1\n"
		      "memory.zswap.max /b\\x20c\\x5cd\\x0a - 42 max max max\n"
		      "memory.zswap.max /c.slice/u\\x5cx2d.service u\\x5cx2d.service 8 0 0 0\n"
		      "end 4\n");
	assert_int_equal(state_parse(&t, text), 0);
	assert_false(t.changed);
	assert_int_equal(state_format(&t, &again, &size), 0);
	assert_string_equal(text, again);
	assert_non_null(state_find(&t, "/b c\\d\n", SETTING_CGROUP_ZSWAP_MAX));
	assert_null(state_find(&t, "/a", SETTING_CGROUP_ZSWAP_MAX));
	state_remove(&t, state_find(&t, "/a", SETTING_CGROUP_ZSWAP_WRITEBACK));
	assert_int_equal(t.n, 3);
	free(text);
	free(again);
	state_clear(&s);
	state_clear(&t);
}

static void test_damaged(void **state)
{
	static const char *const texts[] = {
		"",
		"pmdswapd-state 2\nend 0\n",
		"pmdswapd-state 1\n",
		"pmdswapd-state 1\nend 1\n",
		"pmdswapd-state 1\nfoo - - 0 1 1 1\nend 1\n",
		"pmdswapd-state 1\nzswap - - 0 Y Y\nend 1\n",
		"pmdswapd-state 1\nzswap - - 0 Y Y 7\nend 1\n",
		"pmdswapd-state 1\nzswap - - 0 Y Y Y Y\nend 1\n",
		"pmdswapd-state 1\nmemory.zswap.max - a.service 0 0 0 0\nend 1\n",
		"pmdswapd-state 1\nmemory.zswap.max /a a.service 0 0 0 0\nend 1\n",
		"pmdswapd-state 1\nmemory.zswap.max /a.service b.service 0 0 0 0\nend 1\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct state s = {};

		assert_int_equal(state_parse(&s, texts[i]), -EBADMSG);
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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
