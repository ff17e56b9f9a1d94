// SPDX-License-Identifier: GPL-2.0
/*
 * PMD swap entries and the memory controller of cgroup v1. That has one counter
 * for memory and swap together: a page is charged to it in memory, a slot while
 * its page is not, and the charge goes from one to the other at swap-out, at
 * swap-in, and back when a swap-in comes to nothing.
 *
 * The controller is in one hierarchy at a time. A machine whose init uses that
 * of v2 skips all of this; tests/host/selftest KERNEL memcg_v1 boots one whose
 * init does not.
 */
#include "more.h"

#include <sys/stat.h>

#define MIB	(1L << 20)

static char v1_cgroup[PATH_MAX];

/* Where the controller of v1 is mounted; false if it is not. */
static bool v1_root(char root[PATH_MAX])
{
	char line[PATH_MAX], type[32], options[256];
	bool found = false;
	FILE *file;

	file = fopen("/proc/mounts", "r");
	while (file && !found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%*s %1023s %31s %255s", root, type,
			       options) == 3 && !strcmp(type, "cgroup") &&
			strstr(options, "memory");
	if (file)
		fclose(file);
	return found;
}

static int v1_put(const char *file, long val)
{
	char path[PATH_MAX], buf[32];

	snprintf(buf, sizeof(buf), "%ld", val);
	return put_string(cg_file(path, v1_cgroup, file), buf);
}

static long v1_get(const char *file)
{
	char path[PATH_MAX], buf[32];

	return get_string(cg_file(path, v1_cgroup, file), buf, sizeof(buf)) ?
	       -1 : atol(buf);
}

/* With what is left of cgroups below that have been removed. */
static long v1_stat(const char *key)
{
	char path[PATH_MAX], total[64];

	snprintf(total, sizeof(total), "total_%s", key);
	return get_key(cg_file(path, v1_cgroup, "memory.stat"), total);
}

#define NEED_V1() do {							\
	char __root[PATH_MAX], __path[PATH_MAX];			\
									\
	if (!v1_root(__root))						\
		SKIP_TEST("the memory controller of cgroup v1 is not mounted"); \
	snprintf(v1_cgroup, sizeof(v1_cgroup), "%.1000s/pmd_swap.%d",	\
		 __root, getpid());					\
	ASSERT_EQ(0, mkdir(v1_cgroup, 0755));				\
	if (access(cg_file(__path, v1_cgroup,				\
			   "memory.memsw.limit_in_bytes"), W_OK)) {	\
		rmdir(v1_cgroup);					\
		SKIP_TEST("memory and swap have no common counter");	\
	}								\
} while (0)

/*
 * What is charged for slots alone. Memory that is charged and not used, for the
 * next to come, is in both counters.
 */
static long v1_slots(void)
{
	return v1_get("memory.memsw.usage_in_bytes") -
	       v1_get("memory.usage_in_bytes");
}

/* The counters are read one by one, and those of memory.stat come later. */
static bool v1_slots_reach(long bytes)
{
	int i;

	for (i = 0; i < 250; i++) {
		if (v1_slots() == bytes && v1_stat("swap") == bytes)
			return true;
		usleep(20000);
	}
	ksft_print_msg("charged for slots %ld, memory.stat swap %ld, not %ld\n",
		       v1_slots(), v1_stat("swap"), bytes);
	return false;
}

/* Reclaim all there is, until the swap cache has gone and so much is in slots. */
static bool v1_evict(long bytes)
{
	int i;

	for (i = 0; i < 100; i++) {
		v1_put("memory.force_empty", 0);
		if (v1_slots() == bytes)
			return v1_slots_reach(bytes);
		usleep(20000);
	}
	return v1_slots_reach(bytes);
}

/*
 * Enter the cgroup. What the process has already is locked, so that the THPs to
 * come are all that can be swapped out.
 */
static void v1_enter(struct __test_metadata *_metadata,
		     FIXTURE_DATA(pmd_swap) * self)
{
	ASSERT_EQ(0, munmap(self->mem, self->size));
	ASSERT_EQ(0, v1_put("cgroup.procs", 0));
	ASSERT_EQ(0, mlockall(MCL_CURRENT));
}

/*
 * With the last process gone nothing is charged that is not the kernel's, which
 * is in all counters.
 */
static void expect_v1_empty(struct __test_metadata *_metadata)
{
	long memory = -1, memsw = -1, kernel = -1;
	int i;

	for (i = 0; i < 100; i++) {
		v1_put("memory.force_empty", 0);
		memory = v1_get("memory.usage_in_bytes");
		memsw = v1_get("memory.memsw.usage_in_bytes");
		kernel = v1_get("memory.kmem.usage_in_bytes");
		if (memory == kernel && memsw == kernel)
			break;
		usleep(20000);
	}
	EXPECT_EQ(kernel, memory);
	EXPECT_EQ(kernel, memsw);
	EXPECT_TRUE(v1_slots_reach(0));
	EXPECT_EQ(0, v1_stat("rss"));
	EXPECT_EQ(0, v1_stat("rss_huge"));
	EXPECT_EQ(0, v1_stat("swapcached"));
	EXPECT_EQ(0, rmdir(v1_cgroup));
}

/* The slots that a THP takes, as it goes out, is forked, unmapped, and comes in. */
TEST_F(pmd_swap, memcg_v1_charges)
{
	const unsigned int nr = 4;
	const long len = nr * self->size, part = 7 * self->page;
	struct counters before;
	pid_t pid, sharer;
	unsigned int i;
	char *mem;

	NEED_V1();
	pid = fork_child(_metadata);
	if (!pid) {
		v1_enter(_metadata, self);
		mem = map_thps(nr, 1);
		ASSERT_NE(NULL, mem);
		EXPECT_TRUE(v1_slots_reach(0));
		before = counters_now();
		ASSERT_TRUE(page_out(mem, len));
		EXPECT_SINCE(nr, &before, SWPOUT_PMD);
		ASSERT_TRUE(v1_evict(len));

		/* Those who share a slot share its charge. */
		sharer = fork_child(_metadata);
		if (!sharer) {
			reach(1);
			await(2);
			EXPECT_INTACT(mem, 0, self->nr, 1);
			_exit(0);
		}
		await(1);
		EXPECT_TRUE(v1_slots_reach(len));
		ASSERT_EQ(0, munmap(mem, self->size));
		EXPECT_TRUE(v1_slots_reach(len));
		reach(2);
		REAP(sharer);
		/* Read by the one who has exited, and was the last to have it. */
		EXPECT_TRUE(v1_slots_reach(len - self->size));

		before = counters_now();
		for (i = 1; i < 3; i++)
			EXPECT_EQ(pattern(1, i * self->nr + 61, 0),
				  get_word(mem + i * self->size +
					   61 * self->page));
		EXPECT_SINCE(2, &before, SWPIN_PMD);
		EXPECT_TRUE(v1_slots_reach(self->size));
		EXPECT_INTACT(mem + self->size, self->nr, 2 * self->nr, 1);

		/* The entry is split, and one piece of it freed. */
		ASSERT_EQ(0, munmap(mem + len - part, part));
		EXPECT_TRUE(v1_slots_reach(self->size - part));
		EXPECT_INTACT(mem + 3 * self->size, 3 * self->nr, self->nr - 7, 1);
		EXPECT_TRUE(v1_slots_reach(0));

		/* Swapped out when it exits. */
		ASSERT_TRUE(page_out(mem + self->size, self->size));
		_exit(0);
	}
	REAP(pid);
	expect_v1_empty(_metadata);
}

/*
 * Half of the memory fits into the limit, and the limit of both has room for
 * @room more than there is. Everything is read in turn, and comes back in the
 * way that @how counts, now and then.
 */
static void read_at_limits(struct __test_metadata *_metadata,
			   FIXTURE_DATA(pmd_swap) * self, long room,
			   enum counter how)
{
	const unsigned int nr = 4;
	const long len = nr * self->size;
	struct counters before;
	long base;
	int round;
	char *mem;

	v1_enter(_metadata, self);
	mem = reserve(nr);
	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, mprotect(mem, len, PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, madvise(mem, len, MADV_HUGEPAGE));
	v1_put("memory.force_empty", 0);
	/* What the process itself takes. */
	base = v1_get("memory.memsw.usage_in_bytes");

	ASSERT_EQ(0, v1_put("memory.limit_in_bytes",
			    base + len / 2 + MIB));
	ASSERT_EQ(0, v1_put("memory.memsw.limit_in_bytes",
			    base + len + room));
	before = counters_now();
	fill(mem, 0, nr * self->nr, 1);
	EXPECT_LT(0, since(&before, SWPOUT_PMD));
	for (round = 0; round < 2; round++)
		EXPECT_INTACT(mem, 0, nr * self->nr, 1);
	EXPECT_LT(0, since(&before, how));

	EXPECT_GE(base + len / 2 + MIB, v1_get("memory.max_usage_in_bytes"));
	EXPECT_GE(base + len + room,
		  v1_get("memory.memsw.max_usage_in_bytes"));
	EXPECT_LT(0, v1_get("memory.failcnt"));
	ASSERT_TRUE(page_out(mem, len));
	EXPECT_TRUE(v1_evict(len));
	ASSERT_EQ(0, munmap(mem, len));
	EXPECT_TRUE(v1_slots_reach(0));
}

/* The same in a process of its own; @full: that limit is met. */
static void expect_at_limits(struct __test_metadata *_metadata,
			     FIXTURE_DATA(pmd_swap) * self, long room,
			     enum counter how, bool full)
{
	pid_t pid = fork_child(_metadata);

	if (!pid) {
		read_at_limits(_metadata, self, room, how);
		if (full)
			EXPECT_LT(0, v1_get("memory.memsw.failcnt"));
		_exit(0);
	}
	REAP(pid);
	expect_v1_empty(_metadata);
}

/* A THP comes back whole as long as it can be charged beside its slots. */
TEST_F(pmd_swap, memcg_v1_limit)
{
	NEED_V1();
	expect_at_limits(_metadata, self, self->size + 2 * MIB, SWPIN_PMD,
			 false);
}

/* If it cannot, it comes by the page, and nobody is killed. */
TEST_F(pmd_swap, memcg_v1_memsw_limit)
{
	NEED_V1();
	expect_at_limits(_metadata, self, self->size / 2, SWPIN_PMD_FALLBACK,
			 true);
}

/* A THP that could not be read leaves the slots charged as they were. */
TEST_F(pmd_swap, memcg_v1_read_error)
{
	struct counters before;
	pid_t pid;
	char *mem;

	NEED_V1();
	NEED_OWN_SWAP();
	pid = fork_child(_metadata);
	if (!pid) {
		v1_enter(_metadata, self);
		mem = map_thps(1, 1);
		ASSERT_NE(NULL, mem);
		SWAP_OUT(mem);
		ASSERT_TRUE(v1_evict(self->size));
		ASSERT_EQ(PMD_SWAPPED, thp_state(mem));
		if (!fail_requests(shared->own_swaps[TEST_SWAP].dev, "1"))
			SKIP(_exit(0), "no fault injection: CONFIG_FAIL_MAKE_REQUEST");
		before = counters_now();
		EXPECT_EQ(pattern(1, 61, 0), get_word(mem + 61 * self->page));
		EXPECT_SINCE(1, &before, SWPIN_PMD_FALLBACK);
		EXPECT_INTACT(mem, 0, self->nr, 1);
		EXPECT_TRUE(v1_slots_reach(0));
		_exit(0);
	}
	REAP(pid);
	expect_v1_empty(_metadata);
}

/* The cgroup goes, and what it has swapped out stays with its parent. */
TEST_F(pmd_swap, memcg_v1_offline)
{
	char parent[PATH_MAX], path[PATH_MAX];
	pid_t pid;
	char *mem;

	NEED_V1();
	strcpy(parent, v1_cgroup);
	pid = fork_child(_metadata);
	if (!pid) {
		snprintf(v1_cgroup, sizeof(v1_cgroup), "%.1000s/child", parent);
		ASSERT_EQ(0, mkdir(v1_cgroup, 0755));
		v1_enter(_metadata, self);
		mem = map_thps(2, 1);
		ASSERT_NE(NULL, mem);
		ASSERT_TRUE(page_out(mem, 2 * self->size));
		ASSERT_TRUE(v1_evict(2 * self->size));
		ASSERT_EQ(0, put_string(cg_file(path, parent, "cgroup.procs"), "0"));
		ASSERT_EQ(0, rmdir(v1_cgroup));

		strcpy(v1_cgroup, parent);
		EXPECT_TRUE(v1_slots_reach(2 * self->size));
		EXPECT_INTACT(mem, 0, self->nr, 1);
		EXPECT_TRUE(v1_slots_reach(self->size));
		ASSERT_EQ(0, munmap(mem + self->size, self->size));
		EXPECT_TRUE(v1_slots_reach(0));
		_exit(0);
	}
	REAP(pid);
	expect_v1_empty(_metadata);
}
