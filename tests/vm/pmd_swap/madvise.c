// SPDX-License-Identifier: GPL-2.0
/* PMD swap entries: madvise(), mlock(), KSM, memory policies. */
#include "more.h"

#include <sys/syscall.h>
#include <sys/uio.h>
#include <linux/mempolicy.h>

#define KSM_RUN_FILE	"/sys/kernel/mm/ksm/run"

TEST_F(pmd_swap, madv_free_part)
{
	const unsigned long nr = self->nr / 2;
	struct counters before;

	SWAP_OUT(self->mem);
	before = counters_now();
	ASSERT_EQ(0, madvise(self->mem, nr * self->page, MADV_FREE));
	EXPECT_SINCE(1, &before, SPLIT_PMD_SWAP);
	EXPECT_EQ((long)((self->nr - nr) * self->page), vm_swap());
	EXPECT_TRUE(zeroed(self->mem, nr * self->page));
	EXPECT_TRUE(swapped(self->mem + nr * self->page,
			    (self->nr - nr) * self->page));
	EXPECT_INTACT(self->mem + nr * self->page, nr, self->nr - nr, 0);
}

TEST_F(pmd_swap, madv_willneed_part)
{
	SWAP_OUT_COLD(self->mem);
	ASSERT_EQ(0, madvise(self->mem + 7 * self->page, 9 * self->page,
			     MADV_WILLNEED));
	EXPECT_TRUE(swapped(self->mem, self->size));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}

/* Advice for memory that is in use has nothing to do here. */
TEST_F(pmd_swap, madv_cold_pageout)
{
	struct counters before;

	SWAP_OUT(self->mem);
	before = counters_now();
	ASSERT_EQ(0, madvise(self->mem, self->size, MADV_COLD));
	ASSERT_EQ(0, madvise(self->mem, self->size, MADV_PAGEOUT));
	EXPECT_EQ(PMD_SWAPPED, thp_state(self->mem));
	ASSERT_EQ(0, madvise(self->mem, 3 * self->page, MADV_COLD));
	ASSERT_EQ(0, madvise(self->mem, 3 * self->page, MADV_PAGEOUT));
	EXPECT_TRUE(swapped(self->mem, self->size));
	EXPECT_SINCE(0, &before, PSWPIN);
	EXPECT_SINCE(0, &before, SWPOUT_PMD);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}

TEST_F(pmd_swap, madv_populate_read)
{
	struct counters before;

	SWAP_OUT(self->mem);
	before = counters_now();
	ASSERT_EQ(0, madvise(self->mem, self->size, MADV_POPULATE_READ));
	EXPECT_SINCE(1, &before, SWPIN_PMD);
	EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}

TEST_F(pmd_swap, madv_populate_write)
{
	struct counters before;
	long faults;

	SWAP_OUT(self->mem);
	before = counters_now();
	ASSERT_EQ(0, madvise(self->mem, self->size, MADV_POPULATE_WRITE));
	EXPECT_SINCE(1, &before, SWPIN_PMD);
	EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
	faults = nr_faults();
	put_word(self->mem, pattern(0, 0, 0));
	EXPECT_EQ(0, nr_faults() - faults);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}

TEST_F(pmd_swap, madv_collapse_cold)
{
	SWAP_OUT_COLD(self->mem);
	EXPECT_TRUE(collapse(self->mem));
	EXPECT_EQ(0, vm_swap());
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}

/* The policy is for those who do not ask. */
TEST_F(pmd_swap, madv_collapse_policy)
{
	SWAP_OUT_COLD(self->mem);
	ASSERT_TRUE(set_for_test("/sys/kernel/mm/transparent_hugepage/enabled",
				 "never"));
	EXPECT_TRUE(collapse(self->mem));
	EXPECT_EQ(0, vm_swap());
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}

/* The same while another process has a page of it in the swap cache. */
TEST_F(pmd_swap, madv_collapse_cached_in_parts)
{
	pid_t pid;

	SWAP_OUT_COLD(self->mem);
	pid = fork_child(_metadata);
	if (!pid) {
		/* Split the entry of the child. */
		ASSERT_EQ(0, mprotect(self->mem, self->page, PROT_READ));
		FORCE_READ(*(self->mem + 7 * self->page));
		reach(1);
		await(2);
		EXPECT_INTACT(self->mem, 0, self->nr, 0);
		_exit(0);
	}
	await(1);
	EXPECT_EQ(PMD_SWAPPED, thp_state(self->mem));
	EXPECT_TRUE(collapse(self->mem));
	EXPECT_EQ(0, vm_swap());
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	reach(2);
	REAP(pid);
}

/* No huge page to be had is an error, and loses nothing. */
TEST_F(pmd_swap, madv_collapse_no_memory)
{
	SWAP_OUT_COLD(self->mem);
	if (!fail_huge_pages())
		SKIP(return, "no fault injection: CONFIG_FAIL_PAGE_ALLOC");
	EXPECT_EQ(-1, madvise(self->mem, self->size, MADV_COLLAPSE));
	EXPECT_TRUE(errno == ENOMEM || errno == EAGAIN);
	restore_settings();
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}

TEST_F(pmd_swap, madv_collapse_after_split)
{
	SWAP_OUT(self->mem);
	ASSERT_EQ(0, mprotect(self->mem, self->page, PROT_READ));
	ASSERT_EQ(0, mprotect(self->mem, self->page, PROT_READ | PROT_WRITE));
	EXPECT_TRUE(swapped(self->mem, self->size));
	EXPECT_TRUE(collapse(self->mem));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}

/* THPs no longer wanted: the data is what counts. */
TEST_F(pmd_swap, madv_nohugepage)
{
	SWAP_OUT_COLD(self->mem);
	ASSERT_EQ(0, madvise(self->mem, self->size, MADV_NOHUGEPAGE));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	EXPECT_EQ(0, vm_swap());
}

TEST_F(pmd_swap, madv_guard_install)
{
	int ret;

	SWAP_OUT(self->mem);
	ret = madvise(self->mem, self->size, MADV_GUARD_INSTALL);
	if (ret && errno == EINVAL)
		SKIP(return, "no guard regions");
	ASSERT_EQ(0, ret);
	EXPECT_EQ(0, vm_swap());
	ASSERT_EQ(0, madvise(self->mem, self->size, MADV_GUARD_REMOVE));
	EXPECT_TRUE(zeroed(self->mem, self->size));
}

TEST_F(pmd_swap, madv_guard_install_part)
{
	const unsigned long first = self->nr / 2;
	char *mid = self->mem + first * self->page;
	int ret;

	SWAP_OUT(self->mem);
	ret = madvise(mid, self->page, MADV_GUARD_INSTALL);
	if (ret && errno == EINVAL)
		SKIP(return, "no guard regions");
	ASSERT_EQ(0, ret);
	EXPECT_EQ((long)(self->size - self->page), vm_swap());
	ASSERT_EQ(0, madvise(mid, self->page, MADV_GUARD_REMOVE));
	EXPECT_TRUE(zeroed(mid, self->page));
	EXPECT_INTACT(self->mem, 0, first, 0);
	EXPECT_INTACT(mid + self->page, first + 1, self->nr - first - 1, 0);
}

/* Removing guards that are not there does not touch the entry. */
TEST_F(pmd_swap, madv_guard_remove)
{
	SWAP_OUT(self->mem);
	if (madvise(self->mem, self->size, MADV_GUARD_REMOVE))
		SKIP(return, "no guard regions");
	EXPECT_TRUE(swapped(self->mem, self->size));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}

TEST_F(pmd_swap, mlock)
{
	SWAP_OUT(self->mem);
	ASSERT_EQ(0, mlock(self->mem, self->size));
	EXPECT_TRUE(present(self->mem, self->size));
	EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	EXPECT_EQ(self->size, smaps_bytes(self->mem, self->size, "Locked"));
	ASSERT_EQ(0, munlock(self->mem, self->size));
	SWAP_OUT(self->mem);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}

TEST_F(pmd_swap, mlock_onfault)
{
	SWAP_OUT(self->mem);
	ASSERT_EQ(0, mlock2(self->mem, self->size, MLOCK_ONFAULT));
	EXPECT_TRUE(swapped(self->mem, self->size));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	EXPECT_TRUE(present(self->mem, self->size));
	ASSERT_EQ(0, munlock(self->mem, self->size));
}

/* A THP that is swapped out by another process. */
TEST_F(pmd_swap, process_madvise)
{
	struct iovec iov = { .iov_base = self->mem, .iov_len = self->size };
	int i, pidfd;
	pid_t pid;

	pid = fork_child(_metadata);
	if (!pid) {
		/* A copy of its own: what is shared is not paged out. */
		fill(self->mem, 0, self->nr, 1);
		ASSERT_TRUE(collapse(self->mem));
		reach(1);
		await(2);
		EXPECT_TRUE(swapped(self->mem, self->size));
		EXPECT_INTACT(self->mem, 0, self->nr, 1);
		_exit(0);
	}
	await(1);
	pidfd = syscall(__NR_pidfd_open, pid, 0);
	ASSERT_LE(0, pidfd);
	for (i = 0; i < 50; i++) {
		ASSERT_EQ((ssize_t)self->size,
			  syscall(__NR_process_madvise, pidfd, &iov, 1,
				  MADV_PAGEOUT, 0));
		usleep(10000);
	}
	EXPECT_EQ((ssize_t)self->size,
		  syscall(__NR_process_madvise, pidfd, &iov, 1, MADV_COLD, 0));
	reach(2);
	REAP(pid);
	close(pidfd);
}

/* KSM passes over what is not present. */
TEST_F(pmd_swap, ksm)
{
	unsigned long run;

	SWAP_OUT(self->mem);
	if (madvise(self->mem, self->size, MADV_MERGEABLE))
		SKIP(return, "no KSM");
	if (!read_sysfs(KSM_RUN_FILE, &run) && !run) {
		EXPECT_EQ(0, ksm_start());
		EXPECT_EQ(0, write_sysfs(KSM_RUN_FILE, run));
	}
	EXPECT_TRUE(swapped(self->mem, self->size));
	ASSERT_EQ(0, madvise(self->mem, self->size, MADV_UNMERGEABLE));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}

/* A policy for the range; nothing is there to be moved. */
TEST_F(pmd_swap, mbind)
{
	unsigned long nodes = 1;

	SWAP_OUT(self->mem);
	if (syscall(__NR_mbind, self->mem, self->size, MPOL_BIND, &nodes,
		    8 * sizeof(nodes), MPOL_MF_MOVE | MPOL_MF_STRICT))
		SKIP(return, "mbind: %s", strerror(errno));
	EXPECT_TRUE(swapped(self->mem, self->size));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}

/* A NUMA policy for a part of it splits the VMA, and so the entry. */
TEST_F(pmd_swap, mbind_part)
{
	unsigned long nodes = 1;

	SWAP_OUT(self->mem);
	if (syscall(__NR_mbind, self->mem, self->size / 2, MPOL_PREFERRED,
		    &nodes, 8 * sizeof(nodes), MPOL_MF_MOVE))
		SKIP(return, "mbind: %s", strerror(errno));
	EXPECT_TRUE(swapped(self->mem, self->size));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}

/* move_pages() reports what is swapped out as absent. */
TEST_F(pmd_swap, move_pages)
{
	void *pages[] = { self->mem, self->mem + 61 * self->page };
	int nodes[] = { 0, 0 }, status[] = { 0, 0 };

	SWAP_OUT(self->mem);
	if (syscall(__NR_move_pages, 0, 2, pages, NULL, status, 0))
		SKIP(return, "move_pages: %s", strerror(errno));
	EXPECT_EQ(-ENOENT, status[0]);
	EXPECT_EQ(-ENOENT, status[1]);
	ASSERT_EQ(0, syscall(__NR_move_pages, 0, 2, pages, nodes, status,
			     MPOL_MF_MOVE));
	EXPECT_EQ(-ENOENT, status[0]);
	EXPECT_EQ(-ENOENT, status[1]);
	EXPECT_TRUE(swapped(self->mem, self->size));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}

/* ---- no memory for a page table ------------------------------------------ */

/* The collapse fails; it has not lost anything. */
TEST_F(pmd_swap, no_table_madv_collapse)
{
	int fd;

	NEED_TABLES_GO();
	SWAP_OUT(self->mem);
	NEED_NO_PAGES(fd, "-1");
	EXPECT_EQ(-1, WITHOUT_PAGES(fd, madvise(self->mem, self->size,
						MADV_COLLAPSE)));
	EXPECT_EQ(PMD_SWAPPED, thp_state(self->mem));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}

/* Each split of a part that has no memory is tried again until there is. */
TEST_F(pmd_swap, no_table_guard_install_part)
{
	char *mid = self->mem + self->page;
	int fd;

	NEED_TABLES_GO();
	SWAP_OUT(self->mem);
	NEED_NO_PAGES(fd, "4");
	if (WITHOUT_PAGES(fd, madvise(mid, self->page, MADV_GUARD_INSTALL)))
		SKIP_TEST("MADV_GUARD_INSTALL: %s", strerror(errno));
	EXPECT_EQ(0, no_pages_left());
	EXPECT_INTACT(self->mem, 0, 1, 0);
	EXPECT_INTACT(mid + self->page, 2, self->nr - 2, 0);
}

/* As madvise() has it for a VMA that cannot be cut. */
TEST_F(pmd_swap, no_table_madv_dontfork_part)
{
	const size_t half = self->size / 2;
	int fd;

	NEED_TABLES_GO();
	SWAP_OUT(self->mem);
	NEED_NO_PAGES(fd, "-1");
	EXPECT_EQ(-1, WITHOUT_PAGES(fd, madvise(self->mem, half,
						MADV_DONTFORK)));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(PMD_SWAPPED, thp_state(self->mem));
	EXPECT_EQ(0, madvise(self->mem, half, MADV_DONTFORK));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}

/* While it waits for a page table, what was discarded before it is free. */
TEST_F(pmd_swap, no_table_dontneed_frees)
{
	const char times[] = "/sys/kernel/debug/fail_page_alloc/times";
	char *mem;
	long before, now = 0;
	int fd, i;
	pid_t pid;

	NEED_TABLES_GO();
	NEED_CGROUP();
	NEED_NO_PAGES(fd, "-1");
	close(fd);
	pid = fork_child(_metadata);
	if (!pid) {
		mem = map_thps(2, 1);
		ASSERT_NE(NULL, mem);
		SWAP_OUT(mem + self->size);
		NEED_NO_PAGES(fd, "-1");
		reach(1);
		await(2);
		EXPECT_EQ(0, WITHOUT_PAGES(fd, madvise(mem, self->size +
						       self->page,
						       MADV_DONTNEED)));
		reach(3);
		EXPECT_TRUE(zeroed(mem, self->size + self->page));
		EXPECT_INTACT(mem + self->size + self->page, self->nr + 1,
			      self->nr - 1, 1);
		_exit(_metadata->exit_code);
	}
	await(1);
	before = cg_test_current();
	reach(2);
	for (i = 0; i < 100; i++) {
		now = cg_test_current();
		if (before - now >= (long)self->size / 2)
			break;
		usleep(100000);
	}
	EXPECT_EQ(2, self->step);
	EXPECT_LE((long)self->size / 2, before - now);
	EXPECT_EQ(0, put_string(times, "0"));
	REAP(pid);
}
