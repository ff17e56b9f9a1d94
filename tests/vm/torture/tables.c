// SPDX-License-Identifier: GPL-2.0
/*
 * Page tables that are freed while others may be reading them. MADV_COLLAPSE
 * puts the page table that it has emptied under the huge page, there it stays
 * while that is swapped out whole, and with the entry it is freed, at once. Who
 * has entered it before the collapse must have left it by then.
 *
 * So one thread fills, collapses, swaps out and frees, and all others walk the
 * same range in every way that there is. A walker that is late reads a page that
 * is free: KASAN reports that, PAGE_TABLE_CHECK what would be installed from it,
 * and what process_vm_readv() and others read says where it belongs.
 */
#define _GNU_SOURCE
#include "tables.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

#define MAX_WALKERS	16
#define PLACES		(1UL << 20)	/* more than there are pages */

enum walk { MINCORE, PAGEMAP, SCAN, SMAPS, READV, SPLICE, TOUCH, NR_WALKS };

static const char *const walk_names[NR_WALKS] = {
	"mincore", "pagemap", "PAGEMAP_SCAN", "smaps", "process_vm_readv",
	"vmsplice", "touch",
};

/* Shared with the process that looks at this one from outside. */
static struct tables {
	unsigned long walks[NR_WALKS];
	unsigned long collapsed, refused, out, freed_huge, freed_swapped;
} *tables;

static struct run *run;
static unsigned long nr_pages;
static uint64_t last_count;

struct walker {
	struct rng rng;
	pid_t pid;			/* whose memory */
	int pagemap;
	int pipe[2];
	bool outside;			/* of that process */
};

static bool stopped(void)
{
	return run->failed || __atomic_load_n(&run->stop, __ATOMIC_RELAXED);
}

static bool wrong(const char *what, unsigned long page, long got)
{
	if (__atomic_exchange_n(&run->failed, 1, __ATOMIC_SEQ_CST))
		return false;
	say("MISMATCH in %s: %s (%ld)", run->name, what, got);
	say("  --seed %#llx, round %lu, page %lu of %lu at %p",
	    (unsigned long long)opt.seed, run->steps, page, nr_pages,
	    (void *)(run->arena + page * PAGE));
	return false;
}

/* The page may be about to be filled, so only its first word is complete. */
static bool belongs(const uint64_t *word, unsigned long page, const char *walk)
{
	uint64_t gen;

	if (!*word)
		return true;
	gen = page_gen_of_word(*word);
	if (gen % PLACES == page && gen / PLACES <= __atomic_load_n(&last_count, __ATOMIC_RELAXED))
		return true;
	return wrong(walk, page, gen);
}

/* ---- walkers ------------------------------------------------------------- */

static bool walk_mincore(struct walker *w, char *thp)
{
	unsigned char resident[NR];

	(void)w;
	return !mincore(thp, THP, resident) ||
	       wrong("mincore", (thp - run->arena) / PAGE, errno);
}

static bool walk_pagemap(struct walker *w, char *thp)
{
	uint64_t entries[NR];
	ssize_t got = pread(w->pagemap, entries, sizeof(entries),
			    (uintptr_t)thp / PAGE * sizeof(*entries));

	return got == sizeof(entries) ||
	       wrong("pagemap", (thp - run->arena) / PAGE, got);
}

static bool walk_smaps(struct walker *w)
{
	char path[64], buf[4096];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", w->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return wrong("smaps_rollup: open", 0, errno);
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	close(fd);
	return true;
}

static bool walk_readv(struct walker *w, unsigned long page)
{
	uint64_t word;
	struct iovec local = { &word, sizeof(word) };
	struct iovec there = { run->arena + page * PAGE, sizeof(word) };

	if (process_vm_readv(w->pid, &local, 1, &there, 1, 0) != sizeof(word))
		return wrong("process_vm_readv", page, errno);
	return w->outside || belongs(&word, page, "process_vm_readv: not what was written");
}

/* Looks the page up without any lock, if it is present. */
static bool walk_splice(struct walker *w, unsigned long page)
{
	struct iovec vec = { run->arena + page * PAGE, sizeof(uint64_t) };
	uint64_t word;

	if (vmsplice(w->pipe[1], &vec, 1, 0) != sizeof(word))
		return wrong("vmsplice", page, errno);
	if (read(w->pipe[0], &word, sizeof(word)) != sizeof(word))
		return wrong("vmsplice: read", page, errno);
	return belongs(&word, page, "vmsplice: not what was written");
}

static bool walk_touch(unsigned long page)
{
	const uint64_t word = *(volatile uint64_t *)(run->arena + page * PAGE);

	return belongs(&word, page, "touch: not what was written");
}

static bool walk(struct walker *w)
{
	const unsigned long page = below(&w->rng, nr_pages);
	char *thp = run->arena + page / NR * THP;
	enum walk kind;
	bool ok = true;

	/* Those who look are many; who holds a page keeps the collapse away. */
	if (w->outside)
		kind = one_in(&w->rng, 20) ? SMAPS :
		       one_in(&w->rng, 8) ? READV : PAGEMAP;
	else if (!one_in(&w->rng, 16))
		kind = below(&w->rng, SMAPS);
	else
		kind = READV + below(&w->rng, 3);
	switch (kind) {
	case MINCORE: ok = walk_mincore(w, thp); break;
	case PAGEMAP: ok = walk_pagemap(w, thp); break;
	case SCAN: nr_pmd_swapped(thp, THP); break;
	case SMAPS: ok = walk_smaps(w); break;
	case READV: ok = walk_readv(w, page); break;
	case SPLICE: ok = walk_splice(w, page); break;
	default: ok = walk_touch(page);
	}
	__atomic_fetch_add(&tables->walks[kind], 1, __ATOMIC_RELAXED);
	/* The one who frees has to come on, too. */
	usleep(below(&w->rng, kind < SMAPS ? 400 : 4000));
	return ok;
}

static void *walker(void *arg)
{
	struct walker *w = arg;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/pagemap", w->pid);
	w->pagemap = open(path, O_RDONLY | O_CLOEXEC);
	if (w->pagemap < 0 || pipe2(w->pipe, O_CLOEXEC)) {
		wrong("a walker cannot start", 0, errno);
		return NULL;
	}
	while (!stopped() && walk(w))
		;
	close(w->pagemap);
	close(w->pipe[0]);
	close(w->pipe[1]);
	return NULL;
}

/* ---- the one who frees --------------------------------------------------- */

static bool try_madvise(char *thp, int advice, const char *what)
{
	return !madvise(thp, THP, advice) ||
	       wrong(what, (thp - run->arena) / PAGE, errno);
}

/* Refused as long as somebody else holds one of the pages. */
static bool collapse(char *thp)
{
	int i;

	for (i = 0; i < 20 && !stopped(); i++) {
		if (!madvise(thp, THP, MADV_COLLAPSE))
			return true;
		tables->refused++;
		usleep(1000);
	}
	return false;
}

static bool page_out(char *thp)
{
	int i;

	for (i = 0; i < 20 && !stopped(); i++) {
		madvise(thp, THP, MADV_PAGEOUT);
		if (nr_pmd_swapped(thp, THP))
			return true;
		usleep(2000);
	}
	return false;
}

static bool free_again(struct rng *rng, char *thp)
{
	const unsigned int way = below(rng, 5);
	char *part = thp + below(rng, NR) * PAGE;

	if (nr_pmd_swapped(thp, THP))
		tables->freed_swapped += way < 4;
	else if (nr_pmd_mapped(thp, THP))
		tables->freed_huge += way < 4 && way != 1;
	switch (way) {
	case 0:
	case 3:
		return try_madvise(thp, MADV_DONTNEED, "MADV_DONTNEED");
	case 1:
		return try_madvise(thp, MADV_FREE, "MADV_FREE");
	case 2:
		/* No moment without a mapping: who walks would fail. */
		return mmap(thp, THP, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == thp ||
		       wrong("mmap", (thp - run->arena) / PAGE, errno);
	default:
		/* The page table comes into use again. */
		return !madvise(part, thp + THP - part, MADV_DONTNEED) ||
		       wrong("MADV_DONTNEED of a part", (part - run->arena) / PAGE, errno);
	}
}

static bool round_of(struct rng *rng)
{
	const unsigned long first = below(rng, nr_pages / NR) * NR;
	char *thp = run->arena + first * PAGE;
	const uint64_t count = last_count + 1;
	unsigned long i;
	int word;

	/* Small pages, in a page table. */
	if (!try_madvise(thp, MADV_NOHUGEPAGE, "MADV_NOHUGEPAGE") ||
	    !try_madvise(thp, MADV_DONTNEED, "MADV_DONTNEED"))
		return false;
	/* What is freed is noticed as long as it is not used again. */
	usleep(below(rng, 2000));
	__atomic_store_n(&last_count, count, __ATOMIC_SEQ_CST);
	for (i = 0; i < NR; i++)
		page_fill(thp + i * PAGE, count * PLACES + first + i);
	if (!try_madvise(thp, MADV_HUGEPAGE, "MADV_HUGEPAGE"))
		return false;

	if (collapse(thp)) {
		tables->collapsed++;
		if (!one_in(rng, 4) && page_out(thp))
			tables->out++;
	}
	if (one_in(rng, 4)) {
		for (i = 0; i < NR; i++) {
			word = page_differs(thp + i * PAGE, count * PLACES + first + i);
			if (word >= 0)
				return wrong("differs at word", first + i, word);
		}
	}
	if (!free_again(rng, thp))
		return false;
	usleep(below(rng, 2000));
	return true;
}

static bool enough(void)
{
	unsigned int i;

	say("%lu rounds: %lu collapsed (refused %lu times), %lu swapped out whole", run->steps,
	    tables->collapsed, tables->refused, tables->out);
	say("  page tables freed: %lu huge, %lu swapped out", tables->freed_huge, tables->freed_swapped);
	for (i = 0; i < NR_WALKS; i++)
		say("  %-16s %lu", walk_names[i], tables->walks[i]);
	/* What has not happened has not been tested. */
	if (run->steps < 8)
		return true;
	for (i = 0; i < NR_WALKS; i++)
		if (!tables->walks[i])
			return wrong("a kind of walk never took place", 0, i);
	if (2 * tables->collapsed < run->steps)
		return wrong("few collapses", 0, tables->collapsed);
	return (4 * tables->out >= run->steps && tables->freed_swapped) ||
	       wrong("hardly anything was swapped out whole", 0, tables->out);
}

int tables_run(struct run *r)
{
	const double end = now() + opt.seconds;
	struct rng rng = { mix64(opt.seed) };
	pthread_t threads[MAX_WALKERS];
	struct walker walkers[MAX_WALKERS];
	unsigned int i, nr = 0;
	int status = 0;
	pid_t outside;

	run = r;
	nr_pages = min(opt.thps, 4U) * NR;
	tables = mmap(NULL, sizeof(*tables), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	run->arena_len = nr_pages * PAGE;
	run->arena = mmap((void *)(1UL << 44), run->arena_len, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (tables == MAP_FAILED || run->arena == MAP_FAILED || mlockall(MCL_CURRENT)) {
		say("no memory: %s", strerror(errno));
		return 2;
	}
	/* Of the arena nothing was there to be locked; it must not be later. */
	munlock(run->arena, run->arena_len);
	memset(tables, 0, sizeof(*tables));
	last_count = 0;

	run->pid = getpid();
	outside = fork();
	if (!outside) {
		struct walker w = { { mix64(opt.seed ^ 0x2000) }, .pid = run->pid,
				    .outside = true };

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		munmap(run->arena, run->arena_len);
		walker(&w);
		_exit(0);
	}
	for (i = 0; i < min(opt.threads, (unsigned int)MAX_WALKERS); i++) {
		walkers[i] = (struct walker){ { mix64(opt.seed ^ (0x2001 + i)) },
					      .pid = run->pid };
		if (pthread_create(&threads[i], NULL, walker, &walkers[i])) {
			wrong("cannot make a thread", 0, errno);
			break;
		}
		nr++;
	}
	/* On a busy machine it takes longer until anything has been tested. */
	while (!run->failed && (now() < end || !tables->freed_swapped) &&
	       (!opt.steps || run->steps < opt.steps)) {
		if (!round_of(&rng))
			break;
		run->steps++;
	}
	__atomic_store_n(&run->stop, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < nr; i++)
		pthread_join(threads[i], NULL);
	if (outside < 0 || waitpid(outside, &status, 0) < 0 || status)
		wrong("the process that looks from outside ended with status", 0, status);
	if (!run->failed)
		enough();
	return run->failed;
}
