// SPDX-License-Identifier: GPL-2.0
/* PMD swap entries: swapoff. */
#include "more.h"

#include <signal.h>
#include <linux/userfaultfd.h>

/*
 * The THP is huge again before it is touched; a touch would repair what
 * swapoff has left undone.
 */
TEST_F(pmd_swap, swapoff)
{
	struct counters before;

	NEED_OWN_SWAP();
	SWAP_OUT_TO_OWN(self->mem);
	before = counters_now();
	ASSERT_EQ(0, own_swapoff(&shared->own_swaps[TEST_SWAP]));
	EXPECT_TRUE(present(self->mem, self->size));
	EXPECT_EQ(0, vm_swap());
	EXPECT_EQ(self->size, smaps_bytes(self->mem, self->size, "Rss"));
	EXPECT_EQ(0, smaps_bytes(self->mem, self->size, "Swap"));
	EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
	EXPECT_SINCE(1, &before, SWPIN_PMD);
	EXPECT_SINCE(0, &before, SPLIT_PMD_SWAP);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	fill(self->mem, 0, self->nr, 1);
	EXPECT_INTACT(self->mem, 0, self->nr, 1);
}

/* Parent and child get the THP back, and write to copies of their own. */
TEST_F(pmd_swap, swapoff_shared)
{
	pid_t pid;

	NEED_OWN_SWAP();
	SWAP_OUT_TO_OWN(self->mem);
	pid = fork_child(_metadata);
	if (!pid) {
		await(1);
		EXPECT_TRUE(present(self->mem, self->size));
		EXPECT_EQ(0, vm_swap());
		EXPECT_INTACT(self->mem, 0, self->nr, 0);
		fill(self->mem, 0, self->nr, 1);
		reach(2);
		await(3);
		EXPECT_INTACT(self->mem, 0, self->nr, 1);
		_exit(0);
	}
	ASSERT_EQ(0, own_swapoff(&shared->own_swaps[TEST_SWAP]));
	EXPECT_TRUE(present(self->mem, self->size));
	EXPECT_EQ(0, vm_swap());
	reach(1);
	await(2);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	fill(self->mem, 0, self->nr, 2);
	EXPECT_INTACT(self->mem, 0, self->nr, 2);
	reach(3);
	REAP(pid);
}

/* Of an entry of which another process has cached a page. */
TEST_F(pmd_swap, swapoff_split_cache)
{
	const unsigned long page = self->nr - 5;
	pid_t pid;

	NEED_CGROUP();
	NEED_OWN_SWAP();
	SWAP_OUT_TO_OWN(self->mem);
	ASSERT_TRUE(drop_swap_cache());
	pid = fork_child(_metadata);
	if (!pid) {
		ASSERT_EQ(0, munmap(self->mem, self->size / 2));
		EXPECT_INTACT(self->mem + page * self->page, page, 1, 0);
		reach(1);
		await(2);
		EXPECT_TRUE(present(self->mem + self->size / 2,
				    self->size / 2));
		EXPECT_INTACT(self->mem + self->size / 2, self->nr / 2,
			      self->nr / 2, 0);
		_exit(0);
	}
	await(1);
	EXPECT_EQ(PMD_SWAPPED, thp_state(self->mem));
	ASSERT_EQ(0, own_swapoff(&shared->own_swaps[TEST_SWAP]));
	EXPECT_TRUE(present(self->mem, self->size));
	EXPECT_EQ(0, vm_swap());
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	reach(2);
	REAP(pid);
}

/* A huge page that is not to be had is no reason to fail. */
TEST_F(pmd_swap, swapoff_no_huge_page)
{
	struct counters before;

	NEED_CGROUP();
	NEED_OWN_SWAP();
	SWAP_OUT_TO_OWN(self->mem);
	ASSERT_TRUE(drop_swap_cache());
	if (!fail_huge_pages())
		SKIP(return, "no fault injection: CONFIG_FAIL_PAGE_ALLOC");
	before = counters_now();
	ASSERT_EQ(0, own_swapoff(&shared->own_swaps[TEST_SWAP]));
	EXPECT_TRUE(present(self->mem, self->size));
	EXPECT_EQ(0, vm_swap());
	EXPECT_SINCE(0, &before, SWPIN_PMD);
	EXPECT_SINCE(1, &before, SWPIN_PMD_FALLBACK);
	EXPECT_SINCE(1, &before, SPLIT_PMD_SWAP);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}

/* Nor is one failed read of the whole. */
TEST_F(pmd_swap, swapoff_read_error)
{
	struct counters before;

	NEED_CGROUP();
	NEED_OWN_SWAP();
	SWAP_OUT_TO_OWN(self->mem);
	ASSERT_TRUE(drop_swap_cache());
	if (!fail_requests(shared->own_swaps[TEST_SWAP].dev, "1"))
		SKIP(return, "no fault injection: CONFIG_FAIL_MAKE_REQUEST");
	before = counters_now();
	ASSERT_EQ(0, own_swapoff(&shared->own_swaps[TEST_SWAP]));
	EXPECT_TRUE(present(self->mem, self->size));
	EXPECT_EQ(0, vm_swap());
	EXPECT_SINCE(1, &before, SWPIN_PMD_FALLBACK);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}

/* Of an entry that was split. */
TEST_F(pmd_swap, swapoff_after_split)
{
	NEED_OWN_SWAP();
	SWAP_OUT_TO_OWN(self->mem);
	ASSERT_EQ(0, madvise(self->mem, self->page, MADV_DONTNEED));
	ASSERT_EQ(0, own_swapoff(&shared->own_swaps[TEST_SWAP]));
	EXPECT_TRUE(present(self->mem + self->page, self->size - self->page));
	EXPECT_EQ(0, vm_swap());
	EXPECT_INTACT(self->mem + self->page, 1, self->nr - 1, 0);
}

/* The protection survives. */
TEST_F(pmd_swap, swapoff_uffd_wp)
{
	int uffd;

	NEED_UFFD(uffd, UFFD_FEATURE_PAGEFAULT_FLAG_WP);
	NEED_OWN_SWAP();
	ASSERT_EQ(0, uffd_register(uffd, self->mem, self->size, false, true,
				   false));
	ASSERT_EQ(0, uffd_wp(uffd, self->mem, self->size, true));
	SWAP_OUT_TO_OWN(self->mem);
	ASSERT_EQ(0, own_swapoff(&shared->own_swaps[TEST_SWAP]));
	EXPECT_TRUE(present(self->mem, self->size));
	EXPECT_EQ(self->nr, nr_pages_with(self->mem, self->size, PM_UFFD_WP));
	EXPECT_EQ(0, read_reports(uffd, self->mem));
	EXPECT_TRUE(write_reports(uffd, self->mem, 1) &
		    UFFD_PAGEFAULT_FLAG_WP);
	EXPECT_INTACT(self->mem + self->page, 1, self->nr - 1, 0);
	close(uffd);
}

TEST_F(pmd_swap, swapoff_uffd_rwp)
{
	int uffd;

	NEED_UFFD(uffd, UFFD_FEATURE_RWP);
	NEED_OWN_SWAP();
	ASSERT_EQ(0, uffd_register_rwp(uffd, self->mem, self->size));
	ASSERT_EQ(0, uffd_rwp(uffd, self->mem, self->size, true));
	SWAP_OUT_TO_OWN(self->mem);
	ASSERT_EQ(0, own_swapoff(&shared->own_swaps[TEST_SWAP]));
	EXPECT_EQ(0, vm_swap());
	EXPECT_EQ(self->nr, nr_pages_with(self->mem, self->size, PM_UFFD_WP));
	EXPECT_TRUE(read_reports(uffd, self->mem) & UFFD_PAGEFAULT_FLAG_RWP);
	EXPECT_TRUE(read_reports(uffd, self->mem + 61 * self->page) &
		    UFFD_PAGEFAULT_FLAG_RWP);
	ASSERT_EQ(0, uffd_rwp(uffd, self->mem, self->size, false));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	close(uffd);
}

TEST_F(pmd_swap, swapoff_soft_dirty)
{
	if (!softdirty_supported())
		SKIP(return, "no soft-dirty tracking");
	NEED_OWN_SWAP();
	clear_softdirty();
	SWAP_OUT_TO_OWN(self->mem);
	ASSERT_EQ(0, own_swapoff(&shared->own_swaps[TEST_SWAP]));
	EXPECT_TRUE(present(self->mem, self->size));
	EXPECT_EQ(0, nr_pages_with(self->mem, self->size, PM_SOFT_DIRTY));
	put_word(self->mem, 1);
	EXPECT_EQ(1, nr_pages_with(self->mem, self->page, PM_SOFT_DIRTY));
}

/* A read-only mapping stays one. */
TEST_F(pmd_swap, swapoff_read_only)
{
	int status;
	pid_t pid;

	NEED_OWN_SWAP();
	SWAP_OUT_TO_OWN(self->mem);
	ASSERT_EQ(0, mprotect(self->mem, self->size, PROT_READ));
	ASSERT_EQ(0, own_swapoff(&shared->own_swaps[TEST_SWAP]));
	EXPECT_TRUE(present(self->mem, self->size));
	pid = fork_child(_metadata);
	if (!pid) {
		put_word(self->mem, 0);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}
