// SPDX-License-Identifier: GPL-2.0
#include "text.h"

#include <stdbool.h>
#include <stdio.h>

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
