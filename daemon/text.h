/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_TEXT_H
#define PMDSWAP_TEXT_H

#include <stddef.h>

/*
 * Copy a text, and write control characters and whatever is not ASCII as \xNN: names of cgroups and
 * of processes may be any bytes, which a terminal would obey and D-Bus refuse. The copy is cut if
 * size bytes are too few; TEXT_ESCAPED(n) are always enough for n bytes.
 */
void text_escape(char *to, size_t size, const char *from);

#define TEXT_ESCAPED(n) (4 * (n) + 1)

#endif
