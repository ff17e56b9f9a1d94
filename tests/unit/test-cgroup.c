// SPDX-License-Identifier: GPL-2.0
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "policy/cgroup.h"

static void test_subtrees_stay_together(void **state)
{
	static const char *const paths[] = { "/a", "/a-b", "/a/x", "/", "/a/x/y", "/a.b", "/b" };
	static const char *const sorted[] = { "/", "/a", "/a/x", "/a/x/y", "/a-b", "/a.b", "/b" };
	struct cgroup_table t = {};
	size_t start, end;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		assert_non_null(cgroup_table_add(&t, paths[i]));
	assert_ptr_equal(cgroup_table_add(&t, "/a"), cgroup_table_find(&t, "/a"));
	assert_int_equal(cgroup_table_size(&t), ARRAY_SIZE(sorted));
	for (size_t i = 0; i < cgroup_table_size(&t); i++)
		assert_string_equal(cgroup_table_at(&t, i)->path, sorted[i]);

	cgroup_table_subtree(&t, "/", &start, &end);
	assert_int_equal(end - start, cgroup_table_size(&t));
	cgroup_table_subtree(&t, "/none", &start, &end);
	assert_int_equal(start, end);
	cgroup_table_subtree(&t, "/a", &start, &end);
	assert_int_equal(start, 1);
	assert_int_equal(end, 4);
	cgroup_table_remove(&t, start, end);
	assert_null(cgroup_table_find(&t, "/a/x"));
	assert_non_null(cgroup_table_find(&t, "/a-b"));
	cgroup_table_clear(&t);
}

static void test_paths(void **state)
{
	static const char *const good[] = { "/", "/a", "/a.slice/b c", "/...", "/.a" };
	static const char *const bad[] = { "", "a", "//", "/a/", "/a//b", "/.", "/a/..", "/../a" };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(cgroup_is_path(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(cgroup_is_path(bad[i]));
}

static void expect_below(const char *cgroup, const char *name, const char *expected)
{
	char *path = cgroup_below(cgroup, name);

	assert_string_equal(path, expected);
	free(path);
}

static void test_below(void **state)
{
	expect_below("/", "a", "/a");
	expect_below("/a", "b c", "/a/b c");
	expect_below("/a.slice/a-b.slice", "x.service", "/a.slice/a-b.slice/x.service");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_below),
		cmocka_unit_test(test_subtrees_stay_together),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
