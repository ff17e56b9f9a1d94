// SPDX-License-Identifier: GPL-2.0
/* PMD swap entries: userfaultfd. */
#include "more.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <linux/userfaultfd.h>

/* Protected, swapped out, read, which is free, and written, which is not. */
TEST_F(pmd_swap, uffd_wp_before_swap_out)
{
	const unsigned long page = 61;
	char *addr = self->mem + page * self->page;
	int uffd;

	NEED_UFFD(uffd, UFFD_FEATURE_PAGEFAULT_FLAG_WP);
	ASSERT_EQ(0, uffd_register(uffd, self->mem, self->size, false, true,
				   false));
	ASSERT_EQ(0, uffd_wp(uffd, self->mem, self->size, true));
	SWAP_OUT(self->mem);
	EXPECT_EQ(self->nr, nr_pages_with(self->mem, self->size, PM_UFFD_WP));
	EXPECT_EQ(0, read_reports(uffd, addr));
	EXPECT_TRUE(present(addr, self->page));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	EXPECT_EQ(self->nr, nr_pages_with(self->mem, self->size, PM_UFFD_WP));
	EXPECT_TRUE(write_reports(uffd, addr, 1) & UFFD_PAGEFAULT_FLAG_WP);
	EXPECT_EQ(1, get_word(addr));
	EXPECT_TRUE(write_reports(uffd, self->mem, 1) &
		    UFFD_PAGEFAULT_FLAG_WP);
	close(uffd);
}

/* The first access is the write. */
TEST_F(pmd_swap, uffd_wp_write_fault)
{
	int uffd;

	NEED_UFFD(uffd, UFFD_FEATURE_PAGEFAULT_FLAG_WP);
	ASSERT_EQ(0, uffd_register(uffd, self->mem, self->size, false, true,
				   false));
	ASSERT_EQ(0, uffd_wp(uffd, self->mem, self->size, true));
	SWAP_OUT(self->mem);
	EXPECT_TRUE(write_reports(uffd, self->mem + self->page, 1) &
		    UFFD_PAGEFAULT_FLAG_WP);
	EXPECT_EQ(1, get_word(self->mem + self->page));
	EXPECT_INTACT(self->mem + 2 * self->page, 2, self->nr - 2, 0);
	EXPECT_INTACT(self->mem, 0, 1, 0);
	close(uffd);
}

/* Protected while it is swapped out. */
TEST_F(pmd_swap, uffd_wp_swapped)
{
	struct counters before;
	int uffd;

	NEED_UFFD(uffd, UFFD_FEATURE_PAGEFAULT_FLAG_WP);
	ASSERT_EQ(0, uffd_register(uffd, self->mem, self->size, false, true,
				   false));
	SWAP_OUT(self->mem);
	EXPECT_EQ(0, nr_pages_with(self->mem, self->size, PM_UFFD_WP));
	before = counters_now();
	ASSERT_EQ(0, uffd_wp(uffd, self->mem, self->size, true));
	EXPECT_TRUE(swapped(self->mem, self->size));
	EXPECT_SINCE(0, &before, PSWPIN);
	EXPECT_EQ(self->nr, nr_pages_with(self->mem, self->size, PM_UFFD_WP));
	EXPECT_EQ(0, read_reports(uffd, self->mem));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	EXPECT_TRUE(write_reports(uffd, self->mem, 1) &
		    UFFD_PAGEFAULT_FLAG_WP);
	EXPECT_EQ(1, get_word(self->mem));
	close(uffd);
}

/* A part is protected, which splits. */
TEST_F(pmd_swap, uffd_wp_swapped_part)
{
	const unsigned long first = self->nr / 2;
	char *mid = self->mem + first * self->page;
	int uffd;

	NEED_UFFD(uffd, UFFD_FEATURE_PAGEFAULT_FLAG_WP);
	ASSERT_EQ(0, uffd_register(uffd, self->mem, self->size, false, true,
				   false));
	SWAP_OUT(self->mem);
	ASSERT_EQ(0, uffd_wp(uffd, mid, self->page, true));
	EXPECT_TRUE(swapped(self->mem, self->size));
	EXPECT_EQ(1, nr_pages_with(self->mem, self->size, PM_UFFD_WP));
	EXPECT_EQ(1, nr_pages_with(mid, self->page, PM_UFFD_WP));
	EXPECT_EQ(0, write_reports(uffd, self->mem, 1));
	EXPECT_TRUE(write_reports(uffd, mid, 1) & UFFD_PAGEFAULT_FLAG_WP);
	EXPECT_INTACT(self->mem + self->page, 1, first - 1, 0);
	close(uffd);
}

/* The bit goes to every PTE when a protected entry is split. */
TEST_F(pmd_swap, uffd_wp_split)
{
	int uffd;

	NEED_UFFD(uffd, UFFD_FEATURE_PAGEFAULT_FLAG_WP);
	ASSERT_EQ(0, uffd_register(uffd, self->mem, self->size, false, true,
				   false));
	ASSERT_EQ(0, uffd_wp(uffd, self->mem, self->size, true));
	SWAP_OUT(self->mem);
	ASSERT_EQ(0, uffd_wp(uffd, self->mem, self->page, false));
	EXPECT_EQ(self->nr - 1,
		  nr_pages_with(self->mem, self->size, PM_UFFD_WP));
	EXPECT_EQ(0, write_reports(uffd, self->mem, 1));
	EXPECT_TRUE(write_reports(uffd, self->mem + self->page, 1) &
		    UFFD_PAGEFAULT_FLAG_WP);
	EXPECT_INTACT(self->mem + 2 * self->page, 2, self->nr - 2, 0);
	close(uffd);
}

/* The protection is lifted while it is swapped out. */
TEST_F(pmd_swap, uffd_wp_lifted)
{
	int uffd;

	NEED_UFFD(uffd, UFFD_FEATURE_PAGEFAULT_FLAG_WP);
	ASSERT_EQ(0, uffd_register(uffd, self->mem, self->size, false, true,
				   false));
	ASSERT_EQ(0, uffd_wp(uffd, self->mem, self->size, true));
	SWAP_OUT(self->mem);
	ASSERT_EQ(0, uffd_wp(uffd, self->mem, self->size, false));
	EXPECT_TRUE(swapped(self->mem, self->size));
	EXPECT_EQ(0, nr_pages_with(self->mem, self->size, PM_UFFD_WP));
	EXPECT_EQ(0, write_reports(uffd, self->mem, 1));
	EXPECT_INTACT(self->mem + self->page, 1, self->nr - 1, 0);
	close(uffd);
}

/* Unregistering lifts it as well. */
TEST_F(pmd_swap, uffd_wp_unregister)
{
	int uffd;

	NEED_UFFD(uffd, UFFD_FEATURE_PAGEFAULT_FLAG_WP);
	ASSERT_EQ(0, uffd_register(uffd, self->mem, self->size, false, true,
				   false));
	ASSERT_EQ(0, uffd_wp(uffd, self->mem, self->size, true));
	SWAP_OUT(self->mem);
	ASSERT_EQ(0, uffd_unregister(uffd, self->mem, self->size));
	EXPECT_EQ(0, nr_pages_with(self->mem, self->size, PM_UFFD_WP));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	fill(self->mem, 0, self->nr, 1);
	EXPECT_INTACT(self->mem, 0, self->nr, 1);
	close(uffd);
}

/* A child that does not inherit the registration does not get the bit. */
TEST_F(pmd_swap, uffd_wp_fork)
{
	pid_t pid;
	int uffd;

	NEED_UFFD(uffd, UFFD_FEATURE_PAGEFAULT_FLAG_WP);
	ASSERT_EQ(0, uffd_register(uffd, self->mem, self->size, false, true,
				   false));
	ASSERT_EQ(0, uffd_wp(uffd, self->mem, self->size, true));
	SWAP_OUT(self->mem);
	pid = fork_child(_metadata);
	if (!pid) {
		EXPECT_EQ(0, nr_pages_with(self->mem, self->size, PM_UFFD_WP));
		fill(self->mem, 0, self->nr, 1);
		EXPECT_INTACT(self->mem, 0, self->nr, 1);
		_exit(0);
	}
	REAP(pid);
	EXPECT_EQ(self->nr, nr_pages_with(self->mem, self->size, PM_UFFD_WP));
	EXPECT_TRUE(write_reports(uffd, self->mem, 1) &
		    UFFD_PAGEFAULT_FLAG_WP);
	EXPECT_INTACT(self->mem + self->page, 1, self->nr - 1, 0);
	close(uffd);
}

/* PAGEMAP_SCAN protects swap entries too, to track writes to them. */
TEST_F(pmd_swap, pagemap_scan_wp)
{
	struct page_region region;
	struct pm_scan_arg arg = {
		.size = sizeof(arg),
		.flags = PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC,
		.start = (uintptr_t)self->mem,
		.end = (uintptr_t)self->mem + self->size,
		.vec = (uintptr_t)&region,
		.vec_len = 1,
		.category_mask = PAGE_IS_WRITTEN,
		.return_mask = PAGE_IS_WRITTEN | PAGE_IS_SWAPPED,
	};
	int fd, uffd;

	NEED_UFFD(uffd, UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED);
	ASSERT_EQ(0, uffd_register(uffd, self->mem, self->size, false, true,
				   false));
	fd = open("/proc/self/pagemap", O_RDONLY);
	ASSERT_LE(0, fd);
	SWAP_OUT(self->mem);

	ASSERT_EQ(1, ioctl(fd, PAGEMAP_SCAN, &arg));
	EXPECT_EQ(PAGE_IS_WRITTEN | PAGE_IS_SWAPPED, region.categories);
	EXPECT_EQ(self->size, region.end - region.start);

	/* Not written since, swapped or present. */
	EXPECT_EQ(0, ioctl(fd, PAGEMAP_SCAN, &arg));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	EXPECT_EQ(0, ioctl(fd, PAGEMAP_SCAN, &arg));

	put_word(self->mem + 61 * self->page, 1);
	arg.flags = 0;
	EXPECT_EQ(1, ioctl(fd, PAGEMAP_SCAN, &arg));
	EXPECT_GE((uintptr_t)self->mem + 61 * self->page, region.start);
	EXPECT_LT((uintptr_t)self->mem + 61 * self->page, region.end);
	close(fd);
	close(uffd);
}

/* Read-write protection: the first access is reported, be it a read. */
TEST_F(pmd_swap, uffd_rwp_before_swap_out)
{
	int uffd;

	NEED_UFFD(uffd, UFFD_FEATURE_RWP);
	ASSERT_EQ(0, uffd_register_rwp(uffd, self->mem, self->size));
	ASSERT_EQ(0, uffd_rwp(uffd, self->mem, self->size, true));
	SWAP_OUT(self->mem);
	EXPECT_EQ(self->nr, nr_pages_with(self->mem, self->size, PM_UFFD_WP));
	EXPECT_TRUE(read_reports(uffd, self->mem) & UFFD_PAGEFAULT_FLAG_RWP);
	EXPECT_TRUE(read_reports(uffd, self->mem + 61 * self->page) &
		    UFFD_PAGEFAULT_FLAG_RWP);
	EXPECT_TRUE(write_reports(uffd, self->mem + 7 * self->page,
				  pattern(0, 7, 0)) &
		    UFFD_PAGEFAULT_FLAG_RWP);
	ASSERT_EQ(0, uffd_rwp(uffd, self->mem, self->size, false));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	close(uffd);
}

TEST_F(pmd_swap, uffd_rwp_swapped)
{
	int uffd;

	NEED_UFFD(uffd, UFFD_FEATURE_RWP);
	ASSERT_EQ(0, uffd_register_rwp(uffd, self->mem, self->size));
	SWAP_OUT(self->mem);
	ASSERT_EQ(0, uffd_rwp(uffd, self->mem, self->size, true));
	EXPECT_TRUE(swapped(self->mem, self->size));
	EXPECT_TRUE(write_reports(uffd, self->mem, pattern(0, 0, 0)) &
		    UFFD_PAGEFAULT_FLAG_RWP);
	EXPECT_TRUE(read_reports(uffd, self->mem + 61 * self->page) &
		    UFFD_PAGEFAULT_FLAG_RWP);
	ASSERT_EQ(0, uffd_rwp(uffd, self->mem, self->size, false));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	close(uffd);
}

/* Lifted again while swapped out: no report. */
TEST_F(pmd_swap, uffd_rwp_lifted)
{
	int uffd;

	NEED_UFFD(uffd, UFFD_FEATURE_RWP);
	ASSERT_EQ(0, uffd_register_rwp(uffd, self->mem, self->size));
	ASSERT_EQ(0, uffd_rwp(uffd, self->mem, self->size, true));
	SWAP_OUT(self->mem);
	ASSERT_EQ(0, uffd_rwp(uffd, self->mem, self->size, false));
	EXPECT_EQ(0, read_reports(uffd, self->mem));
	EXPECT_EQ(0, write_reports(uffd, self->mem, pattern(0, 0, 0)));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	close(uffd);
}

/* A shared, protected THP: a write is reported before it is copied. */
TEST_F(pmd_swap, uffd_rwp_fork)
{
	pid_t pid;
	int uffd;

	NEED_UFFD(uffd, UFFD_FEATURE_RWP);
	ASSERT_EQ(0, uffd_register_rwp(uffd, self->mem, self->size));
	ASSERT_EQ(0, uffd_rwp(uffd, self->mem, self->size, true));
	SWAP_OUT(self->mem);
	pid = fork_child(_metadata);
	if (!pid) {
		EXPECT_INTACT(self->mem, 0, self->nr, 0);
		reach(1);
		await(2);
		EXPECT_INTACT(self->mem, 0, self->nr, 0);
		_exit(0);
	}
	await(1);
	EXPECT_TRUE(write_reports(uffd, self->mem, 1) &
		    UFFD_PAGEFAULT_FLAG_RWP);
	reach(2);
	REAP(pid);
	ASSERT_EQ(0, uffd_rwp(uffd, self->mem, self->size, false));
	EXPECT_EQ(1, get_word(self->mem));
	EXPECT_INTACT(self->mem + self->page, 1, self->nr - 1, 0);
	close(uffd);
}

TEST_F(pmd_swap, uffdio_move)
{
	struct counters before;
	char *dst;
	int uffd;

	NEED_UFFD(uffd, UFFD_FEATURE_MOVE);
	dst = uffd_dst(uffd);
	ASSERT_NE(NULL, dst);
	SWAP_OUT_COLD(self->mem);
	before = counters_now();
	ASSERT_EQ(0, uffd_move(uffd, dst, self->mem, self->size));
	EXPECT_SINCE(0, &before, PSWPIN);
	EXPECT_TRUE(swapped(dst, self->size));
	EXPECT_EQ(0, nr_pages_with(self->mem, self->size, PM_SWAP));
	EXPECT_EQ((long)self->size, vm_swap());
	EXPECT_INTACT(dst, 0, self->nr, 0);
	EXPECT_TRUE(zeroed(self->mem, self->size));
	fill(dst, 0, self->nr, 1);
	SWAP_OUT(dst);
	EXPECT_INTACT(dst, 0, self->nr, 1);
	close(uffd);
}

/* With the THP in the swap cache, which may be too much for the kernel. */
TEST_F(pmd_swap, uffdio_move_warm)
{
	char *dst;
	int ret, uffd;

	NEED_UFFD(uffd, UFFD_FEATURE_MOVE);
	dst = uffd_dst(uffd);
	ASSERT_NE(NULL, dst);
	SWAP_OUT(self->mem);
	ret = uffd_move(uffd, dst, self->mem, self->size);
	if (ret == -EBUSY) {
		EXPECT_INTACT(self->mem, 0, self->nr, 0);
	} else {
		ASSERT_EQ(0, ret);
		EXPECT_INTACT(dst, 0, self->nr, 0);
		fill(dst, 0, self->nr, 1);
		/* Its anon_vma and index are those of the new place. */
		ASSERT_TRUE(page_out(dst, self->size));
		EXPECT_INTACT(dst, 0, self->nr, 1);
	}
	close(uffd);
}

TEST_F(pmd_swap, uffdio_move_part)
{
	const unsigned long nr = self->nr / 2;
	char *dst;
	int uffd;

	NEED_UFFD(uffd, UFFD_FEATURE_MOVE);
	dst = uffd_dst(uffd);
	ASSERT_NE(NULL, dst);
	SWAP_OUT_COLD(self->mem);
	ASSERT_EQ(0, uffd_move(uffd, dst, self->mem, nr * self->page));
	EXPECT_EQ((long)self->size, vm_swap());
	EXPECT_INTACT(dst, 0, nr, 0);
	EXPECT_INTACT(self->mem + nr * self->page, nr, self->nr - nr, 0);
	close(uffd);
}

/* What is shared with a child must not be moved. */
TEST_F(pmd_swap, uffdio_move_shared)
{
	char *dst;
	pid_t pid;
	int uffd;

	NEED_UFFD(uffd, UFFD_FEATURE_MOVE);
	dst = uffd_dst(uffd);
	ASSERT_NE(NULL, dst);
	SWAP_OUT_COLD(self->mem);
	pid = fork_child(_metadata);
	if (!pid) {
		await(1);
		EXPECT_INTACT(self->mem, 0, self->nr, 0);
		_exit(0);
	}
	EXPECT_EQ(-EBUSY, uffd_move(uffd, dst, self->mem, self->size));
	reach(1);
	REAP(pid);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	close(uffd);
}

/* A moved entry is soft-dirty. */
TEST_F(pmd_swap, uffdio_move_soft_dirty)
{
	char *dst;
	int uffd;

	if (!softdirty_supported())
		SKIP(return, "no soft-dirty tracking");
	NEED_UFFD(uffd, UFFD_FEATURE_MOVE);
	dst = uffd_dst(uffd);
	ASSERT_NE(NULL, dst);
	SWAP_OUT_COLD(self->mem);
	clear_softdirty();
	ASSERT_EQ(0, uffd_move(uffd, dst, self->mem, self->size));
	EXPECT_EQ(self->nr, nr_pages_with(dst, self->size, PM_SOFT_DIRTY));
	EXPECT_INTACT(dst, 0, self->nr, 0);
	close(uffd);
}

/* What is moved into a read-write protected range is protected. */
TEST_F(pmd_swap, uffdio_move_rwp)
{
	char *dst;
	int uffd;

	NEED_UFFD(uffd, UFFD_FEATURE_MOVE | UFFD_FEATURE_RWP);
	dst = reserve(1);
	ASSERT_NE(NULL, dst);
	ASSERT_EQ(0, mprotect(dst, self->size, PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, uffd_register_rwp(uffd, dst, self->size));
	SWAP_OUT_COLD(self->mem);
	ASSERT_EQ(0, uffd_move(uffd, dst, self->mem, self->size));
	EXPECT_EQ(self->nr, nr_pages_with(dst, self->size, PM_UFFD_WP));
	EXPECT_TRUE(read_reports(uffd, dst) & UFFD_PAGEFAULT_FLAG_RWP);
	EXPECT_TRUE(read_reports(uffd, dst + 61 * self->page) &
		    UFFD_PAGEFAULT_FLAG_RWP);
	ASSERT_EQ(0, uffd_rwp(uffd, dst, self->size, false));
	EXPECT_INTACT(dst, 0, self->nr, 0);
	close(uffd);
}

/* A swapped THP is no place to move to: neither a success nor a hang. */
TEST_F(pmd_swap, uffdio_move_dst_swapped)
{
	char *src;
	int uffd;

	NEED_UFFD(uffd, UFFD_FEATURE_MOVE);
	src = map_thps(1, 1);
	if (!src)
		SKIP(return, "no huge page to be had");
	ASSERT_EQ(0, uffd_register(uffd, self->mem, self->size, true, false,
				   false));
	SWAP_OUT(self->mem);
	EXPECT_EQ(-EEXIST, uffd_move(uffd, self->mem, src, self->size));
	EXPECT_EQ(-EEXIST, uffd_move(uffd, self->mem + self->page,
				     src + self->page, self->page));
	EXPECT_INTACT(src, 0, self->nr, 1);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	close(uffd);
}

/* The same with a source that is swapped out. */
TEST_F(pmd_swap, uffdio_move_both_swapped)
{
	char *src;
	int uffd;

	NEED_UFFD(uffd, UFFD_FEATURE_MOVE);
	src = map_thps(1, 1);
	if (!src)
		SKIP(return, "no huge page to be had");
	ASSERT_EQ(0, uffd_register(uffd, self->mem, self->size, true, false,
				   false));
	SWAP_OUT(self->mem);
	SWAP_OUT_COLD(src);
	EXPECT_EQ(-EEXIST, uffd_move(uffd, self->mem, src, self->size));
	EXPECT_INTACT(src, 0, self->nr, 1);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	close(uffd);
}

static int uffd_fill(int uffd, char *dst, char *src, size_t len)
{
	struct uffdio_copy copy = {
		.dst = (uintptr_t)dst,
		.src = (uintptr_t)src,
		.len = len,
	};

	return ioctl(uffd, UFFDIO_COPY, &copy) ? -errno : 0;
}

TEST_F(pmd_swap, uffdio_copy_dst_swapped)
{
	struct uffdio_zeropage zero;
	char *src;
	int uffd;

	NEED_UFFD(uffd, 0);
	src = map_thps(1, 1);
	if (!src)
		SKIP(return, "no huge page to be had");
	ASSERT_EQ(0, uffd_register(uffd, self->mem, self->size, true, false,
				   false));
	SWAP_OUT(self->mem);
	EXPECT_EQ(-EEXIST, uffd_fill(uffd, self->mem, src, self->page));
	EXPECT_EQ(-EEXIST, uffd_fill(uffd, self->mem, src, self->size));
	zero = (struct uffdio_zeropage) {
		.range = {
			.start = (uintptr_t)self->mem + self->page,
			.len = self->page,
		},
	};
	EXPECT_EQ(-1, ioctl(uffd, UFFDIO_ZEROPAGE, &zero));
	EXPECT_EQ(EEXIST, errno);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	close(uffd);
}

/* Registered for missing pages: what is swapped out is not missing. */
TEST_F(pmd_swap, uffd_missing)
{
	int uffd;

	NEED_UFFD(uffd, 0);
	ASSERT_EQ(0, uffd_register(uffd, self->mem, self->size, true, false,
				   false));
	SWAP_OUT_COLD(self->mem);
	EXPECT_EQ(0, read_reports(uffd, self->mem + 61 * self->page));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	close(uffd);
}

/* ---- no memory for a page table ------------------------------------------ */

TEST_F(pmd_swap, no_table_uffd_wp_part)
{
	int fd, uffd;

	NEED_TABLES_GO();
	NEED_UFFD(uffd, UFFD_FEATURE_PAGEFAULT_FLAG_WP);
	ASSERT_EQ(0, uffd_register(uffd, self->mem, self->size, false, true,
				   false));
	SWAP_OUT(self->mem);
	NEED_NO_PAGES(fd, "-1");
	EXPECT_NE(0, WITHOUT_PAGES(fd, uffd_wp(uffd, self->mem, self->page,
					       true)));
	EXPECT_EQ(PMD_SWAPPED, thp_state(self->mem));
	EXPECT_EQ(0, nr_pages_with(self->mem, self->size, PM_UFFD_WP));
	EXPECT_EQ(0, uffd_wp(uffd, self->mem, self->page, true));
	EXPECT_EQ(1, nr_pages_with(self->mem, self->size, PM_UFFD_WP));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	close(uffd);
}

TEST_F(pmd_swap, no_table_uffdio_move_part)
{
	const unsigned long nr = self->nr / 2;
	int fd, uffd;
	char *dst;

	NEED_TABLES_GO();
	NEED_UFFD(uffd, UFFD_FEATURE_MOVE);
	dst = uffd_dst(uffd);
	ASSERT_NE(NULL, dst);
	SWAP_OUT_COLD(self->mem);
	NEED_NO_PAGES(fd, "-1");
	EXPECT_NE(0, WITHOUT_PAGES(fd, uffd_move(uffd, dst, self->mem,
						 nr * self->page)));
	EXPECT_EQ(PMD_SWAPPED, thp_state(self->mem));
	ASSERT_EQ(0, uffd_move(uffd, dst, self->mem, nr * self->page));
	EXPECT_INTACT(dst, 0, nr, 0);
	EXPECT_INTACT(self->mem + nr * self->page, nr, self->nr - nr, 0);
	close(uffd);
}

TEST_F(pmd_swap, no_table_pagemap_scan_wp_part)
{
	struct page_region region;
	struct pm_scan_arg arg = {
		.size = sizeof(arg),
		.flags = PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC,
		.start = (uintptr_t)self->mem,
		.end = (uintptr_t)self->mem + self->size / 2,
		.vec = (uintptr_t)&region,
		.vec_len = 1,
		.category_mask = PAGE_IS_WRITTEN,
		.return_mask = PAGE_IS_WRITTEN | PAGE_IS_SWAPPED,
	};
	int fd, pagemap, uffd;

	NEED_TABLES_GO();
	NEED_UFFD(uffd, UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED);
	ASSERT_EQ(0, uffd_register(uffd, self->mem, self->size, false, true,
				   false));
	pagemap = open("/proc/self/pagemap", O_RDONLY);
	ASSERT_LE(0, pagemap);
	SWAP_OUT(self->mem);
	NEED_NO_PAGES(fd, "-1");
	EXPECT_EQ(-1, WITHOUT_PAGES(fd, ioctl(pagemap, PAGEMAP_SCAN, &arg)));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(PMD_SWAPPED, thp_state(self->mem));
	EXPECT_EQ(1, ioctl(pagemap, PAGEMAP_SCAN, &arg));
	EXPECT_EQ(self->size / 2, region.end - region.start);
	EXPECT_EQ(0, ioctl(pagemap, PAGEMAP_SCAN, &arg));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	close(pagemap);
	close(uffd);
}

/*
 * What was found before memory has ended is reported, for it is protected by
 * now and would not be found again.
 */
TEST_F(pmd_swap, no_table_pagemap_scan_wp_found)
{
	const size_t part = self->size / 2;
	struct page_region regions[2];
	struct pm_scan_arg arg = {
		.size = sizeof(arg),
		.flags = PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC,
		.vec = (uintptr_t)regions,
		.vec_len = 2,
		.category_mask = PAGE_IS_WRITTEN,
		.return_mask = PAGE_IS_WRITTEN | PAGE_IS_SWAPPED,
	};
	int fd, pagemap, uffd;
	char *mem, *second;

	NEED_TABLES_GO();
	NEED_UFFD(uffd, UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED);
	mem = map_thps(2, 1);
	ASSERT_NE(NULL, mem);
	second = mem + self->size;
	arg.start = (uintptr_t)mem;
	arg.end = (uintptr_t)second + part;
	ASSERT_EQ(0, uffd_register(uffd, mem, 2 * self->size, false, true,
				   false));
	pagemap = open("/proc/self/pagemap", O_RDONLY);
	ASSERT_LE(0, pagemap);
	SWAP_OUT(second);
	NEED_NO_PAGES(fd, "-1");
	EXPECT_EQ(1, WITHOUT_PAGES(fd, ioctl(pagemap, PAGEMAP_SCAN, &arg)));
	EXPECT_EQ((uintptr_t)second, arg.walk_end);
	EXPECT_EQ((uintptr_t)mem, regions[0].start);
	EXPECT_EQ((uintptr_t)second, regions[0].end);
	EXPECT_EQ(self->nr, nr_pages_with(mem, 2 * self->size, PM_UFFD_WP));
	/* Nothing is found before it now. */
	arg.start = (uintptr_t)second;
	EXPECT_EQ(-1, WITHOUT_PAGES(fd, ioctl(pagemap, PAGEMAP_SCAN, &arg)));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(PMD_SWAPPED, thp_state(second));
	EXPECT_EQ(1, ioctl(pagemap, PAGEMAP_SCAN, &arg));
	EXPECT_EQ((uintptr_t)second, regions[0].start);
	EXPECT_EQ((uintptr_t)second + part, regions[0].end);
	arg.start = (uintptr_t)mem;
	EXPECT_EQ(0, ioctl(pagemap, PAGEMAP_SCAN, &arg));
	EXPECT_INTACT(mem, 0, 2 * self->nr, 1);
	close(pagemap);
	close(uffd);
}

/* Two THPs with the end of what a PUD maps between them: the second one. */
static char *map_thps_at_pud(void)
{
	const size_t size = env.pmd_size;
	const size_t pud_size = size * (env.page_size / sizeof(uint64_t));
	char *mem, *reserved, *edge;

	mem = map_thps(2, 1);
	reserved = mmap(NULL, 2 * pud_size, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (!mem || reserved == MAP_FAILED)
		return NULL;
	edge = (char *)(((uintptr_t)reserved + size + pud_size - 1) &
			~(uintptr_t)(pud_size - 1));
	if (mremap(mem, 2 * size, 2 * size, MREMAP_MAYMOVE | MREMAP_FIXED,
		   edge - size) != edge - size)
		return NULL;
	return edge;
}

/* Pages that were protected before do not hide the error of the next PUD. */
TEST_F(pmd_swap, no_table_uffd_wp_next_pud)
{
	const size_t size = self->size;
	char *second;
	int fd, uffd;

	NEED_TABLES_GO();
	NEED_UFFD(uffd, UFFD_FEATURE_PAGEFAULT_FLAG_WP);
	second = map_thps_at_pud();
	ASSERT_NE(NULL, second);
	ASSERT_EQ(0, uffd_register(uffd, second - size, 2 * size, false, true,
				   false));
	SWAP_OUT(second);
	NEED_NO_PAGES(fd, "-1");
	EXPECT_EQ(-ENOMEM, WITHOUT_PAGES(fd, uffd_wp(uffd, second - size,
						     size + self->page, true)));
	EXPECT_EQ(PMD_SWAPPED, thp_state(second));
	EXPECT_EQ(0, nr_pages_with(second, size, PM_UFFD_WP));
	EXPECT_EQ(0, uffd_wp(uffd, second - size, size + self->page, true));
	EXPECT_EQ(self->nr + 1, nr_pages_with(second - size, 2 * size,
					      PM_UFFD_WP));
	EXPECT_INTACT(second - size, 0, 2 * self->nr, 1);
	close(uffd);
}

/* All of a range is protected, or nothing. */
TEST_F(pmd_swap, no_table_uffd_rwp_part)
{
	const size_t len = self->size + self->page;
	int fd, uffd;
	char *mem;

	NEED_TABLES_GO();
	NEED_UFFD(uffd, UFFD_FEATURE_RWP);
	mem = map_thps(2, 1);
	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, uffd_register_rwp(uffd, mem, 2 * self->size));
	SWAP_OUT(mem + self->size);
	NEED_NO_PAGES(fd, "-1");
	EXPECT_EQ(-ENOMEM, WITHOUT_PAGES(fd, uffd_rwp(uffd, mem, len, true)));
	EXPECT_EQ(PMD_MAPPED, thp_state(mem));
	EXPECT_EQ(PMD_SWAPPED, thp_state(mem + self->size));
	EXPECT_EQ(0, nr_pages_with(mem, 2 * self->size, PM_UFFD_WP));
	EXPECT_EQ(0, uffd_rwp(uffd, mem, len, true));
	EXPECT_EQ(self->nr + 1, nr_pages_with(mem, 2 * self->size, PM_UFFD_WP));
	EXPECT_EQ(0, uffd_rwp(uffd, mem, len, false));
	EXPECT_INTACT(mem, 0, 2 * self->nr, 1);
	close(uffd);
}

/* Memory is to be had again when the VMA is cut, after bits could not be. */
TEST_F(pmd_swap, no_table_uffd_unregister_part)
{
	const unsigned long nr = self->nr / 2;
	const size_t half = nr * self->page;
	int fd, uffd;

	NEED_TABLES_GO();
	NEED_UFFD(uffd, UFFD_FEATURE_PAGEFAULT_FLAG_WP);
	ASSERT_EQ(0, uffd_register(uffd, self->mem, self->size, false, true,
				   false));
	ASSERT_EQ(0, uffd_wp(uffd, self->mem, self->size, true));
	SWAP_OUT(self->mem);
	NEED_NO_PAGES(fd, "1");
	EXPECT_EQ(-ENOMEM, WITHOUT_PAGES(fd, uffd_unregister(uffd, self->mem,
							     half)));
	EXPECT_EQ(0, no_pages_left());
	EXPECT_EQ(PMD_SWAPPED, thp_state(self->mem));
	EXPECT_EQ(self->nr, nr_pages_with(self->mem, self->size, PM_UFFD_WP));
	EXPECT_EQ(0, uffd_unregister(uffd, self->mem, half));
	EXPECT_EQ(0, nr_pages_with(self->mem, half, PM_UFFD_WP));
	EXPECT_EQ(nr, nr_pages_with(self->mem + half, half, PM_UFFD_WP));
	fill(self->mem, 0, nr, 1);
	EXPECT_INTACT(self->mem, 0, nr, 1);
	EXPECT_INTACT(self->mem + half, nr, nr, 0);
	close(uffd);
}
