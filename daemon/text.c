// SPDX-License-Identifier: GPL-2.0
#include "text.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_escape(char *to, size_t size, const char *from)
{
	char *end = to + size - 1;

	for (; *from; from++) {
		unsigned char byte = *from;
		bool plain = byte >= ' ' && byte < 0x7f;

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
