// SPDX-License-Identifier: GPL-2.0
#include "policy/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policy/cgroup.h"
#include "policy/text.h"
#include "policy/unit.h"

#define HEADER  "pmdswapd-state "
#define VERSION 1

struct key {
	const char *cgroup;
	enum setting setting;
};

static int compare(const void *key, const void *element)
{
	const struct key *k = key;
	const struct record *r = element;
	int c = strcmp(k->cgroup ?: "", r->cgroup ?: "");

	return c ?: (int)k->setting - (int)r->setting;
}

struct record *state_find(const struct state *s, const char *cgroup, enum setting setting)
{
	return sorted_find(&s->records, &(struct key){ cgroup, setting }, compare);
}

/* Add a record, all zero but for its key. NULL if there is no memory. */
static struct record *add(struct state *s, const char *cgroup, enum setting setting)
{
	struct record *new = calloc(1, sizeof(*new) + (cgroup ? strlen(cgroup) + 1 : 0));

	if (!new)
		return NULL;
	if (cgroup)
		new->cgroup = strcpy(new->name, cgroup);
	new->setting = setting;
	if (sorted_insert(&s->records, &(struct key){ cgroup, setting }, compare, new) >= 0)
		return new;
	free(new);
	return NULL;
}

void state_remove(struct state *s, const struct record *r)
{
	size_t i = sorted_position(&s->records, &(struct key){ r->cgroup, r->setting }, compare);

	free(s->records.v[i]);
	sorted_remove(&s->records, i, i + 1);
	s->changed = true;
}

/* Until the write is done, both values are ours; what somebody else wrote is not. */
static int prepare_write(struct state *s, struct record *r, const struct plan_item *item)
{
	if (!r) {
		r = add(s, item->cgroup, item->setting);
		if (!r)
			return -ENOMEM;
		r->original = r->previous = r->current = item->original;
		s->urgent = true;
	} else if (item->anew) {
		r->original = r->previous = r->current = item->original;
		r->as_property = false;
		s->urgent = true;
	}
	if (r->id != item->id || r->original != item->original ||
	    r->as_property < item->as_property || r->current != item->to)
		s->urgent = true;
	r->id = item->id;
	r->original = item->original;
	r->as_property |= item->as_property;
	if (r->current != item->to) {
		/*
		 * PID 1 may have yet to do what it was told last, if that was never seen to be
		 * done: to go back from there is to go on with the same two values.
		 */
		if (r->previous == item->to || !record_is_ours(r, item->from))
			r->previous = r->current;
		else
			r->previous = item->from;
		r->current = item->to;
	}
	return 0;
}

int state_prepare(struct state *s, const struct plan *p)
{
	int e = 0;

	for (size_t i = 0; i < p->n && e >= 0; i++) {
		const struct plan_item *item = &p->items[i];
		struct record *r = state_find(s, item->cgroup, item->setting);

		if (plan_item_writes(item)) {
			e = prepare_write(s, r, item);
		} else if (r && item->action == ACTION_ADOPT) {
			s->changed |= r->id != item->id;
			r->id = item->id;
		} else if (r) {
			state_remove(s, r);
		}
	}
	return e;
}

void state_written(struct state *s, const struct plan_item *item)
{
	struct record *r = state_find(s, item->cgroup, item->setting);

	if (!r)
		return;
	if (item->action == ACTION_RESTORE && !r->as_property) {
		state_remove(s, r);
		return;
	}
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
	fprintf(f, HEADER "%d\n", VERSION);
	for (size_t i = 0; i < s->records.n; i++) {
		const struct record *r = s->records.v[i];
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
	fprintf(f, "end %zu\n", s->records.n);
	if (fclose(f) != 0)
		return -ENOMEM;
	*ret = TAKE_PTR(buf);
	*ret_size = size;
	return 0;
}

/* Undo put_word() in place. False if it is nothing that put_word() wrote. */
static bool get_word(char *word)
{
	char *out = word;

	for (const char *p = word; *p; p++) {
		unsigned int byte = *p;

		if (*p == '\\') {
			if (p[1] != 'x' || !text_parse_hex(p + 2, &byte) || byte == 0)
				return false;
			p += 3;
		}
		*out++ = byte;
	}
	*out = '\0';
	return true;
}

static int parse_record(struct state *s, char *line)
{
	char *words[7], *save = NULL, *cgroup, *unit;
	uint64_t values[3], id;
	struct record *r;
	int setting;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		words[i] = strtok_r(i == 0 ? line : NULL, " ", &save);
		if (!words[i])
			return -EBADMSG;
	}
	setting = setting_from_name(words[0]);
	if (setting < 0 || strtok_r(NULL, " ", &save) || !text_parse_number(words[3], &id))
		return -EBADMSG;
	for (int i = 0; i < 3; i++)
		if (setting_parse(setting, words[4 + i], &values[i]) < 0)
			return -EBADMSG;
	cgroup = strcmp(words[1], "-") == 0 ? NULL : words[1];
	unit = strcmp(words[2], "-") == 0 ? NULL : words[2];
	if ((cgroup && (!get_word(cgroup) || !cgroup_is_path(cgroup))) || (unit && !get_word(unit)))
		return -EBADMSG;
	if (!cgroup != (setting < SETTING_CGROUP_FIRST))
		return -EBADMSG;
	if (unit && (!cgroup || strcmp(unit_of_cgroup(cgroup) ?: "", unit) != 0))
		return -EBADMSG;
	if (state_find(s, cgroup, setting))
		return -EBADMSG;
	r = add(s, cgroup, setting);
	if (!r)
		return -ENOMEM;
	r->id = id;
	r->as_property = unit;
	r->original = values[0];
	r->previous = values[1];
	r->current = values[2];
	return 0;
}

static int parse(struct state *s, char *text)
{
	char *save = NULL, *line = strtok_r(text, "\n", &save);
	uint64_t number;
	int r;

	if (!line || strncmp(line, HEADER, strlen(HEADER)) != 0 ||
	    !text_parse_number(line + strlen(HEADER), &number) || number == 0)
		return -EBADMSG;
	if (number > VERSION)
		return -EPROTONOSUPPORT;
	while ((line = strtok_r(NULL, "\n", &save))) {
		if (strncmp(line, "end ", 4) == 0)
			return text_parse_number(line + 4, &number) && number == s->records.n &&
					       !strtok_r(NULL, "\n", &save)
				       ? 0
				       : -EBADMSG;
		r = parse_record(s, line);
		if (r < 0)
			return r;
	}
	return -EBADMSG; /* cut short */
}

int state_parse(struct state *s, const char *text, size_t size)
{
	_cleanup_free_ char *copy = strndup(text, size);
	int r;

	if (!copy)
		return -ENOMEM;
	r = strlen(copy) == size ? parse(s, copy) : -EBADMSG;
	if (r < 0)
		state_clear(s);
	s->urgent = s->changed = false;
	return r;
}

void state_clear(struct state *s)
{
	for (size_t i = 0; i < s->records.n; i++)
		free(s->records.v[i]);
	sorted_clear(&s->records);
	s->urgent = s->changed = false;
}
