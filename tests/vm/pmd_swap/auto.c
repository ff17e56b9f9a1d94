// SPDX-License-Identifier: GPL-2.0
/* PMD swap entries: whole or small, as chosen at swap-in with swap_pmd=auto. */
#include "more.h"

#include <pthread.h>
#include <time.h>

/* Enough pages of a THP on zram for whole to have been the better choice. */
#define DENSE_PAGES	(self->nr / 4)

/* In a row, or at a time. */
#define THPS		8

/* The same out of zswap, whatever the device below it. */
TEST_F(pmd_swap, auto_zswap)
{
	struct counters before;

	NEED_ZSWAP();
	SET_AUTO();
	fill(self->mem, 0, self->nr, ZGEN);
	SWAP_OUT_COLD(self->mem);
	ASSERT_TRUE(cg_test_stat_reaches("zswapped", self->size));
	before = counters_now();
	FORCE_READ(*self->mem);
	EXPECT_EQ(MIXED, thp_state(self->mem));
	/* Each page costs, so these are not many. */
	EXPECT_INTACT(self->mem, 0, DENSE_PAGES - 1, ZGEN);
	EXPECT_SINCE(0, &before, SWPIN_PMD_DENSE);
	EXPECT_INTACT(self->mem, 0, self->nr, ZGEN);
	EXPECT_SINCE(1, &before, SWPIN_PMD_DENSE);
	EXPECT_SINCE(1, &before, SWPIN_PMD_SMALL);
	EXPECT_SINCE(0, &before, SWPIN_PMD);
}

/* Regions that turn out to be used as a whole make the next one come back so. */
TEST_F(pmd_swap, auto_learns_dense)
{
	struct counters before;
	char *mem;

	NEED_ZRAM_SWAP();
	SET_AUTO();
	NEED_CGROUP();
	mem = map_cold(_metadata, self, 3);
	ASSERT_NE(NULL, mem);
	before = counters_now();
	EXPECT_INTACT(mem, 0, DENSE_PAGES - 1, 1);
	EXPECT_SINCE(0, &before, SWPIN_PMD_DENSE);
	EXPECT_INTACT(mem, 0, self->nr, 1);
	EXPECT_SINCE(1, &before, SWPIN_PMD_DENSE);
	EXPECT_INTACT(mem, 0, 2 * self->nr, 1);
	EXPECT_SINCE(2, &before, SWPIN_PMD_SMALL);
	EXPECT_SINCE(2, &before, SWPIN_PMD_DENSE);
	FORCE_READ(mem[2 * self->size]);
	EXPECT_EQ(PMD_MAPPED, thp_state(mem + 2 * self->size));
	EXPECT_SINCE(1, &before, SWPIN_PMD);
	EXPECT_INTACT(mem, 0, 3 * self->nr, 1);
}

/* A page here and there says nothing of the kind. */
TEST_F(pmd_swap, auto_sparse_stays_small)
{
	struct counters before;
	unsigned int i;
	char *mem;

	NEED_ZRAM_SWAP();
	SET_AUTO();
	NEED_CGROUP();
	mem = map_cold(_metadata, self, 3);
	ASSERT_NE(NULL, mem);
	before = counters_now();
	for (i = 0; i < 3; i++)
		FORCE_READ(mem[i * self->size]);
	EXPECT_SINCE(3, &before, SWPIN_PMD_SMALL);
	EXPECT_SINCE(0, &before, SWPIN_PMD);
	EXPECT_INTACT(mem, 0, 3 * self->nr, 1);
}

/* Nothing to decompress. */
TEST_F(pmd_swap, auto_zeroes)
{
	struct counters before;

	NEED_ZRAM_SWAP();
	SET_AUTO();
	memset(self->mem, 0, self->size);
	SWAP_OUT_COLD(self->mem);
	before = counters_now();
	FORCE_READ(*self->mem);
	EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
	EXPECT_TRUE(zeroed(self->mem, self->size));
	EXPECT_SINCE(0, &before, SWPIN_PMD_SMALL);
}

/* What is in the swap cache as a whole costs nothing. */
TEST_F(pmd_swap, auto_cached)
{
	struct counters before;

	NEED_ZRAM_SWAP();
	SET_AUTO();
	SWAP_OUT_COLD(self->mem);
	ASSERT_EQ(0, madvise(self->mem, self->size, MADV_WILLNEED));
	before = counters_now();
	FORCE_READ(*self->mem);
	EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	EXPECT_SINCE(0, &before, SWPIN_PMD_SMALL);
	EXPECT_SINCE(0, &before, PSWPIN);
}

/* Three THPs that are swapped out, and a limit that makes memory short for them. */
static char *map_short_of_memory(struct __test_metadata *_metadata,
				 FIXTURE_DATA(pmd_swap) * self)
{
	char *mem = map_cold(_metadata, self, 3);

	return mem && !leave_room(4 * self->size) ? mem : NULL;
}

/*
 * Memory is short, the device asynchronous: one THP is mapped by PTEs, to see how
 * much of it is used, and is as whole as the others when it has been out again.
 */
TEST_F(pmd_swap, auto_looks_into)
{
	struct counters before;
	char *mem;

	SET_AUTO();
	NEED_CGROUP();
	mem = map_short_of_memory(_metadata, self);
	ASSERT_NE(NULL, mem);
	before = counters_now();
	FORCE_READ(mem[5 * self->page]);
	EXPECT_EQ(MIXED, thp_state(mem));
	EXPECT_EQ(self->nr, nr_pages_with(mem, self->size, PM_PRESENT));
	EXPECT_SINCE(self->nr, &before, PSWPIN);
	EXPECT_SINCE(1, &before, SWPIN_PMD);
	EXPECT_SINCE(0, &before, SWPIN_PMD_SMALL);
	EXPECT_INTACT(mem, 0, self->nr, 1);
	EXPECT_SINCE(0, &before, SWPIN_PMD_DENSE);
	FORCE_READ(mem[self->size]);
	EXPECT_SINCE(1, &before, SWPIN_PMD_DENSE);
	EXPECT_EQ(PMD_MAPPED, thp_state(mem + self->size));

	fill(mem, 0, self->nr, 2);
	ASSERT_TRUE(page_out(mem, self->size));
	ASSERT_TRUE(drop_swap_cache());
	EXPECT_EQ(MIXED, thp_state(mem));
	before = counters_now();
	FORCE_READ(mem[9 * self->page]);
	EXPECT_EQ(PMD_MAPPED, thp_state(mem));
	EXPECT_SINCE(1, &before, SWPIN_PMD);
	EXPECT_SINCE(self->nr, &before, PSWPIN);
	EXPECT_INTACT(mem, 0, self->nr, 2);
	EXPECT_EQ(0, cg_put(env.test_cgroup, "memory.max", "max"));
	EXPECT_INTACT(mem + self->size, self->nr, 2 * self->nr, 1);
}

/* What a fault chooses that finds no page table it chooses again. */
TEST_F(pmd_swap, no_table_auto_looks_into)
{
	struct counters before;
	char *mem;
	int fd;

	NEED_TABLES_GO();
	SET_AUTO();
	NEED_CGROUP();
	mem = map_short_of_memory(_metadata, self);
	ASSERT_NE(NULL, mem);
	NEED_NO_PAGES(fd, "3");
	before = counters_now();
	no_pages_begin(fd);
	FORCE_READ(mem[5 * self->page]);
	no_pages_end(fd);
	EXPECT_EQ(0, no_pages_left());
	EXPECT_EQ(MIXED, thp_state(mem));
	EXPECT_EQ(self->nr, nr_pages_with(mem, self->size, PM_PRESENT));
	EXPECT_SINCE(1, &before, SWPIN_PMD);
	EXPECT_SINCE(0, &before, SWPIN_PMD_SMALL);
	EXPECT_EQ(0, cg_put(env.test_cgroup, "memory.max", "max"));
	EXPECT_INTACT(mem, 0, 3 * self->nr, 1);
}

/*
 * One thread makes PTE swap entries a PMD swap entry again, with a fault, while
 * another discards the region. A round begins when the first counts round up.
 */
struct discard_race {
	char *mem;		/* the region; NULL ends the thread */
	int round;
	int discarded;		/* the last round that was */
	uint64_t at;		/* when to discard */
	uint64_t took;
	unsigned long old;	/* pages that were not zero right afterwards */
	int err;
};

static uint64_t nanoseconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void wait_until(uint64_t ns)
{
	while (nanoseconds() < ns)
		;
}

/* Each page of map_thps() begins with a word that is not zero. */
static unsigned long nr_old_pages(const char *mem)
{
	unsigned long page, old = 0;

	for (page = 0; page < env.nr; page++)
		old += !!get_word(mem + page * env.page_size);
	return old;
}

static void *discard(void *arg)
{
	struct discard_race *r = arg;
	int round;

	for (round = 1; ; round++) {
		while (__atomic_load_n(&r->round, __ATOMIC_ACQUIRE) < round)
			;
		if (!r->mem)
			return NULL;
		wait_until(r->at);
		if (madvise(r->mem, env.pmd_size, MADV_DONTNEED))
			r->err = errno;
		r->took = nanoseconds() - r->at;
		r->old = nr_old_pages(r->mem);
		__atomic_store_n(&r->discarded, round, __ATOMIC_RELEASE);
	}
}

/*
 * THPs in a VMA each, which nothing is known of: the first fault looks into them.
 * They are PTE swap entries then, ready to be PMD swap entries again.
 */
static void map_to_be_merged(struct __test_metadata *_metadata,
			     FIXTURE_DATA(pmd_swap) * self, char *mem[THPS])
{
	unsigned int i;

	for (i = 0; i < THPS; i++) {
		mem[i] = map_thps(1, 1);
		ASSERT_NE(NULL, mem[i]);
		ASSERT_TRUE(page_out(mem[i], self->size));
	}
	ASSERT_TRUE(drop_swap_cache());
	ASSERT_EQ(0, leave_room(4 * self->size));
	for (i = 0; i < THPS; i++) {
		ASSERT_EQ(PMD_SWAPPED, thp_state(mem[i]));
		FORCE_READ(*mem[i]);
		ASSERT_EQ(self->nr, nr_pages_with(mem[i], self->size,
						  PM_PRESENT));
		ASSERT_TRUE(page_out(mem[i], self->size));
		ASSERT_EQ(MIXED, thp_state(mem[i]));
	}
	ASSERT_EQ(0, cg_put(env.test_cgroup, "memory.max", "max"));
}

/* What MADV_DONTNEED has discarded is gone, also while it is merged. */
TEST_F_TIMEOUT(pmd_swap, auto_merge_dontneed, 180)
{
	const uint64_t end = nanoseconds() + 15 * 1000000000ULL;
	uint64_t fault_took = 0, discard_took = 1000000;
	unsigned int rounds = 0, missed = 0;
	struct discard_race r = {};
	char *mem[THPS];
	pthread_t thread;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP_TEST("needs two processors");
	SET_AUTO();
	NEED_CGROUP();
	ASSERT_EQ(0, munmap(self->mem, self->size));
	ASSERT_EQ(0, pthread_create(&thread, NULL, discard, &r));
	do {
		const uint64_t random = mix(env.seed + rounds);
		const unsigned long page = random % self->nr;
		/* The first of each lot is not raced: so long a merge takes. */
		const bool alone = rounds % THPS == 0;
		struct counters before;
		uint64_t start, word;

		if (alone) {
			map_to_be_merged(_metadata, self, mem);
			before = counters_now();
		}
		r.mem = mem[rounds % THPS];
		/* From one being just over to the other being just over. */
		start = nanoseconds() + 20000 + discard_took;
		r.at = start - discard_took +
		       (random >> 16) % (fault_took + discard_took);
		rounds++;
		if (!alone)
			__atomic_store_n(&r.round, rounds, __ATOMIC_RELEASE);
		wait_until(start);
		word = get_word(r.mem + page * self->page);
		if (alone) {
			fault_took = nanoseconds() - start;
			EXPECT_SINCE(1, &before, SWPIN_PMD);
			__atomic_store_n(&r.round, rounds, __ATOMIC_RELEASE);
		}
		while (__atomic_load_n(&r.discarded, __ATOMIC_ACQUIRE) <
		       (int)rounds)
			;
		if (discard_took > r.took)
			discard_took = r.took;

		ASSERT_EQ(0, r.err);
		EXPECT_TRUE(!word || word == pattern(1, page, 0));
		missed += r.old || nr_old_pages(r.mem);
		ASSERT_EQ(0, munmap(r.mem, self->size));
	} while (rounds % THPS || nanoseconds() < end);
	r.mem = NULL;
	__atomic_store_n(&r.round, rounds + 1, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(thread, NULL));

	EXPECT_EQ(0, missed) {
		TH_LOG("%u of %u rounds, seed %#llx", missed, rounds,
		       (unsigned long long)env.seed);
	}
}

/* The same with little of it used: the next one comes back small. */
TEST_F(pmd_swap, auto_looks_into_sparse)
{
	struct counters before;
	char *mem;

	SET_AUTO();
	NEED_CGROUP();
	mem = map_short_of_memory(_metadata, self);
	ASSERT_NE(NULL, mem);
	before = counters_now();
	/* Neither of a stream. */
	FORCE_READ(mem[99 * self->page]);
	FORCE_READ(mem[2 * self->size + 99 * self->page]);
	EXPECT_SINCE(1, &before, SWPIN_PMD);
	EXPECT_SINCE(0, &before, SWPIN_PMD_DENSE);
	EXPECT_SINCE(1, &before, SWPIN_PMD_SMALL);
	EXPECT_EQ(1UL, nr_pages_with(mem + 2 * self->size, self->size,
				     PM_PRESENT));
	EXPECT_EQ(0, cg_put(env.test_cgroup, "memory.max", "max"));
	EXPECT_INTACT(mem, 0, 3 * self->nr, 1);
}

/*
 * There is room, but for less than half of what is swapped out, and what has got a huge mapping would have it to the
 * end: until it has been seen how much is used there is none.
 */
TEST_F(pmd_swap, auto_room_for_a_part)
{
	struct counters before;
	char *mem, *next;

	SET_AUTO();
	NEED_CGROUP();
	mem = map_cold(_metadata, self, 14);
	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, leave_room(6 * self->size + self->size / 2));
	next = mem + 2 * self->size;
	before = counters_now();
	FORCE_READ(mem[99 * self->page]);
	FORCE_READ(next[99 * self->page]);
	EXPECT_SINCE(2, &before, SWPIN_PMD);
	EXPECT_EQ(MIXED, thp_state(mem));
	EXPECT_EQ(MIXED, thp_state(next));
	/* With room for all of it, there is. */
	EXPECT_EQ(0, cg_put(env.test_cgroup, "memory.max", "max"));
	FORCE_READ(mem[4 * self->size + 99 * self->page]);
	EXPECT_EQ(PMD_MAPPED, thp_state(mem + 4 * self->size));
	EXPECT_INTACT(mem, 0, 14 * self->nr, 1);
}

/* Swapoff ends, also where a fault would read the rest of a region at a time. */
TEST_F(pmd_swap, auto_swapoff_watched)
{
	struct counters before;
	char *mem;

	NEED_OWN_SWAP();
	SET_AUTO();
	NEED_CGROUP();
	mem = map_short_of_memory(_metadata, self);
	ASSERT_NE(NULL, mem);
	before = counters_now();
	FORCE_READ(mem[99 * self->page]);
	FORCE_READ(mem[2 * self->size + 99 * self->page]);
	EXPECT_SINCE(1, &before, SWPIN_PMD_SMALL);
	/* There is room for all of it now. */
	EXPECT_EQ(0, cg_put(env.test_cgroup, "memory.max", "max"));
	ASSERT_EQ(0, own_swapoff(&shared->own_swaps[TEST_SWAP]));
	EXPECT_TRUE(present(mem, 3 * self->size));
	EXPECT_EQ(0, vm_swap());
	EXPECT_INTACT(mem, 0, 3 * self->nr, 1);
}

/* Each decides for itself, about the same slots. */
TEST_F(pmd_swap, auto_fork)
{
	struct counters before;
	pid_t pid;

	NEED_ZRAM_SWAP();
	SET_AUTO();
	SWAP_OUT_COLD(self->mem);
	before = counters_now();
	pid = fork_child(_metadata);
	if (!pid) {
		EXPECT_INTACT(self->mem, 0, self->nr, 0);
		fill(self->mem, 0, self->nr, 2);
		EXPECT_INTACT(self->mem, 0, self->nr, 2);
		_exit(0);
	}
	REAP(pid);
	EXPECT_EQ(PMD_SWAPPED, thp_state(self->mem));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	/* The second finds single pages in the swap cache, and has no choice. */
	EXPECT_SINCE(1, &before, SWPIN_PMD_SMALL);
	EXPECT_SINCE(1, &before, SWPIN_PMD_FALLBACK);
}

/* All THPs have come back whole, @ahead of them before they were asked for and none in vain. */
static void expect_read_ahead(struct __test_metadata *_metadata, const struct counters *before, long ahead)
{
	EXPECT_SINCE(THPS, before, SWPIN_PMD);
	EXPECT_SINCE(ahead, before, SWPIN_PMD_RA);
	EXPECT_SINCE(ahead, before, SWPIN_PMD_RA_HIT);
}

/* In order: what comes next is being read already. */
TEST_F(pmd_swap, auto_reads_ahead)
{
	struct counters before;
	char *mem;

	SET_AUTO();
	NEED_CGROUP();
	mem = map_cold(_metadata, self, THPS);
	ASSERT_NE(NULL, mem);
	before = counters_now();
	EXPECT_INTACT(mem, 0, THPS * self->nr, 1);
	expect_read_ahead(_metadata, &before, THPS - 3);
	EXPECT_SINCE(THPS * (long)self->nr, &before, PSWPIN);
}

TEST_F(pmd_swap, auto_reads_ahead_backwards)
{
	struct counters before;
	char *mem;
	int i;

	SET_AUTO();
	NEED_CGROUP();
	mem = map_cold(_metadata, self, THPS);
	ASSERT_NE(NULL, mem);
	before = counters_now();
	for (i = THPS * self->nr - 1; i >= 0; i--)
		EXPECT_INTACT(mem + i * self->page, i, 1, 1);
	expect_read_ahead(_metadata, &before, THPS - 3);
}

/* A page from the middle of each, in order: so it will go on. */
TEST_F(pmd_swap, auto_reads_ahead_of_few)
{
	struct counters before;
	char *mem;
	int i;

	SET_AUTO();
	NEED_CGROUP();
	mem = map_cold(_metadata, self, THPS);
	ASSERT_NE(NULL, mem);
	before = counters_now();
	for (i = 0; i < THPS; i++)
		FORCE_READ(mem[i * self->size + 99 * self->page]);
	expect_read_ahead(_metadata, &before, THPS - 4);
	EXPECT_INTACT(mem, 0, THPS * self->nr, 1);
}

/* In no order: nothing is read for nothing. */
TEST_F(pmd_swap, auto_reads_nothing_ahead)
{
	static const int order[] = { 3, 0, 5, 2, 7, 4, 1, 6 };
	struct counters before;
	unsigned int i;
	char *mem;

	SET_AUTO();
	NEED_CGROUP();
	mem = map_cold(_metadata, self, THPS);
	ASSERT_NE(NULL, mem);
	before = counters_now();
	for (i = 0; i < THPS; i++)
		FORCE_READ(mem[order[i] * self->size + 99 * self->page]);
	EXPECT_SINCE(0, &before, SWPIN_PMD_RA);
	EXPECT_SINCE(THPS, &before, SWPIN_PMD);
	EXPECT_INTACT(mem, 0, THPS * self->nr, 1);
}
