// SPDX-License-Identifier: GPL-2.0
/* PMD swap entries: munmap(), exit, mprotect(), mremap(). */
#include "more.h"

#include <signal.h>
#include <sys/syscall.h>

/* ---- unmapping ---------------------------------------------------------- */

TEST_F(pmd_swap, munmap_whole)
{
	struct counters before;

	SWAP_OUT(self->mem);
	before = counters_now();
	ASSERT_EQ(0, munmap(self->mem, self->size));
	EXPECT_EQ(0, vm_swap());
	EXPECT_SINCE(0, &before, SPLIT_PMD_SWAP);
	EXPECT_SINCE(0, &before, PSWPIN);
	if (self->cgroup)
		EXPECT_TRUE(swap_usage_falls_to(0));
}

/* The slots of the part are free, those of the rest are not. */
TEST_F(pmd_swap, munmap_part_frees_slots)
{
	const long part = self->size / 4;

	SWAP_OUT_COLD(self->mem);
	ASSERT_EQ(0, munmap(self->mem, part));
	EXPECT_EQ((long)self->size - part, cg_test_swap());
	ASSERT_EQ(0, munmap(self->mem + part, self->size - part));
	EXPECT_EQ(0, cg_test_swap());
}

TEST_F(pmd_swap, dontneed_whole)
{
	struct counters before;

	SWAP_OUT(self->mem);
	before = counters_now();
	ASSERT_EQ(0, madvise(self->mem, self->size, MADV_DONTNEED));
	EXPECT_EQ(0, vm_swap());
	EXPECT_EQ(0, nr_pages_with(self->mem, self->size, PM_SWAP));
	EXPECT_SINCE(0, &before, SPLIT_PMD_SWAP);
	if (self->cgroup)
		EXPECT_TRUE(swap_usage_falls_to(0));
	EXPECT_TRUE(zeroed(self->mem, self->size));
}

TEST_F(pmd_swap, dontneed_part)
{
	const unsigned long nr = self->nr / 4;
	struct counters before;

	SWAP_OUT(self->mem);
	before = counters_now();
	ASSERT_EQ(0, madvise(self->mem, nr * self->page, MADV_DONTNEED));
	EXPECT_SINCE(1, &before, SPLIT_PMD_SWAP);
	EXPECT_EQ((long)((self->nr - nr) * self->page), vm_swap());
	EXPECT_TRUE(zeroed(self->mem, nr * self->page));
	EXPECT_INTACT(self->mem + nr * self->page, nr, self->nr - nr, 0);
}

/* A new mapping over part of a swapped THP. */
TEST_F(pmd_swap, mmap_fixed_over_part)
{
	const unsigned long first = self->nr / 2;
	char *mid = self->mem + first * self->page;

	SWAP_OUT(self->mem);
	ASSERT_EQ(mid, mmap(mid, self->page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	EXPECT_TRUE(zeroed(mid, self->page));
	EXPECT_INTACT(self->mem, 0, first, 0);
	EXPECT_INTACT(mid + self->page, first + 1, self->nr - first - 1, 0);
}

/* The same when it is the OOM reaper, or process_mrelease(), that unmaps. */
TEST_F(pmd_swap, process_mrelease)
{
	int pidfd, status;
	pid_t pid;

	NEED_CGROUP();
	ASSERT_EQ(0, munmap(self->mem, self->size));
	pid = fork_child(_metadata);
	if (!pid) {
		char *mem = map_thps(1, 1);

		ASSERT_NE(NULL, mem);
		SWAP_OUT(mem);
		reach(1);
		pause();
		_exit(1);
	}
	await(1);
	pidfd = syscall(__NR_pidfd_open, pid, 0);
	ASSERT_LE(0, pidfd);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	/* ESRCH: it was quicker. */
	if (syscall(__NR_process_mrelease, pidfd, 0))
		EXPECT_EQ(ESRCH, errno);
	close(pidfd);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(swap_usage_falls_to(0));
}

/* ---- other changes of the address space --------------------------------- */

/* PROT_NONE and back while swapped out. */
TEST_F(pmd_swap, mprotect_none)
{
	SWAP_OUT(self->mem);
	ASSERT_EQ(0, mprotect(self->mem, self->size, PROT_NONE));
	EXPECT_TRUE(swapped(self->mem, self->size));
	ASSERT_EQ(0, mprotect(self->mem, self->size, PROT_READ | PROT_WRITE));
	EXPECT_TRUE(swapped(self->mem, self->size));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	fill(self->mem, 0, self->nr, 1);
	EXPECT_INTACT(self->mem, 0, self->nr, 1);
}

/* A read-only mapping must not become writable with the swap-in. */
TEST_F(pmd_swap, mprotect_read_only)
{
	int status;
	pid_t pid;

	SWAP_OUT(self->mem);
	ASSERT_EQ(0, mprotect(self->mem, self->size, PROT_READ));
	pid = fork_child(_metadata);
	if (!pid) {
		signal(SIGSEGV, SIG_DFL);
		FORCE_READ(*self->mem);
		put_word(self->mem, 0);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}

/* Partial mprotect splits; all of it stays swapped. */
TEST_F(pmd_swap, mprotect_part)
{
	const unsigned long nr = self->nr / 2;
	struct counters before;

	SWAP_OUT(self->mem);
	before = counters_now();
	ASSERT_EQ(0, mprotect(self->mem, nr * self->page, PROT_READ));
	EXPECT_SINCE(1, &before, SPLIT_PMD_SWAP);
	EXPECT_SINCE(0, &before, PSWPIN);
	EXPECT_EQ((long)self->size, vm_swap());
	EXPECT_TRUE(swapped(self->mem, self->size));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	fill(self->mem + nr * self->page, nr, self->nr - nr, 1);
	EXPECT_INTACT(self->mem, 0, nr, 0);
	EXPECT_INTACT(self->mem + nr * self->page, nr, self->nr - nr, 1);
}

/* To an address that is not: the entry has to be split. */
TEST_F(pmd_swap, mremap_unaligned)
{
	struct counters before;
	char *dst;

	dst = reserve(2);
	ASSERT_NE(NULL, dst);
	dst += 3 * self->page;
	SWAP_OUT(self->mem);
	before = counters_now();
	ASSERT_EQ(dst, mremap(self->mem, self->size, self->size,
			      MREMAP_MAYMOVE | MREMAP_FIXED, dst));
	EXPECT_SINCE(1, &before, SPLIT_PMD_SWAP);
	EXPECT_SINCE(0, &before, PSWPIN);
	EXPECT_TRUE(swapped(dst, self->size));
	EXPECT_EQ((long)self->size, vm_swap());
	EXPECT_INTACT(dst, 0, self->nr, 0);
}

/* Only a part is moved away. */
TEST_F(pmd_swap, mremap_part)
{
	const unsigned long first = self->nr / 4, nr = self->nr / 2;
	const unsigned long after = first + nr;
	char *dst;

	dst = reserve(1);
	ASSERT_NE(NULL, dst);
	SWAP_OUT(self->mem);
	ASSERT_EQ(dst, mremap(self->mem + first * self->page, nr * self->page,
			      nr * self->page, MREMAP_MAYMOVE | MREMAP_FIXED,
			      dst));
	EXPECT_TRUE(swapped(dst, nr * self->page));
	EXPECT_EQ((long)self->size, vm_swap());
	EXPECT_INTACT(dst, first, nr, 0);
	EXPECT_INTACT(self->mem, 0, first, 0);
	EXPECT_INTACT(self->mem + after * self->page, after, self->nr - after,
		      0);
}

TEST_F(pmd_swap, mremap_shrink)
{
	const unsigned long nr = self->nr / 2;

	SWAP_OUT(self->mem);
	ASSERT_EQ(self->mem, mremap(self->mem, self->size, nr * self->page, 0));
	EXPECT_EQ((long)(nr * self->page), vm_swap());
	EXPECT_INTACT(self->mem, 0, nr, 0);
}

TEST_F(pmd_swap, mremap_dontunmap)
{
	char *dst;

	dst = reserve(1);
	ASSERT_NE(NULL, dst);
	SWAP_OUT(self->mem);
	ASSERT_EQ(dst, mremap(self->mem, self->size, self->size,
			      MREMAP_MAYMOVE | MREMAP_FIXED |
			      MREMAP_DONTUNMAP, dst));
	EXPECT_EQ((long)self->size, vm_swap());
	EXPECT_EQ(0, nr_pages_with(self->mem, self->size, PM_SWAP));
	EXPECT_INTACT(dst, 0, self->nr, 0);
	EXPECT_TRUE(zeroed(self->mem, self->size));
}

/* A moved entry is soft-dirty. */
TEST_F(pmd_swap, mremap_soft_dirty)
{
	char *dst;

	if (!softdirty_supported())
		SKIP(return, "no soft-dirty tracking");
	dst = reserve(1);
	ASSERT_NE(NULL, dst);
	SWAP_OUT(self->mem);
	clear_softdirty();
	ASSERT_EQ(dst, mremap(self->mem, self->size, self->size,
			      MREMAP_MAYMOVE | MREMAP_FIXED, dst));
	EXPECT_EQ(self->nr, nr_pages_with(dst, self->size, PM_SOFT_DIRTY));
	EXPECT_INTACT(dst, 0, self->nr, 0);
	EXPECT_EQ(self->nr, nr_pages_with(dst, self->size, PM_SOFT_DIRTY));
}

/* ---- no memory for a page table ------------------------------------------ */

/* The VMA before it would take the first half over. */
TEST_F(pmd_swap, no_table_merge)
{
	const size_t half = self->size / 2;
	char *mem;
	int fd;

	NEED_TABLES_GO();
	mem = map_thps(2, 1);
	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, mprotect(mem, self->size, PROT_READ));
	SWAP_OUT(mem + self->size);
	NEED_NO_PAGES(fd, "-1");
	EXPECT_EQ(-1, WITHOUT_PAGES(fd, mprotect(mem + self->size, half,
						 PROT_READ)));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(PMD_SWAPPED, thp_state(mem + self->size));
	put_word(mem + self->size, get_word(mem + self->size));
	SWAP_OUT(mem + self->size);
	EXPECT_EQ(0, mprotect(mem + self->size, half, PROT_READ));
	EXPECT_INTACT(mem, 0, 2 * self->nr, 1);
}
