// SPDX-License-Identifier: GPL-2.0
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/conf-load.h"
#include "system/fs.h"

/* A root directory of its own for each test. */
struct root {
	char path[64];
	int fd;
};

static int make_root(void **state)
{
	struct root *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	strcpy(r->path, "/tmp/test-conf-load-XXXXXX");
	assert_non_null(mkdtemp(r->path));
	r->fd = fs_open_root(r->path);
	assert_true(r->fd >= 0);
	umask(022);
	for (size_t i = 0; i < 3; i++) {
		static const char *const directories[] = { "etc", "run", "usr/lib" };
		char path[64];

		snprintf(path, sizeof(path), "%s/pmdswapd.conf.d", directories[i]);
		assert_int_equal(fs_make_directory(r->fd, path), 0);
	}
	*state = r;
	return 0;
}

static int remove_root(void **state)
{
	struct root *r = *state;
	char command[128];

	close(r->fd);
	snprintf(command, sizeof(command), "rm -r %s", r->path);
	assert_int_equal(system(command), 0);
	free(r);
	return 0;
}

static void put(const struct root *r, const char *path, const char *text)
{
	int fd = openat(r->fd, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* Load, and return the messages, one per line, which the caller frees. */
static char *load(const struct root *r, struct config **ret)
{
	struct report report = {};
	size_t size;
	char *all;
	FILE *f = open_memstream(&all, &size);

	assert_int_equal(conf_load(r->fd, true, ret, &report), 0);
	for (size_t i = 0; i < report.n; i++) {
		char *s = message_format(&report.messages[i]);

		fprintf(f, "%s\n", s);
		free(s);
	}
	fclose(f);
	report_clear(&report);
	return all;
}

static void expect(const struct root *r, const char *messages)
{
	struct config *c;
	char *all = load(r, &c);

	assert_string_equal(all, messages);
	free(all);
	config_free(c);
}

/* The percentage that wins, and the files that were read, one per line. */
static void expect_percent(const struct root *r, uint64_t percent, const char *files)
{
	char read[512] = "";
	struct config *c;
	char *all = load(r, &c);

	assert_string_equal(all, "");
	assert_int_equal(c->kernel[SETTING_ZSWAP_MAX_POOL_PERCENT].value, percent);
	for (size_t i = 0; i < c->n_files; i++)
		snprintf(read + strlen(read), sizeof(read) - strlen(read), "%s\n", c->files[i]);
	assert_string_equal(read, files);
	free(all);
	config_free(c);
}

#define PERCENT(n) "[kernel]\nzswap-max-pool-percent = " #n "\n"

static void test_no_file(void **state)
{
	expect_percent(*state, 0, "");
}

static void test_main_file_of_the_first_directory(void **state)
{
	put(*state, "usr/lib/pmdswapd.conf", PERCENT(3));
	expect_percent(*state, 3, "/usr/lib/pmdswapd.conf\n");
	put(*state, "run/pmdswapd.conf", PERCENT(2));
	expect_percent(*state, 2, "/run/pmdswapd.conf\n");
	put(*state, "etc/pmdswapd.conf", PERCENT(1));
	expect_percent(*state, 1, "/etc/pmdswapd.conf\n");
}

static void test_drop_ins_come_by_name_whatever_the_directory(void **state)
{
	put(*state, "etc/pmdswapd.conf", PERCENT(1));
	put(*state, "etc/pmdswapd.conf.d/20-b.conf", PERCENT(20));
	put(*state, "run/pmdswapd.conf.d/10-a.conf", PERCENT(10));
	put(*state, "usr/lib/pmdswapd.conf.d/30-c.conf", PERCENT(30));
	put(*state, "etc/pmdswapd.conf.d/.hidden.conf", "nonsense");
	put(*state, "etc/pmdswapd.conf.d/40.conf~", "nonsense");
	put(*state, "etc/pmdswapd.conf.d/.conf", "nonsense");
	expect_percent(*state, 30,
		       "/etc/pmdswapd.conf\n/run/pmdswapd.conf.d/10-a.conf\n"
		       "/etc/pmdswapd.conf.d/20-b.conf\n/usr/lib/pmdswapd.conf.d/30-c.conf\n");
}

static void test_a_name_hides_the_same_one_in_later_directories(void **state)
{
	put(*state, "usr/lib/pmdswapd.conf.d/a.conf", PERCENT(3));
	put(*state, "run/pmdswapd.conf.d/a.conf", PERCENT(2));
	expect_percent(*state, 2, "/run/pmdswapd.conf.d/a.conf\n");
	put(*state, "etc/pmdswapd.conf.d/a.conf", "");
	expect_percent(*state, 0, "/etc/pmdswapd.conf.d/a.conf\n");
}

static void test_a_link_to_null_switches_a_name_off(void **state)
{
	const struct root *r = *state;

	put(r, "usr/lib/pmdswapd.conf.d/a.conf", PERCENT(3));
	assert_int_equal(symlinkat("/dev/null", r->fd, "etc/pmdswapd.conf.d/a.conf"), 0);
	expect_percent(r, 0, "/etc/pmdswapd.conf.d/a.conf\n");
}

static void test_writable_by_others_is_refused(void **state)
{
	const struct root *r = *state;

	put(r, "etc/pmdswapd.conf", "[kernel]\nnonsense = 1\n");
	put(r, "etc/pmdswapd.conf.d/a.conf", "");
	assert_int_equal(fchmodat(r->fd, "etc/pmdswapd.conf", 0664, 0), 0);
	assert_int_equal(fchmodat(r->fd, "etc/pmdswapd.conf.d/a.conf", 0646, 0), 0);
	/* And what else is wrong with it is said in the same go. */
	expect(r,
	       "/etc/pmdswapd.conf: may be written by others than its owner (chmod go-w "
	       "/etc/pmdswapd.conf)\n"
	       "/etc/pmdswapd.conf:2: unknown key nonsense; there are swap-pmd, zswap, zswap-shrinker, zswap-compressor, zswap-max-pool-percent and zswap-accept-threshold-percent\n"
	       "/etc/pmdswapd.conf.d/a.conf: may be written by others than its owner (chmod go-w "
	       "/etc/pmdswapd.conf.d/a.conf)\n");
}

static void test_of_another_owner_is_refused(void **state)
{
	const struct root *r = *state;

	if (geteuid() != 0) {
		print_message("skipped: giving a file away needs root\n");
		skip();
	}
	put(r, "etc/pmdswapd.conf", "");
	assert_int_equal(fchownat(r->fd, "etc/pmdswapd.conf", 4242, 0, 0), 0);
	expect(r, "/etc/pmdswapd.conf: belongs to user 4242; only root may own it (chown root "
		  "/etc/pmdswapd.conf)\n");
}

/* Others could put a link to another file of root's into it, or take one away. */
static void test_a_directory_that_others_may_write_is_refused(void **state)
{
	const struct root *r = *state;

	put(r, "run/pmdswapd.conf.d/a.conf", "[kernel]\nnonsense = 1\n");
	assert_int_equal(fchmodat(r->fd, "run/pmdswapd.conf.d", 0775, 0), 0);
	expect(r, "/run/pmdswapd.conf.d: may be written by others than its owner (chmod go-w "
		  "/run/pmdswapd.conf.d)\n"
		  "/run/pmdswapd.conf.d/a.conf:2: unknown key nonsense; there are swap-pmd, zswap, zswap-shrinker, zswap-compressor, zswap-max-pool-percent and zswap-accept-threshold-percent\n");
}

/* The bus and JSON take text only: a reload would be without an answer. */
static void test_a_file_name_that_is_no_text_is_refused(void **state)
{
	const struct root *r = *state;

	put(r, "etc/pmdswapd.conf.d/\xff.conf", "");
	put(r, "run/pmdswapd.conf.d/a\x1b[31m.conf", "");
	put(r, "usr/lib/pmdswapd.conf.d/gr\xc3\xb6\xc3\x9f.conf", "");
	expect(r, "/etc/pmdswapd.conf.d/\\xff.conf: the name is not text; rename the file\n"
		  "/run/pmdswapd.conf.d/a\\x1b[31m.conf: the name is not text; rename the file\n");
}

static void test_inih_trap_7_what_cannot_be_read(void **state)
{
	const struct root *r = *state;

	assert_int_equal(mkdirat(r->fd, "etc/pmdswapd.conf", 0755), 0);
	assert_int_equal(symlinkat("nowhere", r->fd, "etc/pmdswapd.conf.d/1.conf"), 0);
	assert_int_equal(mkfifoat(r->fd, "etc/pmdswapd.conf.d/2.conf", 0644), 0);
	/* Reading at address 0 is an I/O error, which fgets() takes for the end of the file. */
	assert_int_equal(symlinkat("/proc/self/mem", r->fd, "etc/pmdswapd.conf.d/3.conf"), 0);
	put(r, "etc/pmdswapd.conf.d/4.conf", "");
	{
		int fd = openat(r->fd, "etc/pmdswapd.conf.d/4.conf", O_WRONLY);

		assert_int_equal(ftruncate(fd, 256 * 1024 + 1), 0);
		close(fd);
	}
	expect(r, "/etc/pmdswapd.conf: is a directory; a file is needed\n"
		  "/etc/pmdswapd.conf.d/1.conf: cannot be read: No such file or directory\n"
		  "/etc/pmdswapd.conf.d/2.conf: is no regular file\n"
		  "/etc/pmdswapd.conf.d/3.conf: cannot be read: Input/output error\n"
		  "/etc/pmdswapd.conf.d/4.conf: is larger than 256 KiB\n");
}

#define ROOT_TEST(f) cmocka_unit_test_setup_teardown(f, make_root, remove_root)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ROOT_TEST(test_no_file),
		ROOT_TEST(test_main_file_of_the_first_directory),
		ROOT_TEST(test_drop_ins_come_by_name_whatever_the_directory),
		ROOT_TEST(test_a_name_hides_the_same_one_in_later_directories),
		ROOT_TEST(test_a_link_to_null_switches_a_name_off),
		ROOT_TEST(test_writable_by_others_is_refused),
		ROOT_TEST(test_of_another_owner_is_refused),
		ROOT_TEST(test_a_directory_that_others_may_write_is_refused),
		ROOT_TEST(test_a_file_name_that_is_no_text_is_refused),
		ROOT_TEST(test_inih_trap_7_what_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
