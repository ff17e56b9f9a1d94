// SPDX-License-Identifier: GPL-2.0
#include "test.h"

#include <string.h>

#include "policy/policy.h"

static struct config *parse(const char *text)
{
	struct config *c = config_new();
	struct report report = {};

	assert_int_equal(conf_parse(c, "f", text, strlen(text), &report), 0);
	assert_int_equal(conf_finish(c, &report), 0);
	assert_false(report_failed(&report));
	return c;
}

static void expect(const struct config *c, const char *cgroup, const char *name)
{
	const struct policy *p = policy_resolve(c, cgroup, NULL);

	if (!name) {
		assert_null(p);
		return;
	}
	assert_non_null(p);
	assert_string_equal(p->name, name);
}

static void test_winner(void **state)
{
	struct config *c = parse("[policy glob]\ncgroup = /a/*\nmode = pmd\n"
				 "[policy glob2]\ncgroup = /a/?\nmode = pmd\n"
				 "[policy exact]\ncgroup = /a/b\nmode = pmd\n"
				 "[policy unit]\nunit = b.service\nmode = pmd\n"
				 "[policy high]\ncgroup = /*/c\nmode = pmd\npriority = 1\n"
				 "[policy low]\ncgroup = /a/c\nmode = pmd\npriority = -1\n");

	expect(c, "/a/x", "glob");
	expect(c, "/a/b", "exact");
	expect(c, "/a/c", "high");
	expect(c, "/a/b/c", NULL);
	expect(c, "/x.slice/b.service", "unit");
	expect(c, "/a.slice/b.service", "unit");
	expect(c, "/a", NULL);
	config_free(c);
}

static void test_globs(void **state)
{
	struct config *c = parse("[policy esc]\nunit = a\\x2d*.service\nmode = pmd\n"
				 "[policy any]\nunit = *.slice\nmode = pmd\n"
				 "[policy one]\ncgroup = /*\nmode = pmd\n"
				 "[policy root]\ncgroup = /\nmode = zswap\n");

	expect(c, "/s.slice/a\\x2db.service", "esc");
	expect(c, "/s.slice/axb.service", NULL);
	/* The root cgroup is meant only by name. */
	expect(c, "/", "root");
	expect(c, "/a.slice", "any");
	config_free(c);
}

static void test_may_match_below(void **state)
{
	struct config *c = parse("[policy deep]\ncgroup = /a/*/c\nmode = pmd\n");

	assert_true(policy_may_match_below(c, "/"));
	assert_true(policy_may_match_below(c, "/a"));
	assert_true(policy_may_match_below(c, "/a/x"));
	assert_false(policy_may_match_below(c, "/a/x/c"));
	assert_false(policy_may_match_below(c, "/b"));
	assert_false(policy_may_match_below(c, "/a.slice"));
	config_free(c);

	c = parse("[policy unit]\nunit = x.service\nmode = pmd\n");
	assert_true(policy_may_match_below(c, "/"));
	assert_true(policy_may_match_below(c, "/a.slice"));
	assert_false(policy_may_match_below(c, "/a.slice/b.service"));
	config_free(c);

	c = parse("");
	assert_false(policy_may_match_below(c, "/"));
	config_free(c);
}

static void test_blocker(void **state)
{
	struct config *c = parse("[policy top]\nunit = a.slice\nmode = pmd\n"
				 "[policy sub]\ncgroup = /a.slice/*\nmode = zswap\n");
	const struct policy *p, *sub = c->policies[1], *top = c->policies[0];
	char *above;

	assert_int_equal(policy_find_blocker(c, "/a.slice/b/c", sub, &p, &above), 0);
	assert_string_equal(p->name, "top");
	assert_string_equal(above, "/a.slice");
	free(above);
	assert_int_equal(policy_find_blocker(c, "/a.slice", sub, &p, &above), 0);
	assert_null(p);
	assert_int_equal(policy_find_blocker(c, "/", sub, &p, &above), 0);
	assert_null(p);
	/* There is no harm in pmd below pmd. */
	assert_int_equal(policy_find_blocker(c, "/a.slice/b/c", top, &p, &above), 0);
	assert_null(p);
	config_free(c);

	c = parse("[policy root]\ncgroup = /\nmode = zswap\nzswap-writeback = no\n"
		  "[policy top]\ncgroup = /a\nmode = zswap\n"
		  "[policy sub]\ncgroup = /a/*\nmode = pmd\n");
	assert_int_equal(policy_find_blocker(c, "/a/b", c->policies[2], &p, &above), 0);
	assert_ptr_equal(p, c->policies[0]);
	assert_string_equal(above, "/");
	free(above);
	/* There is none in zswap below zswap. */
	assert_int_equal(policy_find_blocker(c, "/a/b", c->policies[1], &p, &above), 0);
	assert_null(p);
	config_free(c);
}

static void test_wants(void **state)
{
	struct policy p = { .mode = MODE_PMD };
	uint64_t value;

	assert_true(policy_wants(&p, SETTING_CGROUP_ZSWAP_MAX, &value));
	assert_int_equal(value, 0);
	assert_true(policy_wants(&p, SETTING_CGROUP_ZSWAP_WRITEBACK, &value));
	assert_int_equal(value, 1);
	p = (struct policy){ .mode = MODE_ZSWAP, .zswap_max = 8192 };
	assert_true(policy_wants(&p, SETTING_CGROUP_ZSWAP_MAX, &value));
	assert_int_equal(value, 8192);
	assert_true(policy_wants(&p, SETTING_CGROUP_ZSWAP_WRITEBACK, &value));
	assert_int_equal(value, 0);
	p.mode = MODE_KEEP;
	assert_false(policy_wants(&p, SETTING_CGROUP_ZSWAP_MAX, &value));
	assert_false(policy_wants(NULL, SETTING_CGROUP_ZSWAP_MAX, &value));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_winner),          cmocka_unit_test(test_globs),
		cmocka_unit_test(test_may_match_below), cmocka_unit_test(test_blocker),
		cmocka_unit_test(test_wants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
