// SPDX-License-Identifier: GPL-2.0
/* PMD swap entries: memory tags. */
#include "more.h"

#ifdef __aarch64__

#ifndef PROT_MTE
#define PROT_MTE	0x20
#endif
#define PROT_TAGGED	(PROT_READ | PROT_WRITE | PROT_MTE)

#define TAG_GRANULE	16	/* bytes that have a tag of their own */
#define TAG_SHIFT	56	/* of the tag in a pointer */
#define TAG_MASK	15
#define TAG_ARCH	".arch armv8.5-a+memtag\n\t"

/*
 * Checking is off in this process, as it is after execve(): the tags are
 * looked at for themselves, and plain pointers do for the data.
 */
static void put_tag(char *addr, uint64_t tag)
{
	asm volatile(TAG_ARCH "stg %0, [%0]"
		     : : "r" ((uintptr_t)addr | tag << TAG_SHIFT) : "memory");
}

static uint64_t get_tag(const char *addr)
{
	const char *tagged = addr;

	asm volatile(TAG_ARCH "ldg %0, [%0]" : "+r" (tagged) : : "memory");
	return ((uintptr_t)tagged >> TAG_SHIFT) & TAG_MASK;
}

/* The tag of a granule is part of the word that pattern() has for it. */
static void put_tags(char *addr, unsigned long first, unsigned long nr,
		     uint64_t gen)
{
	const unsigned long granules = env.page_size / TAG_GRANULE;
	unsigned long page, i;

	for (page = first; page < first + nr; page++) {
		for (i = 0; i < granules; i++) {
			put_tag(addr, pattern(gen, page, i) & TAG_MASK);
			addr += TAG_GRANULE;
		}
	}
}

static bool tags_intact(const char *addr, unsigned long first,
			unsigned long nr, uint64_t gen)
{
	const unsigned long granules = env.page_size / TAG_GRANULE;
	unsigned long page, i;
	uint64_t tag;

	for (page = first; page < first + nr; page++) {
		for (i = 0; i < granules; i++) {
			tag = get_tag(addr);
			addr += TAG_GRANULE;
			if (tag == (pattern(gen, page, i) & TAG_MASK))
				continue;
			ksft_print_msg("page %lu granule %lu has tag %u; seed %#llx\n",
				       page, i, (unsigned int)tag,
				       (unsigned long long)env.seed);
			return false;
		}
	}
	return true;
}

/* The THP at self->mem gets the tags of generation 0. */
#define NEED_TAGS() do {						\
	if (mprotect(self->mem, self->size, PROT_TAGGED)) {		\
		ASSERT_EQ(EINVAL, errno);				\
		SKIP_TEST("no memory tagging");				\
	}								\
	put_tags(self->mem, 0, self->nr, 0);				\
	ASSERT_EQ(PMD_MAPPED, thp_state(self->mem));			\
	ASSERT_TRUE(tags_intact(self->mem, 0, self->nr, 0));		\
} while (0)

#define EXPECT_TAGS(addr, first, nr, gen) \
	EXPECT_TRUE(tags_intact(addr, first, nr, gen))

TEST_F(pmd_swap, tags_read_fault)
{
	NEED_TAGS();
	SWAP_OUT(self->mem);
	EXPECT_TAGS(self->mem, 0, self->nr, 0);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
}

/* A new folio gets the tags that were put aside. */
TEST_F(pmd_swap, tags_cold_read_fault)
{
	struct counters before;

	NEED_TAGS();
	SWAP_OUT_COLD(self->mem);
	before = counters_now();
	FORCE_READ(self->mem[61 * self->page]);
	EXPECT_SINCE(1, &before, SWPIN_PMD);
	EXPECT_TAGS(self->mem, 0, self->nr, 0);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
}

/* Here a tag is what makes the THP dirty. */
TEST_F(pmd_swap, tags_changed)
{
	const unsigned long page = self->nr - 3;
	char *addr = self->mem + page * self->page;
	uint64_t tag;

	NEED_TAGS();
	SWAP_OUT_COLD(self->mem);
	FORCE_READ(self->mem[0]);
	tag = get_tag(addr) ^ 5;
	put_tag(addr, tag);
	SWAP_OUT_COLD(self->mem);
	EXPECT_EQ(tag, get_tag(addr));
	EXPECT_TAGS(self->mem, 0, page, 0);
	EXPECT_TAGS(addr + self->page, page + 1, self->nr - page - 1, 0);

	put_tags(self->mem, 0, self->nr, 1);
	SWAP_OUT_COLD(self->mem);
	EXPECT_TAGS(self->mem, 0, self->nr, 1);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}

TEST_F(pmd_swap, tags_split)
{
	const unsigned long first = self->nr / 2 + 1;
	char *addr = self->mem + first * self->page;

	NEED_TAGS();
	SWAP_OUT_COLD(self->mem);
	ASSERT_EQ(0, munmap(self->mem, first * self->page));
	EXPECT_TAGS(addr, first, self->nr - first, 0);
	EXPECT_INTACT(addr, first, self->nr - first, 0);
}

/* The tags belong to the slots until both have been there. */
TEST_F(pmd_swap, tags_fork)
{
	pid_t pid;

	NEED_TAGS();
	SWAP_OUT_COLD(self->mem);
	pid = fork_child(_metadata);
	if (!pid) {
		put_word(self->mem, pattern(0, 0, 0));
		EXPECT_TAGS(self->mem, 0, self->nr, 0);
		EXPECT_INTACT(self->mem, 0, self->nr, 0);
		put_tags(self->mem, 0, self->nr, 1);
		EXPECT_TAGS(self->mem, 0, self->nr, 1);
		reach(1);
		await(2);
		EXPECT_TAGS(self->mem, 0, self->nr, 1);
		_exit(0);
	}
	await(1);
	EXPECT_TAGS(self->mem, 0, self->nr, 0);
	put_tags(self->mem, 0, self->nr, 2);
	reach(2);
	REAP(pid);
	EXPECT_TAGS(self->mem, 0, self->nr, 2);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}

TEST_F(pmd_swap, tags_swapoff)
{
	NEED_CGROUP();
	NEED_OWN_SWAP();
	NEED_TAGS();
	SWAP_OUT_TO_OWN(self->mem);
	ASSERT_TRUE(drop_swap_cache());
	ASSERT_EQ(0, own_swapoff(&shared->own_swaps[TEST_SWAP]));
	EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
	EXPECT_TAGS(self->mem, 0, self->nr, 0);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}

TEST_F(pmd_swap, tags_zswap)
{
	NEED_TAGS();
	SWAP_OUT_TO_ZSWAP(self->mem);
	EXPECT_TAGS(self->mem, 0, self->nr, 0);
	EXPECT_INTACT(self->mem, 0, self->nr, ZGEN);
	EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
}

/* Slots that are used again do not bring back the tags of those before. */
TEST_F(pmd_swap, tags_freed)
{
	int i;

	NEED_CGROUP();
	/* Room for one THP: the next one has the same slots. */
	if (own_swap_add(&shared->own_swaps[TEST_SWAP], ANY_DEVICE, 0,
			 SWAP_FLAG_PREFER | SWAP_FLAG_PRIO_MASK))
		SKIP_TEST("no loop or zram device to swap to");
	NEED_TAGS();
	SWAP_OUT_TO_OWN(self->mem);
	ASSERT_EQ(0, munmap(self->mem, self->size));
	ASSERT_TRUE(swap_usage_falls_to(0));

	self->mem = map_thps(1, 1);
	ASSERT_NE(NULL, self->mem);
	SWAP_OUT_TO_OWN(self->mem);
	ASSERT_TRUE(drop_swap_cache());
	ASSERT_EQ(0, mprotect(self->mem, self->size, PROT_TAGGED));
	EXPECT_INTACT(self->mem, 0, self->nr, 1);
	for (i = 0; i < (int)(self->size / TAG_GRANULE); i++) {
		ASSERT_EQ(0, get_tag(self->mem + i * TAG_GRANULE)) {
			TH_LOG("granule %d", i);
		}
	}
}

#endif /* __aarch64__ */
