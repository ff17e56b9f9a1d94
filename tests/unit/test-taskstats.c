// SPDX-License-Identifier: GPL-2.0
#include "test.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "system/clock.h"
#include "system/taskstats.h"

/* The kernel that runs the test answers, if it has taskstats and the test may ask. */
static int setup(void **state)
{
	struct delay_source *source = NULL;
	struct process_info info;
	int r = taskstats_open(&source);

	if (r >= 0)
		r = taskstats_ask(source, getpid(), &info);
	if (r < 0) {
		print_message("cannot ask the kernel: %s\n", strerror(-r));
		taskstats_close(source);
		source = NULL;
	}
	*state = source;
	return 0;
}

static int teardown(void **state)
{
	taskstats_close(*state);
	return 0;
}

static struct delay_source *get_source(void **state)
{
	if (!*state)
		skip();
	return *state;
}

static void test_own_process(void **state)
{
	struct delay_source *source = get_source(state);
	struct process_info info;
	char name[16];

	assert_int_equal(prctl(PR_GET_NAME, name), 0);
	assert_int_equal(taskstats_ask(source, getpid(), &info), 0);
	assert_string_equal(info.name, name);
	assert_in_range(info.age_usec, 1, 600 * USEC_PER_SEC);
	for (int d = 0; d < N_DELAYS; d++)
		assert_true(info.delays.of[d].known);
}

static void test_process_that_is_gone(void **state)
{
	struct delay_source *source = get_source(state);
	struct process_info info;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(taskstats_ask(source, pid, &info), -ESRCH);
	/* An error leaves nothing behind that the next reply could be taken for. */
	assert_int_equal(taskstats_ask(source, getpid(), &info), 0);
}

static void test_many_questions(void **state)
{
	struct delay_source *source = get_source(state);
	struct process_info info;

	for (int i = 0; i < 10000; i++)
		assert_int_equal(taskstats_ask(source, getpid(), &info), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_process),
		cmocka_unit_test(test_process_that_is_gone),
		cmocka_unit_test(test_many_questions),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
