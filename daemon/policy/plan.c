// SPDX-License-Identifier: GPL-2.0
#include "policy/plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/array.h"
#include "policy/text.h"

enum action plan_decide(const struct facts *f)
{
	if (f->wanted) {
		if (!f->live_known || f->live == setting_round(f->setting, f->want))
			return ACTION_NONE;
		return f->overridden ? ACTION_OVERRIDDEN : ACTION_SET;
	}
	if (!f->record)
		return ACTION_NONE;
	if (f->overridden)
		return ACTION_LEAVE;
	if (f->live_known && f->live != f->record->original && !record_is_ours(f->record, f->live))
		return ACTION_LEAVE;
	/* PID 1 would write its value when the unit starts, if it is not about to write it now. */
	if (f->kept_by_pid1 && f->kept != f->record->original)
		return ACTION_RESTORE;
	if (f->live_known && f->live != f->record->original)
		return ACTION_RESTORE;
	/* As long as PID 1 keeps a value of ours, the record tells it from an administrator's. */
	return f->kept_by_pid1 ? ACTION_NONE : ACTION_FORGET;
}

int plan_add(struct plan *p, const struct plan_item *item)
{
	struct plan_item *grown = array_room(p->items, p->n, &p->allocated, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	p->items = grown;
	grown[p->n++] = *item;
	return 0;
}

int plan_move(struct plan *to, struct plan *from)
{
	size_t before = to->n;

	for (size_t i = 0; i < from->n; i++) {
		if (plan_add(to, &from->items[i]) < 0) {
			to->n = before;
			return -ENOMEM;
		}
	}
	plan_clear(from);
	return 0;
}

void plan_keep_a_way_out(struct plan *p)
{
	for (size_t i = 0; i + 1 < p->n; i++) {
		struct plan_item *a = &p->items[i], *b = &p->items[i + 1], opens = *b;

		if (!a->cgroup || !b->cgroup || strcmp(a->cgroup, b->cgroup) != 0)
			continue;
		/* Both settings shut a way with 0, and both leave it open with anything else. */
		if (a->to == 0 && b->to != 0) {
			*b = *a;
			*a = opens;
		}
	}
}

char *plan_item_format(const struct plan_item *item)
{
	char from[SETTING_TEXT_MAX], to[SETTING_TEXT_MAX];
	_cleanup_free_ char *cgroup = NULL;
	char *s;
	int r;

	if (item->cgroup) {
		cgroup = text_escaped(item->cgroup);
		if (!cgroup)
			return NULL;
	}
	setting_format(item->setting, item->from, from);
	setting_format(item->setting, item->to, to);
	r = asprintf(&s, "%s%s%s %s -> %s (%s%s)", cgroup ?: "", cgroup ? ": " : "",
		     setting_name(item->setting), from, to,
		     item->action == ACTION_RESTORE ? "restored"
		     : item->cgroup                 ? "policy "
						    : "[kernel]",
		     item->action == ACTION_RESTORE || !item->cgroup ? "" : item->policy);
	return r < 0 ? NULL : s;
}

void plan_clear(struct plan *p)
{
	free(p->items);
	*p = (struct plan){};
}
