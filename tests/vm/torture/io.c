// SPDX-License-Identifier: GPL-2.0
/*
 * Errors of the swap device. The device is a loop device over memory, pages of
 * which are poisoned: so it is known exactly which slots cannot be read. For
 * errors of writes that will not do, since the loop device takes a write that
 * ends early for a success; there requests fail before they reach it.
 */
#define _GNU_SOURCE
#include "io.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR_THPS		4
#define NR_PAGES	(NR_THPS * NR)
#define MAX_BAD		8

static struct {
	struct run *run;
	struct rng rng;
	struct area area;
	char *mem;
	uint64_t gen[NR_PAGES];
	bool bad[NR_PAGES];		/* cannot be read */
	uint64_t last_gen;
	uint64_t pm[NR_PAGES];
	unsigned long round;
	const char *way;
} io;

static bool wrong(const char *what, unsigned long page, long got)
{
	uint64_t pm = 0;

	if (__atomic_exchange_n(&io.run->failed, 1, __ATOMIC_SEQ_CST))
		return false;
	pagemap_read(io.mem + page * PAGE, 1, &pm);
	say("MISMATCH in %s: %s (%ld)", io.run->name, what, got);
	say("  --seed %#llx, round %lu (%s), page %lu of %lu at %p, %s, pagemap %#llx",
	    (unsigned long long)opt.seed, io.round, io.way, page, NR_PAGES,
	    (void *)(io.mem + page * PAGE),
	    io.bad[page] ? "not readable" : "readable", (unsigned long long)pm);
	return false;
}

static void fill(unsigned long page)
{
	page_fill(io.mem + page * PAGE, ++io.last_gen);
	io.gen[page] = io.last_gen;
}

/* The signal that it gets. */
static int __attribute__((noinline)) try_to_fill(unsigned long page)
{
	return TRAP(fill(page));
}

/* Whether the page is as it must be: an error where there is one, or its data. */
static bool check(unsigned long page)
{
	const char *addr = io.mem + page * PAGE;
	volatile int word = -1;
	int sig;

	sig = TRAP(word = page_differs(addr, io.gen[page]));
	if (io.bad[page])
		return sig == SIGBUS ||
		       wrong("no SIGBUS from what cannot be read; word", page, word);
	if (sig)
		return wrong("a page that can be read: signal", page, sig);
	return word < 0 || wrong("a page that can be read: differs at word", page, word);
}

/* All pages, in a random order, each once. */
static bool check_all(struct rng *rng)
{
	const unsigned long start = below(rng, NR_PAGES);
	const unsigned long stride = 2 * below(rng, NR_PAGES / 2) + 1;
	unsigned long i;

	for (i = 0; i < NR_PAGES; i++)
		if (!check((start + i * stride) % NR_PAGES))
			return false;
	return true;
}

static bool map_and_fill(void)
{
	const size_t len = NR_PAGES * PAGE;
	unsigned long i;

	io.mem = mmap((void *)(1UL << 44), len, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (io.mem == MAP_FAILED || madvise(io.mem, len, MADV_HUGEPAGE))
		return false;
	for (i = 0; i < NR_PAGES; i++)
		fill(i);
	memset(io.bad, 0, sizeof(io.bad));
	return true;
}

static bool page_out(void)
{
	unsigned long out = 0;
	int i;

	for (i = 0; i < 250; i++) {
		madvise(io.mem, NR_PAGES * PAGE, MADV_PAGEOUT);
		if (pagemap_read(io.mem, NR_PAGES, io.pm))
			return false;
		out = count_bits(io.pm, NR_PAGES, PM_SWAP);
		if (out == NR_PAGES)
			return true;
		usleep(20000);
	}
	say("only %lu of %lu pages are swapped out", out, NR_PAGES);
	return false;
}

static unsigned long slot(unsigned long page)
{
	return io.pm[page] >> 5 & ((1UL << 50) - 1);
}

/* ---- ways to come upon what cannot be read ------------------------------- */

static bool by_reading(void)
{
	return check_all(&io.rng);
}

static bool by_writing(void)
{
	unsigned long i, page;
	int sig;

	for (i = 0; i < 64; i++) {
		page = below(&io.rng, NR_PAGES);
		sig = try_to_fill(page);
		if (sig != (io.bad[page] ? SIGBUS : 0))
			return wrong("write: signal", page, sig);
	}
	return check_all(&io.rng);
}

static void *reader(void *arg)
{
	struct rng rng = { mix64(io.rng.state + (uintptr_t)arg) };

	check_all(&rng);
	return NULL;
}

static bool by_threads(void)
{
	pthread_t threads[4];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(threads); i++)
		if (pthread_create(&threads[i], NULL, reader, (void *)(uintptr_t)i))
			return wrong("cannot make a thread", 0, i);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	return !io.run->failed;
}

static bool by_fork(void)
{
	int status, i;
	pid_t pids[3];

	for (i = 0; i < 3; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			io.rng.state = mix64(io.rng.state + i);
			_exit(check_all(&io.rng) ? 0 : 1);
		}
	}
	check_all(&io.rng);
	for (i = 0; i < 3; i++)
		if (pids[i] < 0 || waitpid(pids[i], &status, 0) < 0 || status)
			return wrong("a child ended with status", 0, status);
	return !io.run->failed;
}

static bool by_swapoff(void)
{
	int err = area_off(&io.area);

	if (err)
		return wrong("swapoff: error", 0, err);
	return check_all(&io.rng);
}

static bool by_process_vm_readv(void)
{
	static char copy[PAGE];
	unsigned long i, page;

	for (i = 0; i < 256; i++) {
		struct iovec local = { copy, PAGE }, there = { 0, PAGE };
		ssize_t ret;

		page = i < MAX_BAD * 2 ? below(&io.rng, NR_PAGES) : i * 8 % NR_PAGES;
		there.iov_base = io.mem + page * PAGE;
		ret = process_vm_readv(getpid(), &local, 1, &there, 1, 0);
		if (ret < 0)
			ret = -errno;
		if (ret != (io.bad[page] ? -EFAULT : (ssize_t)PAGE))
			return wrong("process_vm_readv", page, ret);
		if (ret > 0 && page_differs(copy, io.gen[page]) >= 0)
			return wrong("process_vm_readv: other data", page, ret);
	}
	return check_all(&io.rng);
}

static bool by_populating(void)
{
	int err = madvise(io.mem, NR_PAGES * PAGE, 22 /* MADV_POPULATE_READ */) ?
			  errno : 0;

	if (err != EFAULT && err != EHWPOISON)
		return wrong("MADV_POPULATE_READ over what cannot be read", 0, err);
	return check_all(&io.rng);
}

static bool by_reading_ahead(void)
{
	madvise(io.mem, NR_PAGES * PAGE, MADV_WILLNEED);
	if (one_in(&io.rng, 2))
		usleep(50000);
	return check_all(&io.rng);
}

static bool after_moving(void)
{
	char *to = io.mem + 2 * NR_PAGES * PAGE + below(&io.rng, 3) * PAGE;

	if (mremap(io.mem, NR_PAGES * PAGE, NR_PAGES * PAGE,
		   MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		return wrong("mremap", 0, errno);
	io.mem = to;
	return check_all(&io.rng);
}

/* Let go of a page that cannot be read; it is empty then. */
static bool drop_page(unsigned long i)
{
	if (madvise(io.mem + i * PAGE, PAGE, MADV_DONTNEED))
		return wrong("MADV_DONTNEED", i, errno);
	io.bad[i] = false;
	io.gen[i] = 0;
	return true;
}

/* What is not there any more cannot fail. */
static bool after_dontneed(void)
{
	unsigned long i;

	for (i = 0; i < NR_PAGES; i++) {
		if (!io.bad[i] || one_in(&io.rng, 3))
			continue;
		if (!drop_page(i))
			return false;
	}
	return check_all(&io.rng);
}

static const struct {
	const char *name;
	bool (*fn)(void);
} ways[] = {
	{ "by reading", by_reading },
	{ "by writing", by_writing },
	{ "by threads", by_threads },
	{ "by fork", by_fork },
	{ "by swapoff", by_swapoff },
	{ "by process_vm_readv", by_process_vm_readv },
	{ "by populating", by_populating },
	{ "by reading ahead", by_reading_ahead },
	{ "after mremap", after_moving },
	{ "after MADV_DONTNEED", after_dontneed },
};

static bool read_round(void)
{
	const unsigned int which = (io.round + opt.seed) % ARRAY_SIZE(ways);
	unsigned long i, page, nr = 1 + below(&io.rng, MAX_BAD), whole, thps = 0;
	struct counters then, c;
	int err;

	io.way = ways[which].name;
	if (!page_out() || !cgroup_evict()) {
		say("round %lu: what is to be read from the device is not there; next",
		    io.round);
		return true;
	}
	whole = nr_pmd_swapped(io.mem, NR_PAGES * PAGE);
	for (i = 0; i < nr; i++) {
		/* Half of them in one THP. */
		page = below(&io.rng, i % 2 ? NR_PAGES : NR);
		if (io.bad[page])
			continue;
		err = area_poison(&io.area, slot(page));
		if (err) {
			say("cannot poison the swap device: %s", strerror(-err));
			_exit(2);
		}
		io.bad[page] = true;
	}
	for (i = 0; i < NR_THPS; i++)
		thps += !!memchr(&io.bad[i * NR], true, NR);

	then = counters_now();
	if (!ways[which].fn())
		return false;
	c = counters_since(&then);
	/* Who just reads meets each entry once: whole, or not. */
	if (which == 0 && whole == NR_THPS &&
	    (c.in + c.in_fallback != NR_THPS || c.in_fallback < (long long)thps))
		return wrong("thp_swpin_pmd and _fallback are not as expected; fallback",
			     0, c.in_fallback);

	/* The rest still works: once more, and after a write. */
	if (!check_all(&io.rng))
		return false;
	for (i = 0; i < NR_PAGES; i++) {
		if (!io.bad[i])
			fill(i);
		else if (!drop_page(i))
			return false;
	}
	return check_all(&io.rng);
}

/* What cannot be written must not be lost. */
static bool write_round(void)
{
	unsigned long i;
	int err, tries;

	io.way = "writing";
	err = inject_requests(io.area.dev, 20 + below(&io.rng, 60));
	if (err) {
		say("cannot let requests fail: %s", strerror(-err));
		_exit(2);
	}
	for (tries = 0; tries < 4; tries++) {
		inject_me(true);
		madvise(io.mem, NR_PAGES * PAGE, MADV_PAGEOUT);
		cgroup_reclaim(NR_PAGES * PAGE);
		inject_me(false);
		if (one_in(&io.rng, 2) && !check_all(&io.rng))
			return false;
		for (i = 0; i < 16; i++)
			fill(below(&io.rng, NR_PAGES));
	}
	if (one_in(&io.rng, 2)) {
		err = area_off(&io.area);
		if (err)
			return wrong("swapoff: error", 0, err);
	}
	return check_all(&io.rng);
}

static void unexpected(int sig, int code, void *addr)
{
	say("MISMATCH in %s: signal %d code %d at %p, round %lu (%s), --seed %#llx",
	    io.run->name, sig, code, addr, io.round, io.way,
	    (unsigned long long)opt.seed);
	_exit(1);
}

static int rounds(struct run *run, bool (*round)(void))
{
	const double end = now() + opt.seconds;
	int err;

	io.run = run;
	io.rng.state = mix64(opt.seed);
	unexpected_fault = unexpected;
	catch_faults();
	/* Nothing of our own may be swapped out, or in, with errors. */
	if (mlockall(MCL_CURRENT)) {
		say("mlockall: %s", strerror(errno));
		return 2;
	}
	run->pid = getpid();
	for (io.round = 0; now() < end &&
	     (!opt.steps || io.round < opt.steps); io.round++) {
		err = area_make(&io.area, AREA_MEMORY, (NR_PAGES + 2 * NR) * PAGE);
		if (!err)
			err = area_on(&io.area);
		if (err) {
			say("no swap area of our own: %s", strerror(-err));
			return 2;
		}
		if (!map_and_fill()) {
			say("no memory: %s", strerror(errno));
			return 2;
		}
		if (!round()) {
			munmap(io.mem, NR_PAGES * PAGE);
			area_remove(&io.area);
			return 1;
		}
		munmap(io.mem, NR_PAGES * PAGE);
		err = area_off(&io.area);
		if (err) {
			wrong("swapoff of what is empty: error", 0, err);
			return 1;
		}
		area_remove(&io.area);
		run->steps++;
	}
	return run->failed;
}

int read_errors_run(struct run *run)
{
	return rounds(run, read_round);
}

int write_errors_run(struct run *run)
{
	return rounds(run, write_round);
}
