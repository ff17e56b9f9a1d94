// SPDX-License-Identifier: GPL-2.0
#include "test.h"

#include <stdlib.h>

#include "policy/unit.h"

static void expect_unit(const char *cgroup, const char *expected)
{
	const char *unit = unit_of_cgroup(cgroup);

	if (expected)
		assert_string_equal(unit, expected);
	else
		assert_null(unit);
}

static void test_from_cgroup(void **state)
{
	expect_unit("/", "-.slice");
	expect_unit("/a.slice", "a.slice");
	expect_unit("/system.slice/db.service", "db.service");
	expect_unit("/a.slice/a-b.slice/x.scope", "x.scope");
	expect_unit("/init.scope", "init.scope");
	/* "memory." could be a file of the memory controller. */
	expect_unit("/system.slice/_memory.service", "memory.service");
	expect_unit("/system.slice/db.service/worker", NULL);
	expect_unit("/user.slice/user-0.slice/user@0.service/app.slice/x.service", NULL);
	expect_unit("/box", NULL);
	expect_unit("/box/a.service", NULL);
	expect_unit("/.service", NULL);
}

static void expect_cgroup(const char *unit, const char *expected)
{
	char *cgroup;

	assert_int_equal(unit_slice_to_cgroup(unit, &cgroup), 0);
	if (expected)
		assert_string_equal(cgroup, expected);
	else
		assert_null(cgroup);
	free(cgroup);
}

static void test_slices(void **state)
{
	expect_cgroup("-.slice", "/");
	expect_cgroup("a.slice", "/a.slice");
	expect_cgroup("a-b-c.slice", "/a.slice/a-b.slice/a-b-c.slice");
	expect_cgroup("a--b.slice", NULL);
	expect_cgroup("a-.slice", NULL);
	expect_cgroup("a.service", NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from_cgroup),
		cmocka_unit_test(test_slices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
