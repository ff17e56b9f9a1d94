// SPDX-License-Identifier: GPL-2.0
/* PMD swap entries: pagemap, mincore(), smaps, soft-dirty. */
#include "more.h"

#include <fcntl.h>

#define SLOT_SHIFT	5	/* MAX_SWAPFILES_SHIFT, as pagemap shows it */

/* ---- /proc and mincore() ------------------------------------------------ */

/* Reading part of pagemap starts at the right slot. */
TEST_F(pmd_swap, pagemap_after_split)
{
	const uint64_t mask = (1ULL << 55) - 1;
	uint64_t first, entry;
	unsigned long i;
	int fd;

	SWAP_OUT(self->mem);
	fd = open("/proc/self/pagemap", O_RDONLY);
	ASSERT_LE(0, fd);
	first = pagemap_get_entry(fd, self->mem);
	ASSERT_EQ(0, mprotect(self->mem, self->page, PROT_READ));
	for (i = 0; i < self->nr; i++) {
		entry = pagemap_get_entry(fd, self->mem + i * self->page);
		ASSERT_EQ(PM_SWAP, entry & (PM_SWAP | PM_PRESENT | PM_FILE));
		ASSERT_EQ((first & mask) + ((uint64_t)i << SLOT_SHIFT),
			  entry & mask);
	}
	close(fd);
}

/* Each of two processes is charged for half. */
TEST_F(pmd_swap, smaps_shared)
{
	pid_t pid;

	SWAP_OUT(self->mem);
	pid = fork_child(_metadata);
	if (!pid) {
		EXPECT_EQ(self->size,
			  smaps_bytes(self->mem, self->size, "Swap"));
		EXPECT_EQ(self->size / 2,
			  smaps_bytes(self->mem, self->size, "SwapPss"));
		reach(1);
		await(2);
		_exit(0);
	}
	await(1);
	EXPECT_EQ(self->size, smaps_bytes(self->mem, self->size, "Swap"));
	EXPECT_EQ(self->size / 2,
		  smaps_bytes(self->mem, self->size, "SwapPss"));
	reach(2);
	REAP(pid);
	EXPECT_EQ(self->size, smaps_bytes(self->mem, self->size, "SwapPss"));
}

/* None of the files that walk page tables swaps in or splits. */
TEST_F(pmd_swap, proc_files)
{
	static const char * const files[] = {
		"/proc/self/smaps", "/proc/self/smaps_rollup",
		"/proc/self/numa_maps", "/proc/self/maps",
		"/proc/self/status", "/proc/self/statm",
	};
	struct counters before;
	char buf[4096];
	unsigned int i;
	int fd;

	SWAP_OUT(self->mem);
	before = counters_now();
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		fd = open(files[i], O_RDONLY);
		if (fd < 0)
			continue;
		while (read(fd, buf, sizeof(buf)) > 0)
			;
		close(fd);
	}
	/* Clear the referenced bits. */
	put_string("/proc/self/clear_refs", "1");
	EXPECT_EQ(PMD_SWAPPED, thp_state(self->mem));
	EXPECT_SINCE(0, &before, PSWPIN);
	EXPECT_SINCE(0, &before, SPLIT_PMD_SWAP);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}

/* ---- soft-dirty --------------------------------------------------------- */

/*
 * VM_SOFTDIRTY of a new VMA shows as soft-dirty until the first
 * clear_softdirty(), so let every test start with one.
 */
TEST_F(pmd_swap, soft_dirty_kept_per_entry)
{
	if (!softdirty_supported())
		SKIP(return, "no soft-dirty tracking");
	clear_softdirty();
	fill(self->mem, 0, self->nr, 1);
	EXPECT_EQ(self->nr,
		  nr_pages_with(self->mem, self->size, PM_SOFT_DIRTY));
	SWAP_OUT(self->mem);
	EXPECT_EQ(self->nr,
		  nr_pages_with(self->mem, self->size, PM_SOFT_DIRTY));
	FORCE_READ(*self->mem);
	EXPECT_EQ(self->nr,
		  nr_pages_with(self->mem, self->size, PM_SOFT_DIRTY));
}

/* Clean when it was swapped out: clean until it is written to. */
TEST_F(pmd_swap, soft_dirty_clean)
{
	if (!softdirty_supported())
		SKIP(return, "no soft-dirty tracking");
	clear_softdirty();
	SWAP_OUT(self->mem);
	EXPECT_EQ(0, nr_pages_with(self->mem, self->size, PM_SOFT_DIRTY));
	FORCE_READ(*self->mem);
	EXPECT_EQ(0, nr_pages_with(self->mem, self->size, PM_SOFT_DIRTY));
	put_word(self->mem, 1);
	EXPECT_LE(1, nr_pages_with(self->mem, self->page, PM_SOFT_DIRTY));
}

/* Cleared while swapped out. */
TEST_F(pmd_swap, soft_dirty_cleared)
{
	if (!softdirty_supported())
		SKIP(return, "no soft-dirty tracking");
	clear_softdirty();
	fill(self->mem, 0, self->nr, 1);
	SWAP_OUT(self->mem);
	clear_softdirty();
	EXPECT_TRUE(swapped(self->mem, self->size));
	EXPECT_EQ(0, nr_pages_with(self->mem, self->size, PM_SOFT_DIRTY));
	EXPECT_INTACT(self->mem, 0, self->nr, 1);
	EXPECT_EQ(0, nr_pages_with(self->mem, self->size, PM_SOFT_DIRTY));
	put_word(self->mem, 1);
	EXPECT_EQ(1, nr_pages_with(self->mem, self->page, PM_SOFT_DIRTY));
}

/* A write fault that swaps in marks it as well. */
TEST_F(pmd_swap, soft_dirty_write_fault)
{
	if (!softdirty_supported())
		SKIP(return, "no soft-dirty tracking");
	clear_softdirty();
	SWAP_OUT(self->mem);
	put_word(self->mem, 1);
	EXPECT_EQ(1, nr_pages_with(self->mem, self->page, PM_SOFT_DIRTY));
}

/* The bit goes to every PTE when the entry is split. */
TEST_F(pmd_swap, soft_dirty_split)
{
	if (!softdirty_supported())
		SKIP(return, "no soft-dirty tracking");
	clear_softdirty();
	fill(self->mem, 0, self->nr, 1);
	SWAP_OUT(self->mem);
	ASSERT_EQ(0, madvise(self->mem, self->page, MADV_DONTNEED));
	EXPECT_EQ(self->nr - 1,
		  nr_pages_with(self->mem + self->page,
				self->size - self->page, PM_SOFT_DIRTY));
}
