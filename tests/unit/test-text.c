// SPDX-License-Identifier: GPL-2.0
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "policy/cleanup.h"
#include "policy/text.h"

static void test_plain_text_stays(void **state)
{
	char text[64];

	text_escape(text, sizeof(text), "/system.slice/a b@c~.service");
	assert_string_equal(text, "/system.slice/a b@c~.service");
	text_escape(text, sizeof(text), "");
	assert_string_equal(text, "");
}

static void test_all_bytes_fit(void **state)
{
	char from[256], text[TEXT_ESCAPED(255)];

	for (int i = 0; i < 255; i++)
		from[i] = i + 1;
	from[255] = '\0';
	text_escape(text, sizeof(text), from);
	for (const char *c = text; *c; c++)
		assert_in_range(*c, ' ', '~');
	assert_string_equal(text + strlen(text) - 8, "\\xfe\\xff");
}

static void test_what_does_not_fit_is_cut(void **state)
{
	char text[8];

	text_escape(text, sizeof(text), "abcdefghij");
	assert_string_equal(text, "abcdefg");
	text_escape(text, sizeof(text), "abcd\n");
	assert_string_equal(text, "abcd");
	text_escape(text, sizeof(text), "ab\xc3\xa4");
	assert_string_equal(text, "ab\\xc3");
}

static void expect_unescaped(const char *from, const char *expected)
{
	char *text = text_unescaped(from);

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

static void test_escaped_bytes_come_back(void **state)
{
	char from[256], escaped[TEXT_ESCAPED(255)];

	for (int i = 0; i < 255; i++)
		from[i] = i + 1;
	from[255] = '\0';
	text_escape(escaped, sizeof(escaped), from);
	expect_unescaped(escaped, from);
}

static void test_what_was_not_escaped_stays(void **state)
{
	/* A "-" and a backslash as systemd has them in names, and what is no
	 * escape at all. */
	expect_unescaped("dev-a\\x2db\\x.swap", "dev-a\\x2db\\x.swap");
	expect_unescaped("\\", "\\");
	expect_unescaped("\\x", "\\x");
	expect_unescaped("\\xf", "\\xf");
	expect_unescaped("\\x ff", "\\x ff");
	expect_unescaped("\\x+f", "\\x+f");
	expect_unescaped("\\x00", "\\x00");
	expect_unescaped("\\xg0\\xffa", "\\xg0\xff"
					"a");
}

static void test_seconds(void **state)
{
	unsigned int seconds = 7;

	assert_true(text_parse_seconds("90", 3600, &seconds));
	assert_int_equal(seconds, 90);
	assert_true(text_parse_seconds("2min", 3600, &seconds));
	assert_int_equal(seconds, 120);
	assert_true(text_parse_seconds("1h", 3600, &seconds));
	assert_int_equal(seconds, 3600);
	assert_false(text_parse_seconds("2h", 3600, &seconds));
	assert_false(text_parse_seconds("0", 3600, &seconds));
	assert_false(text_parse_seconds("-1", 3600, &seconds));
	assert_false(text_parse_seconds("1 s", 3600, &seconds));
	assert_false(text_parse_seconds("9999999999", 3600, &seconds));
	assert_false(text_parse_seconds("", 3600, &seconds));
	assert_int_equal(seconds, 3600);
}

static void test_no_two_texts_look_alike(void **state)
{
	static const char *const texts[] = {
		"a\xff", "a\\xff", "a\\x5cxff", "a\\", "a\\x5c", "a\\\xff", "a\\x2d", "a-", "a\\\\xff",
	};
	char escaped[ARRAY_SIZE(texts)][64];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		text_escape(escaped[i], sizeof(escaped[i]), texts[i]);
		expect_unescaped(escaped[i], texts[i]);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(escaped[i], escaped[k]);
	}
	/* The names of units are full of these. */
	text_escape(escaped[0], sizeof(escaped[0]), "dev-a\\x2db.swap");
	assert_string_equal(escaped[0], "dev-a\\x2db.swap");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_text_stays),
		cmocka_unit_test(test_all_bytes_fit),
		cmocka_unit_test(test_what_does_not_fit_is_cut),
		cmocka_unit_test(test_escaped_bytes_come_back),
		cmocka_unit_test(test_what_was_not_escaped_stays),
		cmocka_unit_test(test_no_two_texts_look_alike),
		cmocka_unit_test(test_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
