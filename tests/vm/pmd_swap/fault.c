// SPDX-License-Identifier: GPL-2.0
/* PMD swap entries: swap-out, and the faults that bring a THP back. */
#include "more.h"

#include <pthread.h>
#include <signal.h>
#include <sys/uio.h>

TEST_F(pmd_swap, cold_write_fault)
{
	const unsigned long page = 61;
	struct counters before;
	long faults;

	SWAP_OUT_COLD(self->mem);
	before = counters_now();
	faults = nr_faults();
	put_word(self->mem + page * self->page, pattern(1, page, 0));
	EXPECT_EQ(1, nr_faults() - faults);
	EXPECT_SINCE(self->nr, &before, PSWPIN);
	EXPECT_SINCE(1, &before, SWPIN_PMD);
	EXPECT_TRUE(check_huge_anon(self->mem, self->size, 1, self->size));
	EXPECT_EQ(pattern(1, page, 0), get_word(self->mem + page * self->page));
	EXPECT_INTACT(self->mem, 0, page, 0);
	EXPECT_INTACT(self->mem + (page + 1) * self->page, page + 1,
		      self->nr - page - 1, 0);
}

/* New data every time, so that nothing of an earlier cycle passes as valid. */
TEST_F(pmd_swap, repeated_cycles)
{
	const struct counters before = counters_now();
	const int cycles = 30;
	int i;

	for (i = 1; i <= cycles; i++) {
		fill(self->mem, 0, self->nr, i);
		SWAP_OUT(self->mem);
		ASSERT_TRUE(intact(self->mem, 0, self->nr, i));
		ASSERT_EQ(PMD_MAPPED, thp_state(self->mem));
	}
	EXPECT_SINCE(cycles, &before, SWPOUT_PMD);
	EXPECT_SINCE(cycles, &before, SWPIN_PMD);
	EXPECT_SINCE(0, &before, SPLIT_PMD_SWAP);
}

/* Data that is not changed between two swap-outs need not be written again. */
TEST_F(pmd_swap, clean_swap_out)
{
	int i;

	for (i = 0; i < 3; i++) {
		SWAP_OUT_COLD(self->mem);
		EXPECT_INTACT(self->mem, 0, self->nr, 0);
		EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
	}
}

/* Several THPs do not get mixed up. */
TEST_F(pmd_swap, many_thps)
{
	struct counters before;
	char *mem;
	int i;

	NEED_CGROUP();
	/* drop_swap_cache() may reclaim this one as well. */
	ASSERT_EQ(0, munmap(self->mem, self->size));
	mem = map_thps(MAX_THPS, 1);
	if (!mem)
		SKIP(return, "no huge pages to be had");
	before = counters_now();
	ASSERT_TRUE(page_out(mem, MAX_THPS * self->size));
	ASSERT_TRUE(drop_swap_cache());
	EXPECT_SINCE(MAX_THPS, &before, SWPOUT_PMD);
	EXPECT_EQ((long)(MAX_THPS * self->size), vm_swap());
	for (i = MAX_THPS - 1; i >= 0; i--)
		EXPECT_INTACT(mem + i * self->size, i * self->nr, self->nr, 1);
	EXPECT_SINCE(MAX_THPS, &before, SWPIN_PMD);
	EXPECT_TRUE(check_huge_anon(mem, MAX_THPS * self->size, MAX_THPS,
				    self->size));
}

/* Some pages of it are zeroes. */
TEST_F(pmd_swap, zero_pages)
{
	const unsigned long hole = self->nr / 4, len = self->nr / 2;

	memset(self->mem + hole * self->page, 0, len * self->page);
	SWAP_OUT_COLD(self->mem);
	EXPECT_TRUE(zeroed(self->mem + hole * self->page, len * self->page));
	EXPECT_INTACT(self->mem, 0, hole, 0);
	EXPECT_INTACT(self->mem + (hole + len) * self->page, hole + len,
		      self->nr - hole - len, 0);
}

/* All of it is; such a folio is not on the device, but comes back whole too. */
TEST_F(pmd_swap, all_zero)
{
	struct counters before;

	memset(self->mem, 0, self->size);
	SWAP_OUT_COLD(self->mem);
	before = counters_now();
	EXPECT_TRUE(zeroed(self->mem, self->size));
	EXPECT_SINCE(1, &before, SWPIN_PMD);
	EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
}

struct reader {
	pthread_t thread;
	pthread_barrier_t *barrier;
	char *mem;
	unsigned long first, nr;
	bool intact;
};

static void *reader(void *arg)
{
	struct reader *r = arg;

	pthread_barrier_wait(r->barrier);
	r->intact = intact(r->mem + r->first * env.page_size, r->first, r->nr,
			   0);
	return NULL;
}

/* Threads that fault on different pages at once all see their data. */
TEST_F(pmd_swap, concurrent_faults)
{
	struct reader readers[4];
	const unsigned long share = self->nr / ARRAY_SIZE(readers);
	pthread_barrier_t barrier;
	unsigned int cycle, i;

	for (cycle = 0; cycle < 20; cycle++) {
		struct counters before;

		SWAP_OUT(self->mem);
		if (self->cgroup && cycle % 2)
			ASSERT_TRUE(drop_swap_cache());
		before = counters_now();
		pthread_barrier_init(&barrier, NULL, ARRAY_SIZE(readers));
		for (i = 0; i < ARRAY_SIZE(readers); i++) {
			readers[i] = (struct reader) {
				.barrier = &barrier,
				.mem = self->mem,
				.first = i * share,
				.nr = share,
			};
			ASSERT_EQ(0, pthread_create(&readers[i].thread, NULL,
						    reader, &readers[i]));
		}
		for (i = 0; i < ARRAY_SIZE(readers); i++) {
			pthread_join(readers[i].thread, NULL);
			EXPECT_TRUE(readers[i].intact);
		}
		pthread_barrier_destroy(&barrier);
		EXPECT_SINCE(1, &before, SWPIN_PMD);
		ASSERT_EQ(PMD_MAPPED, thp_state(self->mem));
	}
}

/* The data of a THP that reclaim, not madvise(), has swapped out. */
TEST_F(pmd_swap, memory_reclaim)
{
	struct counters before;
	int i;

	NEED_CGROUP();
	before = counters_now();
	for (i = 0; i < 250 && !swapped(self->mem, self->size); i++) {
		cg_test_reclaim(self->size);
		usleep(20000);
	}
	ASSERT_EQ(PMD_SWAPPED, thp_state(self->mem));
	EXPECT_SINCE(1, &before, SWPOUT_PMD);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	EXPECT_SINCE(1, &before, SWPIN_PMD);
}

/* A THP that cannot be charged comes back in parts. */
TEST_F(pmd_swap, no_charge)
{
	char max[32];
	struct counters before;

	SWAP_OUT_COLD(self->mem);
	snprintf(max, sizeof(max), "%zu",
		 (cg_test_stat("anon") + cg_test_stat("kernel")) +
		 self->size / 2);
	ASSERT_EQ(0, cg_put(env.test_cgroup, "memory.max", max));
	before = counters_now();
	EXPECT_INTACT(self->mem, 0, 8, 0);
	EXPECT_SINCE(0, &before, SWPIN_PMD);
	EXPECT_SINCE(1, &before, SWPIN_PMD_FALLBACK);
	EXPECT_SINCE(1, &before, SPLIT_PMD_SWAP);
	ASSERT_EQ(0, cg_put(env.test_cgroup, "memory.max", "max"));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}

/*
 * A counter of @vmstat, which is open. Nothing is charged to read it once it has
 * been read: to open a file is, and that can push out THPs, too.
 */
static long vmstat_of(FILE *vmstat, const char *counter)
{
	char key[64];
	long val;

	rewind(vmstat);
	while (fscanf(vmstat, "%63s %ld", key, &val) == 2) {
		if (!strcmp(key, counter))
			return val;
	}
	return -1;
}

/* Go to another processor, where nothing has been charged in advance, if there is one, and stay there. */
static void change_cpu(void)
{
	int cpu = 0, here = sched_getcpu();
	cpu_set_t cpus;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) || CPU_COUNT(&cpus) < 2)
		return;
	while (cpu == here || !CPU_ISSET(cpu, &cpus))
		cpu++;
	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

/*
 * At the limit, about as much is pushed out as comes in, not several times that:
 * neither for the THP nor for its page table.
 */
TEST_F(pmd_swap, limit_pushes_out_one)
{
	const unsigned int nr_out = 3, nr_in = 4;
	long pushed_out[4], brought_in[4];
	FILE *vmstat;
	char *out, *in;
	unsigned int i;
	char max[32];

	NEED_CGROUP();
	out = map_thps(nr_out, 1);
	ASSERT_NE(NULL, out);
	for (i = 0; i < nr_out; i++)
		SWAP_OUT(out + i * self->size);
	ASSERT_TRUE(drop_swap_cache());
	in = map_thps(nr_in, 2);
	ASSERT_NE(NULL, in);
	vmstat = fopen("/proc/vmstat", "r");
	ASSERT_NE(NULL, vmstat);
	ASSERT_LE(0, vmstat_of(vmstat, "thp_swpin_pmd"));

	snprintf(max, sizeof(max), "%ld", cg_test_current());
	ASSERT_EQ(0, cg_put(env.test_cgroup, "memory.max", max));
	change_cpu();
	pushed_out[0] = vmstat_of(vmstat, "thp_swpout_pmd");
	brought_in[0] = vmstat_of(vmstat, "thp_swpin_pmd");
	for (i = 0; i < nr_out; i++) {
		FORCE_READ(out[i * self->size]);
		pushed_out[i + 1] = vmstat_of(vmstat, "thp_swpout_pmd");
		brought_in[i + 1] = vmstat_of(vmstat, "thp_swpin_pmd");
	}
	ASSERT_EQ(0, cg_put(env.test_cgroup, "memory.max", "max"));
	for (i = 0; i < nr_out; i++) {
		EXPECT_EQ(1, brought_in[i + 1] - brought_in[i]);
		EXPECT_GE(1, pushed_out[i + 1] - pushed_out[i]);
	}
	EXPECT_INTACT(out, 0, nr_out * self->nr, 1);
	EXPECT_INTACT(in, 0, nr_in * self->nr, 2);
	fclose(vmstat);
}

/*
 * Where all of a cgroup is on its way to the swap device, nobody is killed to
 * get memory sooner. How soon it would be had depends on the device, so this
 * does not always fail where it should.
 */
TEST_F(pmd_swap, limit_writeback)
{
	const unsigned int nr_children = 3, nr_thps = 4, nr_rounds = 4;
	unsigned int i, round;
	pid_t pids[3];
	char max[32];

	NEED_CGROUP();
	snprintf(max, sizeof(max), "%zu",
		 cg_test_stat("anon") + cg_test_stat("file") +
		 cg_test_stat("kernel") + nr_thps * self->size);
	ASSERT_EQ(0, cg_put(env.test_cgroup, "memory.max", max));
	for (i = 0; i < nr_children; i++) {
		pids[i] = fork_child(_metadata);
		if (!pids[i]) {
			const size_t len = (nr_thps + 1) * self->size;
			char *mem = mmap(NULL, len, PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			ASSERT_NE(MAP_FAILED, mem);
			mem += -(uintptr_t)mem & (self->size - 1);
			ASSERT_EQ(0, madvise(mem, nr_thps * self->size,
					     MADV_HUGEPAGE));
			for (round = 1; round <= nr_rounds; round++)
				fill(mem, 0, nr_thps * self->nr, round);
			EXPECT_INTACT(mem, 0, nr_thps * self->nr, nr_rounds);
			_exit(0);
		}
	}
	for (i = 0; i < nr_children; i++)
		REAP(pids[i]);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}

/* The same where a limit is set below what is used. */
TEST_F(pmd_swap, limit_lowered)
{
	const unsigned int nr_thps = 32;
	char max[32];
	char *mem;

	NEED_CGROUP();
	mem = map_thps(nr_thps, 1);
	if (!mem)
		SKIP(return, "no huge pages to be had");
	snprintf(max, sizeof(max), "%zu", nr_thps / 2 * self->size);
	ASSERT_EQ(0, cg_put(env.test_cgroup, "memory.max", max));
	ASSERT_EQ(0, cg_put(env.test_cgroup, "memory.max", "max"));
	EXPECT_INTACT(mem, 0, nr_thps * self->nr, 1);
}

/*
 * The same where all that could be swapped out was accessed a moment ago, later
 * than the statistics of the cgroup say.
 */
TEST_F(pmd_swap, limit_all_active)
{
	const unsigned int nr_thps = 16;
	const size_t len = 2 * self->size;
	char byte, max[32], *mem, *locked;
	struct iovec local = { &byte, 1 };
	unsigned int i;

	NEED_CGROUP();
	ASSERT_EQ(0, mlockall(MCL_CURRENT));
	mem = map_thps(nr_thps, 1);
	if (!mem)
		SKIP(return, "no huge pages to be had");
	locked = mmap(NULL, len, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, locked);
	ASSERT_EQ(0, madvise(locked, len, MADV_NOHUGEPAGE));
	ASSERT_EQ(0, mlock2(locked, len, MLOCK_ONFAULT));
	/* An access through PTEs is noted at once. */
	for (i = 0; i < nr_thps; i++)
		ASSERT_EQ(0, mprotect(mem + i * self->size, self->page,
				      PROT_READ));
	snprintf(max, sizeof(max), "%zu",
		 cg_test_stat("anon") + cg_test_stat("file") +
		 cg_test_stat("kernel") + len / 4);
	ASSERT_EQ(0, cg_put(env.test_cgroup, "memory.max", max));
	for (i = 0; i < 2 * nr_thps; i++) {
		struct iovec remote = { mem + i / 2 * self->size, 1 };

		if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) < 0)
			SKIP(return, "process_vm_readv: %s", strerror(errno));
	}
	fill(locked, 0, len / self->page, 2);
	EXPECT_INTACT(locked, 0, len / self->page, 2);
	EXPECT_INTACT(mem, 0, nr_thps * self->nr, 1);
}

struct reclaimer {
	pthread_t thread;
	char *mem;
	int stop;
};

static void *reclaimer(void *arg)
{
	struct reclaimer *r = arg;

	while (!__atomic_load_n(&r->stop, __ATOMIC_SEQ_CST))
		madvise(r->mem, env.pmd_size, MADV_PAGEOUT);
	return NULL;
}

/*
 * zram needs the data unchanged while it writes them, and a fault for a write
 * waits for that. Enough of 200 come at that time for this to fail if one splits.
 */
TEST_F(pmd_swap, write_during_writeback)
{
	struct reclaimer r = { .mem = self->mem };
	struct counters before;
	int i;

	NEED_ZRAM_SWAP();
	before = counters_now();
	ASSERT_EQ(0, pthread_create(&r.thread, NULL, reclaimer, &r));
	for (i = 0; i < 200; i++) {
		fill(self->mem + i * self->page, i, 1, 0);
		usleep(1000);
	}
	__atomic_store_n(&r.stop, 1, __ATOMIC_SEQ_CST);
	pthread_join(r.thread, NULL);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	EXPECT_LT(0, since(&before, SWPIN_PMD));
	EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
}

/* A THP that cannot be read at once is read in parts, which can. */
TEST_F(pmd_swap, read_error)
{
	struct counters before;

	NEED_CGROUP();
	NEED_OWN_SWAP();
	SWAP_OUT_TO_OWN(self->mem);
	ASSERT_TRUE(drop_swap_cache());
	if (!fail_requests(shared->own_swaps[TEST_SWAP].dev, "1"))
		SKIP(return, "no fault injection: CONFIG_FAIL_MAKE_REQUEST");
	before = counters_now();
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	EXPECT_SINCE(0, &before, SWPIN_PMD);
	EXPECT_SINCE(1, &before, SWPIN_PMD_FALLBACK);
	EXPECT_SINCE(1, &before, SPLIT_PMD_SWAP);
	EXPECT_EQ(0, vm_swap());
}

/* What is read by the page after that has been swapped out no less. */
TEST_F(pmd_swap, read_error_refaults)
{
	long refaults;

	NEED_CGROUP();
	NEED_OWN_SWAP();
	SWAP_OUT_TO_OWN(self->mem);
	ASSERT_TRUE(drop_swap_cache());
	if (!fail_requests(shared->own_swaps[TEST_SWAP].dev, "1"))
		SKIP(return, "no fault injection: CONFIG_FAIL_MAKE_REQUEST");
	refaults = cg_test_stat("workingset_refault_anon");
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	/* Once for the THP, and once for its pages. */
	EXPECT_EQ(2 * (long)self->nr,
		  cg_test_stat("workingset_refault_anon") - refaults);
}

/* If no part can be read it is SIGBUS, as for PTEs. */
TEST_F(pmd_swap, persistent_read_error)
{
	int status;
	pid_t pid;

	NEED_CGROUP();
	NEED_OWN_SWAP();
	SWAP_OUT_TO_OWN(self->mem);
	ASSERT_TRUE(drop_swap_cache());
	if (!fail_requests(shared->own_swaps[TEST_SWAP].dev, "-1"))
		SKIP(return, "no fault injection: CONFIG_FAIL_MAKE_REQUEST");
	pid = fork_child(_metadata);
	if (!pid) {
		FORCE_READ(*self->mem);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	restore_settings();
	/* Another page than that which could not be read. */
	EXPECT_INTACT(self->mem + self->size / 2, self->nr / 2, self->nr / 2,
		      0);
}

/* ---- states of the swap cache ------------------------------------------- */

/*
 * A child that keeps the upper half, and has page @page of it in memory. It looks
 * at the rest when 2 is reached.
 */
static pid_t fork_upper_half(struct __test_metadata *_metadata,
			     FIXTURE_DATA(pmd_swap) * self, unsigned long page)
{
	const pid_t pid = fork_child(_metadata);

	if (!pid) {
		ASSERT_EQ(0, munmap(self->mem, self->size / 2));
		EXPECT_INTACT(self->mem + page * self->page, page, 1, 0);
		reach(1);
		await(2);
		EXPECT_INTACT(self->mem + self->size / 2, self->nr / 2,
			      self->nr / 2, 0);
		_exit(0);
	}
	await(1);
	return pid;
}

/*
 * A child splits its copy of the entry and reads one page, which is then in
 * the swap cache as a small folio. The parent's entry is still whole, but
 * cannot be read whole any more.
 */
TEST_F(pmd_swap, split_cache)
{
	const unsigned long page = self->nr - 5;
	struct counters before;
	pid_t pid;

	SWAP_OUT_COLD(self->mem);
	pid = fork_upper_half(_metadata, self, page);
	EXPECT_EQ(PMD_SWAPPED, thp_state(self->mem));
	before = counters_now();
	FORCE_READ(*self->mem);
	EXPECT_SINCE(0, &before, SWPIN_PMD);
	EXPECT_SINCE(1, &before, SWPIN_PMD_FALLBACK);
	EXPECT_SINCE(1, &before, SPLIT_PMD_SWAP);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	reach(2);
	REAP(pid);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}

/* The same, and the fault is a write to the page that is cached. */
TEST_F(pmd_swap, split_cache_write)
{
	const unsigned long page = self->nr - 5;
	pid_t pid;

	SWAP_OUT_COLD(self->mem);
	pid = fork_upper_half(_metadata, self, page);
	EXPECT_EQ(PMD_SWAPPED, thp_state(self->mem));
	fill(self->mem + page * self->page, page, 1, 1);
	reach(2);
	REAP(pid);
	EXPECT_INTACT(self->mem, 0, page, 0);
	EXPECT_INTACT(self->mem + page * self->page, page, 1, 1);
	EXPECT_INTACT(self->mem + (page + 1) * self->page, page + 1,
		      self->nr - page - 1, 0);
}

/* mincore() tells of each page of a whole entry whether it is cached. */
TEST_F(pmd_swap, split_cache_mincore)
{
	const unsigned long page = self->nr - 5;
	unsigned long i, cached = 0;
	unsigned char *vec;
	pid_t pid;

	vec = malloc(self->nr);
	ASSERT_NE(NULL, vec);
	SWAP_OUT_COLD(self->mem);
	pid = fork_child(_metadata);
	if (!pid) {
		ASSERT_EQ(0, munmap(self->mem, self->size / 2));
		FORCE_READ(self->mem[page * self->page]);
		reach(1);
		await(2);
		_exit(0);
	}
	await(1);
	EXPECT_EQ(PMD_SWAPPED, thp_state(self->mem));
	ASSERT_EQ(0, mincore(self->mem, self->size, vec));
	for (i = 0; i < self->nr; i++)
		cached += vec[i] & 1;
	/* Readahead may have brought some, but not all. */
	EXPECT_EQ(1, vec[page] & 1);
	EXPECT_GT(self->nr / 2, cached);
	EXPECT_TRUE(swapped(self->mem, self->size));
	reach(2);
	REAP(pid);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	free(vec);
}

/* A THP that is cached, and of which a child has unmapped a part. */
TEST_F(pmd_swap, warm_after_partial_munmap_in_child)
{
	pid_t pid;

	SWAP_OUT(self->mem);
	pid = fork_child(_metadata);
	if (!pid) {
		ASSERT_EQ(0, munmap(self->mem, self->size / 2));
		EXPECT_INTACT(self->mem + self->size / 2, self->nr / 2,
			      self->nr / 2, 0);
		fill(self->mem + self->size / 2, self->nr / 2, self->nr / 2,
		     1);
		_exit(0);
	}
	REAP(pid);
	EXPECT_EQ(PMD_SWAPPED, thp_state(self->mem));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}
