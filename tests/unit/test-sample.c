// SPDX-License-Identifier: GPL-2.0
#include "test.h"

#include "policy/sample.h"

static const char *const paths[] = { "/a", "/a/b", "/a/b/c", "/a-b", "/d" };

static struct sample *new_sample(void)
{
	struct sample *s = sample_new(paths, sizeof(paths) / sizeof(*paths));

	assert_non_null(s);
	for (size_t i = 0; i < s->n_cgroups; i++)
		s->cgroups[i].id = 100 + i;
	return s;
}

static void add(struct sample *s, pid_t pid, uint64_t started, const char *cgroup, uint64_t total)
{
	struct sample_process *p = sample_add_process(s, pid, sample_find(s, cgroup));

	assert_non_null(p);
	p->started = started;
	p->asked = true;
	p->info.delays.accounted = total > 0;
	p->info.delays.of[DELAY_SWAPIN].known = true;
	p->info.delays.of[DELAY_SWAPIN].count = total / 10;
	p->info.delays.of[DELAY_SWAPIN].total = total;
}

static uint64_t sum(const struct sample *s, const char *path)
{
	return s->cgroups[sample_find(s, path)].delays.of[DELAY_SWAPIN].total;
}

static void test_find(void **state)
{
	_cleanup_(sample_freep) struct sample *s = new_sample();

	for (size_t i = 0; i < s->n_cgroups; i++)
		assert_int_equal(sample_find(s, paths[i]), i);
	assert_true(sample_find(s, "/") == SIZE_MAX);
	assert_true(sample_find(s, "/a/bb") == SIZE_MAX);
}

static void test_parents(void **state)
{
	static const char *const with_root[] = { "/", "/a", "/a/b", "/ab" };
	_cleanup_(sample_freep) struct sample *s = new_sample(), *t = sample_new(with_root, 4);

	assert_true(s->cgroups[0].parent == SIZE_MAX);
	assert_int_equal(s->cgroups[1].parent, 0);
	assert_int_equal(s->cgroups[2].parent, 1);
	assert_true(s->cgroups[3].parent == SIZE_MAX);
	assert_true(s->cgroups[4].parent == SIZE_MAX);
	assert_int_equal(t->cgroups[1].parent, 0);
	assert_int_equal(t->cgroups[2].parent, 1);
	assert_int_equal(t->cgroups[3].parent, 0);
}

static void test_sums_go_to_all_cgroups_above(void **state)
{
	_cleanup_(sample_freep) struct sample *s = new_sample();

	add(s, 3, 1, "/a/b/c", 100);
	add(s, 2, 1, "/a", 10);
	add(s, 1, 1, "/d", 0);
	sample_finish(s, NULL);
	assert_int_equal(sum(s, "/a"), 110);
	assert_int_equal(sum(s, "/a/b"), 100);
	assert_int_equal(sum(s, "/a/b/c"), 100);
	assert_int_equal(sum(s, "/a-b"), 0);
	assert_int_equal(s->cgroups[0].processes, 2);
	assert_int_equal(s->cgroups[0].unaccounted, 0);
	assert_int_equal(s->cgroups[4].unaccounted, 1);
	assert_true(s->cgroups[0].delays.of[DELAY_SWAPIN].known);
	assert_false(s->cgroups[0].delays.of[DELAY_BLKIO].known);
	assert_int_equal(s->processes[0].pid, 1);
	assert_int_equal(s->processes[2].pid, 3);
}

static void test_process_that_ended_stays_in_the_sum(void **state)
{
	_cleanup_(sample_freep) struct sample *s = new_sample(), *t = new_sample(),
					      *u = new_sample();

	add(s, 1, 1, "/a", 100);
	add(s, 2, 1, "/a", 10);
	sample_finish(s, NULL);
	add(t, 2, 1, "/a", 15);
	sample_finish(t, s);
	assert_int_equal(sum(t, "/a"), 115);
	assert_int_equal(t->cgroups[0].processes, 1);
	/* Another process with the number of the first. */
	add(u, 1, 2000001, "/a", 50);
	sample_finish(u, t);
	assert_int_equal(sum(u, "/a"), 165);
}

static void test_process_that_moves_is_counted_once(void **state)
{
	_cleanup_(sample_freep) struct sample *s = new_sample(), *t = new_sample();

	add(s, 1, 1, "/a/b", 100);
	sample_finish(s, NULL);
	add(t, 1, 1, "/d", 130);
	sample_finish(t, s);
	assert_int_equal(sum(t, "/a"), 100);
	assert_int_equal(sum(t, "/d"), 30);
}

static void test_process_met_twice_is_counted_once(void **state)
{
	_cleanup_(sample_freep) struct sample *s = new_sample();

	add(s, 1, 1, "/a", 100);
	add(s, 1, 1, "/d", 100);
	sample_finish(s, NULL);
	assert_int_equal(s->n_processes, 1);
	assert_int_equal(sum(s, "/a") + sum(s, "/d"), 100);
}

static void test_lost_reply_is_made_up_for(void **state)
{
	_cleanup_(sample_freep) struct sample *s = new_sample(), *t = new_sample(),
					      *u = new_sample();

	add(s, 1, 1, "/a", 100);
	sample_finish(s, NULL);
	add(t, 1, 1, "/a", 0);
	t->processes[0].asked = false;
	sample_finish(t, s);
	assert_int_equal(sum(t, "/a"), 100);
	add(u, 1, 1, "/a", 120);
	sample_finish(u, t);
	assert_int_equal(sum(u, "/a"), 120);
}

static void test_new_cgroup_of_the_same_name_starts_at_zero(void **state)
{
	_cleanup_(sample_freep) struct sample *s = new_sample(), *t = new_sample();

	add(s, 1, 1, "/a", 100);
	sample_finish(s, NULL);
	t->cgroups[0].id = 7;
	sample_finish(t, s);
	assert_int_equal(sum(t, "/a"), 0);
}

static void test_no_cgroups(void **state)
{
	_cleanup_(sample_freep) struct sample *s = sample_new(NULL, 0);

	assert_non_null(s);
	sample_finish(s, NULL);
	assert_true(sample_find(s, "/a") == SIZE_MAX);
}

static void test_start_is_known_to_half_a_second(void **state)
{
	_cleanup_(sample_freep) struct sample *s = new_sample(), *t = new_sample(),
					      *u = new_sample();

	add(s, 1, 10000000, "/a", 100);
	sample_finish(s, NULL);
	add(t, 1, 10400000, "/a", 130);
	sample_finish(t, s);
	assert_int_equal(sum(t, "/a"), 130);
	/* It must not creep away with the samples. */
	assert_int_equal(t->processes[0].started, 10000000);
	add(u, 1, 10600000, "/a", 140);
	sample_finish(u, t);
	assert_int_equal(sum(u, "/a"), 270);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_parents),
		cmocka_unit_test(test_sums_go_to_all_cgroups_above),
		cmocka_unit_test(test_process_that_ended_stays_in_the_sum),
		cmocka_unit_test(test_process_that_moves_is_counted_once),
		cmocka_unit_test(test_process_met_twice_is_counted_once),
		cmocka_unit_test(test_lost_reply_is_made_up_for),
		cmocka_unit_test(test_new_cgroup_of_the_same_name_starts_at_zero),
		cmocka_unit_test(test_no_cgroups),
		cmocka_unit_test(test_start_is_known_to_half_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
