// SPDX-License-Identifier: GPL-2.0
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "policy/conf.h"
#include "policy/policy.h"

#define GOOD_POLICY "[policy p]\nunit = a.service\nmode = pmd\n"

static struct config *parse_bytes(const char *text, size_t size, struct report *report)
{
	struct config *c = config_new();

	assert_non_null(c);
	assert_int_equal(conf_parse(c, "f", text, size, report), 0);
	assert_int_equal(conf_finish(c, report), 0);
	policy_check(c, report);
	report_sort(report);
	return c;
}

/* The messages of a report, one per line. */
static char *flatten(const struct report *report)
{
	size_t size;
	char *all;
	FILE *f = open_memstream(&all, &size);

	for (size_t i = 0; i < report->n; i++) {
		char *s = message_format(&report->messages[i]);

		fprintf(f, "%s\n", s);
		free(s);
	}
	fclose(f);
	return all;
}

static void check_bytes(const char *text, size_t size, const char *expected)
{
	struct report report = {};
	struct config *c = parse_bytes(text, size, &report);
	char *all = flatten(&report);

	assert_string_equal(all, expected);
	free(all);
	report_clear(&report);
	config_free(c);
}

static void check(const char *text, const char *expected)
{
	check_bytes(text, strlen(text), expected);
}

/* A text without any mistake. */
static struct config *parse(const char *text)
{
	struct report report = {};
	struct config *c = parse_bytes(text, strlen(text), &report);
	char *all = flatten(&report);

	assert_string_equal(all, "");
	free(all);
	report_clear(&report);
	return c;
}

static void test_defaults(void **state)
{
	struct config *c = parse("");

	assert_int_equal(c->log_level, LOG_INFO);
	assert_int_equal(c->on_drift, ON_DRIFT_REAPPLY);
	assert_false(c->restore_on_stop);
	for (int s = 0; s < N_KERNEL_SETTINGS; s++)
		assert_false(c->kernel[s].managed);
	assert_true(c->taskstats);
	assert_int_equal(c->stats_interval, 1);
	assert_int_equal(c->n_policies, 0);
	config_free(c);
}

/*
 * The settings of the installed file without their comment signs: those of the policy that it
 * shows, or those before it, with their sections.
 */
static char *uncomment(bool of_policy)
{
	const char *path = getenv("PMDSWAPD_CONF");
	bool in_policy = false;
	char line[256], *all;
	size_t size;
	FILE *out = open_memstream(&all, &size), *in;

	assert_non_null(path);
	in = fopen(path, "r");
	assert_non_null(in);
	while (fgets(line, sizeof(line), in)) {
		size_t key = strspn(line + 1, "abcdefghijklmnopqrstuvwxyz-");

		in_policy |= strncmp(line, "#[policy", 8) == 0;
		if (in_policy != of_policy)
			continue;
		if (line[0] == '[')
			fputs(line, out);
		else if (line[0] == '#' && key > 0 && strncmp(line + 1 + key, " = ", 3) == 0)
			fputs(line + 1, out);
	}
	fclose(in);
	fclose(out);
	return all;
}

static void test_the_installed_file_shows_the_defaults(void **state)
{
	char *text = uncomment(false);
	struct config *c = parse(text), *defaults = config_new();

	assert_non_null(strstr(text, "[daemon]\nlog-level = "));
	assert_non_null(strstr(text, "[stats]\n"));
	assert_int_equal(c->log_level, defaults->log_level);
	assert_int_equal(c->on_drift, defaults->on_drift);
	assert_int_equal(c->restore_on_stop, defaults->restore_on_stop);
	assert_int_equal(c->taskstats, defaults->taskstats);
	assert_int_equal(c->stats_interval, defaults->stats_interval);
	for (int s = 0; s < N_KERNEL_SETTINGS; s++) {
		assert_non_null(strstr(text, setting_name(s)));
		assert_int_equal(c->kernel[s].managed, defaults->kernel[s].managed);
	}
	assert_int_equal(c->n_policies, 0);
	config_free(defaults);
	config_free(c);
	free(text);
}

static void test_the_installed_file_shows_the_defaults_of_a_policy(void **state)
{
	char *shown = uncomment(true), *text;
	struct config *c;

	assert_string_equal(shown, "unit = GLOB\ncgroup = /GLOB\nzswap-max = max\n"
				   "zswap-writeback = yes\npriority = 0\n");
	assert_true(asprintf(&text,
			     "[policy p]\nmode = zswap\n%s"
			     "[policy q]\nunit = b.service\nmode = zswap\n",
			     strstr(shown, "cgroup")) > 0);
	c = parse(text);
	assert_int_equal(c->policies[0]->zswap_max, c->policies[1]->zswap_max);
	assert_int_equal(c->policies[0]->zswap_writeback, c->policies[1]->zswap_writeback);
	assert_int_equal(c->policies[0]->priority, c->policies[1]->priority);
	config_free(c);
	free(text);
	free(shown);
}

static void test_everything(void **state)
{
	struct config *c = parse("\xef\xbb\xbf# comment\n"
				 "[daemon]\r\n"
				 "log-level = debug\n"
				 "on-drift=warn ; why not\n"
				 "restore = on-stop\n"
				 "\n"
				 "[kernel] # all of them\n"
				 "swap-pmd = always\n"
				 "zswap = on\n"
				 "zswap-shrinker = off\n"
				 "zswap-max-pool-percent = 100\n"
				 "[stats]\n"
				 "taskstats = off\n"
				 "interval = 2min\n"
				 "; another comment\n"
				 "   # indented comment\n"
				 "[policy db_1.x-y]\n"
				 "unit = db@*.service\n"
				 "unit = odd\\x2dname.service\n"
				 "cgroup = /a/b = c\n"
				 "mode = zswap\n"
				 "zswap-max = 3G\n"
				 "zswap-writeback = no\n"
				 "priority = -7\n"
				 "[policy last]\n"
				 "cgroup = /x\n"
				 "mode = keep");
	const struct policy *p = c->policies[0];

	assert_int_equal(c->log_level, LOG_DEBUG);
	assert_int_equal(c->on_drift, ON_DRIFT_WARN);
	assert_true(c->restore_on_stop);
	assert_true(c->kernel[SETTING_SWAP_PMD].managed);
	assert_int_equal(c->kernel[SETTING_SWAP_PMD].value, SWAP_PMD_ALWAYS);
	assert_int_equal(c->kernel[SETTING_ZSWAP].value, 1);
	assert_true(c->kernel[SETTING_ZSWAP_SHRINKER].managed);
	assert_int_equal(c->kernel[SETTING_ZSWAP_SHRINKER].value, 0);
	assert_int_equal(c->kernel[SETTING_ZSWAP_MAX_POOL_PERCENT].value, 100);
	assert_false(c->taskstats);
	assert_int_equal(c->stats_interval, 120);
	assert_int_equal(c->n_policies, 2);
	assert_string_equal(p->name, "db_1.x-y");
	assert_int_equal(p->n_matches, 3);
	assert_false(p->matches[0].exact);
	assert_string_equal(p->matches[1].glob, "odd\\x2dname.service");
	assert_true(p->matches[1].exact);
	assert_string_equal(p->matches[2].glob, "/a/b = c");
	assert_int_equal(p->mode, MODE_ZSWAP);
	assert_int_equal(p->zswap_max, 3ULL << 30);
	assert_false(p->zswap_writeback);
	assert_int_equal(p->priority, -7);
	assert_int_equal(c->policies[1]->mode, MODE_KEEP);
	config_free(c);
}

/* The traps of inih. The seventh, what cannot be read, is in test-conf-load.c. */

static void test_inih_trap_1_long_lines(void **state)
{
	char text[600], long_part[201];

	memset(long_part, 'x', 200);
	long_part[200] = '\0';
	/* What inih r55 would take for a line of its own must not become a setting. */
	snprintf(text, sizeof(text), "[kernel]\n#%.197s%s\n", long_part, "swap-pmd = never");
	check(text, "f:2: line of 214 bytes is too long; at most 198\n");
	snprintf(text, sizeof(text), "[kernel]\nswap-pmd = %s\nzswap = on\n", long_part);
	check(text, "f:2: line of 211 bytes is too long; at most 198\n");
	/* The longest line that is allowed. */
	snprintf(text, sizeof(text), "#%.197s\n[kernel]\nzswap = on\n", long_part);
	check(text, "");
}

static void test_inih_trap_2_long_section_names(void **state)
{
	check("[policy a12345678901234567890123456789012345678901]\nunit = a.service\nmode = pmd\n",
	      "");
	check("[policy a123456789012345678901234567890123456789012]\nunit = a.service\nmode = "
	      "pmd\n",
	      "f:1: section name of 50 bytes is too long; at most 49\n");
}

static void test_inih_trap_3_indented_lines(void **state)
{
	check("[kernel]\nzswap = on\n  swap-pmd = never\n\tmore\n",
	      "f:3: indented line; continuation lines are not supported, start it in the first "
	      "column\n"
	      "f:4: indented line; continuation lines are not supported, start it in the first "
	      "column\n");
}

static void test_inih_trap_4_separators_and_comments(void **state)
{
	check("[kernel]\nzswap: on\n", "f:2: separate key and value with '=', not ':'\n");
	check("[kernel]\nzswap = on # now\n", "f:2: zswap = on # now: must be keep, off or on; a "
					      "comment goes on a line of its own\n");
	check("[kernel]\nzswap\n= on\n", "f:2: 'zswap' is neither a [SECTION] nor KEY = VALUE\n"
					 "f:3: there is no key before '='\n");
}

static void test_inih_trap_5_all_errors_are_reported(void **state)
{
	check("[daemon]\nlog-level = loud\n[kernel]\nzswap = maybe\nzswap-max-pool-percent = 101\n"
	      "[policy a]\nunit = a.service\nmode = huge\npriority = high\n[colour]\nx = y\n",
	      "f:2: log-level = loud: must be err, warning, notice, info or debug\n"
	      "f:4: zswap = maybe: must be keep, off or on\n"
	      "f:5: zswap-max-pool-percent = 101: must be keep or a number from 1 to 100\n"
	      "f:8: mode = huge: must be keep, pmd, zswap or none\n"
	      "f:9: priority = high: must be a number from -1000000 to 1000000\n"
	      "f:10: unknown section [colour]; there are [daemon], [kernel], [stats] and [policy "
	      "NAME]\n");
}

static void test_inih_trap_6_empty_and_repeated_sections(void **state)
{
	check("[policy empty]\n[kernel]\n[kernel]\n",
	      "f:1: [policy empty] has no mode; add mode = pmd, zswap, none or keep\n"
	      "f:1: [policy empty] matches nothing; add unit = GLOB or cgroup = /GLOB\n"
	      "f:3: section [kernel] is a duplicate of the one in line 2; put them together\n");
	check("[kernel\n[kernel] zswap = on\n",
	      "f:1: '[kernel' lacks the closing ']'\n"
	      "f:2: 'zswap = on' after the section name; a setting starts on its own line\n"
	      "f:2: section [kernel] is a duplicate of the one in line 1; put them together\n");
	check("[policy a]\nunit = a.service\nmode = pmd\n[policy  a]\nunit = b.service\n",
	      "f:4: section [policy  a] is a duplicate of the one in line 1; put them together\n");
	check("zswap = on\n", "f:1: zswap stands before the first section; put it below [daemon], "
			      "[kernel], [stats] or [policy NAME]\n");
}

/* Whoever corrects the name must not meet the next mistake then. */
static void test_a_section_with_a_wrong_name_is_read_all_the_same(void **state)
{
	check("[policy]\nmode = huge\n[policy a b]\nunit = a\nmode = pmd\n"
	      "[policy c\nunit = c.service\nmode = pmd\npriority = x\n"
	      "[policy a12345678901234567890123456789012345678901234]\nunit = d.service\nmode = "
	      "x\n",
	      "f:1: a policy needs a name: [policy NAME]\n"
	      "f:1: [policy ] matches nothing; add unit = GLOB or cgroup = /GLOB\n"
	      "f:2: mode = huge: must be keep, pmd, zswap or none\n"
	      "f:3: policy name 'a b': use letters, digits, '_', '.' and '-'\n"
	      "f:4: unit = a: must end in .service, .slice, .scope, .socket, .mount or .swap\n"
	      "f:6: '[policy c' lacks the closing ']'\n"
	      "f:9: priority = x: must be a number from -1000000 to 1000000\n"
	      "f:10: section name of 52 bytes is too long; at most 49\n"
	      "f:12: mode = x: must be keep, pmd, zswap or none\n");
}

static void test_inih_trap_6_repeated_keys(void **state)
{
	check("[kernel]\nzswap = on\nzswap = maybe\n",
	      "f:3: zswap is a duplicate of line 2; remove one of them\n"
	      "f:3: zswap = maybe: must be keep, off or on\n");
	check("[kernel]\nzswap = on\nzswap = on\n" GOOD_POLICY "unit = a.service\n",
	      "f:3: zswap is a duplicate of line 2; remove one of them\n"
	      "f:7: unit = a.service is a duplicate of f:5\n");
}

static void test_inih_trap_8_binary(void **state)
{
	static const char nul[] = "[kernel]\nzswap = \0on\nswap-pmd = x\n";

	check_bytes(nul, sizeof(nul) - 1,
		    "f:2: NUL byte in the line; this is no text file\n"
		    "f:3: swap-pmd = x: must be keep, never, exclusive, always or auto\n");
	check("\xff\n\xc0\xaf\n\xed\xa0\x80\n\xf4\x90\x80\x80\n\xc3\n",
	      "f:1: line is not valid UTF-8\n"
	      "f:2: line is not valid UTF-8\n"
	      "f:3: line is not valid UTF-8\n"
	      "f:4: line is not valid UTF-8\n"
	      "f:5: line is not valid UTF-8\n");
	check("# \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80\n", "");
	check("[kernel]\nzswap = o\x01n\n", "f:2: control character 0x01 in the line\n");
}

/* Old versions parse only text that ends with NUL; the text of a file does not have to. */
static void test_inih_trap_9_text_of_a_given_length(void **state)
{
	static const char text[] = "[kernel]\nzswap = onward\n";
	size_t size = strlen("[kernel]\nzswap = on");
	char *exact = malloc(size);
	struct report report = {};
	struct config *c;

	assert_non_null(exact);
	memcpy(exact, text, size);
	c = parse_bytes(exact, size, &report);
	assert_false(report_failed(&report));
	assert_true(c->kernel[SETTING_ZSWAP].managed);
	config_free(c);
	free(exact);
}

static void test_values(void **state)
{
	check("[kernel]\nfoo = 1\nmemory.zswap.max = 0\nzswap =\n[daemon]\nbar = 1\n",
	      "f:2: unknown key foo; there are swap-pmd, zswap, zswap-shrinker, zswap-compressor, "
	      "zswap-max-pool-percent and zswap-accept-threshold-percent\n"
	      "f:3: unknown key memory.zswap.max; there are swap-pmd, zswap, zswap-shrinker, zswap-compressor, "
	      "zswap-max-pool-percent and zswap-accept-threshold-percent\n"
	      "f:4: zswap has no value\n"
	      "f:6: unknown key bar; there are log-level, on-drift and restore\n");
	check("[kernel]\nzswap-max-pool-percent = 0\n",
	      "f:2: zswap-max-pool-percent = 0: must be keep or a number from 1 to 100\n");
	check("[policy p]\nunit = a.service\nmode = zswap\nzswap-max = 100\n",
	      "f:4: zswap-max = 100: less than a page (4096 bytes) is 0 to the kernel\n");
	check("[policy p]\nunit = a.service\nmode = zswap\nzswap-max = 0\n",
	      "f:4: zswap-max = 0 keeps everything out of zswap: say mode = pmd\n");
	check("[policy p]\nunit = a.service\nmode = zswap\nzswap-max = 99999999T\n",
	      "f:4: zswap-max = 99999999T: too large; say max for no limit\n");
	check("[policy p]\nunit = a.service\nmode = zswap\nzswap-max = -1\n",
	      "f:4: zswap-max = -1: must be max or bytes, with K, M, G or T if wanted\n");
	check("[policy p]\nunit = a.service\nmode = zswap\nzswap-max = 1Gi\n",
	      "f:4: zswap-max = 1Gi: must be max or bytes, with K, M, G or T if wanted\n");
}

static void test_intervals(void **state)
{
	static const struct {
		const char *text;
		unsigned int seconds;
	} good[] = {
		{ "1", 1 }, { "59s", 59 }, { "60min", 3600 }, { "1h", 3600 }, { "3600", 3600 }
	};
	static const char *const bad[] = {
		"0",    "0s", "-1", "1 s", "1.5", "1ms",         "61min", "2h",
		"3601", "s",  "1m", "+1",  "0x1", "99999999999", "1h1s",
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		char text[64];
		struct config *c;

		snprintf(text, sizeof(text), "[stats]\ninterval = %s\n", good[i].text);
		c = parse(text);
		assert_int_equal(c->stats_interval, good[i].seconds);
		config_free(c);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char text[64], expected[160];

		snprintf(text, sizeof(text), "[stats]\ninterval = %s\n", bad[i]);
		snprintf(expected, sizeof(expected),
			 "f:2: interval = %s: must be a time from 1s to 1h, in s, min or h; "
			 "without a unit it is seconds\n",
			 bad[i]);
		check(text, expected);
	}
	check("[stats]\ntaskstats = maybe\nfoo = 1\n",
	      "f:2: taskstats = maybe: must be no or yes, or off or on\n"
	      "f:3: unknown key foo; there are taskstats and interval\n");
}

static void test_matches(void **state)
{
	check("[policy p]\nmode = pmd\nunit = a\nunit = a/b.service\nunit = t@.service\n"
	      "cgroup = a\ncgroup = /a/\ncgroup = /a//b\ncgroup = /a/../b\n"
	      "cgroup = /sys/fs/cgroup/a\ncgroup = /\n",
	      "f:3: unit = a: must end in .service, .slice, .scope, .socket, .mount or .swap\n"
	      "f:4: unit = a/b.service: a unit has no '/' in its name; for a path say cgroup =\n"
	      "f:5: unit = t@.service: a template has no cgroup; its instances are t@*.service\n"
	      "f:6: cgroup = a: must start with '/'\n"
	      "f:7: cgroup = /a/: must not end with '/'\n"
	      "f:8: cgroup = /a//b: must have no empty, '.' or '..' part\n"
	      "f:9: cgroup = /a/../b: must have no empty, '.' or '..' part\n"
	      "f:10: cgroup = /sys/fs/cgroup/a: the path starts below the mount point: say /a\n"
	      "f:11: the root cgroup has no memory.zswap.max; for the whole system say zswap = off "
	      "in "
	      "[kernel]\n");
}

/* Lists as systemd has them elsewhere would match nothing, without a word. */
static void test_one_pattern_to_a_line(void **state)
{
#define ONE_UNIT                                                                                   \
	"a unit has only letters, digits and :-_.\\@ in its name; each unit, and a comment, goes " \
	"on a line of its own\n"
#define ONE_CGROUP                                                                                 \
	"each cgroup, and a comment, goes on a line of its own; for a blank that is part of the "  \
	"name say '?'\n"
	check("[policy p]\nmode = pmd\nunit = a.service b.service\nunit = a.service, b.service\n"
	      "unit = a*.service # all of them\nunit = \"a*.service\"\nunit = "
	      "gr\xc3\xb6\xc3\x9f*\n",
	      "f:3: unit = a.service b.service: " ONE_UNIT
	      "f:4: unit = a.service, b.service: " ONE_UNIT
	      "f:5: unit = a*.service # all of them: " ONE_UNIT
	      "f:6: unit = \"a*.service\": " ONE_UNIT "f:7: unit = gr\xc3\xb6\xc3\x9f*: " ONE_UNIT);
	check("[policy p]\nmode = pmd\ncgroup = /a /b\ncgroup = /a, /b\ncgroup = /a/* # all\n"
	      "cgroup = /a b/c d\n",
	      "f:3: cgroup = /a /b: " ONE_CGROUP "f:4: cgroup = /a, /b: " ONE_CGROUP
	      "f:5: cgroup = /a/* # all: " ONE_CGROUP);
}

/* What a text that was copied from elsewhere may have in it. */
static void test_characters_that_nobody_sees(void **state)
{
	check("[kernel]\nzswap =\xc2\xa0on\nzswap-shrinker = on\xe2\x80\x8b\n"
	      "\xef\xbb\xbf[daemon]\n# \xc2\xa0 is no harm here\n",
	      "f:2: no-break space (U+00A0) in the line; type it again without\n"
	      "f:3: zero width space (U+200B) in the line; type it again without\n"
	      "f:4: byte order mark (U+FEFF) in the line; type it again without\n");
}

static void test_patterns_that_no_unit_can_match(void **state)
{
#define SUFFIX ": must end in .service, .slice, .scope, .socket, .mount or .swap\n"
	check("[policy p]\nmode = pmd\nunit = a*.servcie\nunit = a*.timer\nunit = *a\n"
	      "unit = a[bc]d\n",
	      "f:3: unit = a*.servcie" SUFFIX "f:4: unit = a*.timer" SUFFIX "f:5: unit = *a" SUFFIX
	      "f:6: unit = a[bc]d" SUFFIX);
	check("[policy p]\nmode = pmd\nunit = a[b.service\nunit = a[].service\nunit = "
	      "a[!].service\n"
	      "unit = [a]*[.service\n",
	      "f:3: unit = a[b.service: there is no ']' to the '['\n"
	      "f:4: unit = a[].service: there is no ']' to the '['\n"
	      "f:5: unit = a[!].service: there is no ']' to the '['\n"
	      "f:6: unit = [a]*[.service: there is no ']' to the '['\n");
	check("[policy p]\nmode = pmd\nunit = a[]].service\nunit = a*\nunit = *e\nunit = "
	      "a.s[el]*ice\nunit = a.s?rvice\n"
	      "unit = a@[!1-3].service\nunit = a.scop[e]\nunit = a\\x2d*.swap\n",
	      "");
}

static void test_meaningless_combinations(void **state)
{
	check("[policy p]\ncgroup = /\nmode = zswap\nzswap-max = 1G\n",
	      "f:4: warning: zswap-max has no effect on the root cgroup, which has no "
	      "memory.zswap.max; for the whole system say zswap-max-pool-percent in [kernel]\n");
	check(GOOD_POLICY "zswap-writeback = no\n", "f:4: mode = pmd with zswap-writeback = no "
						    "could not swap at all; remove one of them\n");
	check(GOOD_POLICY "zswap-max = 1G\nzswap-writeback = yes\n",
	      "f:4: warning: zswap-max has no effect with mode = pmd\n"
	      "f:5: warning: zswap-writeback has no effect with mode = pmd\n");
}

static void test_user_managers(void **state)
{
	check("[policy p]\nmode = pmd\nunit = user@*.service\n"
	      "cgroup = /user.slice/user-1000.slice/user@1000.service\n"
	      "cgroup = /user.slice/user-*.slice/user@*.service/app.slice\n",
	      "f:5: warning: /user.slice/user-*.slice/user@*.service/app.slice belongs to the "
	      "manager "
	      "of a user, which sets back what others write; name its user@UID.service instead\n");
}

static void test_zswap_below_pmd(void **state)
{
	check("[policy top]\ncgroup = /a\nmode = pmd\n[policy sub]\ncgroup = /a/b\nmode = zswap\n",
	      "f:5: [policy sub] with mode = zswap for /a/b lies below /a, which [policy top] "
	      "(f:1) keeps "
	      "out of zswap; change the mode of one of them\n");
	check("[policy top]\nunit = a.slice\nmode = pmd\n[policy sub]\nunit = a-b.slice\nmode = "
	      "zswap\n",
	      "f:5: [policy sub] with mode = zswap for a-b.slice lies below /a.slice, which "
	      "[policy top] "
	      "(f:1) keeps out of zswap; change the mode of one of them\n");
	/* A mode that is none is not taken for another one. */
	check("[policy top]\ncgroup = /a\nmode = pmd\n[policy sub]\ncgroup = /a/b\nmode = zwsap\n"
	      "zswap-writeback = no\n",
	      "f:6: mode = zwsap: must be keep, pmd, zswap or none\n");
	/* Another policy wins below. */
	check("[policy top]\ncgroup = /a\nmode = pmd\n[policy sub]\ncgroup = /a/b\nmode = zswap\n"
	      "[policy boss]\ncgroup = /a/*\nmode = pmd\npriority = 1\n",
	      "");
}

/* It could use neither zswap nor the device. */
static void test_pmd_below_writeback_off(void **state)
{
	check("[policy top]\ncgroup = /a\nmode = zswap\nzswap-writeback = no\n"
	      "[policy sub]\ncgroup = /a/b/c\nmode = pmd\n",
	      "f:6: [policy sub] with mode = pmd for /a/b/c lies below /a, where [policy top] "
	      "(f:1) has zswap-writeback = no, so it could not swap at all; change one of them\n");
	check("[policy top]\ncgroup = /a\nmode = zswap\nzswap-writeback = no\n"
	      "[policy sub]\ncgroup = /b\nmode = pmd\n",
	      "");
}

static void test_drop_in(void **state)
{
	static const char first[] = "[kernel]\nzswap = on\n" GOOD_POLICY;
	static const char second[] = "[kernel]\nzswap = off\n[policy p]\nunit =\nunit = b.service\n"
				     "priority = 3\n";
	struct config *c = config_new();
	struct report report = {};

	assert_int_equal(conf_parse(c, "a", first, strlen(first), &report), 0);
	assert_int_equal(conf_parse(c, "b", second, strlen(second), &report), 0);
	assert_int_equal(conf_finish(c, &report), 0);
	assert_false(report_failed(&report));
	assert_int_equal(c->kernel[SETTING_ZSWAP].value, 0);
	assert_int_equal(c->n_policies, 1);
	assert_int_equal(c->policies[0]->mode, MODE_PMD);
	assert_int_equal(c->policies[0]->priority, 3);
	assert_int_equal(c->policies[0]->n_matches, 1);
	assert_string_equal(c->policies[0]->matches[0].glob, "b.service");
	assert_string_equal(c->policies[0]->matches[0].origin.file, "b");
	report_clear(&report);
	config_free(c);
}

static void test_a_comment_is_not_cut_off_a_name(void **state)
{
	check("[policy p]\nunit = a.service ;b\ncgroup = /a\t;b\nmode = pmd ; as before\nunit = b.service\n",
	      "f:2: 'unit = a.service ;b': a comment goes on a line of its own; for a blank that is "
	      "part of a name say '?'\n"
	      "f:3: 'cgroup = /a\t;b': a comment goes on a line of its own; for a blank that is part "
	      "of a name say '?'\n");
	/* One mistake, one error. */
	check("[policy p]\nunit = a.service ;b\nmode = pmd\n",
	      "f:2: 'unit = a.service ;b': a comment goes on a line of its own; for a blank that is "
	      "part of a name say '?'\n");
}

static void test_brackets_of_cgroups(void **state)
{
	check("[policy p]\ncgroup = /[\ncgroup = /a[b/c]\ncgroup = /[ab]/c\nmode = pmd\n",
	      "f:2: cgroup = /[: there is no ']' to the '['\n"
	      "f:3: cgroup = /a[b/c]: there is no ']' to the '['\n");
}

static void test_yes_and_on_are_alike(void **state)
{
	check("[kernel]\nzswap = yes\nzswap-shrinker = no\n[stats]\ntaskstats = yes\n"
	      "[policy p]\nunit = a.service\nmode = zswap\nzswap-writeback = off\n",
	      "");
}

static void test_comments_after_numbers_are_hinted_at(void **state)
{
	check("[kernel]\nzswap-max-pool-percent = 20 # percent\n",
	      "f:2: zswap-max-pool-percent = 20 # percent: must be keep or a number from 1 to 100; a "
	      "comment goes on a line of its own\n");
}

static void test_mode_none(void **state)
{
	check("[policy p]\nunit = a.service\nmode = none\n", "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_comment_is_not_cut_off_a_name),
		cmocka_unit_test(test_brackets_of_cgroups),
		cmocka_unit_test(test_yes_and_on_are_alike),
		cmocka_unit_test(test_comments_after_numbers_are_hinted_at),
		cmocka_unit_test(test_mode_none),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_the_installed_file_shows_the_defaults),
		cmocka_unit_test(test_the_installed_file_shows_the_defaults_of_a_policy),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_inih_trap_1_long_lines),
		cmocka_unit_test(test_inih_trap_2_long_section_names),
		cmocka_unit_test(test_inih_trap_3_indented_lines),
		cmocka_unit_test(test_inih_trap_4_separators_and_comments),
		cmocka_unit_test(test_inih_trap_5_all_errors_are_reported),
		cmocka_unit_test(test_inih_trap_6_empty_and_repeated_sections),
		cmocka_unit_test(test_a_section_with_a_wrong_name_is_read_all_the_same),
		cmocka_unit_test(test_inih_trap_6_repeated_keys),
		cmocka_unit_test(test_inih_trap_8_binary),
		cmocka_unit_test(test_inih_trap_9_text_of_a_given_length),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_intervals),
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_one_pattern_to_a_line),
		cmocka_unit_test(test_characters_that_nobody_sees),
		cmocka_unit_test(test_patterns_that_no_unit_can_match),
		cmocka_unit_test(test_meaningless_combinations),
		cmocka_unit_test(test_user_managers),
		cmocka_unit_test(test_zswap_below_pmd),
		cmocka_unit_test(test_pmd_below_writeback_off),
		cmocka_unit_test(test_drop_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
