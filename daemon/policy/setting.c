// SPDX-License-Identifier: GPL-2.0
#include "policy/setting.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/cleanup.h"
#include "policy/text.h"

enum kind {
	KIND_WORD,   /* alone, or in brackets among others */
	KIND_YN,     /* Y or N */
	KIND_01,     /* 1 or 0 */
	KIND_NUMBER, /* decimal */
	KIND_LIMIT,  /* bytes or "max" */
};

static const char *const swap_pmd_words[] = {
	[SWAP_PMD_NEVER] = "never",
	[SWAP_PMD_EXCLUSIVE] = "exclusive",
	[SWAP_PMD_ALWAYS] = "always",
	[SWAP_PMD_AUTO] = "auto",
	NULL,
};

/* Those of the kernel. With another one in force the setting cannot be given back, so not set. */
static const char *const compressor_words[] = { "842", "deflate", "deflate-iaa", "lz4", "lz4hc",
						"lzo", "lzo-rle", "zstd",        NULL };

#define ZSWAP_PARAMETER(name) "sys/module/zswap/parameters/" name

static const struct {
	const char *name;
	const char *path;
	const char *property;
	enum kind kind;
	const char *const *words;
} settings[N_SETTINGS] = {
	[SETTING_SWAP_PMD] = { "swap-pmd", "sys/kernel/mm/transparent_hugepage/swap_pmd", NULL,
			       KIND_WORD, swap_pmd_words },
	[SETTING_ZSWAP_COMPRESSOR] = { "zswap-compressor", ZSWAP_PARAMETER("compressor"), NULL,
				       KIND_WORD, compressor_words },
	[SETTING_ZSWAP_MAX_POOL_PERCENT] = { "zswap-max-pool-percent",
					     ZSWAP_PARAMETER("max_pool_percent"), NULL,
					     KIND_NUMBER },
	[SETTING_ZSWAP_ACCEPT_THRESHOLD_PERCENT] = { "zswap-accept-threshold-percent",
						     ZSWAP_PARAMETER("accept_threshold_percent"),
						     NULL, KIND_NUMBER },
	[SETTING_ZSWAP_SHRINKER] = { "zswap-shrinker", ZSWAP_PARAMETER("shrinker_enabled"), NULL,
				     KIND_YN },
	[SETTING_ZSWAP] = { "zswap", ZSWAP_PARAMETER("enabled"), NULL, KIND_YN },
	[SETTING_CGROUP_ZSWAP_MAX] = { "memory.zswap.max", "memory.zswap.max", "MemoryZSwapMax",
				       KIND_LIMIT },
	[SETTING_CGROUP_ZSWAP_WRITEBACK] = { "memory.zswap.writeback", "memory.zswap.writeback",
					     "MemoryZSwapWriteback", KIND_01 },
	[SETTING_CGROUP_SWAP_MAX] = { "memory.swap.max", "memory.swap.max", "MemorySwapMax",
				      KIND_LIMIT },
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

const char *const *setting_words(enum setting s)
{
	return settings[s].words;
}

static int parse_word(enum setting s, const char *text, uint64_t *ret)
{
	const char *open = strchr(text, '['), *close = open ? strchr(open, ']') : NULL;
	size_t n = close ? (size_t)(close - open - 1) : strlen(text);
	int i = text_find_word(settings[s].words, close ? open + 1 : text, n);

	if (i < 0)
		return -EINVAL;
	*ret = i;
	return 0;
}

unsigned int setting_offers(enum setting s, const char *text)
{
	unsigned int bits = 0;

	if (!settings[s].words || !strchr(text, '[') || !strchr(text, ' '))
		return 0;
	while (*text) {
		size_t n = strcspn(text, " []\n");
		int i = text_find_word(settings[s].words, text, n);

		if (i >= 0)
			bits |= 1U << i;
		text += n;
		text += strspn(text, " []\n");
	}
	return bits;
}

static int parse_number(const char *text, uint64_t max, uint64_t *ret)
{
	return text_parse_number(text, ret) && *ret <= max ? 0 : -EINVAL;
}

int setting_parse(enum setting s, const char *text, uint64_t *ret)
{
	switch (settings[s].kind) {
	case KIND_WORD:
		return parse_word(s, text, ret);
	case KIND_YN:
		if (strcmp(text, "Y") != 0 && strcmp(text, "N") != 0)
			return -EINVAL;
		*ret = *text == 'Y';
		return 0;
	case KIND_01:
		return parse_number(text, 1, ret);
	case KIND_NUMBER:
		return parse_number(text, UINT32_MAX, ret);
	case KIND_LIMIT:
		if (strcmp(text, "max") == 0) {
			*ret = LIMIT_MAX;
			return 0;
		}
		return parse_number(text, UINT64_MAX, ret);
	}
	return -EINVAL;
}

const char *setting_format(enum setting s, uint64_t value, char *buf)
{
	if (settings[s].kind == KIND_WORD)
		snprintf(buf, SETTING_TEXT_MAX, "%s", settings[s].words[value]);
	else if (settings[s].kind == KIND_YN)
		snprintf(buf, SETTING_TEXT_MAX, "%s", value ? "Y" : "N");
	else if (settings[s].kind == KIND_LIMIT && value == LIMIT_MAX)
		snprintf(buf, SETTING_TEXT_MAX, "max");
	else
		snprintf(buf, SETTING_TEXT_MAX, "%" PRIu64, value);
	return buf;
}

const char *setting_format_short(enum setting s, uint64_t value, char *buf)
{
	const char *unit = " KMGT";

	if (settings[s].kind != KIND_LIMIT || value == LIMIT_MAX)
		return setting_format(s, value, buf);
	for (; value > 0 && value % 1024 == 0 && unit[1]; unit++)
		value /= 1024;
	snprintf(buf, SETTING_TEXT_MAX, "%" PRIu64 "%.*s", value, *unit != ' ', unit);
	return buf;
}

uint64_t setting_round(enum setting s, uint64_t value)
{
	uint64_t page;

	if (settings[s].kind != KIND_LIMIT || value == LIMIT_MAX)
		return value;
	page = sysconf(_SC_PAGESIZE);
	/* The kernel counts pages, up to as many as it takes for "max". */
	return value / page >= INT64_MAX / page ? LIMIT_MAX : value / page * page;
}

int setting_from_name(const char *name)
{
	for (int s = 0; s < N_SETTINGS; s++)
		if (strcmp(settings[s].name, name) == 0)
			return s;
	return -EINVAL;
}
