// SPDX-License-Identifier: GPL-2.0
#include "policy/effect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/text.h"
#include "policy/unit.h"

const char *effect_name(enum effect e)
{
	static const char *const names[] = {
		[EFFECT_PMD] = "pmd",     [EFFECT_ZSWAP] = "zswap", [EFFECT_BOTH] = "both",
		[EFFECT_SPLIT] = "split", [EFFECT_NONE] = "none",
	};

	return names[e];
}

/* Whether the kernel makes no THPs for a cgroup, or none that a PMD maps, or has no slots for them.
 */
static bool has_no_whole_thps(const struct host_facts *host, const struct cgroup_facts *f)
{
	return host->thp_never || host->thp_pmd_never || host->swap_file || f->thp_disabled;
}

enum effect effect_of(const struct host_facts *host, const struct effective *e,
		      const struct cgroup_facts *f)
{
	const struct kernel_facts *pmd = &host->kernel[SETTING_SWAP_PMD];
	const struct kernel_facts *zswap = &host->kernel[SETTING_ZSWAP];
	/* What a kernel does not have is never and off. */
	bool compressed = zswap->error >= 0 && zswap->live && e->zswap_max > 0, whole;

	/* What zswap has needs a slot, too. */
	if (host->no_swap || !e->swap || (!compressed && !e->writeback))
		return EFFECT_NONE;
	whole = pmd->error >= 0 && !has_no_whole_thps(host, f) &&
		(pmd->live == SWAP_PMD_ALWAYS || pmd->live == SWAP_PMD_AUTO ||
		 (pmd->live == SWAP_PMD_EXCLUSIVE && !compressed));
	if (compressed)
		return whole ? EFFECT_BOTH : EFFECT_ZSWAP;
	return whole ? EFFECT_PMD : EFFECT_SPLIT;
}

static int say(char **ret, const char *fmt, ...) _printf_(2, 3);

static int say(char **ret, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (r < 0)
		text = NULL;
	/* It may name a cgroup, and goes onto the bus. */
	*ret = text ? text_escaped(text) : NULL;
	return *ret ? 1 : -ENOMEM;
}

/* What to do so that a cgroup may swap again, and that lasts. */
static int say_no_swap(char **ret, const char *cgroup, bool itself)
{
	const char *unit = unit_of_cgroup(cgroup);

	return say(ret, "memory.swap.max is 0 in %s, so %s can be swapped; %s%s%s",
		   itself ? "it" : cgroup, itself ? "nothing of it" : "nothing below it",
		   unit ? "\"systemctl set-property " : "set it to max", unit ?: "",
		   unit ? " MemorySwapMax=infinity\" sets it to max" : "");
}

/* What keeps THPs from going whole to the device. */
static int find_what_splits(const struct host_facts *host, const struct cgroup_facts *f, char **ret)
{
	if (host->swap_file)
		return say(
			ret,
			"all swap is in files (%s), where the kernel has no slots for whole THPs; "
			"use a partition or another block device",
			host->swap_file);
	if (host->thp_never)
		return say(ret, "there are no THPs, as transparent_hugepage/enabled is never; say "
				"\"echo madvise >/sys/kernel/mm/transparent_hugepage/enabled\", or "
				"always");
	if (host->thp_pmd_never)
		return say(ret, "there are no THPs of the size that can stay whole; set enabled to "
				"inherit in its directory, "
				"/sys/kernel/mm/transparent_hugepage/hugepages-2048kB for 2 MiB");
	if (f->thp_disabled)
		return say(ret,
			   "THPs are disabled for a process in it, by prctl(PR_SET_THP_DISABLE); "
			   "for a unit say MemoryTHP=inherit");
	if (f->shmem > f->anon && f->shmem >= 2 << 20)
		return say(ret,
			   "%" PRIu64 " MiB of its memory is shared and only %" PRIu64
			   " MiB is not, "
			   "and THPs of shared memory are split; nothing is to be done but not to "
			   "expect whole THPs",
			   f->shmem >> 20, f->anon >> 20);
	return 0;
}

int effect_hindrance(const struct policy *p, const struct host_facts *host,
		     const struct above_facts *above, const struct cgroup_facts *f, bool settled,
		     char **ret)
{
	*ret = NULL;
	if (p->mode != MODE_PMD && p->mode != MODE_ZSWAP)
		return 0;
	if (host->no_swap)
		return say(ret,
			   "there is no swap, so nothing of it can be swapped%s; see mkswap(8) "
			   "and swapon(8)",
			   p->mode == MODE_ZSWAP ? ", and what zswap has needs room there, too"
						 : "");
	if (f->no_swap)
		return say_no_swap(ret, f->cgroup, true);
	if (above->no_swap)
		return say_no_swap(ret, above->no_swap, false);
	if (p->mode == MODE_ZSWAP)
		return settled && above->no_zswap ? say(ret,
							"memory.zswap.max is 0 in %s, so nothing "
							"below it goes to zswap",
							above->no_zswap)
						  : 0;
	return find_what_splits(host, f, ret);
}

/* What a setting of the kernel will be. */
static uint64_t will_be(const struct config *config, const struct host_facts *host, enum setting s)
{
	return config->kernel[s].managed ? config->kernel[s].value : host->kernel[s].live;
}

bool effect_hints(const struct config *config, const struct host_facts *host, struct report *report)
{
	const struct kernel_facts *swap_pmd = &host->kernel[SETTING_SWAP_PMD];
	const struct kernel_facts *zswap = &host->kernel[SETTING_ZSWAP];
	bool pmd = false, compressed = false, no_writeback = false;
	/* A kernel without the file has no word for it. */
	bool unasked = swap_pmd->error < 0 && !config->kernel[SETTING_SWAP_PMD].managed;

	for (size_t i = 0; i < config->n_policies; i++) {
		const struct policy *p = config->policies[i];

		pmd |= p->mode == MODE_PMD;
		compressed |= p->mode == MODE_ZSWAP;
		no_writeback |= p->mode == MODE_ZSWAP && !p->zswap_writeback;
	}
	if (pmd && unasked)
		report_add(report, REPORT_WARNING, NULL, 0,
			   "This kernel has no swap_pmd, so THPs are split at swap-out; mode = pmd "
			   "only keeps cgroups out of zswap");
	else if (pmd && swap_pmd->error >= 0 && swap_pmd->live == SWAP_PMD_NEVER &&
		 will_be(config, host, SETTING_SWAP_PMD) == SWAP_PMD_NEVER)
		report_add(
			report, REPORT_WARNING, NULL, 0,
			"mode = pmd needs swap-pmd = %sexclusive or always in [kernel]; swap_pmd "
			"is never, so THPs are split at swap-out",
			swap_pmd->words & 1U << SWAP_PMD_AUTO ? "auto, " : "");
	if (compressed && zswap->error >= 0 && !zswap->live &&
	    !will_be(config, host, SETTING_ZSWAP))
		report_add(report, REPORT_WARNING, NULL, 0,
			   "mode = zswap needs zswap = on in [kernel]; zswap is off, so nothing is "
			   "compressed%s",
			   no_writeback ? ", and what has zswap-writeback = no cannot swap at all"
					: "");
	if (host->zram && config->n_policies > 0 && zswap->error >= 0 &&
	    will_be(config, host, SETTING_ZSWAP))
		report_add(report, REPORT_WARNING, NULL, 0,
			   "zswap is on and there is swap on zram (%s), so pages are compressed "
			   "twice, and what goes to the device stays in memory; use either of them",
			   host->zram);
	if (config->n_policies > 0 && !host->has_cgroups)
		report_add(report, REPORT_WARNING, NULL, 0,
			   "No cgroup v2 at /sys/fs/cgroup, so policies have no effect; boot with "
			   "systemd.unified_cgroup_hierarchy=1");
	return unasked && !pmd;
}
