// SPDX-License-Identifier: GPL-2.0
#include "test.h"

#include <string.h>

#include "ctl-format.h"

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
	assert_string_equal(format_counter(&counters, COUNTER_THP_SWPIN_PMD, buf),
			    "18446744073709551615");
	assert_string_equal(format_delay(&delays, DELAY_BLKIO, buf), "0");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_what_is_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
