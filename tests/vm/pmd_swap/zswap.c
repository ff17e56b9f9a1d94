// SPDX-License-Identifier: GPL-2.0
/* PMD swap entries: the swap_pmd knob, and zswap, which it looks at. */
#include "more.h"

/* ---- the knob ----------------------------------------------------------- */

/* Entries that exist stay what they are. */
TEST_F(pmd_swap, knob_change)
{
	struct counters before;

	SWAP_OUT_COLD(self->mem);
	before = counters_now();
	ASSERT_EQ(0, put_string(KNOB_FILE, "never"));
	EXPECT_EQ(PMD_SWAPPED, thp_state(self->mem));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	EXPECT_SINCE(1, &before, SWPIN_PMD);
	EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
}

/* ---- zswap -------------------------------------------------------------- */

/* Let zswap fail to load a THP, @times. */
static bool fail_zswap_load(const char *times)
{
	static const char dir[] = "/sys/kernel/debug/fail_function";
	char path[96];
	int err;

	/* It stays there for the next test, which does no harm. */
	snprintf(path, sizeof(path), "%s/inject", dir);
	err = put_string(path, "zswap_load_large");
	if (err && err != -EBUSY)
		return false;
	return fail_next(dir, times);
}

static int zswap_max(const char *cgroup, const char *max)
{
	return cg_put(cgroup, "memory.zswap.max", max);
}

/* zswap is not to take them: a PMD entry. */
static void zswap_forbidden(struct __test_metadata *_metadata,
			    FIXTURE_DATA(pmd_swap) * self)
{
	struct counters before;

	fill(self->mem, 0, self->nr, ZGEN);
	before = counters_now();
	SWAP_OUT(self->mem);
	EXPECT_SINCE(1, &before, SWPOUT_PMD);
	EXPECT_EQ(0, cg_test_stat("zswapped"));
	ASSERT_TRUE(drop_swap_cache());
	EXPECT_INTACT(self->mem, 0, self->nr, ZGEN);
	EXPECT_SINCE(1, &before, SWPIN_PMD);
	EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
}

TEST_F(pmd_swap, zswap_exclusive_max_0)
{
	NEED_ZSWAP();
	ASSERT_EQ(0, zswap_max(env.test_cgroup, "0"));
	zswap_forbidden(_metadata, self);
}

TEST_F(pmd_swap, zswap_exclusive_ancestor_max_0)
{
	NEED_ZSWAP();
	ASSERT_EQ(0, zswap_max(env.cgroup, "0"));
	zswap_forbidden(_metadata, self);
	EXPECT_EQ(0, zswap_max(env.cgroup, "max"));
}

/* What was written since is what comes back the next time. */
TEST_F(pmd_swap, zswap_always_cycles)
{
	uint64_t gen;

	SWAP_OUT_TO_ZSWAP(self->mem);
	for (gen = 2; gen < 6; gen++) {
		EXPECT_INTACT(self->mem, 0, self->nr, COMPRESSIBLE | (gen - 1));
		EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
		fill(self->mem, 0, self->nr, COMPRESSIBLE | gen);
		SWAP_OUT_COLD(self->mem);
	}
	EXPECT_INTACT(self->mem, 0, self->nr, COMPRESSIBLE | (gen - 1));
}

/* Written to zswap, changed after it was read, written to the device. */
TEST_F(pmd_swap, zswap_always_then_device)
{
	SWAP_OUT_TO_ZSWAP(self->mem);
	EXPECT_INTACT(self->mem, 0, self->nr, ZGEN);
	ASSERT_EQ(0, zswap_max(env.test_cgroup, "0"));
	put_word(self->mem + 3 * self->page, 1);
	SWAP_OUT_COLD(self->mem);
	EXPECT_EQ(0, cg_test_stat("zswapped"));
	EXPECT_EQ(1, get_word(self->mem + 3 * self->page));
	EXPECT_INTACT(self->mem, 0, 3, ZGEN);
	EXPECT_INTACT(self->mem + 4 * self->page, 4, self->nr - 4, ZGEN);
}

/* Whether each page holds what was written to it, or is zero. */
static bool intact_or_zero(const char *addr, unsigned long nr, uint64_t gen)
{
	unsigned long page;

	for (page = 0; page < nr; page++) {
		const char *p = addr + page * env.page_size;

		if (get_word(p) != pattern(gen, page, 0)) {
			if (!zeroed(p, env.page_size))
				return false;
		} else if (!intact(p, page, 1, gen)) {
			return false;
		}
	}
	return true;
}

/* Given up after it was read: it may be gone, but is never something else. */
TEST_F(pmd_swap, zswap_always_madv_free)
{
	int i;

	SWAP_OUT_TO_ZSWAP(self->mem);
	FORCE_READ(*self->mem);
	ASSERT_EQ(PMD_MAPPED, thp_state(self->mem));
	ASSERT_EQ(0, madvise(self->mem, self->size, MADV_FREE));
	for (i = 0; i < 100 && thp_state(self->mem) == PMD_MAPPED; i++)
		ASSERT_EQ(0, madvise(self->mem, self->size, MADV_PAGEOUT));
	ASSERT_NE(PMD_MAPPED, thp_state(self->mem));
	ASSERT_TRUE(drop_swap_cache());
	EXPECT_TRUE(intact_or_zero(self->mem, self->nr, ZGEN));
}

/* The same, while the slots are shared with a child, which gives up nothing. */
TEST_F(pmd_swap, zswap_always_fork_madv_free)
{
	pid_t pid;
	int i;

	SWAP_OUT_TO_ZSWAP(self->mem);
	pid = fork_child(_metadata);
	if (!pid) {
		await(1);
		EXPECT_INTACT(self->mem, 0, self->nr, ZGEN);
		_exit(0);
	}
	FORCE_READ(*self->mem);
	ASSERT_EQ(PMD_MAPPED, thp_state(self->mem));
	ASSERT_EQ(0, madvise(self->mem, self->size, MADV_FREE));
	for (i = 0; i < 100 && thp_state(self->mem) == PMD_MAPPED; i++)
		ASSERT_EQ(0, madvise(self->mem, self->size, MADV_PAGEOUT));
	ASSERT_NE(PMD_MAPPED, thp_state(self->mem));
	ASSERT_TRUE(drop_swap_cache());
	reach(1);
	REAP(pid);
	EXPECT_TRUE(intact_or_zero(self->mem, self->nr, ZGEN));
}

/* Shared with a child: read once for both, and both write. */
TEST_F(pmd_swap, zswap_always_fork)
{
	struct counters before;
	pid_t pid;

	SWAP_OUT_TO_ZSWAP(self->mem);
	before = counters_now();
	pid = fork_child(_metadata);
	if (!pid) {
		EXPECT_INTACT(self->mem, 0, self->nr, ZGEN);
		EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
		/* The slots are still in use, the compressed copy is not. */
		EXPECT_TRUE(cg_test_stat_reaches("zswapped", 0));
		fill(self->mem, 0, self->nr, 2);
		EXPECT_INTACT(self->mem, 0, self->nr, 2);
		_exit(0);
	}
	REAP(pid);
	EXPECT_INTACT(self->mem, 0, self->nr, ZGEN);
	EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
	EXPECT_SINCE(2, &before, SWPIN_PMD);
	fill(self->mem, 0, self->nr, 3);
	EXPECT_INTACT(self->mem, 0, self->nr, 3);
}

/* zswap is switched off while it holds the pages. */
TEST_F(pmd_swap, zswap_always_then_off)
{
	struct counters before;

	SWAP_OUT_TO_ZSWAP(self->mem);
	ASSERT_EQ(0, put_string(ZSWAP_FILE, "N"));
	before = counters_now();
	EXPECT_INTACT(self->mem, 0, self->nr, ZGEN);
	EXPECT_SINCE(1, &before, SWPIN_PMD);
}

/* Swapoff of a PMD entry whose pages are in zswap. */
TEST_F(pmd_swap, zswap_always_swapoff)
{
	NEED_ZSWAP();
	NEED_OWN_SWAP();
	ASSERT_EQ(0, put_string(KNOB_FILE, "always"));
	fill(self->mem, 0, self->nr, ZGEN);
	SWAP_OUT_TO_OWN(self->mem);
	ASSERT_TRUE(drop_swap_cache());
	ASSERT_TRUE(cg_test_stat_reaches("zswapped", self->size));
	ASSERT_EQ(0, own_swapoff(&shared->own_swaps[TEST_SWAP]));
	EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
	EXPECT_EQ(0, vm_swap());
	EXPECT_TRUE(cg_test_stat_reaches("zswapped", 0));
	EXPECT_INTACT(self->mem, 0, self->nr, ZGEN);
}

/* Read ahead, the entry stays, and so does the copy in zswap. */
TEST_F(pmd_swap, zswap_always_willneed)
{
	struct counters before;

	SWAP_OUT_TO_ZSWAP(self->mem);
	before = counters_now();
	ASSERT_EQ(0, madvise(self->mem, self->size, MADV_WILLNEED));
	EXPECT_EQ(PMD_SWAPPED, thp_state(self->mem));
	EXPECT_TRUE(cg_test_stat_reaches("swapcached", self->size));
	EXPECT_TRUE(cg_test_stat_reaches("zswapped", self->size));
	/* It is clean: it can go, and come again. */
	ASSERT_TRUE(drop_swap_cache());
	ASSERT_EQ(0, madvise(self->mem, self->size, MADV_WILLNEED));
	EXPECT_INTACT(self->mem, 0, self->nr, ZGEN);
	EXPECT_SINCE(1, &before, SWPIN_PMD);
	EXPECT_SINCE(0, &before, SPLIT_PMD_SWAP);
	EXPECT_TRUE(cg_test_stat_reaches("zswapped", 0));
}

/* Read ahead as one folio, and then wanted by PTEs. */
TEST_F(pmd_swap, zswap_always_willneed_part)
{
	SWAP_OUT_TO_ZSWAP(self->mem);
	ASSERT_EQ(0, madvise(self->mem, self->size, MADV_WILLNEED));
	ASSERT_EQ(0, munmap(self->mem, self->page));
	EXPECT_EQ(MIXED, thp_state(self->mem));
	EXPECT_INTACT(self->mem + self->page, 1, self->nr - 1, ZGEN);
	EXPECT_EQ(0, vm_swap());
	EXPECT_TRUE(cg_test_stat_reaches("zswapped", 0));
}

/* Part of a whole entry goes from zswap to the device: split, and read. */
TEST_F(pmd_swap, zswap_always_mixed)
{
	const unsigned long page = self->nr - 5;
	struct counters before;
	pid_t pid;

	SWAP_OUT_TO_ZSWAP(self->mem);
	pid = fork_child(_metadata);
	if (!pid) {
		/* Have some pages in the swap cache, which zswap has no more. */
		ASSERT_EQ(0, munmap(self->mem, self->size / 2));
		EXPECT_INTACT(self->mem + page * self->page, page, 4, ZGEN);
		_exit(0);
	}
	REAP(pid);
	ASSERT_EQ(0, put_string(ZSWAP_FILE, "N"));
	/* What was read ahead is dirty too; memory.stat may be 2 s old. */
	usleep(2200000);
	ASSERT_TRUE(drop_swap_cache());
	EXPECT_EQ(PMD_SWAPPED, thp_state(self->mem));
	before = counters_now();
	EXPECT_INTACT(self->mem, 0, self->nr, ZGEN);
	EXPECT_SINCE(0, &before, SWPIN_PMD);
	EXPECT_SINCE(1, &before, SWPIN_PMD_FALLBACK);
	EXPECT_SINCE(1, &before, SPLIT_PMD_SWAP);
}

/* zswap writes some of the pages back to make room for others. */
TEST_F(pmd_swap, zswap_always_writeback)
{
	struct counters before;
	char *other;
	int i;

	SWAP_OUT_TO_ZSWAP(self->mem);
	other = map_thps(1, 2);
	if (!other)
		SKIP(return, "no huge pages to be had");
	ASSERT_EQ(0, put_string(KNOB_FILE, "never"));
	ASSERT_EQ(0, zswap_max(env.test_cgroup, "64K"));
	for (i = 0; i < 40 && !cg_test_stat("zswpwb"); i++) {
		fill(other, 0, self->nr, 2);
		ASSERT_TRUE(page_out(other, self->size));
	}
	ASSERT_LT(0, cg_test_stat("zswpwb"));
	ASSERT_EQ(0, munmap(other, self->size));
	EXPECT_EQ(PMD_SWAPPED, thp_state(self->mem));
	before = counters_now();
	EXPECT_INTACT(self->mem, 0, self->nr, ZGEN);
	EXPECT_SINCE(0, &before, SWPIN_PMD);
	EXPECT_SINCE(1, &before, SWPIN_PMD_FALLBACK);
	EXPECT_TRUE(cg_test_stat_reaches("zswapped", 0));
}

/* If a page cannot be decompressed with the others, each is tried by itself. */
TEST_F(pmd_swap, zswap_always_error)
{
	struct counters before;

	SWAP_OUT_TO_ZSWAP(self->mem);
	if (!fail_zswap_load("1"))
		SKIP(return, "no fault injection: CONFIG_FAIL_FUNCTION");
	before = counters_now();
	EXPECT_INTACT(self->mem, 0, self->nr, ZGEN);
	EXPECT_SINCE(0, &before, SWPIN_PMD);
	EXPECT_SINCE(1, &before, SWPIN_PMD_FALLBACK);
	EXPECT_SINCE(1, &before, SPLIT_PMD_SWAP);
	EXPECT_EQ(0, vm_swap());
	EXPECT_TRUE(cg_test_stat_reaches("zswapped", 0));
}

/* Without writeback, what zswap takes comes back whole as well. */
TEST_F(pmd_swap, zswap_always_writeback_off)
{
	struct counters before;

	NEED_ZSWAP();
	ASSERT_EQ(0, cg_put(env.test_cgroup, "memory.zswap.writeback", "0"));
	SWAP_OUT_TO_ZSWAP(self->mem);
	before = counters_now();
	EXPECT_INTACT(self->mem, 0, self->nr, ZGEN);
	EXPECT_SINCE(1, &before, SWPIN_PMD);
	EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
}

/* Without writeback and zswap there is nowhere to go: the THP stays whole. */
TEST_F(pmd_swap, zswap_exclusive_writeback_off)
{
	long pswpout;

	NEED_ZSWAP();
	ASSERT_EQ(0, zswap_max(env.test_cgroup, "0"));
	ASSERT_EQ(0, cg_put(env.test_cgroup, "memory.zswap.writeback", "0"));
	pswpout = get_key("/proc/vmstat", "pswpout");
	ASSERT_EQ(0, madvise(self->mem, self->size, MADV_PAGEOUT));
	cg_test_reclaim(self->size);
	EXPECT_EQ(pswpout, get_key("/proc/vmstat", "pswpout"));
	EXPECT_EQ(0, cg_test_stat("zswapped"));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
}

/* ---- large folios below PMD size, once zswap has been enabled ------------ */

#define MTHP_DIR	"/sys/kernel/mm/transparent_hugepage/hugepages-64kB/"
#define MTHP_BYTES	(64UL << 10)
#define TWICE_DIR	"/sys/kernel/mm/transparent_hugepage/hugepages-128kB/"

static long dir_stat(const char *dir, const char *name)
{
	char path[PATH_MAX], buf[32];

	snprintf(path, sizeof(path), "%sstats/%s", dir, name);
	if (get_string(path, buf, sizeof(buf)))
		return -1;
	return strtol(buf, NULL, 10);
}

static long mthp_stat(const char *name)
{
	return dir_stat(MTHP_DIR, name);
}

/* Less than a THP, so that it is made of 64 KiB folios. */
static char *map_mthps(int flags, int fd, size_t len)
{
	char *reserved, *mem;

	reserved = mmap(NULL, 2 * env.pmd_size, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (reserved == MAP_FAILED)
		return NULL;
	mem = (char *)(((uintptr_t)reserved + env.pmd_size - 1) &
		       ~(env.pmd_size - 1));
	if (mmap(mem, len, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0) !=
	    mem)
		return NULL;
	fill(mem, 0, len / env.page_size, ZGEN);
	return mem;
}

/* Anonymous memory comes from zram in the folios in which it went there. */
TEST_F(pmd_swap, mthp_after_zswap)
{
	const size_t len = self->size / 2;
	long before;
	char *mem;

	NEED_ZSWAP();
	ASSERT_EQ(0, put_string(ZSWAP_FILE, "N"));
	NEED_ZRAM_SWAP();
	if (!set_for_test(MTHP_DIR "enabled", "always"))
		SKIP(return, "no THPs of 64 KiB");
	mem = map_mthps(MAP_PRIVATE | MAP_ANONYMOUS, -1, len);
	ASSERT_NE(NULL, mem);
	ASSERT_TRUE(page_out(mem, len));
	ASSERT_TRUE(drop_swap_cache());
	before = mthp_stat("swpin");
	EXPECT_INTACT(mem, 0, len / self->page, ZGEN);
	EXPECT_EQ(len / MTHP_BYTES, mthp_stat("swpin") - before);
}

/* It comes from zswap by the page. */
TEST_F(pmd_swap, mthp_in_zswap)
{
	const size_t len = self->size / 2;
	long before;
	char *mem;

	NEED_ZSWAP();
	NEED_ZRAM_SWAP();
	if (!set_for_test(MTHP_DIR "enabled", "always"))
		SKIP(return, "no THPs of 64 KiB");
	/* Nothing else is to go there. */
	ASSERT_EQ(0, mlock(self->mem, self->size));
	mem = map_mthps(MAP_PRIVATE | MAP_ANONYMOUS, -1, len);
	ASSERT_NE(NULL, mem);
	ASSERT_TRUE(page_out(mem, len));
	ASSERT_TRUE(drop_swap_cache());
	ASSERT_TRUE(cg_test_stat_reaches("zswapped", len));
	before = nr_faults();
	EXPECT_INTACT(mem, 0, len / self->page, ZGEN);
	EXPECT_EQ(len / self->page, nr_faults() - before);
	EXPECT_TRUE(cg_test_stat_reaches("zswapped", 0));
}

/*
 * What went out in folios of 64 KiB would be read in folios of 128 KiB, but one half
 * is zeroes, which are not on the device, and the other is not.
 */
TEST_F(pmd_swap, mthp_of_zeroes_and_data)
{
	const size_t len = self->size / 2;
	long read, fallback, refused = 0;
	char *mem;
	size_t off;
	int i;

	NEED_ZRAM_SWAP();
	if (!set_for_test(MTHP_DIR "enabled", "always") ||
	    !set_for_test(TWICE_DIR "enabled", "never"))
		SKIP(return, "no THPs of 64 KiB");
	/* Seldom are the slots not in the order of the pages. */
	for (i = 0; i < 10 && !refused; i++) {
		mem = map_mthps(MAP_PRIVATE | MAP_ANONYMOUS, -1, len);
		ASSERT_NE(NULL, mem);
		for (off = MTHP_BYTES; off < len; off += 2 * MTHP_BYTES)
			memset(mem + off, 0, MTHP_BYTES);
		ASSERT_TRUE(page_out(mem, len));
		ASSERT_TRUE(drop_swap_cache());
		ASSERT_EQ(0, put_string(TWICE_DIR "enabled", "always"));
		read = dir_stat(TWICE_DIR, "swpin");
		fallback = dir_stat(TWICE_DIR, "swpin_fallback");
		for (off = 0; off < len; off += 2 * MTHP_BYTES) {
			EXPECT_INTACT(mem + off, off / self->page,
				      MTHP_BYTES / self->page, ZGEN);
			EXPECT_TRUE(zeroed(mem + off + MTHP_BYTES, MTHP_BYTES));
		}
		EXPECT_EQ(0, dir_stat(TWICE_DIR, "swpin") - read);
		refused = dir_stat(TWICE_DIR, "swpin_fallback") - fallback;
		ASSERT_EQ(0, put_string(TWICE_DIR "enabled", "never"));
		ASSERT_EQ(0, munmap(mem, len));
	}
	EXPECT_LT(0, refused);
}

static bool page_out_shmem(char *mem, size_t len)
{
	int i;

	for (i = 0; i < 250; i++) {
		if (madvise(mem, len, MADV_PAGEOUT))
			return false;
		if (drop_swap_cache() && !cg_test_stat("shmem"))
			return true;
		usleep(20000);
	}
	return false;
}

/* Shared memory does as well. */
TEST_F(pmd_swap, shmem_after_zswap)
{
	const size_t len = self->size / 2;
	long before;
	char *mem;
	int fd;

	NEED_ZSWAP();
	ASSERT_EQ(0, put_string(ZSWAP_FILE, "N"));
	NEED_ZRAM_SWAP();
	if (!set_for_test(MTHP_DIR "shmem_enabled", "always"))
		SKIP(return, "no THPs of 64 KiB in shared memory");
	fd = memfd_create("pmd_swap", MFD_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, len));
	mem = map_mthps(MAP_SHARED, fd, len);
	ASSERT_NE(NULL, mem);
	ASSERT_TRUE(page_out_shmem(mem, len));
	before = mthp_stat("swpin");
	EXPECT_INTACT(mem, 0, len / self->page, ZGEN);
	EXPECT_EQ(len / MTHP_BYTES, mthp_stat("swpin") - before);
}

/* What is in zswap comes from there by the page; nothing larger is allocated. */
TEST_F(pmd_swap, shmem_in_zswap)
{
	const size_t len = self->size / 2;
	long before;
	char *mem;
	int fd;

	NEED_ZSWAP();
	NEED_ZRAM_SWAP();
	if (!set_for_test(MTHP_DIR "shmem_enabled", "always"))
		SKIP(return, "no THPs of 64 KiB in shared memory");
	/* Nothing else is to go there. */
	ASSERT_EQ(0, mlock(self->mem, self->size));
	fd = memfd_create("pmd_swap", MFD_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, len));
	mem = map_mthps(MAP_SHARED, fd, len);
	ASSERT_NE(NULL, mem);
	ASSERT_TRUE(page_out_shmem(mem, len));
	ASSERT_TRUE(cg_test_stat_reaches("zswapped", len));
	before = mthp_stat("swpin_fallback");
	EXPECT_INTACT(mem, 0, len / self->page, ZGEN);
	EXPECT_EQ(0, mthp_stat("swpin_fallback") - before);
}
