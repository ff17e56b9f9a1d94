// SPDX-License-Identifier: GPL-2.0
#include "test.h"

#include <string.h>

#include "text.h"

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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_text_stays),
		cmocka_unit_test(test_all_bytes_fit),
		cmocka_unit_test(test_what_does_not_fit_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
