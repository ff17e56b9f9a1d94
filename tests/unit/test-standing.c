// SPDX-License-Identifier: GPL-2.0
#include "policy/standing.h"

#include "test.h"

#define BIT(s) (1U << (s))

static const enum setting max = SETTING_CGROUP_ZSWAP_MAX, back = SETTING_CGROUP_ZSWAP_WRITEBACK;

static void expect(const struct standing *s, enum outcome outcome, const char *reason,
		   unsigned int failures)
{
	assert_string_equal(outcome_name(s->outcome), outcome_name(outcome));
	assert_string_equal(s->reason ?: "-", reason ?: "-");
	assert_int_equal(s->failures, failures);
}

static void test_written(void **state)
{
	struct standing s = {};

	standing_decide(&s, OUTCOME_NONE, NULL, BIT(max));
	expect(&s, OUTCOME_NONE, NULL, 0);
	assert_false(standing_result(&s, max, 0, NULL));
	expect(&s, OUTCOME_OK, NULL, 0);
	standing_clear(&s);
}

static void test_failed_while_tried_again(void **state)
{
	struct standing s = {};

	standing_decide(&s, OUTCOME_NONE, NULL, BIT(max));
	assert_true(standing_result(&s, max, -1, "no"));
	expect(&s, OUTCOME_FAILED, "no", 1);
	standing_decide(&s, OUTCOME_NONE, NULL, BIT(max));
	expect(&s, OUTCOME_FAILED, "no", 1);
	assert_false(standing_result(&s, max, -1, "still no"));
	expect(&s, OUTCOME_FAILED, "still no", 2);
	standing_decide(&s, OUTCOME_NONE, NULL, BIT(max));
	standing_result(&s, max, 0, NULL);
	expect(&s, OUTCOME_OK, NULL, 0);
	/* It is new once more. */
	standing_decide(&s, OUTCOME_NONE, NULL, BIT(max));
	assert_true(standing_result(&s, max, -1, "no"));
	expect(&s, OUTCOME_FAILED, "no", 1);
	standing_clear(&s);
}

static void test_two_settings(void **state)
{
	struct standing s = {};
	unsigned int both = BIT(max) | BIT(back);

	/* One of them is enough to fail, whichever comes first. */
	standing_decide(&s, OUTCOME_NONE, NULL, both);
	standing_result(&s, back, -1, "no");
	standing_result(&s, max, 0, NULL);
	expect(&s, OUTCOME_FAILED, "no", 1);
	standing_decide(&s, OUTCOME_NONE, NULL, both);
	standing_result(&s, max, 0, NULL);
	expect(&s, OUTCOME_FAILED, "no", 1);
	/* Both at a time count once, and both are new. */
	assert_false(standing_result(&s, back, -1, "no"));
	assert_true(standing_result(&s, max, -1, "nor this"));
	expect(&s, OUTCOME_FAILED, "nor this", 2);
	/* Somebody else has seen to one of them. */
	standing_decide(&s, OUTCOME_NONE, NULL, BIT(max));
	standing_result(&s, max, 0, NULL);
	expect(&s, OUTCOME_OK, NULL, 0);
	standing_clear(&s);
}

static void test_decided(void **state)
{
	struct standing s = {};

	/* What is written besides does not change what is wrong. */
	standing_decide(&s, OUTCOME_OVERRIDDEN, "set", BIT(max));
	standing_result(&s, max, 0, NULL);
	expect(&s, OUTCOME_OVERRIDDEN, "set", 0);
	standing_result(&s, max, -1, "no");
	expect(&s, OUTCOME_FAILED, "no", 1);
	/* Somebody else has seen to all of it. */
	standing_decide(&s, OUTCOME_OK, NULL, 0);
	expect(&s, OUTCOME_OK, NULL, 0);
	/* It could not be read. */
	standing_decide(&s, OUTCOME_FAILED, "unreadable", BIT(max));
	standing_result(&s, max, 0, NULL);
	expect(&s, OUTCOME_FAILED, "unreadable", 0);
	standing_decide(&s, OUTCOME_BLOCKED, "by /a", 0);
	expect(&s, OUTCOME_BLOCKED, "by /a", 0);
	/* To give back may fail, too. */
	standing_decide(&s, OUTCOME_OK, NULL, BIT(back));
	assert_true(standing_result(&s, back, -1, "no"));
	standing_decide(&s, OUTCOME_OK, NULL, BIT(back));
	expect(&s, OUTCOME_FAILED, "no", 1);
	assert_false(standing_result(&s, back, -1, "no"));
	standing_clear(&s);
	expect(&s, OUTCOME_NONE, NULL, 0);
}

static void test_phrases(void **state)
{
	assert_string_equal(outcome_phrase(OUTCOME_BLOCKED), "cannot come true");
	assert_string_equal(outcome_phrase(OUTCOME_MISSING), "has no effect");
	assert_string_equal(outcome_phrase(OUTCOME_OVERRIDDEN), "is overridden");
	assert_string_equal(outcome_phrase(OUTCOME_FAILED), "failed");
}

static void test_drift(void **state)
{
	struct standing s = { .said = SAID_DECISION };
	uint64_t now = 1000000000;

	for (int i = 0; i < 5; i++)
		assert_true(standing_allows_drift(&s, now++));
	assert_false(standing_allows_drift(&s, now));
	assert_true(standing_allows_drift(&s, now + 61 * 1000000));
	for (int i = 0; i < 4; i++)
		assert_true(standing_allows_drift(&s, now + 61 * 1000000));
	assert_false(standing_allows_drift(&s, now + 61 * 1000000));
	standing_forget(&s);
	assert_true(standing_allows_drift(&s, now + 61 * 1000000));
	assert_int_equal(s.said, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_failed_while_tried_again),
		cmocka_unit_test(test_two_settings),
		cmocka_unit_test(test_decided),
		cmocka_unit_test(test_phrases),
		cmocka_unit_test(test_drift),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
