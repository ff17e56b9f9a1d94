// SPDX-License-Identifier: GPL-2.0
/* PMD swap entries: copied at fork, shared with children. */
#include "more.h"

/* The parent writes to the shared THP; the child does not see it. */
TEST_F(pmd_swap, fork_parent_writes)
{
	pid_t pid;

	SWAP_OUT(self->mem);
	pid = fork_child(_metadata);
	if (!pid) {
		await(1);
		EXPECT_EQ(PMD_SWAPPED, thp_state(self->mem));
		EXPECT_INTACT(self->mem, 0, self->nr, 0);
		reach(2);
		_exit(0);
	}
	fill(self->mem, 0, self->nr, 1);
	reach(1);
	await(2);
	EXPECT_INTACT(self->mem, 0, self->nr, 1);
	REAP(pid);
}

/* One side reads, which maps the THP, and writes then. */
TEST_F(pmd_swap, fork_read_then_write)
{
	pid_t pid;

	SWAP_OUT(self->mem);
	pid = fork_child(_metadata);
	if (!pid) {
		EXPECT_INTACT(self->mem, 0, self->nr, 0);
		reach(1);
		await(2);
		EXPECT_INTACT(self->mem, 0, self->nr, 0);
		fill(self->mem, 0, self->nr, 2);
		reach(3);
		await(4);
		EXPECT_INTACT(self->mem, 0, self->nr, 2);
		_exit(0);
	}
	await(1);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	fill(self->mem, 0, self->nr, 1);
	reach(2);
	await(3);
	EXPECT_INTACT(self->mem, 0, self->nr, 1);
	reach(4);
	REAP(pid);
}

/* Both write after a cold swap-in: each has its own copy. */
TEST_F(pmd_swap, fork_cold_writes)
{
	pid_t pid;

	SWAP_OUT_COLD(self->mem);
	pid = fork_child(_metadata);
	if (!pid) {
		put_word(self->mem, pattern(1, 0, 0));
		reach(1);
		await(2);
		EXPECT_EQ(pattern(1, 0, 0), get_word(self->mem));
		EXPECT_INTACT(self->mem + self->page, 1, self->nr - 1, 0);
		_exit(0);
	}
	await(1);
	EXPECT_EQ(pattern(0, 0, 0), get_word(self->mem));
	put_word(self->mem, pattern(2, 0, 0));
	reach(2);
	REAP(pid);
	EXPECT_EQ(pattern(2, 0, 0), get_word(self->mem));
	EXPECT_INTACT(self->mem + self->page, 1, self->nr - 1, 0);
}

/* A child that exits with the entry leaves the parent's as it was. */
TEST_F(pmd_swap, fork_child_exits)
{
	struct counters before;
	pid_t pid;

	SWAP_OUT_COLD(self->mem);
	before = counters_now();
	pid = fork_child(_metadata);
	if (!pid)
		_exit(0);
	REAP(pid);
	EXPECT_EQ(PMD_SWAPPED, thp_state(self->mem));
	EXPECT_EQ((long)self->size, cg_test_swap());
	fill(self->mem, 0, 1, 1);
	EXPECT_INTACT(self->mem, 0, 1, 1);
	EXPECT_INTACT(self->mem + self->page, 1, self->nr - 1, 0);
	EXPECT_SINCE(1, &before, SWPIN_PMD);
	EXPECT_SINCE(0, &before, SPLIT_PMD_SWAP);
	EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
}

/* A parent that unmaps the entry leaves the child's as it was. */
TEST_F(pmd_swap, fork_parent_unmaps)
{
	pid_t pid;

	SWAP_OUT_COLD(self->mem);
	pid = fork_child(_metadata);
	if (!pid) {
		await(1);
		EXPECT_EQ(PMD_SWAPPED, thp_state(self->mem));
		EXPECT_INTACT(self->mem, 0, self->nr, 0);
		_exit(0);
	}
	ASSERT_EQ(0, munmap(self->mem, self->size));
	EXPECT_EQ((long)self->size, cg_test_swap());
	reach(1);
	REAP(pid);
	EXPECT_TRUE(swap_usage_falls_to(0));
}

/* Sleep until the parent closes its end of a pipe: many children that poll leave it no time. */
static void wait_for_close(int pipe[2])
{
	char c;

	close(pipe[1]);
	if (read(pipe[0], &c, 1))
		_exit(1);
}

/* Many references to the same slots: their counts need more room. */
TEST_F(pmd_swap, fork_many)
{
	const int nr = 150;
	pid_t pids[150];
	int i, hold[2];

	ASSERT_EQ(0, pipe(hold));
	SWAP_OUT(self->mem);
	for (i = 0; i < nr; i++) {
		pids[i] = fork_child(_metadata);
		if (!pids[i]) {
			wait_for_close(hold);
			if (i % 32 == 0)
				EXPECT_INTACT(self->mem, 0, self->nr, 0);
			_exit(0);
		}
	}
	EXPECT_EQ(PMD_SWAPPED, thp_state(self->mem));
	close(hold[1]);
	for (i = 0; i < nr; i++)
		REAP(pids[i]);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
	if (self->cgroup) {
		ASSERT_EQ(0, munmap(self->mem, self->size));
		EXPECT_TRUE(swap_usage_falls_to(0));
	}
}

/* The same where nobody swaps anything in: the slots are freed as they are. */
TEST_F(pmd_swap, fork_many_cold)
{
	const int nr = 40;
	pid_t pids[40];
	int i, hold[2];

	ASSERT_EQ(0, pipe(hold));
	SWAP_OUT_COLD(self->mem);
	for (i = 0; i < nr; i++) {
		pids[i] = fork_child(_metadata);
		if (!pids[i]) {
			wait_for_close(hold);
			_exit(0);
		}
	}
	EXPECT_EQ(PMD_SWAPPED, thp_state(self->mem));
	ASSERT_EQ(0, munmap(self->mem, self->size));
	EXPECT_EQ((long)self->size, cg_test_swap());
	close(hold[1]);
	for (i = 0; i < nr; i++)
		REAP(pids[i]);
	EXPECT_TRUE(swap_usage_falls_to(0));
}

/* A THP that two processes map when it is swapped out: two entries. */
TEST_F(pmd_swap, shared_swap_out)
{
	struct counters before;
	pid_t pid;
	int i;

	NEED_CGROUP();
	pid = fork_child(_metadata);
	if (!pid) {
		await(1);
		EXPECT_EQ(PMD_SWAPPED, thp_state(self->mem));
		EXPECT_INTACT(self->mem, 0, self->nr, 0);
		fill(self->mem, 0, self->nr, 1);
		reach(2);
		await(3);
		EXPECT_INTACT(self->mem, 0, self->nr, 1);
		_exit(0);
	}
	before = counters_now();
	for (i = 0; i < 250 && !swapped(self->mem, self->size); i++) {
		cg_test_reclaim(self->size);
		usleep(20000);
	}
	ASSERT_EQ(PMD_SWAPPED, thp_state(self->mem));
	EXPECT_SINCE(2, &before, SWPOUT_PMD);
	reach(1);
	await(2);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	reach(3);
	REAP(pid);
}

/* Grandchildren copy a copied entry. */
TEST_F(pmd_swap, fork_twice)
{
	pid_t pid, grandchild;

	SWAP_OUT(self->mem);
	pid = fork_child(_metadata);
	if (!pid) {
		grandchild = fork_child(_metadata);
		if (!grandchild) {
			EXPECT_EQ(PMD_SWAPPED, thp_state(self->mem));
			EXPECT_INTACT(self->mem, 0, self->nr, 0);
			_exit(0);
		}
		REAP(grandchild);
		fill(self->mem, 0, self->nr, 1);
		EXPECT_INTACT(self->mem, 0, self->nr, 1);
		_exit(0);
	}
	REAP(pid);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}

/* A child that gets the range empty does not take the entry from the parent. */
TEST_F(pmd_swap, fork_wipe)
{
	pid_t pid;

	SWAP_OUT(self->mem);
	ASSERT_EQ(0, madvise(self->mem, self->size, MADV_WIPEONFORK));
	pid = fork_child(_metadata);
	if (!pid) {
		EXPECT_TRUE(zeroed(self->mem, self->size));
		_exit(0);
	}
	REAP(pid);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}
