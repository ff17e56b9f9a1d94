// SPDX-License-Identifier: GPL-2.0
#include "policy/text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/cleanup.h"

/* Whether a byte is shown as it is. */
static bool is_plain(unsigned char byte)
{
	return byte >= ' ' && byte < 0x7f;
}

void text_escape(char *to, size_t size, const char *from)
{
	char *end = to + size - 1;

	for (; *from; from++) {
		unsigned char byte = *from;
		bool plain = is_plain(byte);

		if (end - to < (plain ? 1 : 4))
			break;
		to += sprintf(to, plain ? "%c" : "\\x%02x", byte);
	}
	*to = '\0';
}

char *text_escaped(const char *from)
{
	size_t size = TEXT_ESCAPED(strlen(from));
	char *to = malloc(size);

	if (to)
		text_escape(to, size, from);
	return to;
}

char *text_unescaped(const char *from)
{
	static const char hex[] = "0123456789abcdef";
	char *text = strdup(from), *to = text;

	if (!text)
		return NULL;
	while (*from) {
		unsigned int byte = 0;
		bool plain;

		if (from[0] == '\\' && from[1] == 'x' && strspn(from + 2, hex) >= 2)
			sscanf(from + 2, "%2x", &byte);
		/* A NUL byte is in no name; units have many a \x2d in their names, which is none of
		 * ours. */
		plain = byte == 0 || is_plain(byte);
		*to++ = plain ? *from : (char)byte;
		from += plain ? 1 : 4;
	}
	*to = '\0';
	return text;
}

bool text_is_utf8(const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text;

	for (size_t i = 0; i < n;) {
		static const uint32_t lowest[] = { 0, 0x80, 0x800, 0x10000 };
		size_t more = s[i] < 0x80             ? 0
			      : (s[i] & 0xe0) == 0xc0 ? 1
			      : (s[i] & 0xf0) == 0xe0 ? 2
			      : (s[i] & 0xf8) == 0xf0 ? 3
						      : 4;
		uint32_t c = more ? s[i] & (0x3f >> more) : s[i];

		if (more == 4 || i + more >= n)
			return false;
		for (size_t k = 1; k <= more; k++) {
			if ((s[i + k] & 0xc0) != 0x80)
				return false;
			c = c << 6 | (s[i + k] & 0x3f);
		}
		if (c < lowest[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return false;
		i += more + 1;
	}
	return true;
}

bool text_parse_seconds(const char *text, unsigned int max, unsigned int *ret)
{
	static const struct {
		const char *unit;
		unsigned int seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "min", 60 }, { "h", 3600 } };
	size_t digits = strspn(text, "0123456789");
	char *end;
	unsigned long number;

	if (digits == 0 || digits > 9)
		return false;
	number = strtoul(text, &end, 10);
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(end, units[i].unit) != 0)
			continue;
		if (number == 0 || number > max / units[i].seconds)
			return false;
		*ret = number * units[i].seconds;
		return true;
	}
	return false;
}
