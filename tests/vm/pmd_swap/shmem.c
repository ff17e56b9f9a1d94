// SPDX-License-Identifier: GPL-2.0
/* THPs of shared memory on their way back: what stands in the way of reading them whole, and races. */
#include "more.h"

#include <fcntl.h>
#include <time.h>
#include <linux/falloc.h>
#include <linux/userfaultfd.h>

#define SHMEM_ENABLED	"/sys/kernel/mm/transparent_hugepage/shmem_enabled"

/* By the page, all of it. */
static void comes_small(struct __test_metadata *_metadata, FIXTURE_DATA(pmd_swap) * self, uint64_t gen)
{
	const struct counters before = counters_now();

	FORCE_READ(self->mem[7 * self->page]);
	EXPECT_GT(self->nr / 4, since(&before, PSWPIN));
	EXPECT_INTACT(self->mem, 0, self->nr, gen);
	EXPECT_EQ(MIXED, thp_state(self->mem));
}

TEST_F(pmd_swap, shmem_no_huge_page)
{
	int fd;

	NEED_SHMEM(fd);
	ASSERT_EQ(0, put_string(KNOB_FILE, "always"));
	SHMEM_OUT();
	if (!fail_huge_pages())
		SKIP(return, "no fault injection: CONFIG_FAIL_PAGE_ALLOC");
	comes_small(_metadata, self, 0);
	close(fd);
}

/* The read of the whole fails, none of a page does. */
TEST_F(pmd_swap, shmem_read_error)
{
	int fd;

	NEED_SHMEM(fd);
	ASSERT_EQ(0, put_string(KNOB_FILE, "always"));
	SHMEM_OUT();
	if (!fail_requests(shared->own_swaps[TEST_SWAP].dev, "1"))
		SKIP(return, "no fault injection: CONFIG_FAIL_MAKE_REQUEST");
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	EXPECT_EQ(MIXED, thp_state(self->mem));
	close(fd);
}

/* The same where large folios have always been read, not only PMD-sized ones. */
TEST_F(pmd_swap, shmem_read_error_zram)
{
	struct own_swap *own = &shared->own_swaps[TEST_SWAP];
	int fd;

	NEED_CGROUP();
	NEED_ZRAM_SWAP();
	ASSERT_EQ(0, munmap(self->mem, self->size));
	fd = shmem_create(1);
	self->mem = fd < 0 ? NULL : shmem_map(fd, 1);
	if (!self->mem)
		SKIP(return, "no shared memory with huge pages");
	fill(self->mem, 0, self->nr, 0);
	SHMEM_OUT();
	if (!fail_requests(own->dev, "1"))
		SKIP(return, "no fault injection: CONFIG_FAIL_MAKE_REQUEST");
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	close(fd);
}

/* At the limit of its cgroup something is pushed out for it, if the word does not ask for the cost. */
TEST_F(pmd_swap, shmem_at_limit)
{
	char *hot;
	int fd;

	NEED_SHMEM(fd);
	ASSERT_EQ(0, put_string(KNOB_FILE, "always"));
	SHMEM_OUT();
	hot = map_thps(2, 1);
	if (!hot)
		SKIP(return, "no huge pages to be had");
	ASSERT_EQ(0, leave_room(self->size / 4));
	FORCE_READ(self->mem[7 * self->page]);
	EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
	EXPECT_EQ(0, cg_put(env.test_cgroup, "memory.max", "max"));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	EXPECT_INTACT(hot, 0, 2 * self->nr, 1);
	ASSERT_EQ(0, munmap(hot, 2 * self->size));
	close(fd);
}

TEST_F(pmd_swap, shmem_deny)
{
	int fd;

	NEED_SHMEM(fd);
	ASSERT_EQ(0, put_string(KNOB_FILE, "always"));
	SHMEM_OUT();
	ASSERT_TRUE(set_for_test(SHMEM_ENABLED, "deny"));
	comes_small(_metadata, self, 0);
	close(fd);
}

TEST_F(pmd_swap, shmem_madv_random)
{
	int fd;

	NEED_SHMEM(fd);
	ASSERT_EQ(0, put_string(KNOB_FILE, "auto"));
	SHMEM_OUT();
	ASSERT_EQ(0, madvise(self->mem, self->size, MADV_RANDOM));
	comes_small(_metadata, self, 0);
	close(fd);
}

/* A userfaultfd is told of pages. */
TEST_F(pmd_swap, shmem_uffd)
{
	int fd, uffd;

	NEED_UFFD(uffd, UFFD_FEATURE_WP_HUGETLBFS_SHMEM);
	NEED_SHMEM(fd);
	ASSERT_EQ(0, put_string(KNOB_FILE, "always"));
	SHMEM_OUT();
	ASSERT_EQ(0, uffd_register(uffd, self->mem, self->size, false, true, false));
	comes_small(_metadata, self, 0);
	close(uffd);
	close(fd);
}

/* What is in zswap comes by the page, with every word. */
TEST_F(pmd_swap, shmem_zswap)
{
	static const char * const words[] = { "always", "auto", "exclusive" };
	unsigned int i;
	int fd;

	NEED_SHMEM(fd);
	NEED_ZSWAP();
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		ASSERT_EQ(0, put_string(KNOB_FILE, words[i]));
		fill(self->mem, 0, self->nr, ZGEN);
		ASSERT_TRUE(shmem_page_out(self->mem, self->size));
		ASSERT_TRUE(cg_test_stat_reaches("zswapped", self->size));
		comes_small(_metadata, self, ZGEN);
	}
	close(fd);
}

/* What has been split to read a page of it stays so. */
TEST_F(pmd_swap, shmem_after_small)
{
	int fd;

	NEED_SHMEM(fd);
	ASSERT_EQ(0, put_string(KNOB_FILE, "never"));
	SHMEM_OUT();
	EXPECT_INTACT(self->mem + 100 * self->page, 100, 1, 0);
	ASSERT_EQ(0, put_string(KNOB_FILE, "always"));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	EXPECT_EQ(MIXED, thp_state(self->mem));
	close(fd);
}

/* Is each word what was written to page @nr of the file, or zero, as it may be punched out just now? */
static bool page_or_hole(const char *addr, unsigned long nr)
{
	unsigned long word;
	uint64_t seen;

	for (word = 0; word < env.page_size / sizeof(seen); word++) {
		seen = get_word(addr + word * sizeof(seen));
		if (seen && seen != pattern(0, nr, word)) {
			ksft_print_msg("page %lu word %lu is %#llx\n", nr, word, (unsigned long long)seen);
			return false;
		}
	}
	return true;
}

static bool seconds_over(const struct timespec *start, int seconds)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec - start->tv_sec >= seconds;
}

/* At least so long and more than so many times, however slow the machine is. */
enum { TRUNCATE_SECONDS = 10, TRUNCATE_TIMES = 10 };

/*
 * A THP is paged out again and again while the file is truncated in the middle of it, which has to
 * take the second part and leave the first one, whether the THP is in memory then, on its way out,
 * swapped out, or back because it could not be written.
 */
static void shmem_truncate_races(struct __test_metadata *_metadata, FIXTURE_DATA(pmd_swap) * self, int fd,
				 uint64_t data, void (*disturb)(unsigned int round))
{
	uint64_t state = env.seed;
	struct timespec start;
	unsigned int i;
	pid_t pid;

	clock_gettime(CLOCK_MONOTONIC, &start);
	pid = fork_child(_metadata);
	if (!pid) {
		for (i = 0; !__atomic_load_n(&self->step, __ATOMIC_SEQ_CST); i++) {
			madvise(self->mem, self->size, MADV_PAGEOUT);
			cg_test_reclaim(self->size);
			if (disturb)
				disturb(i);
		}
		_exit(0);
	}
	for (i = 0; i <= TRUNCATE_TIMES || !seconds_over(&start, TRUNCATE_SECONDS); i++) {
		const unsigned long keep = 1 + mix(state++) % (self->nr - 1);
		const uint64_t gen = data | i;

		fill(self->mem, 0, self->nr, gen);
		/* Mapped by the other one, it is not paged out by MADV_PAGEOUT. */
		ASSERT_EQ(0, madvise(self->mem, self->size, MADV_DONTNEED));
		usleep(mix(state++) % 30000);
		ASSERT_EQ(0, ftruncate(fd, keep * self->page));
		ASSERT_EQ(0, ftruncate(fd, self->size));
		EXPECT_INTACT(self->mem, 0, keep, gen);
		EXPECT_TRUE(zeroed(self->mem + keep * self->page, self->size - keep * self->page));
		/* The next one is to be a THP again. */
		ASSERT_EQ(0, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, self->size));
	}
	ksft_print_msg("truncated %u times\n", i);
	reach(1);
	REAP(pid);
	close(fd);
}

TEST_F_TIMEOUT(pmd_swap, shmem_truncate_races, 120)
{
	int fd;

	NEED_SHMEM(fd);
	ASSERT_EQ(0, put_string(KNOB_FILE, "auto"));
	shmem_truncate_races(_metadata, self, fd, 0, NULL);
}

/* zswap is full or not, and what does not go there is not written. */
static void zswap_full_or_not(unsigned int round)
{
	static const char * const max[] = { "0", "64K", "max" };

	cg_put(env.test_cgroup, "memory.zswap.max", max[round % ARRAY_SIZE(max)]);
}

TEST_F_TIMEOUT(pmd_swap, shmem_truncate_not_written, 120)
{
	int fd;

	NEED_SHMEM(fd);
	NEED_ZSWAP();
	ASSERT_EQ(0, put_string(KNOB_FILE, "auto"));
	ASSERT_EQ(0, cg_put(env.test_cgroup, "memory.zswap.writeback", "0"));
	shmem_truncate_races(_metadata, self, fd, COMPRESSIBLE, zswap_full_or_not);
	EXPECT_EQ(0, cg_put(env.test_cgroup, "memory.zswap.max", "max"));
	EXPECT_EQ(0, cg_put(env.test_cgroup, "memory.zswap.writeback", "1"));
}

enum { RACE_THPS = 4, RACE_SECONDS = 20 };

/*
 * Readers by mapping and by read(), one that punches holes and truncates, one that changes the word,
 * and swapoff, while all is paged out again and again. Holes are in the second half only.
 */
TEST_F_TIMEOUT(pmd_swap, shmem_races, 300)
{
	struct own_swap *own = &shared->own_swaps[TEST_SWAP];
	const unsigned long pages = RACE_THPS * self->nr, holes = pages / 2;
	const size_t len = RACE_THPS * self->size;
	static const char * const words[] = { "always", "auto", "never" };
	uint64_t state = env.seed;
	struct timespec start;
	pid_t pids[3];
	unsigned int i;
	char *mem;
	int fd;

	NEED_SHMEM(fd);
	ASSERT_EQ(0, munmap(self->mem, self->size));
	ASSERT_EQ(0, ftruncate(fd, len));
	mem = shmem_map(fd, RACE_THPS);
	ASSERT_NE(NULL, mem);
	fill(mem, 0, pages, 0);
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = fork_child(_metadata);
		if (pids[i])
			continue;
		state = env.seed + 1000 * (i + 1);
		while (!seconds_over(&start, RACE_SECONDS)) {
			const unsigned long page = mix(state++) % pages;
			const unsigned long hole = holes + page / 2;
			char *buf = self->mem;

			switch (i) {
			case 0:
				buf = mem + page * self->page;
				ASSERT_TRUE(page < holes ? intact(buf, page, 1, 0) : page_or_hole(buf, page));
				/* Nobody else's mapping keeps it in memory. */
				if (page % 16 == 0)
					ASSERT_EQ(0, madvise(mem, len, MADV_DONTNEED));
				break;
			case 1:
				buf = malloc(self->page);
				ASSERT_EQ((ssize_t)self->page, pread(fd, buf, self->page, page * self->page));
				ASSERT_TRUE(page < holes ? intact(buf, page, 1, 0) : page_or_hole(buf, page));
				free(buf);
				break;
			case 2:
				/* Of the last THP also all of it, without a part that has to be read. */
				ASSERT_EQ(0, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
						       (page % 8 ? hole : pages - self->nr) * self->page,
						       (page % 8 ? 1 + page % 3 : self->nr) * self->page));
				usleep(20000);
				break;
			}
		}
		_exit(0);
	}
	ASSERT_EQ(0, munmap(mem, len));
	for (i = 0; !seconds_over(&start, RACE_SECONDS); i++) {
		put_string(KNOB_FILE, words[mix(state++) % ARRAY_SIZE(words)]);
		cg_test_reclaim(len);
		if (i % 16 == 15 && own->on) {
			/* The other areas take what comes next. */
			own_swapoff(own);
			ASSERT_EQ(0, swapon(own->dev, SWAP_FLAG_PREFER | SWAP_FLAG_PRIO_MASK));
			own->on = true;
		}
		usleep(1000);
	}
	for (i = 0; i < ARRAY_SIZE(pids); i++)
		REAP(pids[i]);
	mem = shmem_map(fd, RACE_THPS);
	ASSERT_NE(NULL, mem);
	EXPECT_INTACT(mem, 0, holes, 0);
	for (i = holes; i < pages; i++)
		ASSERT_TRUE(page_or_hole(mem + i * self->page, i));
	self->mem = mem;
	close(fd);
}
