// SPDX-License-Identifier: GPL-2.0
#include "policy/counters.h"

#include <stdlib.h>
#include <string.h>

#include "policy/text.h"

static const struct {
	const char *name, *help;
} counters[N_COUNTERS] = {
	[COUNTER_THP_SWPOUT_PMD] = { "thp_swpout_pmd", "THPs swapped out as one entry" },
	[COUNTER_THP_SWPOUT_PMD_FALLBACK] = { "thp_swpout_pmd_fallback",
					      "THPs split at swap-out for want of one entry" },
	[COUNTER_THP_SWPIN_PMD] = { "thp_swpin_pmd", "THPs swapped in as one piece" },
	[COUNTER_THP_SWPIN_PMD_FALLBACK] = { "thp_swpin_pmd_fallback",
					     "swapped-out THPs split at swap-in" },
	[COUNTER_THP_SPLIT_PMD_SWAP] = { "thp_split_pmd_swap",
					 "swapped-out THPs split, for any reason" },
	[COUNTER_ZSWAPPED] = { "zswapped", "memory in zswap, before compression" },
	[COUNTER_SWAP] = { "swap", "memory in swap, with that in zswap" },
};

const char *counter_name(enum counter c)
{
	return counters[c].name;
}

const char *counter_help(enum counter c)
{
	return counters[c].help;
}

void counters_set(struct counters *to, enum counter c, uint64_t value)
{
	to->of[c].known = true;
	to->of[c].value = value;
}

/* Find the line that starts with a name and what ends it. The number after that, or false. */
static bool find_line(const char *text, const char *name, char ends_with, uint64_t *ret)
{
	const char *value = text_find_line(text, name, ends_with);
	char *end;

	if (!value)
		return false;
	value += strspn(value, " ");
	if (*value < '0' || *value > '9')
		return false;
	*ret = strtoull(value, &end, 10);
	return *end == '\n' || *end == '\0' || *end == ' ';
}

void counters_parse_stat(struct counters *to, const char *text)
{
	uint64_t value;

	for (int c = 0; c < N_COUNTERS; c++)
		if (find_line(text, counters[c].name, ' ', &value))
			counters_set(to, c, value);
}

void counters_parse_meminfo(struct counters *to, const char *text)
{
	uint64_t value, unused;

	if (find_line(text, "Zswapped", ':', &value))
		counters_set(to, COUNTER_ZSWAPPED, value * 1024);
	if (find_line(text, "SwapTotal", ':', &value) &&
	    find_line(text, "SwapFree", ':', &unused) && unused <= value)
		counters_set(to, COUNTER_SWAP, (value - unused) * 1024);
}
