// SPDX-License-Identifier: GPL-2.0
#include "policy/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policy/array.h"
#include "policy/unit.h"

#define HEADER "pmdswapd-state 1"

static int compare(const char *cgroup, enum setting setting, const struct record *r)
{
	int c = strcmp(cgroup ?: "", r->cgroup ?: "");

	return c ?: (int)setting - (int)r->setting;
}

/* The place of a record, or where it would be. */
static size_t position(const struct state *s, const char *cgroup, enum setting setting)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(cgroup, setting, s->records[middle]) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct record *state_find(const struct state *s, const char *cgroup, enum setting setting)
{
	size_t i = position(s, cgroup, setting);

	return i < s->n && compare(cgroup, setting, s->records[i]) == 0 ? s->records[i] : NULL;
}

struct record *state_add(struct state *s, const char *cgroup, bool as_property, uint64_t id,
			 enum setting setting, uint64_t original)
{
	_cleanup_free_ struct record *new = NULL;
	struct record *found = state_find(s, cgroup, setting), **grown;
	size_t i;

	if (found)
		return found;
	new = calloc(1, sizeof(*new) + (cgroup ? strlen(cgroup) + 1 : 0));
	if (!new)
		return NULL;
	if (cgroup)
		new->cgroup = strcpy(new->name, cgroup);
	new->as_property = as_property;
	new->id = id;
	new->setting = setting;
	new->original = new->previous = new->current = original;

	grown = array_room(s->records, s->n, &s->allocated, sizeof(*grown));
	if (!grown)
		return NULL;
	s->records = grown;
	i = position(s, cgroup, setting);
	memmove(s->records + i + 1, s->records + i, (s->n - i) * sizeof(*s->records));
	s->records[i] = new;
	s->n++;
	s->changed = true;
	return TAKE_PTR(new);
}

void state_remove(struct state *s, struct record *r)
{
	size_t i = position(s, r->cgroup, r->setting);

	memmove(s->records + i, s->records + i + 1, (s->n - i - 1) * sizeof(*s->records));
	s->n--;
	s->changed = true;
	free(r);
}

void state_written(struct state *s, struct record *r)
{
	s->changed |= r->previous != r->current;
	r->previous = r->current;
}

bool record_is_ours(const struct record *r, uint64_t value)
{
	return value == setting_round(r->setting, r->current) ||
	       value == setting_round(r->setting, r->previous);
}

/* Write a word such that it has no blank in it and is not empty. */
static void put_word(FILE *f, const char *word)
{
	if (!word) {
		fputs(" -", f);
		return;
	}
	fputc(' ', f);
	for (const unsigned char *p = (const unsigned char *)word; *p; p++) {
		if (*p <= ' ' || *p == 0x7f || *p == '\\')
			fprintf(f, "\\x%02x", *p);
		else
			fputc(*p, f);
	}
}

int state_format(const struct state *s, char **ret, size_t *ret_size)
{
	_cleanup_free_ char *buf = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&buf, &size);

	if (!f)
		return -ENOMEM;
	fputs(HEADER "\n", f);
	for (size_t i = 0; i < s->n; i++) {
		const struct record *r = s->records[i];
		char original[SETTING_TEXT_MAX], previous[SETTING_TEXT_MAX],
			current[SETTING_TEXT_MAX];

		fputs(setting_name(r->setting), f);
		put_word(f, r->cgroup);
		/* A unit may be called "-.slice", never "-". */
		put_word(f, r->as_property ? unit_of_cgroup(r->cgroup) : NULL);
		fprintf(f, " %" PRIu64 " %s %s %s\n", r->id,
			setting_format(r->setting, r->original, original),
			setting_format(r->setting, r->previous, previous),
			setting_format(r->setting, r->current, current));
	}
	fprintf(f, "end %zu\n", s->n);
	if (fclose(f) != 0)
		return -ENOMEM;
	*ret = TAKE_PTR(buf);
	*ret_size = size;
	return 0;
}

/* Undo put_word() in place. */
static char *get_word(char *word)
{
	char *out = word;

	if (strcmp(word, "-") == 0)
		return NULL;
	for (char *p = word; *p; p++) {
		unsigned int c;

		if (sscanf(p, "\\x%2x", &c) == 1) {
			*out++ = c;
			p += 3;
		} else {
			*out++ = *p;
		}
	}
	*out = '\0';
	return word;
}

static int parse_record(struct state *s, char *line)
{
	char *words[7], *save = NULL, *cgroup, *unit;
	uint64_t values[3], id;
	struct record *r;
	int setting;
	char *end;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		words[i] = strtok_r(i == 0 ? line : NULL, " ", &save);
		if (!words[i])
			return -EBADMSG;
	}
	setting = setting_from_name(words[0]);
	id = strtoull(words[3], &end, 10);
	if (setting < 0 || *end || strtok_r(NULL, " ", &save))
		return -EBADMSG;
	for (int i = 0; i < 3; i++)
		if (setting_parse(setting, words[4 + i], &values[i]) < 0)
			return -EBADMSG;
	cgroup = get_word(words[1]);
	unit = get_word(words[2]);
	if (unit && (!cgroup || strcmp(unit_of_cgroup(cgroup) ?: "", unit) != 0))
		return -EBADMSG;
	r = state_add(s, cgroup, unit, id, setting, values[0]);
	if (!r)
		return -ENOMEM;
	r->previous = values[1];
	r->current = values[2];
	return 0;
}

int state_parse(struct state *s, const char *text)
{
	_cleanup_free_ char *copy = strdup(text);
	char *save = NULL, *line;
	size_t count;
	char junk;
	int r;

	if (!copy)
		return -ENOMEM;
	line = strtok_r(copy, "\n", &save);
	if (!line || strcmp(line, HEADER) != 0)
		return -EBADMSG;
	while ((line = strtok_r(NULL, "\n", &save))) {
		if (sscanf(line, "end %zu%c", &count, &junk) == 1) {
			s->changed = false;
			return count == s->n ? 0 : -EBADMSG;
		}
		r = parse_record(s, line);
		if (r < 0)
			return r;
	}
	return -EBADMSG; /* cut short */
}

void state_clear(struct state *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->records[i]);
	free(s->records);
	*s = (struct state){};
}
