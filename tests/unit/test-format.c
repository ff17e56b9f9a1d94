// SPDX-License-Identifier: GPL-2.0
#include "test.h"

#include <string.h>

#include "policy/format.h"

static void expect_bytes(uint64_t bytes, const char *expected)
{
	char buf[FORMAT_MAX];

	assert_string_equal(format_bytes(bytes, buf), expected);
}

static void expect_nsec(uint64_t nsec, const char *expected)
{
	char buf[FORMAT_MAX];

	assert_string_equal(format_nsec(nsec, buf), expected);
}

static void test_bytes(void **state)
{
	expect_bytes(0, "0");
	expect_bytes(4096, "4.00K");
	expect_bytes(12288, "12.0K");
	expect_bytes(2 << 20, "2.00M");
	expect_bytes(512 << 20, "512M");
	expect_bytes(3ULL << 30, "3.00G");
	expect_bytes(UINT64_MAX, "16777216T");
}

static void test_times(void **state)
{
	expect_nsec(0, "0");
	expect_nsec(1, "0.00us");
	expect_nsec(1500, "1.50us");
	expect_nsec(999400, "999us");
	expect_nsec(12345678, "12.3ms");
	expect_nsec(9999999999, "10.0s");
	expect_nsec(59900000000, "59.9s");
	expect_nsec(90000000000, "1.50min");
	expect_nsec(7200000000000, "2.00h");
	expect_nsec(UINT64_MAX, "5124096h");
}

static void test_what_is_not_known(void **state)
{
	struct counters counters = {};
	struct delays delays = {};
	char buf[FORMAT_MAX];

	assert_string_equal(format_counter(&counters, COUNTER_SWAP, buf), "-");
	assert_string_equal(format_delay(&delays, DELAY_BLKIO, buf), "-");
	counters_set(&counters, COUNTER_SWAP, 0);
	counters_set(&counters, COUNTER_THP_SWPIN_PMD, UINT64_MAX);
	delays.of[DELAY_BLKIO].known = true;
	assert_string_equal(format_counter(&counters, COUNTER_SWAP, buf), "0");
	assert_string_equal(format_counter(&counters, COUNTER_THP_SWPIN_PMD,
					   buf),
			    "18446744073709551615");
	assert_string_equal(format_delay(&delays, DELAY_BLKIO, buf), "0");
}

static void expect_short(enum counter c, uint64_t value, const char *expected)
{
	struct counters counters = {};
	char buf[FORMAT_MAX];

	counters_set(&counters, c, value);
	assert_string_equal(format_counter_short(&counters, c, buf), expected);
}

static void test_short_counters(void **state)
{
	struct counters counters = {};
	char buf[FORMAT_MAX];

	assert_string_equal(format_counter_short(&counters,
						 COUNTER_THP_SWPIN_PMD, buf),
			    "-");
	expect_short(COUNTER_THP_SWPIN_PMD, 0, "0");
	expect_short(COUNTER_THP_SWPIN_PMD, 9999, "9999");
	expect_short(COUNTER_THP_SWPIN_PMD, 10000, "10.0k");
	expect_short(COUNTER_THP_SWPIN_PMD, 123456, "123k");
	expect_short(COUNTER_THP_SWPIN_PMD, 45600000, "45.6M");
	expect_short(COUNTER_THP_SWPIN_PMD, UINT64_MAX, "18.4E");
	expect_short(COUNTER_ZSWAPPED, 5 << 20, "5.00M");
}

static void test_shares_and_rates(void **state)
{
	char buf[FORMAT_MAX];

	assert_string_equal(format_share(-1, buf), "-");
	assert_string_equal(format_share(0, buf), "0.0%");
	assert_string_equal(format_share(0.9994, buf), "99.9%");
	assert_string_equal(format_share(0.99951, buf), "100%");
	assert_string_equal(format_share(2.5, buf), "250%");
	assert_string_equal(format_rate(-1, buf), "-");
	assert_string_equal(format_rate(0.5, buf), "0.5");
	assert_string_equal(format_rate(123.4, buf), "123");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_what_is_not_known),
		cmocka_unit_test(test_short_counters),
		cmocka_unit_test(test_shares_and_rates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
