// SPDX-License-Identifier: GPL-2.0
#include "test.h"

#include "policy/cleanup.h"
#include "policy/clusters.h"

#define KIB  1024ULL
#define MIB  (1024 * KIB)
#define PAGE (4 * KIB)

static void expect(const struct extent *extents, size_t n, uint64_t bytes, uint64_t all,
		   uint64_t whole)
{
	struct clusters c = { .all = 1, .whole = 1 };

	assert_true(clusters_add(&c, extents, n, bytes, PAGE, 2 * MIB));
	assert_int_equal(c.all - 1, all);
	assert_int_equal(c.whole - 1, whole);
}

static void test_all_but_the_header(void **state)
{
	const struct extent extents[] = {
		{ 0, 700 * MIB, 128 * MIB },
		{ 128 * MIB, 900 * MIB, 128 * MIB },
	};
	struct extent small[86];

	expect(extents, 2, 256 * MIB, 128, 127);
	for (size_t i = 0; i < ARRAY_SIZE(small); i++)
		small[i] = (struct extent){ i * 3 * MIB, i * 4 * MIB, 3 * MIB };
	/* There is one in each, at its start or at its end. */
	expect(small, 86, 258 * MIB, 129, 85);
}

static void test_extents_in_a_row_are_one(void **state)
{
	const struct extent extents[] = {
		{ 0, 700 * MIB, 3 * MIB },
		{ 3 * MIB, 703 * MIB, 3 * MIB },
		{ 6 * MIB, 800 * MIB, 2 * MIB },
	};

	expect(extents, 3, 8 * MIB, 4, 3);
	/* In a row in the file alone. */
	expect(extents + 1, 2, 8 * MIB, 4, 2);
}

static void test_the_end_cuts_off(void **state)
{
	const struct extent extents[] = { { 0, 700 * MIB, 8 * MIB } };

	expect(extents, 1, 8 * MIB - PAGE, 4, 2);
	expect(extents, 1, 2 * MIB, 1, 0);
	expect(extents, 1, PAGE, 1, 0);
	expect(NULL, 0, 4 * MIB, 2, 0);
}

static void test_parts_of_pages_are_no_answer(void **state)
{
	const struct extent extents[] = {
		{ 0, 700 * MIB, 8 * MIB },
		{ 8 * MIB, 900 * MIB + KIB, 8 * MIB },
	};
	const struct extent empty[] = { { 0, 0, 0 } };
	struct clusters c = {};

	assert_false(clusters_add(&c, extents, 2, 16 * MIB, PAGE, 2 * MIB));
	assert_false(clusters_add(&c, empty, 1, 16 * MIB, PAGE, 2 * MIB));
	assert_int_equal(c.all, 0);
	assert_int_equal(c.whole, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_but_the_header),
		cmocka_unit_test(test_extents_in_a_row_are_one),
		cmocka_unit_test(test_the_end_cuts_off),
		cmocka_unit_test(test_parts_of_pages_are_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
