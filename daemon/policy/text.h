/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_TEXT_H
#define PMDSWAP_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Copy a text, and write control characters and whatever is not ASCII as \xNN: names of cgroups and
 * of processes may be any bytes, which a terminal would obey and D-Bus refuse. A backslash that
 * could be taken for the start of that is \x5c, so that no two texts look alike. The copy is cut if
 * size bytes are too few; TEXT_ESCAPED(n) are always enough for n bytes.
 */
void text_escape(char *to, size_t size, const char *from);

/* The same in memory of its own, which the caller frees. NULL if there is none. */
char *text_escaped(const char *from);

#define TEXT_ESCAPED(n) (4 * (n) + 1)

/* What is formatted, in memory that the caller frees. NULL if there is none. */
char *text_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same, escaped. */
char *text_escaped_vformat(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

/* Undo it, in memory that the caller frees. NULL if there is none. */
char *text_unescaped(const char *from);

/* The ends of words after a number: "%zu file%s", "%zu polic%s". */
#define PLURAL_S(n)   ((n) == 1 ? "" : "s")
#define PLURAL_IES(n) ((n) == 1 ? "y" : "ies")

/* Whether n bytes are valid UTF-8, which D-Bus and JSON ask for. */
bool text_is_utf8(const char *text, size_t n);

/* What follows a name at the start of a line, and the character after the name; NULL: no line. */
const char *text_find_line(const char *text, const char *name, char after);

/* The index of a word of n bytes in a list that ends with NULL, or -1. */
int text_find_word(const char *const *words, const char *text, size_t n);

/* Read a decimal number with nothing before or after it, or two hexadecimal digits. */
bool text_parse_number(const char *text, uint64_t *ret);
bool text_parse_hex(const char *text, unsigned int *ret);

/*
 * Read a whole number of seconds, from 1 to max; "s", "min" or "h" may follow the number. False if
 * it is none.
 */
bool text_parse_seconds(const char *text, unsigned int max, unsigned int *ret);

#endif
