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

/* Whether all swap is in files, and none of them has a place for a whole THP. */
static bool is_scattered(const struct host_facts *host)
{
	return host->clusters.all > 0 && host->clusters.whole == 0;
}

/* Whether the kernel makes no THPs for a cgroup, or none that a PMD maps, or has no slots for them.
 */
static bool has_no_whole_thps(const struct host_facts *host, const struct cgroup_facts *f)
{
	return host->thp_never || host->thp_pmd_never || host->swap_full ||
	       (host->swap_file && (host->no_file_slots || is_scattered(host))) || f->thp_disabled;
}

enum effect effect_of(const struct host_facts *host, const struct effective *e,
		      const struct cgroup_facts *f)
{
	const struct kernel_facts *pmd = &host->kernel[SETTING_SWAP_PMD];
	const struct kernel_facts *zswap = &host->kernel[SETTING_ZSWAP];
	/* What a kernel does not have is never and off. */
	bool compressed = zswap->error >= 0 && zswap->live && e->zswap_max > 0, whole;

	/* What zswap has needs a slot, too. */
	if (host->no_swap || e->swap_max == 0 || (!compressed && !e->writeback))
		return EFFECT_NONE;
	whole = pmd->error >= 0 && !has_no_whole_thps(host, f) && e->swap_max >= host->pmd_size &&
		(pmd->live == SWAP_PMD_ALWAYS || pmd->live == SWAP_PMD_AUTO ||
		 (pmd->live == SWAP_PMD_EXCLUSIVE && !compressed));
	if (compressed)
		return whole ? EFFECT_BOTH : EFFECT_ZSWAP;
	return whole ? EFFECT_PMD : EFFECT_SPLIT;
}

static _printf_(2, 3) int say(char **ret, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	/* It may name a cgroup, and goes onto the bus. */
	*ret = text_escaped_vformat(fmt, ap);
	va_end(ap);
	return *ret ? 1 : -ENOMEM;
}

/* What to do so that a cgroup may swap again, and that lasts. */
static int say_swap_max(char **ret, uint64_t max, const char *cgroup, bool itself)
{
	const char *unit = unit_of_cgroup(cgroup);

	return say(ret, "memory.swap.max is %" PRIu64 " in %s, %s; %s%s%s", max,
		   itself ? "it" : cgroup,
		   max > 0  ? "too little for a THP, so THPs are split"
		   : itself ? "so nothing of it can be swapped"
			    : "so nothing below it can be swapped",
		   unit ? "\"systemctl set-property " : "set it to max", unit ?: "",
		   unit ? " MemorySwapMax=infinity\" sets it to max" : "");
}

/* What keeps THPs from going whole to the device. */
static int find_what_splits(const struct host_facts *host, const struct cgroup_facts *f, char **ret)
{
	if (host->swap_file && host->no_file_slots)
		return say(
			ret,
			"all swap is in files (%s), where the kernel has no slots for whole THPs; "
			"use a partition or another block device",
			host->swap_file);
	if (host->swap_file && is_scattered(host))
		return say(ret,
			   "all swap is in files (%s), whose blocks are too scattered for whole "
			   "THPs; make a new one with fallocate(1) while the file system has much "
			   "free space",
			   host->swap_file);
	if (host->swap_full)
		return say(ret, "no swap area has room for a whole THP, so THPs are split; see "
				"mkswap(8) and swapon(8) for more");
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
	/* A kernel that knows the word auto brings them back whole as well. */
	if (!(host->kernel[SETTING_SWAP_PMD].words & 1U << SWAP_PMD_AUTO) && f->shmem > f->anon &&
	    f->shmem >= 2 << 20)
		return say(ret,
			   "%" PRIu64 " MiB of its memory is shared and only %" PRIu64
			   " MiB is not, "
			   "and THPs of shared memory come back in small pages on this kernel; "
			   "nothing is to be done but not to expect whole THPs",
			   f->shmem >> 20, f->anon >> 20);
	return 0;
}

int effect_hindrance(const struct policy *p, const struct host_facts *host,
		     const struct above_facts *above, const struct cgroup_facts *f, bool settled,
		     char **ret)
{
	uint64_t least;

	*ret = NULL;
	if (p->mode != MODE_PMD && p->mode != MODE_ZSWAP)
		return 0;
	if (host->no_swap)
		return say(ret,
			   "there is no swap, so nothing of it can be swapped%s; see mkswap(8) "
			   "and swapon(8)",
			   p->mode == MODE_ZSWAP ? ", and what zswap has needs room there, too"
						 : "");
	/* Pages of zswap need no more than a slot each. */
	least = p->mode == MODE_PMD ? host->pmd_size : 1;
	if (f->has_swap_max && f->swap_max < least)
		return say_swap_max(ret, f->swap_max, f->cgroup, true);
	if (above->swap_max_of && above->swap_max < least)
		return say_swap_max(ret, above->swap_max, above->swap_max_of, false);
	if (p->mode == MODE_PMD)
		return find_what_splits(host, f, ret);
	if (settled && above->no_zswap)
		return say(ret, "memory.zswap.max is 0 in %s, so nothing below it goes to zswap",
			   above->no_zswap);
	if (settled && host->zram && host->kernel[SETTING_ZSWAP].live)
		return say(
			ret,
			"there is swap on zram (%s), so its pages are compressed twice, and stay "
			"in memory when they leave zswap; use either of them",
			host->zram);
	return 0;
}

int effect_of_clusters(const struct host_facts *host, char **ret)
{
	*ret = NULL;
	if (!host->swap_file || host->no_file_slots || host->clusters.whole == 0)
		return 0;
	return say(ret,
		   "%" PRIu64 " of the %" PRIu64 " clusters of %" PRIu64
		   " MiB in swap files (%s) are in one piece and take whole THPs while they are "
		   "free; how many are free the kernel does not tell",
		   host->clusters.whole, host->clusters.all, host->pmd_size >> 20, host->swap_file);
}

/* What a setting of the kernel will be. */
static uint64_t will_be(const struct config *config, const struct host_facts *host, enum setting s)
{
	return config->kernel[s].managed ? config->kernel[s].value : host->kernel[s].live;
}

int effect_kernel_hindrance(const struct policy *p, const struct config *config,
			    const struct host_facts *host, char **ret)
{
	const struct kernel_facts *swap_pmd = &host->kernel[SETTING_SWAP_PMD];
	const struct kernel_facts *zswap = &host->kernel[SETTING_ZSWAP];

	*ret = NULL;
	if (p->mode == MODE_PMD && swap_pmd->error < 0)
		return say(ret, "this kernel has no swap_pmd, so THPs are split at swap-out; mode "
				"= pmd only keeps cgroups out of zswap");
	if (p->mode == MODE_PMD && will_be(config, host, SETTING_SWAP_PMD) == SWAP_PMD_NEVER)
		return say(
			ret,
			"mode = pmd needs swap-pmd = %sexclusive or always in [kernel]; swap_pmd "
			"%s never, so THPs are split at swap-out",
			swap_pmd->words & 1U << SWAP_PMD_AUTO ? "auto, " : "",
			swap_pmd->live == SWAP_PMD_NEVER ? "is" : "will be");
	if (p->mode == MODE_ZSWAP && zswap->error >= 0 && !will_be(config, host, SETTING_ZSWAP))
		return say(ret,
			   "mode = zswap needs zswap = on in [kernel]; zswap %s off, so nothing is "
			   "compressed%s",
			   zswap->live ? "will be" : "is",
			   p->zswap_writeback
				   ? ""
				   : ", and what has zswap-writeback = no cannot swap at all");
	return 0;
}

/* Add what hinders the policies of a mode, once. */
static void add_kernel_hint(const struct config *config, const struct host_facts *host,
			    enum mode mode, struct report *report)
{
	_cleanup_free_ char *text = NULL;
	const struct policy *of = NULL;

	/* Of one without writeback there is more to say. */
	for (size_t i = 0; i < config->n_policies; i++)
		if (config->policies[i]->mode == mode && (!of || of->zswap_writeback))
			of = config->policies[i];
	if (of && effect_kernel_hindrance(of, config, host, &text) > 0)
		report_add(report, REPORT_WARNING, NULL, 0, "%s", text);
}

bool effect_hints(const struct config *config, const struct host_facts *host, struct report *report)
{
	const struct kernel_facts *zswap = &host->kernel[SETTING_ZSWAP];
	/* A kernel without the file has no word for it. */
	bool lacks = host->kernel[SETTING_SWAP_PMD].error < 0;
	bool unasked = lacks && !config->kernel[SETTING_SWAP_PMD].managed, pmd = false;

	for (size_t i = 0; i < config->n_policies; i++)
		pmd |= config->policies[i]->mode == MODE_PMD;
	/* What [kernel] asks for in vain is said of that. */
	if (!lacks || unasked)
		add_kernel_hint(config, host, MODE_PMD, report);
	add_kernel_hint(config, host, MODE_ZSWAP, report);
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
