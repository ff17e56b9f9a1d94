// SPDX-License-Identifier: GPL-2.0
#include "policy/text.h"

#include <errno.h>
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

/*
 * Whether a \xNN would be taken for a byte that was escaped. Others stay as they are: the names of
 * units are full of \x2d.
 */
static bool is_escape(const char *text, unsigned int *ret)
{
	return text[0] == '\\' && text[1] == 'x' && text_parse_hex(text + 2, ret) && *ret &&
	       (!is_plain(*ret) || *ret == '\\');
}

void text_escape(char *to, size_t size, const char *from)
{
	char *end = to + size - 1;

	for (; *from; from++) {
		unsigned char byte = *from;
		unsigned int unused;
		bool plain = is_plain(byte) && !is_escape(from, &unused);

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

char *text_format(const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	return text;
}

char *text_escaped_vformat(const char *fmt, va_list ap)
{
	_cleanup_free_ char *text = NULL;

	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	return text ? text_escaped(text) : NULL;
}

char *text_unescaped(const char *from)
{
	char *text = strdup(from), *to = text;
	unsigned int byte;

	if (!text)
		return NULL;
	while (*from) {
		bool escape = is_escape(from, &byte);

		*to++ = escape ? (char)byte : *from;
		from += escape ? 4 : 1;
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

const char *text_find_line(const char *text, const char *name, char after)
{
	size_t len = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, len) == 0 && line[len] == after)
			return line + len + 1;
	}
	return NULL;
}

int text_find_word(const char *const *words, const char *text, size_t n)
{
	for (int i = 0; words[i]; i++)
		if (strlen(words[i]) == n && strncmp(words[i], text, n) == 0)
			return i;
	return -1;
}

bool text_parse_number(const char *text, uint64_t *ret)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	return !errno && !*end;
}

bool text_parse_hex(const char *text, unsigned int *ret)
{
	static const char digits[] = "0123456789abcdef";
	const char *high = *text ? strchr(digits, text[0]) : NULL;
	const char *low = high && text[1] ? strchr(digits, text[1]) : NULL;

	if (!low)
		return false;
	*ret = (high - digits) << 4 | (low - digits);
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
