// SPDX-License-Identifier: GPL-2.0
/* PMD swap entries: what is kept of a THP that was read whole with swap_pmd=auto, and of which little is used. */
#include "more.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/uio.h>
#include <time.h>

/* Pages that are used of a THP, too few for it to stay one. The first one is what looked_into() touches. */
static const unsigned long used[] = { 0, 5, 6, 77, 255 };

/* arm64 may have one accessed bit for the 64K around each. */
#ifdef __aarch64__
#define MOST_KEPT	(3 * 16UL)
#else
#define MOST_KEPT	ARRAY_SIZE(used)
#endif

/* A THP that has been read whole while memory was short, and is mapped by PTEs, all of them old. */
static char *looked_into(struct __test_metadata *_metadata, FIXTURE_DATA(pmd_swap) * self, bool write)
{
	char *mem = map_cold(_metadata, self, 1);

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, leave_room(4 * self->size));
	if (write)
		put_word(mem, pattern(1, 0, 0));
	else
		FORCE_READ(*mem);
	ASSERT_EQ(MIXED, thp_state(mem));
	ASSERT_EQ(self->nr, nr_pages_with(mem, self->size, PM_PRESENT));
	return mem;
}

static void use(FIXTURE_DATA(pmd_swap) * self, char *mem)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(used); i++)
		FORCE_READ(mem[used[i] * self->page]);
}

/* Reclaim until the THP is no longer there as a whole. */
static bool reclaimed(FIXTURE_DATA(pmd_swap) * self, char *mem)
{
	int i;

	for (i = 0; i < 100; i++) {
		cg_test_reclaim(self->size);
		if (nr_pages_with(mem, self->size, PM_PRESENT) < self->nr)
			return true;
	}
	return false;
}

#define NEED_KEPT() do {						\
	NEED_CGROUP();							\
	SET_AUTO();							\
	/* Nothing else is to be reclaimed. */				\
	ASSERT_EQ(0, munmap(self->mem, self->size));			\
} while (0)

static void expect_kept(struct __test_metadata *_metadata, FIXTURE_DATA(pmd_swap) * self, char *mem)
{
	unsigned long kept = nr_pages_with(mem, self->size, PM_PRESENT);
	unsigned int i;

	EXPECT_LE(ARRAY_SIZE(used), kept);
	EXPECT_GE(MOST_KEPT, kept);
	EXPECT_EQ((self->nr - kept) * self->page, smaps_bytes(mem, self->size, "Swap"));
	for (i = 0; i < ARRAY_SIZE(used); i++)
		EXPECT_EQ(1UL, nr_pages_with(mem + used[i] * self->page, self->page, PM_PRESENT));
}

/* Let MGLRU look at what is young in the cgroup of the test, as it does when it makes a new generation. */
static bool mglru_age(const char *mem)
{
	static const char file[] = "/sys/kernel/debug/lru_gen";
	const size_t length = strlen(env.test_cgroup);
	unsigned long long id, mine = 0;
	char line[512], path[256], command[64] = "";
	unsigned long seq;
	FILE *list = fopen(file, "r");

	if (!list)
		return false;
	while (fgets(line, sizeof(line), list)) {
		if (sscanf(line, "memcg %llu %255s", &id, path) == 2)
			mine = strlen(path) < length && !strcmp(env.test_cgroup + length - strlen(path), path) ? id : 0;
		else if (mine && sscanf(line, " %lu", &seq) == 1)
			snprintf(command, sizeof(command), "+ %llu 0 %lu", mine, seq);
	}
	fclose(list);
	return *command && !put_string(file, command);
}

/* Let the THP be on the active list, as what is accessed twice by system calls: there it is aged before it is reclaimed. */
static bool activate(const char *mem)
{
	const struct iovec from = { .iov_base = (void *)mem, .iov_len = 1 };
	char page;
	const struct iovec to = { .iov_base = &page, .iov_len = 1 };
	int i;

	for (i = 0; i < 2; i++)
		if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) != 1)
			return false;
	return cg_test_stat("active_anon") >= (long)read_pmd_pagesize();
}

/* @age: What happens to the THP, between its use and the time when it is reclaimed; NULL for nothing. */
static void expect_keeps_used(struct __test_metadata *_metadata, FIXTURE_DATA(pmd_swap) * self,
			      bool (*age)(const char *mem))
{
	struct counters before;
	unsigned int i;
	long current;
	char *mem;

	mem = looked_into(_metadata, self, false);
	use(self, mem);
	if (age)
		ASSERT_TRUE(age(mem));
	current = cg_test_current();
	ASSERT_TRUE(reclaimed(self, mem));
	expect_kept(_metadata, self, mem);
	/* Neither the memory nor the slots are charged any more, but for what is kept. */
	EXPECT_GT(current - (long)(self->size - 2 * 64 * self->page), cg_test_current());
	EXPECT_LE((long)((self->nr - MOST_KEPT) * self->page), cg_test_swap());
	EXPECT_GE((long)((self->nr - ARRAY_SIZE(used) + 8) * self->page), cg_test_swap());

	before = counters_now();
	for (i = 0; i < ARRAY_SIZE(used); i++)
		EXPECT_INTACT(mem + used[i] * self->page, used[i], 1, 1);
	EXPECT_SINCE(0, &before, PSWPIN);
	EXPECT_EQ(0, cg_put(env.test_cgroup, "memory.max", "max"));
	EXPECT_INTACT(mem, 0, self->nr, 1);
	EXPECT_EQ(0UL, smaps_bytes(mem, self->size, "Swap"));
}

/* What was used stays, and costs nothing when it is used again. */
TEST_F(pmd_swap, keep_used)
{
	NEED_KEPT();
	expect_keeps_used(_metadata, self, NULL);
}

/* Also where page tables are walked to see what is young before anything is reclaimed. */
TEST_F(pmd_swap, keep_used_with_mglru)
{
	NEED_KEPT();
	if (access("/sys/kernel/debug/lru_gen", W_OK))
		SKIP_TEST("no MGLRU in debugfs: CONFIG_LRU_GEN, CONFIG_DEBUG_FS");
	ASSERT_TRUE(set_for_test("/sys/kernel/mm/lru_gen/enabled", "7"));
	expect_keeps_used(_metadata, self, mglru_age);
}

/* Also where the active list is. */
TEST_F(pmd_swap, keep_used_when_active)
{
	NEED_KEPT();
	if (!access("/sys/kernel/mm/lru_gen/enabled", W_OK))
		ASSERT_TRUE(set_for_test("/sys/kernel/mm/lru_gen/enabled", "0"));
	expect_keeps_used(_metadata, self, activate);
}

/* Let the cgroup of the test put so much more into swap. */
static int leave_swap(size_t bytes)
{
	char limit[32];

	snprintf(limit, sizeof(limit), "%ld", cg_test_swap() + (long)bytes);
	return cg_put(env.test_cgroup, "memory.swap.max", limit);
}

/* Also where swap is so full that what comes back gives its slots up: what is looked into does not. */
TEST_F(pmd_swap, keep_used_with_swap_half_full)
{
	NEED_KEPT();
	ASSERT_EQ(0, leave_swap(self->size + self->size / 2));
	expect_keeps_used(_metadata, self, NULL);
	EXPECT_EQ(0, cg_put(env.test_cgroup, "memory.swap.max", "max"));
}

/* But not the last slots: with none left reclaim would not look at memory that could be dropped. */
TEST_F(pmd_swap, keep_no_slots_that_are_the_last)
{
	long swap;
	char *mem;

	NEED_KEPT();
	ASSERT_EQ(0, leave_swap(self->size + self->size / 32));
	swap = cg_test_swap();
	mem = looked_into(_metadata, self, false);
	EXPECT_EQ(swap, cg_test_swap());
	EXPECT_EQ(0, cg_put(env.test_cgroup, "memory.max", "max"));
	EXPECT_EQ(0, cg_put(env.test_cgroup, "memory.swap.max", "max"));
	EXPECT_INTACT(mem, 0, self->nr, 1);
}

#define KHUGEPAGED	"/sys/kernel/mm/transparent_hugepage/khugepaged/"

/* khugepaged looks at all memory, and makes huge mappings where it wants to. */
static bool khugepaged_pass(void)
{
	const unsigned long scans = read_num(KHUGEPAGED "full_scans");
	int i;

	if (!set_for_test(KHUGEPAGED "pages_to_scan", "1048576") ||
	    !set_for_test(KHUGEPAGED "scan_sleep_millisecs", "10"))
		return false;
	/* The first one may have begun before. */
	for (i = 0; i < 3000; i++) {
		if (read_num(KHUGEPAGED "full_scans") >= scans + 2)
			return true;
		usleep(10000);
	}
	return false;
}

/* Though all of it is there, it is not made huge again while memory is short: that would have to go as a whole. */
TEST_F(pmd_swap, keep_from_khugepaged)
{
	char *mem;

	NEED_KEPT();
	mem = looked_into(_metadata, self, false);
	use(self, mem);
	ASSERT_TRUE(khugepaged_pass());
	EXPECT_EQ(MIXED, thp_state(mem));
	ASSERT_TRUE(reclaimed(self, mem));
	expect_kept(_metadata, self, mem);
}

TEST_F(pmd_swap, keep_not_from_khugepaged_with_room)
{
	char *mem;

	NEED_KEPT();
	mem = looked_into(_metadata, self, false);
	ASSERT_EQ(0, cg_put(env.test_cgroup, "memory.max", "max"));
	ASSERT_TRUE(khugepaged_pass());
	EXPECT_EQ(PMD_MAPPED, thp_state(mem));
}

TEST_F(pmd_swap, keep_not_from_khugepaged_what_is_used)
{
	char *mem;

	NEED_KEPT();
	mem = looked_into(_metadata, self, false);
	EXPECT_INTACT(mem, 0, self->nr, 1);
	ASSERT_TRUE(khugepaged_pass());
	EXPECT_EQ(PMD_MAPPED, thp_state(mem));
}

/* What was used stays if a write is what has brought it back: the rest of it is not written out again. */
TEST_F(pmd_swap, keep_first_written)
{
	unsigned long pswpout;
	char *mem;

	NEED_KEPT();
	mem = looked_into(_metadata, self, true);
	use(self, mem);
	pswpout = get_key("/proc/vmstat", "pswpout");
	ASSERT_TRUE(reclaimed(self, mem));
	expect_kept(_metadata, self, mem);
	EXPECT_GT(self->nr, get_key("/proc/vmstat", "pswpout") - pswpout);
	EXPECT_EQ(0, cg_put(env.test_cgroup, "memory.max", "max"));
	EXPECT_INTACT(mem, 0, self->nr, 1);
}

/* What was written stays as it was written, and goes out again like any page. */
TEST_F(pmd_swap, keep_written)
{
	unsigned int i;
	char *mem;

	NEED_KEPT();
	mem = looked_into(_metadata, self, false);
	use(self, mem);
	for (i = 0; i < ARRAY_SIZE(used); i += 2)
		fill(mem + used[i] * self->page, used[i], 1, 2);
	ASSERT_TRUE(reclaimed(self, mem));
	expect_kept(_metadata, self, mem);
	EXPECT_EQ(0, cg_put(env.test_cgroup, "memory.max", "max"));
	for (i = 0; i < ARRAY_SIZE(used); i++) {
		EXPECT_INTACT(mem + used[i] * self->page, used[i], 1, i % 2 ? 1 : 2);
		/* Of the others the copies are still to be written to. */
		fill(mem + used[i] * self->page, used[i], 1, 3);
		EXPECT_INTACT(mem + used[i] * self->page, used[i], 1, 3);
	}
	EXPECT_TRUE(page_out(mem, self->size));
	EXPECT_TRUE(swapped(mem, self->size));
	for (i = 0; i < ARRAY_SIZE(used); i++) {
		EXPECT_INTACT(mem + used[i] * self->page, used[i], 1, 3);
		fill(mem + used[i] * self->page, used[i], 1, 1);
	}
	EXPECT_INTACT(mem, 0, self->nr, 1);
}

TEST_F(pmd_swap, keep_soft_dirty)
{
	unsigned int i;
	char *mem;

	if (!softdirty_supported())
		SKIP_TEST("no soft-dirty tracking");
	NEED_KEPT();
	mem = looked_into(_metadata, self, false);
	clear_softdirty();
	use(self, mem);
	for (i = 0; i < ARRAY_SIZE(used); i += 2)
		fill(mem + used[i] * self->page, used[i], 1, 2);
	ASSERT_TRUE(reclaimed(self, mem));
	expect_kept(_metadata, self, mem);
	for (i = 0; i < self->nr; i++)
		EXPECT_EQ(i == 0 || i == 6 || i == 255,
			  nr_pages_with(mem + i * self->page, self->page, PM_SOFT_DIRTY));
	/* A write to one that is clean is seen. */
	fill(mem + 5 * self->page, 5, 1, 2);
	EXPECT_EQ(1UL, nr_pages_with(mem + 5 * self->page, self->page, PM_SOFT_DIRTY));
}

/* A page that somebody has a reference to stays that page: here a pipe. */
TEST_F(pmd_swap, keep_no_copy_of_what_is_in_a_pipe)
{
	struct iovec iov = { .iov_len = self->page };
	uint64_t word;
	int fds[2], i;
	char *mem;

	NEED_KEPT();
	ASSERT_EQ(0, pipe(fds));
	mem = looked_into(_metadata, self, false);
	use(self, mem);
	put_word(mem + 5 * self->page, 42);
	iov.iov_base = mem + 5 * self->page;
	ASSERT_EQ((ssize_t)self->page, vmsplice(fds[1], &iov, 1, 0));
	for (i = 0; i < 20; i++)
		cg_test_reclaim(self->size);
	put_word(mem + 5 * self->page, 43);
	ASSERT_EQ((ssize_t)sizeof(word), read(fds[0], &word, sizeof(word)));
	EXPECT_EQ(43, word);
	EXPECT_EQ(0, cg_put(env.test_cgroup, "memory.max", "max"));
	put_word(mem + 5 * self->page, pattern(1, 5, 0));
	EXPECT_INTACT(mem, 0, self->nr, 1);
}

/* Pages that a child has as well are not copied: there would be two of them. */
TEST_F(pmd_swap, keep_no_copy_of_what_is_shared)
{
	pid_t pid;
	char *mem;

	NEED_KEPT();
	mem = map_cold(_metadata, self, 1);
	ASSERT_NE(NULL, mem);
	pid = fork_child(_metadata);
	if (!pid) {
		await(1);
		EXPECT_INTACT(mem, 0, self->nr, 1);
		_exit(0);
	}
	ASSERT_EQ(0, leave_room(4 * self->size));
	use(self, mem);
	ASSERT_EQ(MIXED, thp_state(mem));
	ASSERT_EQ(self->nr, nr_pages_with(mem, self->size, PM_PRESENT));
	ASSERT_TRUE(reclaimed(self, mem));
	EXPECT_TRUE(swapped(mem, self->size));
	EXPECT_EQ(0, cg_put(env.test_cgroup, "memory.max", "max"));
	reach(1);
	REAP(pid);
	EXPECT_INTACT(mem, 0, self->nr, 1);
}

/* Without memory for a copy nothing is lost but the time to read it again. */
TEST_F(pmd_swap, keep_without_memory)
{
	unsigned int i;
	char *mem;
	int fd;

	NEED_KEPT();
	mem = looked_into(_metadata, self, false);
	use(self, mem);
	fill(mem + 5 * self->page, 5, 1, 2);
	NEED_NO_PAGES(fd, "-1");
	for (i = 0; i < 100 && nr_pages_with(mem, self->size, PM_PRESENT) == self->nr; i++) {
		no_pages_begin(fd);
		cg_test_reclaim(self->size);
		no_pages_end(fd);
	}
	EXPECT_TRUE(swapped(mem, self->size));
	EXPECT_EQ(self->size, smaps_bytes(mem, self->size, "Swap"));
	EXPECT_EQ(0, cg_put(env.test_cgroup, "memory.max", "max"));
	EXPECT_INTACT(mem + 5 * self->page, 5, 1, 2);
	fill(mem + 5 * self->page, 5, 1, 1);
	EXPECT_INTACT(mem, 0, self->nr, 1);
}

/* Of which more is used, more than can be few: it stays as a whole until it is not used any more. */
TEST_F(pmd_swap, keep_whole_what_is_used)
{
	struct counters before;
	char *mem;
	int i;

	NEED_KEPT();
	mem = looked_into(_metadata, self, false);
	before = counters_now();
	EXPECT_INTACT(mem, 0, self->nr / 4, 1);
	for (i = 0; i < 100 && !since(&before, SWPIN_PMD_DENSE); i++)
		cg_test_reclaim(self->size);
	EXPECT_SINCE(1, &before, SWPIN_PMD_DENSE);
	/* And is one again when it has been out. */
	ASSERT_TRUE(reclaimed(self, mem));
	EXPECT_TRUE(swapped(mem, self->size));
	EXPECT_TRUE(drop_swap_cache());
	EXPECT_EQ(0, cg_put(env.test_cgroup, "memory.max", "max"));
	FORCE_READ(*mem);
	EXPECT_EQ(PMD_MAPPED, thp_state(mem));
	EXPECT_INTACT(mem, 0, self->nr, 1);
}

/*
 * Threads that count in pages of a THP while it goes: a write that comes between the copy and the end of the old
 * mapping would be lost.
 */
struct counting {
	pthread_t thread;
	volatile uint64_t *word;	/* NULL while there is none */
	uint64_t counted;
	int turn, seen;			/* who sees a turn has seen the word that was set before it */
	bool end;
};

static void *count(void *arg)
{
	struct counting *c = arg;

	for (;;) {
		int turn = __atomic_load_n(&c->turn, __ATOMIC_ACQUIRE);
		volatile uint64_t *word = __atomic_load_n(&c->word, __ATOMIC_ACQUIRE);

		__atomic_store_n(&c->seen, turn, __ATOMIC_RELEASE);
		if (__atomic_load_n(&c->end, __ATOMIC_ACQUIRE))
			return NULL;
		if (!word)
			continue;
		*word = *word + 1;
		c->counted++;
	}
}

TEST_F_TIMEOUT(pmd_swap, keep_race_with_writers, 240)
{
	static const unsigned long pages[] = { 3, 250 };
	struct counting counting[ARRAY_SIZE(pages)] = {};
	unsigned int i, rounds = 0, kept = 0;
	time_t end = time(NULL) + 20;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP_TEST("needs two processors");
	NEED_KEPT();
	for (i = 0; i < ARRAY_SIZE(pages); i++)
		ASSERT_EQ(0, pthread_create(&counting[i].thread, NULL, count, &counting[i]));
	do {
		char *mem = looked_into(_metadata, self, false);
		uint64_t first[ARRAY_SIZE(pages)];
		struct counters before = counters_now();

		for (i = 0; i < ARRAY_SIZE(pages); i++) {
			first[i] = pattern(1, pages[i], 0);
			counting[i].counted = 0;
			__atomic_store_n(&counting[i].word, (uint64_t *)(mem + pages[i] * self->page), __ATOMIC_RELEASE);
		}
		for (i = 0; i < 20 && nr_pages_with(mem, self->size, PM_PRESENT) == self->nr; i++)
			cg_test_reclaim(self->size);
		/* What they count in is there, nothing has been read, and most is not there. */
		kept += nr_pages_with(mem, self->size, PM_PRESENT) < self->nr && !since(&before, PSWPIN);
		for (i = 0; i < ARRAY_SIZE(pages); i++) {
			__atomic_store_n(&counting[i].word, NULL, __ATOMIC_RELEASE);
			__atomic_store_n(&counting[i].turn, rounds + 1, __ATOMIC_RELEASE);
			while (__atomic_load_n(&counting[i].seen, __ATOMIC_ACQUIRE) != (int)rounds + 1)
				usleep(100);
		}
		EXPECT_EQ(0, cg_put(env.test_cgroup, "memory.max", "max"));
		for (i = 0; i < ARRAY_SIZE(pages); i++) {
			ASSERT_EQ(first[i] + counting[i].counted, get_word(mem + pages[i] * self->page));
			put_word(mem + pages[i] * self->page, first[i]);
		}
		ASSERT_TRUE(intact(mem, 0, self->nr, 1));
		ASSERT_EQ(0, munmap(mem, self->size));
		rounds++;
	} while (time(NULL) < end);
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		__atomic_store_n(&counting[i].end, true, __ATOMIC_RELEASE);
		ASSERT_EQ(0, pthread_join(counting[i].thread, NULL));
	}
	/* Not all rounds are what they are to be, but some are. */
	EXPECT_LT(0U, kept) TH_LOG("%u rounds, seed %#llx", rounds, (unsigned long long)env.seed);
}
