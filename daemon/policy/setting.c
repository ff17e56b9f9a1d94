// SPDX-License-Identifier: GPL-2.0
#include "policy/setting.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/cleanup.h"

enum kind {
	KIND_WORD,   /* always [exclusive] never */
	KIND_YN,     /* Y or N */
	KIND_NUMBER, /* decimal */
	KIND_LIMIT,  /* bytes or "max" */
};

static const struct {
	const char *name;
	const char *path;
	const char *property;
	enum kind kind;
} settings[N_SETTINGS] = {
	[SETTING_SWAP_PMD] = { "swap-pmd", "sys/kernel/mm/transparent_hugepage/swap_pmd", NULL,
			       KIND_WORD },
	[SETTING_ZSWAP] = { "zswap", "sys/module/zswap/parameters/enabled", NULL, KIND_YN },
	[SETTING_ZSWAP_SHRINKER] = { "zswap-shrinker",
				     "sys/module/zswap/parameters/shrinker_enabled", NULL,
				     KIND_YN },
	[SETTING_ZSWAP_MAX_POOL_PERCENT] = { "zswap-max-pool-percent",
					     "sys/module/zswap/parameters/max_pool_percent", NULL,
					     KIND_NUMBER },
	[SETTING_CGROUP_ZSWAP_MAX] = { "memory.zswap.max", "memory.zswap.max", "MemoryZSwapMax",
				       KIND_LIMIT },
	[SETTING_CGROUP_ZSWAP_WRITEBACK] = { "memory.zswap.writeback", "memory.zswap.writeback",
					     "MemoryZSwapWriteback", KIND_NUMBER },
};

static const char *const swap_pmd_words[] = {
	[SWAP_PMD_NEVER] = "never",
	[SWAP_PMD_EXCLUSIVE] = "exclusive",
	[SWAP_PMD_ALWAYS] = "always",
};

const char *setting_name(enum setting s)
{
	return settings[s].name;
}

const char *setting_path(enum setting s)
{
	return settings[s].path;
}

const char *setting_property(enum setting s)
{
	return settings[s].property;
}

static int parse_word(const char *text, uint64_t *ret)
{
	const char *open = strchr(text, '['), *close = open ? strchr(open, ']') : NULL;
	size_t n = strlen(text);

	if (close) {
		text = open + 1;
		n = close - text;
	}
	for (size_t i = 0; i < ARRAY_SIZE(swap_pmd_words); i++) {
		if (strlen(swap_pmd_words[i]) == n && strncmp(swap_pmd_words[i], text, n) == 0) {
			*ret = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_number(const char *text, uint64_t *ret)
{
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	return errno || *end ? -EINVAL : 0;
}

int setting_parse(enum setting s, const char *text, uint64_t *ret)
{
	switch (settings[s].kind) {
	case KIND_WORD:
		return parse_word(text, ret);
	case KIND_YN:
		if (strcmp(text, "Y") != 0 && strcmp(text, "N") != 0)
			return -EINVAL;
		*ret = *text == 'Y';
		return 0;
	case KIND_LIMIT:
		if (strcmp(text, "max") == 0) {
			*ret = ZSWAP_MAX_UNLIMITED;
			return 0;
		}
		return parse_number(text, ret);
	case KIND_NUMBER:
		return parse_number(text, ret);
	}
	return -EINVAL;
}

const char *setting_format(enum setting s, uint64_t value, char *buf)
{
	if (settings[s].kind == KIND_WORD && value < ARRAY_SIZE(swap_pmd_words))
		snprintf(buf, SETTING_TEXT_MAX, "%s", swap_pmd_words[value]);
	else if (settings[s].kind == KIND_YN)
		snprintf(buf, SETTING_TEXT_MAX, "%s", value ? "Y" : "N");
	else if (settings[s].kind == KIND_LIMIT && value == ZSWAP_MAX_UNLIMITED)
		snprintf(buf, SETTING_TEXT_MAX, "max");
	else
		snprintf(buf, SETTING_TEXT_MAX, "%" PRIu64, value);
	return buf;
}

const char *setting_format_short(enum setting s, uint64_t value, char *buf)
{
	const char *unit = " KMGT";

	if (settings[s].kind != KIND_LIMIT || value == ZSWAP_MAX_UNLIMITED)
		return setting_format(s, value, buf);
	for (; value > 0 && value % 1024 == 0 && unit[1]; unit++)
		value /= 1024;
	snprintf(buf, SETTING_TEXT_MAX, "%" PRIu64 "%.*s", value, *unit != ' ', unit);
	return buf;
}

uint64_t setting_round(enum setting s, uint64_t value)
{
	uint64_t page;

	if (settings[s].kind != KIND_LIMIT || value == ZSWAP_MAX_UNLIMITED)
		return value;
	page = sysconf(_SC_PAGESIZE);
	/* The kernel counts pages, up to as many as it takes for "max". */
	return value / page >= INT64_MAX / page ? ZSWAP_MAX_UNLIMITED : value / page * page;
}

int setting_from_name(const char *name)
{
	for (int s = 0; s < N_SETTINGS; s++)
		if (strcmp(settings[s].name, name) == 0)
			return s;
	return -EINVAL;
}
