// SPDX-License-Identifier: GPL-2.0
/* PMD swap entries: many operations at a time, and in random order. */
#include "more.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>

static uint64_t prng(uint64_t *state)
{
	return mix((*state)++);
}

/*
 * Children of a process with swapped THPs unmap random pieces and read the
 * rest, while the parent swaps out what it can.
 */
TEST_F_TIMEOUT(pmd_swap, stress_munmap, 180)
{
	const int nr_children = 6, rounds = 4;
	const unsigned int nr_thps = 3;
	const size_t len = nr_thps * self->size;
	pid_t pids[6];
	int round, i;
	char *mem;

	mem = map_thps(nr_thps, 1);
	if (!mem)
		SKIP(return, "no huge pages to be had");
	for (round = 0; round < rounds; round++) {
		ASSERT_TRUE(page_out(mem, len));
		for (i = 0; i < nr_children; i++) {
			uint64_t state = env.seed + round * 1000 + i;
			bool *gone;
			int op;

			pids[i] = fork_child(_metadata);
			if (pids[i])
				continue;
			gone = calloc(nr_thps * self->nr, sizeof(*gone));
			ASSERT_NE(NULL, gone);
			for (op = 0; op < 40; op++) {
				unsigned long first, nr, p;

				first = prng(&state) % (nr_thps * self->nr);
				nr = 1 + prng(&state) % 64;
				if (first + nr > nr_thps * self->nr)
					nr = nr_thps * self->nr - first;
				if (prng(&state) % 3 == 0) {
					ASSERT_EQ(0, munmap(mem + first *
							    self->page,
							    nr * self->page));
					memset(gone + first, true, nr);
					continue;
				}
				for (p = first; p < first + nr; p++)
					if (!gone[p])
						ASSERT_TRUE(intact(mem + p *
							    self->page, p, 1,
							    1));
			}
			_exit(0);
		}
		if (self->cgroup)
			cg_test_reclaim(len);
		for (i = 0; i < nr_children; i++)
			REAP(pids[i]);
		ASSERT_TRUE(intact(mem, 0, nr_thps * self->nr, 1));
		/* Fresh THPs: what was shared may have been split. */
		ASSERT_EQ(0, munmap(mem, len));
		mem = map_thps(nr_thps, 1);
		if (!mem)
			break;
	}
}

struct writer {
	pthread_t thread;
	char *mem;
	unsigned long page;
	uint64_t writes;
	int *stop;
	bool ok;
};

/* Count up in a page, and never see the count go back. */
static void *writer(void *arg)
{
	struct writer *w = arg;
	char *addr = w->mem + w->page * env.page_size;
	uint64_t n = 0;

	put_word(addr, 0);
	while (!__atomic_load_n(w->stop, __ATOMIC_SEQ_CST)) {
		if (get_word(addr) != n) {
			w->ok = false;
			break;
		}
		put_word(addr, ++n);
		if (n % 64 == 0)
			usleep(100);
	}
	w->writes = n;
	return NULL;
}

/* Swap-out against threads that write: no write is lost. */
TEST_F(pmd_swap, stress_write)
{
	struct writer writers[3];
	struct timespec start, now;
	unsigned int i;
	int stop = 0;

	for (i = 0; i < ARRAY_SIZE(writers); i++) {
		writers[i] = (struct writer) {
			.mem = self->mem,
			.page = i * (self->nr / ARRAY_SIZE(writers)) + 5,
			.stop = &stop,
			.ok = true,
		};
		ASSERT_EQ(0, pthread_create(&writers[i].thread, NULL, writer,
					    &writers[i]));
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		madvise(self->mem, self->size, MADV_PAGEOUT);
		if (self->cgroup)
			cg_test_reclaim(self->size);
		/* A huge page again for the next round. */
		if (thp_state(self->mem) == MIXED)
			madvise(self->mem, self->size, MADV_COLLAPSE);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - start.tv_sec < 4);
	__atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < ARRAY_SIZE(writers); i++) {
		pthread_join(writers[i].thread, NULL);
		EXPECT_TRUE(writers[i].ok);
		EXPECT_EQ(writers[i].writes,
			  get_word(self->mem +
				   writers[i].page * self->page));
	}
}

/* Swap-out and swap-in against fork and exit. */
TEST_F(pmd_swap, stress_fork)
{
	struct timespec start, now;
	unsigned int i = 0;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		pid_t pid;

		madvise(self->mem, self->size, MADV_PAGEOUT);
		pid = fork_child(_metadata);
		if (!pid) {
			if (i % 2)
				put_word(self->mem, 0);
			EXPECT_INTACT(self->mem + self->page, 1, self->nr - 1,
				      0);
			_exit(0);
		}
		if (i % 3 == 0)
			put_word(self->mem, pattern(0, 0, 0));
		if (i % 5 == 0 && self->cgroup)
			cg_test_reclaim(self->size);
		REAP(pid);
		ASSERT_TRUE(intact(self->mem, 0, self->nr, 0));
		if (thp_state(self->mem) == MIXED)
			madvise(self->mem, self->size, MADV_COLLAPSE);
		i++;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - start.tv_sec < 4);
}

/*
 * Random operations on a few THPs, against a model of what each page must
 * hold: the generation it was last filled with, or 0 if it is zero.
 */
struct model {
	char *mem;
	unsigned int nr_thps;
	unsigned long nr;		/* pages */
	uint64_t *gen;
	uint64_t last_gen;
	uint64_t state;			/* of prng() */
	bool cgroup;
};

static bool model_page_ok(const struct model *m, unsigned long page)
{
	const char *addr = m->mem + page * env.page_size;

	if (m->gen[page])
		return intact(addr, page, 1, m->gen[page]);
	return zeroed(addr, env.page_size);
}

static bool model_ok(const struct model *m, unsigned long first,
		     unsigned long nr)
{
	unsigned long page;

	for (page = first; page < first + nr; page++)
		if (!model_page_ok(m, page))
			return false;
	return true;
}

static void model_fill(struct model *m, unsigned long first, unsigned long nr)
{
	unsigned long page;

	m->last_gen++;
	fill(m->mem + first * env.page_size, first, nr, m->last_gen);
	for (page = first; page < first + nr; page++)
		m->gen[page] = m->last_gen;
}

static void model_zero(struct model *m, unsigned long first, unsigned long nr)
{
	memset(m->gen + first, 0, nr * sizeof(*m->gen));
}

/* A fresh mapping of the range, with a huge page where a whole THP fits. */
static bool model_remap(struct model *m, unsigned long first, unsigned long nr)
{
	char *addr = m->mem + first * env.page_size;
	const size_t len = nr * env.page_size;

	if (munmap(addr, len) ||
	    mmap(addr, len, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != addr ||
	    madvise(addr, len, MADV_HUGEPAGE))
		return false;
	model_zero(m, first, nr);
	return true;
}

/* Away and back: to an address that is PMD-aligned like the old, or not. */
static bool model_move(struct model *m, unsigned long first, unsigned long nr,
		       bool aligned)
{
	const size_t len = nr * env.page_size;
	char *addr = m->mem + first * env.page_size;
	char *area, *dst;
	bool ok;

	area = reserve(m->nr_thps + 2);
	if (!area)
		return false;
	dst = area + (addr - m->mem) + (aligned ? 0 : env.page_size);
	ok = mremap(addr, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, dst) == dst &&
	     mremap(dst, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, addr) == addr;
	munmap(area, (m->nr_thps + 2) * env.pmd_size);
	return ok;
}

/* A child sees the same, and what it writes stays its own. */
static bool model_fork(struct model *m, unsigned long first, unsigned long nr)
{
	int status;
	pid_t pid;

	pid = fork();
	if (pid < 0)
		return false;
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (prng(&m->state) % 2)
			model_fill(m, first, nr);
		if (prng(&m->state) % 2)
			munmap(m->mem + first * env.page_size,
			       nr * env.page_size);
		else if (!model_ok(m, first, nr))
			_exit(1);
		_exit(model_ok(m, 0, first) ? 0 : 1);
	}
	/* Sometimes both are at it at the same time. */
	if (prng(&m->state) % 2)
		model_fill(m, first, nr);
	return waitpid(pid, &status, 0) == pid && !status;
}

static bool model_protect(char *addr, size_t len)
{
	return !mprotect(addr, len, PROT_READ) &&
	       !mprotect(addr, len, PROT_READ | PROT_WRITE);
}

/* One random operation; false if it failed or found wrong data. */
static bool model_step(struct model *m)
{
	const unsigned int op = prng(&m->state) % 20;
	unsigned long first, nr, thp;
	char *addr;
	size_t len;

	thp = prng(&m->state) % m->nr_thps;
	if (prng(&m->state) % 3) {
		first = thp * env.nr;
		nr = env.nr;
	} else {
		first = prng(&m->state) % m->nr;
		nr = 1 + prng(&m->state) % (env.nr / 4);
		if (first + nr > m->nr)
			nr = m->nr - first;
	}
	addr = m->mem + first * env.page_size;
	len = nr * env.page_size;

	switch (op) {
	case 0 ... 5:
		madvise(addr, len, MADV_PAGEOUT);
		if (op < 2 && m->cgroup)
			cg_test_reclaim(m->nr * env.page_size);
		return true;
	case 6:
		model_fill(m, first, nr);
		return true;
	case 7:
	case 8:
		return model_ok(m, first, nr);
	case 9:
		if (madvise(addr, len, MADV_DONTNEED))
			return false;
		model_zero(m, first, nr);
		return true;
	case 10:
	case 11:
		if (!model_remap(m, thp * env.nr, env.nr))
			return false;
		model_fill(m, thp * env.nr, env.nr);
		return true;
	case 12:
		return model_protect(addr, len);
	case 13:
		return model_move(m, first, nr, true);
	case 14:
		return model_move(m, first, nr, false);
	case 15:
	case 16:
		return model_fork(m, first, nr);
	case 17:
		return !madvise(addr, len, MADV_WILLNEED);
	case 18:
		madvise(addr, len, MADV_COLLAPSE);
		return true;
	default:
		return !mlock(addr, len) && !munlock(addr, len);
	}
}

static void random_operations(struct __test_metadata *_metadata,
			      FIXTURE_DATA(pmd_swap) * self, uint64_t seed,
			      bool reclaim)
{
	const int seconds = 8;
	struct model m = {
		.nr_thps = 4,
		.nr = 4 * env.nr,
		.state = seed,
		.cgroup = self->cgroup,
	};
	struct timespec start, now;
	unsigned int steps = 0;
	pid_t reclaimer = 0;

	/* Nothing but the model is to be swapped. */
	ASSERT_EQ(0, munmap(self->mem, self->size));
	m.gen = calloc(m.nr, sizeof(*m.gen));
	ASSERT_NE(NULL, m.gen);
	m.mem = map_thps(m.nr_thps, 1);
	if (!m.mem)
		SKIP(return, "no huge pages to be had");
	model_fill(&m, 0, m.nr);

	if (reclaim) {
		reclaimer = fork_child(_metadata);
		while (!reclaimer) {
			cg_test_reclaim(self->size);
			usleep(1000);
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		ASSERT_TRUE(model_step(&m)) {
			TH_LOG("step %u", steps);
		}
		steps++;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - start.tv_sec < seconds);

	if (reclaim) {
		ASSERT_EQ(0, kill(reclaimer, SIGKILL));
		ASSERT_EQ(reclaimer, waitpid(reclaimer, NULL, 0));
	}
	EXPECT_EQ(nr_pages_with(m.mem, m.nr * self->page, PM_SWAP) *
		  self->page, vm_swap());
	EXPECT_EQ(smaps_bytes(m.mem, m.nr * self->page, "Swap"), vm_swap());
	EXPECT_TRUE(model_ok(&m, 0, m.nr));
	ASSERT_EQ(0, munmap(m.mem, m.nr * self->page));
	EXPECT_EQ(0, vm_swap());
	if (self->cgroup)
		EXPECT_TRUE(swap_usage_falls_to(0));
}

TEST_F_TIMEOUT(pmd_swap, random_operations, 180)
{
	random_operations(_metadata, self, env.seed, false);
}

/* The same while another process reclaims without end. */
TEST_F_TIMEOUT(pmd_swap, random_operations_reclaim, 180)
{
	NEED_CGROUP();
	random_operations(_metadata, self, env.seed + 1, true);
}
