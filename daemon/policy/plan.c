// SPDX-License-Identifier: GPL-2.0
#include "policy/plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/array.h"
#include "policy/text.h"

bool plan_item_writes(const struct plan_item *item)
{
	return item->action == ACTION_SET || item->action == ACTION_RESTORE;
}

size_t plan_count_writes(const struct plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += plan_item_writes(&p->items[i]);
	return n;
}

static void item_clear(struct plan_item *item)
{
	free((char *)item->cgroup);
	free((char *)item->policy);
}

void plan_keep_writes(struct plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (plan_item_writes(&p->items[i]))
			p->items[n++] = p->items[i];
		else
			item_clear(&p->items[i]);
	}
	p->n = n;
}

int plan_add(struct plan *p, const struct plan_item *item)
{
	struct plan_item *grown = array_room(p->items, p->n, &p->allocated, sizeof(*grown)), *new;

	if (!grown)
		return -ENOMEM;
	p->items = grown;
	new = &grown[p->n];
	*new = *item;
	new->cgroup = item->cgroup ? strdup(item->cgroup) : NULL;
	new->policy = item->policy ? strdup(item->policy) : NULL;
	if ((item->cgroup && !new->cgroup) || (item->policy && !new->policy)) {
		item_clear(new);
		return -ENOMEM;
	}
	p->n++;
	return 0;
}

int plan_move(struct plan *to, struct plan *from)
{
	struct plan_item *grown = to->items;

	if (from->n == 0) {
		plan_clear(from);
		return 0;
	}
	while (to->n + from->n > to->allocated) {
		grown = array_room(to->items, to->allocated, &to->allocated, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		to->items = grown;
	}
	memcpy(to->items + to->n, from->items, from->n * sizeof(*grown));
	to->n += from->n;
	from->n = 0;
	plan_clear(from);
	return 0;
}

static bool is_same_cgroup(const struct plan_item *a, const struct plan_item *b)
{
	return a->cgroup && b->cgroup && strcmp(a->cgroup, b->cgroup) == 0;
}

void plan_keep_a_way_out(struct plan *p)
{
	/* Every setting of a cgroup shuts a way with 0, and leaves it open with anything else. */
	for (size_t i = 1; i < p->n; i++) {
		for (struct plan_item *b = &p->items[i], *a = b - 1;
		     b > p->items && is_same_cgroup(a, b) && a->to == 0 && b->to != 0; a--, b--) {
			struct plan_item opens = *b;

			*b = *a;
			*a = opens;
		}
	}
}

char *plan_item_format(const struct plan_item *item)
{
	char from[SETTING_TEXT_MAX], to[SETTING_TEXT_MAX];
	_cleanup_free_ char *cgroup = NULL;

	if (item->cgroup && !(cgroup = text_escaped(item->cgroup)))
		return NULL;
	setting_format(item->setting, item->from, from);
	setting_format(item->setting, item->to, to);
	return text_format("%s%s%s %s -> %s (%s%s)", cgroup ?: "", cgroup ? ": " : "",
			   setting_name(item->setting), from, to,
			   item->action == ACTION_RESTORE ? "restored"
			   : item->cgroup                 ? "policy "
							  : "[kernel]",
			   item->action == ACTION_RESTORE || !item->cgroup ? "" : item->policy);
}

void plan_clear(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		item_clear(&p->items[i]);
	free(p->items);
	*p = (struct plan){};
}
