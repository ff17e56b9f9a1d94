// SPDX-License-Identifier: GPL-2.0
#include "test.h"

#include <errno.h>

#include "policy/cleanup.h"
#include "policy/setting.h"

static void expect(enum setting s, const char *text, uint64_t expected)
{
	uint64_t value;

	assert_int_equal(setting_parse(s, text, &value), 0);
	assert_int_equal(value, expected);
}

static void refuse(enum setting s, const char *text)
{
	uint64_t value;

	assert_int_equal(setting_parse(s, text, &value), -EINVAL);
}

static void test_parse(void **state)
{
	expect(SETTING_SWAP_PMD, "always [exclusive] never", SWAP_PMD_EXCLUSIVE);
	expect(SETTING_SWAP_PMD, "[always] exclusive never", SWAP_PMD_ALWAYS);
	expect(SETTING_SWAP_PMD, "never", SWAP_PMD_NEVER);
	refuse(SETTING_SWAP_PMD, "always exclusive never");
	refuse(SETTING_SWAP_PMD, "[madvise] never");
	expect(SETTING_ZSWAP, "Y", 1);
	refuse(SETTING_ZSWAP, "1");
	expect(SETTING_CGROUP_ZSWAP_MAX, "max", UINT64_MAX);
	expect(SETTING_CGROUP_ZSWAP_MAX, "4096", 4096);
	refuse(SETTING_CGROUP_ZSWAP_MAX, "");
	refuse(SETTING_CGROUP_ZSWAP_MAX, "-1");
	refuse(SETTING_CGROUP_ZSWAP_MAX, "99999999999999999999");
	refuse(SETTING_CGROUP_ZSWAP_WRITEBACK, "1 ");
}

static void test_names(void **state)
{
	for (int s = 0; s < N_SETTINGS; s++)
		assert_int_equal(setting_from_name(setting_name(s)), s);
	assert_int_equal(setting_from_name("x"), -EINVAL);
}

static void test_short_format(void **state)
{
	static const struct {
		enum setting setting;
		uint64_t value;
		const char *text;
	} rows[] = {
		{ SETTING_CGROUP_ZSWAP_MAX, 0, "0" },
		{ SETTING_CGROUP_ZSWAP_MAX, UINT64_MAX, "max" },
		{ SETTING_CGROUP_ZSWAP_MAX, 4096, "4K" },
		{ SETTING_CGROUP_ZSWAP_MAX, 1ULL << 40, "1T" },
		{ SETTING_CGROUP_ZSWAP_MAX, 1ULL << 50, "1024T" },
		{ SETTING_CGROUP_ZSWAP_MAX, 4097, "4097" },
		{ SETTING_ZSWAP_MAX_POOL_PERCENT, 20, "20" },
		{ SETTING_ZSWAP, 1, "Y" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char buf[SETTING_TEXT_MAX];

		assert_string_equal(setting_format_short(rows[i].setting, rows[i].value, buf),
				    rows[i].text);
	}
}

static void test_rounding(void **state)
{
	static const struct {
		enum setting setting;
		uint64_t value, rounded;
	} rows[] = {
		{ SETTING_CGROUP_ZSWAP_MAX, 0, 0 },
		{ SETTING_CGROUP_ZSWAP_MAX, 4095, 0 },
		{ SETTING_CGROUP_ZSWAP_MAX, 1000000, 999424 },
		{ SETTING_CGROUP_ZSWAP_MAX, INT64_MAX - 4096, INT64_MAX / 4096 * 4096 - 4096 },
		/* The largest number of pages is "max" to the kernel. */
		{ SETTING_CGROUP_ZSWAP_MAX, INT64_MAX / 4096 * 4096, LIMIT_MAX },
		{ SETTING_CGROUP_ZSWAP_MAX, INT64_MAX, LIMIT_MAX },
		{ SETTING_CGROUP_ZSWAP_MAX, LIMIT_MAX, LIMIT_MAX },
		{ SETTING_CGROUP_ZSWAP_WRITEBACK, 1, 1 },
		{ SETTING_ZSWAP_MAX_POOL_PERCENT, 33, 33 },
	};

	if (sysconf(_SC_PAGESIZE) != 4096) {
		print_message("skipped: the numbers are for pages of 4096 bytes\n");
		skip();
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(setting_round(rows[i].setting, rows[i].value), rows[i].rounded);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_short_format),
		cmocka_unit_test(test_rounding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
