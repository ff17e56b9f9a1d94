/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_SETTING_H
#define PMDSWAP_SETTING_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Everything the daemon may write, the kernel's settings first and those of a cgroup last. A value
 * is a number: bytes for a limit (UINT64_MAX is "max"), 0 or 1 for a switch, the index of a word,
 * which for swap_pmd is an enum swap_pmd.
 */
enum setting {
	SETTING_SWAP_PMD,
	SETTING_ZSWAP,
	SETTING_ZSWAP_SHRINKER,
	SETTING_ZSWAP_MAX_POOL_PERCENT,
	SETTING_ZSWAP_ACCEPT_THRESHOLD_PERCENT,
	SETTING_ZSWAP_COMPRESSOR,
	N_KERNEL_SETTINGS,

	SETTING_CGROUP_FIRST = N_KERNEL_SETTINGS,
	SETTING_CGROUP_ZSWAP_MAX = SETTING_CGROUP_FIRST,
	SETTING_CGROUP_ZSWAP_WRITEBACK,
	SETTING_CGROUP_SWAP_MAX,
	N_SETTINGS,

	N_CGROUP_SETTINGS = N_SETTINGS - SETTING_CGROUP_FIRST,
};

enum swap_pmd {
	SWAP_PMD_NEVER,
	SWAP_PMD_EXCLUSIVE,
	SWAP_PMD_ALWAYS,
	SWAP_PMD_AUTO,
};

#define SETTING_TEXT_MAX 24 /* bytes that hold any formatted value */

/* "max", and any number the kernel would round to it. */
#define LIMIT_MAX UINT64_MAX

/* The name that conf files, messages and the state file use. */
const char *setting_name(enum setting s);

/* Path below the root directory (kernel settings), or file name in a cgroup. */
const char *setting_path(enum setting s);

/* The property by which PID 1 knows the setting; NULL for settings of the kernel. */
const char *setting_property(enum setting s);

/* Read a value as the kernel prints it. 0, or -EINVAL if it is none that the setting may have. */
int setting_parse(enum setting s, const char *text, uint64_t *ret);

/* The words that a setting may have, a list that ends with NULL; NULL: it has none. */
const char *const *setting_words(enum setting s);

/* The words that a file offers, "always [exclusive] never", as bits; 0: it has no list of them. */
unsigned int setting_offers(enum setting s, const char *text);

/*
 * Format a value as the kernel takes it, into a buffer of SETTING_TEXT_MAX bytes, and return the
 * buffer.
 */
const char *setting_format(enum setting s, uint64_t value, char *buf);

/* The same for people: a limit in the largest unit that leaves no digit out, 64M. */
const char *setting_format_short(enum setting s, uint64_t value, char *buf);

/* What the kernel makes of a value: it rounds memory.zswap.max down to whole pages. */
uint64_t setting_round(enum setting s, uint64_t value);

/* A setting by its name, or -EINVAL. */
int setting_from_name(const char *name);

#endif
