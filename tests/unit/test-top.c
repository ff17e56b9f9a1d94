// SPDX-License-Identifier: GPL-2.0
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "policy/top.h"

static const struct shown_process processes_before[] = {
	{ .pid = 1, .started = 5, .delays.of[DELAY_SWAPIN].total = 1000 },
	{ .pid = 2, .started = 5, .delays.of[DELAY_BLKIO].total = 500 },
	{ .pid = 3, .started = 5, .delays.of[DELAY_SWAPIN].total = 100 },
};
static const struct shown_process processes_now[] = {
	{ .pid = 1, .started = 5, .delays.of[DELAY_SWAPIN].total = 1200 },
	{ .pid = 2,
	  .started = 5,
	  .delays.of = { [DELAY_BLKIO].total = 900, [DELAY_THRASHING].total = 400 } },
	/* Another process with a number that was in use. */
	{ .pid = 3, .started = 9, .delays.of[DELAY_SWAPIN].total = 9000 },
	{ .pid = 4, .started = 9 },
};

static struct shown shown_processes(uint64_t usec, const struct shown_process *p, size_t n)
{
	return (struct shown){ .usec = usec,
			       .processes = (struct shown_process *)p,
			       .n_processes = n };
}

static struct top_row *compare_processes(uint64_t before_usec, uint64_t now_usec)
{
	struct shown before = shown_processes(before_usec, processes_before, 3);
	struct shown now = shown_processes(now_usec, processes_now, 4);
	struct top_row *rows = top_processes(&now, &before);

	assert_non_null(rows);
	return rows;
}

static void test_delays_per_second(void **state)
{
	struct top_row *rows = compare_processes(1000000, 3000000);

	assert_true(rows[0].compared);
	assert_true(rows[0].delays[DELAY_SWAPIN] == 100);
	assert_true(rows[0].wait == 100);
	assert_true(rows[1].delays[DELAY_BLKIO] == 200);
	assert_true(rows[1].delays[DELAY_THRASHING] == 200);
	assert_true(rows[1].wait == 400);
	free(rows);
}

static void test_new_processes_are_not_compared(void **state)
{
	struct top_row *rows = compare_processes(1000000, 3000000);

	assert_false(rows[2].compared);
	assert_true(rows[2].wait == 0);
	assert_false(rows[3].compared);
	free(rows);
}

static void test_without_an_earlier_sample(void **state)
{
	struct top_row *rows = compare_processes(0, 3000000);

	assert_false(rows[0].compared);
	free(rows);
	rows = compare_processes(3000000, 3000000);
	assert_false(rows[0].compared);
	free(rows);
	/* The clock was set back. */
	rows = compare_processes(3000000, 2000000);
	assert_false(rows[0].compared);
	free(rows);
}

static void expect_order(enum top_key key, const uint32_t *pids)
{
	struct top_row *rows = compare_processes(1000000, 3000000);

	top_sort(rows, 4, key);
	for (int i = 0; i < 4; i++)
		assert_int_equal(rows[i].process->pid, pids[i]);
	free(rows);
}

static void test_order_of_processes(void **state)
{
	expect_order(TOP_WAIT, (uint32_t[]){ 2, 1, 3, 4 });
	expect_order(TOP_SWAPIN, (uint32_t[]){ 1, 2, 3, 4 });
	expect_order(TOP_THRASHING, (uint32_t[]){ 2, 1, 3, 4 });
	expect_order(TOP_BLKIO, (uint32_t[]){ 2, 1, 3, 4 });
	expect_order(TOP_TOTAL, (uint32_t[]){ 3, 2, 1, 4 });
	expect_order(TOP_PID, (uint32_t[]){ 1, 2, 3, 4 });
}

static struct shown_cgroup cgroup(const char *path, uint64_t in, uint64_t swap)
{
	struct shown_cgroup c = { .path = (char *)path };

	counters_set(&c.counters, COUNTER_THP_SWPIN_PMD, in);
	counters_set(&c.counters, COUNTER_SWAP, swap);
	return c;
}

static void test_cgroups(void **state)
{
	struct shown_cgroup old[] = { cgroup("/a", 10, 0), cgroup("/a/b", 20, 0) };
	struct shown_cgroup new[] = { cgroup("/a", 20, 5), cgroup("/a/b", 60, 1),
				      cgroup("/a-b", 7, 9) };
	struct shown before = { .usec = 1000000, .cgroups = old, .n_cgroups = 2 };
	struct shown now = { .usec = 2000000, .cgroups = new, .n_cgroups = 3 };
	struct top_row *rows = top_cgroups(&now, &before);

	assert_non_null(rows);
	assert_true(rows[0].events[COUNTER_THP_SWPIN_PMD] == 10);
	assert_true(rows[1].events[COUNTER_THP_SWPIN_PMD] == 40);
	assert_false(rows[2].compared);
	top_sort(rows, 3, TOP_IN);
	assert_string_equal(rows[0].cgroup->path, "/a/b");
	assert_string_equal(rows[1].cgroup->path, "/a");
	top_sort(rows, 3, TOP_SWAP);
	assert_string_equal(rows[0].cgroup->path, "/a-b");
	/* What is alike is in the order of the paths. */
	top_sort(rows, 3, TOP_WAIT);
	assert_string_equal(rows[0].cgroup->path, "/a");
	assert_string_equal(rows[2].cgroup->path, "/a-b");
	free(rows);
}

static void test_rates_of_the_system(void **state)
{
	struct shown before = { .usec = 1000000 }, now = { .usec = 5000000 };

	assert_true(top_system_rate(&now, &before, COUNTER_THP_SWPOUT_PMD) < 0);
	counters_set(&before.system, COUNTER_THP_SWPOUT_PMD, 10);
	assert_true(top_system_rate(&now, &before, COUNTER_THP_SWPOUT_PMD) < 0);
	counters_set(&now.system, COUNTER_THP_SWPOUT_PMD, 30);
	assert_true(top_system_rate(&now, &before, COUNTER_THP_SWPOUT_PMD) == 5);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delays_per_second),
		cmocka_unit_test(test_new_processes_are_not_compared),
		cmocka_unit_test(test_without_an_earlier_sample),
		cmocka_unit_test(test_order_of_processes),
		cmocka_unit_test(test_cgroups),
		cmocka_unit_test(test_rates_of_the_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
