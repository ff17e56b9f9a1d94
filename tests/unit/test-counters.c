// SPDX-License-Identifier: GPL-2.0
#include "test.h"

#include "policy/counters.h"

static void test_memory_stat(void **state)
{
	struct counters c = {};

	counters_parse_stat(&c, "anon 4096\n"
				"zswapped 8192\n"
				"thp_swpout_pmd_fallback 3\n"
				"thp_swpout_pmd 2\n"
				"thp_swpin_pmd 18446744073709551615\n"
				"thp_swpin_pmd_fallback 0\n"
				"thp_split_pmd_swap 7");
	assert_int_equal(c.of[COUNTER_ZSWAPPED].value, 8192);
	assert_int_equal(c.of[COUNTER_THP_SWPOUT_PMD].value, 2);
	assert_int_equal(c.of[COUNTER_THP_SWPOUT_PMD_FALLBACK].value, 3);
	assert_true(c.of[COUNTER_THP_SWPIN_PMD].value == UINT64_MAX);
	assert_true(c.of[COUNTER_THP_SWPIN_PMD_FALLBACK].known);
	assert_int_equal(c.of[COUNTER_THP_SPLIT_PMD_SWAP].value, 7);
	assert_false(c.of[COUNTER_SWAP].known);
}

static void test_kernel_without_the_counters(void **state)
{
	struct counters c = {};

	counters_parse_stat(&c, "anon 4096\nthp_swpout 3\nnot_thp_swpout_pmd 1\n");
	counters_parse_stat(&c, "");
	counters_parse_meminfo(&c, "MemTotal: 1 kB\n");
	for (int i = 0; i < N_COUNTERS; i++)
		assert_false(c.of[i].known);
}

static void test_what_is_no_number_is_not_known(void **state)
{
	struct counters c = {};

	counters_parse_stat(&c, "thp_swpout_pmd -1\nthp_swpin_pmd \nthp_split_pmd_swap 3x\n");
	for (int i = 0; i < N_COUNTERS; i++)
		assert_false(c.of[i].known);
}

static void test_meminfo(void **state)
{
	struct counters c = {};

	counters_parse_meminfo(&c, "MemTotal:       16 kB\n"
				   "SwapCached:       9 kB\n"
				   "SwapTotal:      100 kB\n"
				   "SwapFree:        60 kB\n"
				   "Zswap:            1 kB\n"
				   "Zswapped:         3 kB\n");
	assert_int_equal(c.of[COUNTER_SWAP].value, 40 * 1024);
	assert_int_equal(c.of[COUNTER_ZSWAPPED].value, 3 * 1024);
}

static void test_names(void **state)
{
	for (int i = 0; i < N_COUNTERS; i++) {
		assert_non_null(counter_name(i));
		assert_non_null(counter_help(i));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_stat),
		cmocka_unit_test(test_kernel_without_the_counters),
		cmocka_unit_test(test_what_is_no_number_is_not_known),
		cmocka_unit_test(test_meminfo),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
