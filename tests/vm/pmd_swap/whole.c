// SPDX-License-Identifier: GPL-2.0
/*
 * PMD swap entries: operations that need not split.
 *
 * That the data survives is tested in the other files. Here it is tested that
 * the entry is still one, so that the next fault is one too. None of this is
 * necessary for correctness.
 */
#include "more.h"

#include <linux/userfaultfd.h>

#define EXPECT_KEPT_WHOLE(addr, before) do {				\
	EXPECT_EQ(PMD_SWAPPED, thp_state(addr));			\
	EXPECT_SINCE(0, before, SPLIT_PMD_SWAP);			\
} while (0)

TEST_F(pmd_swap, whole_mprotect)
{
	struct counters before;

	SWAP_OUT(self->mem);
	before = counters_now();
	ASSERT_EQ(0, mprotect(self->mem, self->size, PROT_NONE));
	EXPECT_KEPT_WHOLE(self->mem, &before);
	ASSERT_EQ(0, mprotect(self->mem, self->size, PROT_READ | PROT_WRITE));
	EXPECT_KEPT_WHOLE(self->mem, &before);
}

TEST_F(pmd_swap, whole_mremap)
{
	struct counters before;
	char *dst;

	dst = reserve(1);
	ASSERT_NE(NULL, dst);
	SWAP_OUT(self->mem);
	before = counters_now();
	ASSERT_EQ(dst, mremap(self->mem, self->size, self->size,
			      MREMAP_MAYMOVE | MREMAP_FIXED, dst));
	EXPECT_KEPT_WHOLE(dst, &before);
}

TEST_F(pmd_swap, whole_clear_refs)
{
	struct counters before;

	if (!softdirty_supported())
		SKIP(return, "no soft-dirty tracking");
	SWAP_OUT(self->mem);
	before = counters_now();
	clear_softdirty();
	EXPECT_KEPT_WHOLE(self->mem, &before);
}

TEST_F(pmd_swap, whole_madv_free)
{
	struct counters before;

	SWAP_OUT(self->mem);
	before = counters_now();
	ASSERT_EQ(0, madvise(self->mem, self->size, MADV_FREE));
	EXPECT_SINCE(0, &before, SPLIT_PMD_SWAP);
}

/* The THP is read ahead; the touch maps it. */
TEST_F(pmd_swap, whole_madv_willneed)
{
	struct counters before;

	SWAP_OUT_COLD(self->mem);
	before = counters_now();
	ASSERT_EQ(0, madvise(self->mem, self->size, MADV_WILLNEED));
	EXPECT_KEPT_WHOLE(self->mem, &before);
	FORCE_READ(*self->mem);
	EXPECT_SINCE(self->nr, &before, PSWPIN);
	EXPECT_SINCE(1, &before, SWPIN_PMD);
	EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
}

TEST_F(pmd_swap, whole_madv_collapse)
{
	struct counters before;

	SWAP_OUT(self->mem);
	before = counters_now();
	EXPECT_TRUE(collapse(self->mem));
	EXPECT_SINCE(0, &before, SPLIT_PMD_SWAP);
	EXPECT_SINCE(1, &before, SWPIN_PMD);
}

TEST_F(pmd_swap, whole_ksm)
{
	struct counters before;

	SWAP_OUT(self->mem);
	before = counters_now();
	if (madvise(self->mem, self->size, MADV_MERGEABLE))
		SKIP(return, "no KSM");
	EXPECT_KEPT_WHOLE(self->mem, &before);
}

TEST_F(pmd_swap, whole_uffd_wp)
{
	struct counters before;
	int uffd;

	NEED_UFFD(uffd, UFFD_FEATURE_PAGEFAULT_FLAG_WP);
	SWAP_OUT(self->mem);
	before = counters_now();
	ASSERT_EQ(0, uffd_register(uffd, self->mem, self->size, false, true,
				   false));
	ASSERT_EQ(0, uffd_wp(uffd, self->mem, self->size, true));
	EXPECT_KEPT_WHOLE(self->mem, &before);
	ASSERT_EQ(0, uffd_wp(uffd, self->mem, self->size, false));
	EXPECT_KEPT_WHOLE(self->mem, &before);
	ASSERT_EQ(0, uffd_unregister(uffd, self->mem, self->size));
	EXPECT_KEPT_WHOLE(self->mem, &before);
	close(uffd);
}

/* A protected THP comes back huge, and protected. */
TEST_F(pmd_swap, whole_uffd_wp_swap_in)
{
	struct counters before;
	int uffd;

	NEED_UFFD(uffd, UFFD_FEATURE_PAGEFAULT_FLAG_WP);
	ASSERT_EQ(0, uffd_register(uffd, self->mem, self->size, false, true,
				   false));
	ASSERT_EQ(0, uffd_wp(uffd, self->mem, self->size, true));
	SWAP_OUT(self->mem);
	before = counters_now();
	FORCE_READ(*self->mem);
	EXPECT_SINCE(1, &before, SWPIN_PMD);
	EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
	EXPECT_EQ(self->nr, nr_pages_with(self->mem, self->size, PM_UFFD_WP));
	close(uffd);
}

static void move_whole(struct __test_metadata *_metadata,
		       FIXTURE_DATA(pmd_swap) * self, bool cold)
{
	struct counters before;
	char *dst;
	int uffd;

	NEED_UFFD(uffd, UFFD_FEATURE_MOVE);
	dst = uffd_dst(uffd);
	ASSERT_NE(NULL, dst);
	if (cold)
		SWAP_OUT_COLD(self->mem);
	else
		SWAP_OUT(self->mem);
	before = counters_now();
	ASSERT_EQ(0, uffd_move(uffd, dst, self->mem, self->size));
	EXPECT_KEPT_WHOLE(dst, &before);
	EXPECT_INTACT(dst, 0, self->nr, 0);
	EXPECT_EQ(PMD_MAPPED, thp_state(dst));
	close(uffd);
}

TEST_F(pmd_swap, whole_uffdio_move)
{
	move_whole(_metadata, self, true);
}

TEST_F(pmd_swap, whole_uffdio_move_warm)
{
	move_whole(_metadata, self, false);
}
