// SPDX-License-Identifier: GPL-2.0
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "system/fs.h"
#include "system/sampler.h"

/* A fake root with cgroups and processes, and a kernel that tells what the test wants it to. */
struct fixture {
	char root[32];
	int root_fd;
	sd_event *event;
	struct sampler *sampler;
	int asked, error; /* what ask() returns if it is not 0 */
	int gone;         /* a process of which ask() knows nothing */
	int done, done_error, ask_error;
};

static void put(const struct fixture *f, const char *path, const char *text)
{
	char all[256], *slash;
	FILE *file;

	snprintf(all, sizeof(all), "%s/%s", f->root, path);
	for (slash = strchr(all + strlen(f->root) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(all, 0755);
		*slash = '/';
	}
	file = fopen(all, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->root, "/tmp/test-sampler-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	f->root_fd = fs_open_root(f->root);
	assert_true(f->root_fd >= 0);
	assert_int_equal(sd_event_new(&f->event), 0);
	assert_int_equal(sampler_new(&f->sampler, f->event, f->root_fd), 0);
	put(f, "proc/vmstat", "thp_swpout_pmd 5\n");
	put(f, "sys/fs/cgroup/a/memory.stat", "zswapped 4096\nthp_swpin_pmd 3\n");
	put(f, "sys/fs/cgroup/a/memory.swap.current", "8192\n");
	put(f, "sys/fs/cgroup/a/cgroup.procs", "10\n0\n11\n");
	put(f, "sys/fs/cgroup/a/b/cgroup.procs", "12\n");
	put(f, "sys/fs/cgroup/a/x/y/cgroup.procs", "13\n");
	*state = f;
	return 0;
}

static int remove_path(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sampler_free(f->sampler);
	sd_event_unref(f->event);
	close(f->root_fd);
	nftw(f->root, remove_path, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static int ask(void *userdata, pid_t pid, struct process_info *ret)
{
	struct fixture *f = userdata;

	f->asked++;
	if (f->error)
		return f->error;
	if (pid == f->gone || pid == 9)
		return -ESRCH;
	*ret = (struct process_info){ .name = "worker", .age_usec = 5, .delays.accounted = true };
	ret->delays.of[DELAY_BLKIO].known = true;
	ret->delays.of[DELAY_BLKIO].total = pid;
	return 0;
}

static void done(void *userdata, int error, int ask_error)
{
	struct fixture *f = userdata;

	f->done++;
	f->done_error = error;
	f->ask_error = ask_error;
}

static const struct sample *run(struct fixture *f, bool with_ask)
{
	static const char *const paths[] = { "/a", "/a/b", "/gone" };

	f->done = 0;
	assert_int_equal(sampler_start(f->sampler, paths, 3, with_ask ? ask : NULL, done, f), 0);
	assert_true(sampler_is_busy(f->sampler));
	assert_int_equal(sampler_start(f->sampler, paths, 3, NULL, done, f), -EBUSY);
	while (!f->done)
		assert_true(sd_event_run(f->event, 1000000) > 0);
	assert_int_equal(f->done, 1);
	assert_int_equal(f->done_error, 0);
	assert_false(sampler_is_busy(f->sampler));
	return sampler_last(f->sampler);
}

static void test_counters_and_processes(void **state)
{
	struct fixture *f = *state;
	const struct sample *s;

	assert_null(sampler_last(f->sampler));
	s = run(f, true);
	assert_int_equal(s->system.of[COUNTER_THP_SWPOUT_PMD].value, 5);
	assert_int_equal(s->cgroups[0].counters.of[COUNTER_THP_SWPIN_PMD].value, 3);
	assert_int_equal(s->cgroups[0].counters.of[COUNTER_SWAP].value, 8192);
	assert_int_equal(s->cgroups[0].processes, 4);
	assert_int_equal(s->cgroups[1].processes, 1);
	assert_int_equal(s->cgroups[2].id, 0);
	assert_int_equal(s->cgroups[0].delays.of[DELAY_BLKIO].total, 10 + 11 + 12 + 13);
	assert_int_equal(s->cgroups[1].delays.of[DELAY_BLKIO].total, 12);
	assert_int_equal(s->n_processes, 4);
	assert_string_equal(s->processes[2].info.name, "worker");
	assert_int_equal(s->processes[2].pid, 12);
	assert_int_equal(s->processes[2].cgroup, 1);
	assert_int_equal(s->processes[3].cgroup, 0);
	assert_int_equal(f->ask_error, 0);
}

static void test_without_delays(void **state)
{
	struct fixture *f = *state;
	const struct sample *s = run(f, false);

	assert_int_equal(f->asked, 0);
	assert_int_equal(s->n_processes, 4);
	assert_false(s->processes[0].asked);
	assert_false(s->cgroups[0].delays.of[DELAY_BLKIO].known);
}

static void test_processes_that_end_meanwhile(void **state)
{
	struct fixture *f = *state;
	const struct sample *s;

	f->gone = 12;
	put(f, "sys/fs/cgroup/a/cgroup.procs", "9\n10\n11\n");
	s = run(f, true);
	assert_int_equal(s->n_processes, 3);
	assert_int_equal(s->cgroups[0].processes, 3);
	assert_int_equal(s->cgroups[1].processes, 0);
}

static void test_refusal_is_asked_for_once(void **state)
{
	struct fixture *f = *state;
	const struct sample *s;

	f->error = -EPERM;
	s = run(f, true);
	assert_int_equal(f->asked, 1);
	assert_int_equal(f->ask_error, -EPERM);
	assert_int_equal(s->n_processes, 4);
	f->error = 0;
	s = run(f, true);
	assert_int_equal(f->ask_error, 0);
	assert_true(s->processes[0].asked);
}

static void test_lost_replies_do_not_end_it(void **state)
{
	struct fixture *f = *state;
	const struct sample *s;

	f->error = -ENOBUFS;
	s = run(f, true);
	assert_int_equal(f->asked, 4);
	assert_int_equal(f->ask_error, 0);
	assert_false(s->processes[0].asked);
}

static void test_nothing_is_left_to_wake_the_loop(void **state)
{
	struct fixture *f = *state;

	run(f, true);
	assert_int_equal(sd_event_run(f->event, 0), 0);
}

static int on_other(sd_event_source *source, void *userdata)
{
	++*(int *)userdata;
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void test_others_have_their_turn(void **state)
{
	struct fixture *f = *state;
	sd_event_source *other;
	char procs[16384] = "";
	int turns = 0;

	for (int pid = 100; pid < 1100; pid++) {
		sprintf(procs + strlen(procs), "%d\n", pid);
	}
	put(f, "sys/fs/cgroup/a/cgroup.procs", procs);
	assert_int_equal(sd_event_add_defer(f->event, &other, on_other, &turns), 0);
	assert_int_equal(sd_event_source_set_priority(other, SD_EVENT_PRIORITY_IDLE), 0);
	assert_int_equal(run(f, true)->n_processes, 1002);
	assert_true(turns > 20);
	sd_event_source_disable_unref(other);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_counters_and_processes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_without_delays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_processes_that_end_meanwhile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusal_is_asked_for_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_replies_do_not_end_it, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_is_left_to_wake_the_loop, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_others_have_their_turn, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
