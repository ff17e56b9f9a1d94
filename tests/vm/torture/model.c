// SPDX-License-Identifier: GPL-2.0
/*
 * Each page of a region has a generation, which says what it must hold; see
 * page_fill(). An operation that leaves the contents alone runs under the
 * read lock of its region, side by side with others; one that gives up pages,
 * or moves or protects them, takes the write lock. Pages are written and
 * checked under the lock of their stripe.
 *
 * A child has the regions that its parent held at the fork, with the model as
 * it was then, and goes on by itself. Other regions were in motion; it never
 * touches them.
 *
 * Nothing here uses stdio or malloc() once threads run, since children are
 * forked from them.
 */
#define _GNU_SOURCE
#include "model.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/userfaultfd.h>

/* What the headers of the machine may lack. */
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE		25
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102
#define MADV_GUARD_REMOVE	103
#endif
#ifndef UFFDIO_MOVE
struct uffdio_move {
	__u64 dst, src, len, mode;
	__s64 move;
};
#define UFFDIO_MOVE	_IOWR(UFFDIO, 0x05, struct uffdio_move)
#define UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES	(1ULL << 1)
#endif
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC	(1 << 15)
#endif
#ifndef UFFD_FEATURE_MOVE
#define UFFD_FEATURE_MOVE	(1 << 16)
#endif
#ifndef PROCMAP_QUERY
struct procmap_query {
	__u64 size, query_flags, query_addr, vma_start, vma_end, vma_flags;
	__u64 vma_page_size, vma_offset, inode;
	__u32 dev_major, dev_minor, vma_name_size, build_id_size;
	__u64 vma_name_addr, build_id_addr;
};
#define PROCMAP_QUERY	_IOWR('f', 17, struct procmap_query)
#endif

#define THPS_OF_REGION	2
#define NR_PAGES	(THPS_OF_REGION * NR)	/* of a region */
#define MAX_REGIONS	16
#define STRIPE		32			/* pages under one lock */
#define NR_HISTORY	4096
#define STACK		(512UL << 10)

enum {
	P_HOLE		= 1,	/* not mapped */
	P_MAYBE_ZERO	= 2,	/* MADV_FREE: the generation, or zeroes */
	P_BAD		= 4,	/* poisoned: SIGBUS, or the generation */
	P_KSM		= 8,	/* may be merged, which loses soft-dirty */
};

/*
 * A generation says who wrote it, where, how, and which of their writes it
 * was: who << 44, region << 40, page << 28, GEN_REMOTE, count.
 */
#define GEN_REMOTE	(1ULL << 27)

struct page {
	uint64_t gen;
	uint32_t epoch;		/* of the last write, see op_soft_dirty() */
	uint8_t flags;
	uint8_t ksm;
};

struct record {
	uint32_t step, who;
	uint16_t first, nr;
	int16_t err;		/* -errno, or RUNNING */
	uint8_t op;
	uint8_t depth;
};

#define RUNNING	1

/*
 * A region has two windows in the address space, each with room for it and a
 * THP more, so that it can be put at any offset. It lives in one of them; the
 * other is not mapped, and used to move things to and fro.
 */
struct region {
	unsigned int id;
	char *window[2];
	int lives;
	char *base;			/* of page 0; NULL: not ours */
	struct page page[NR_PAGES];
	pthread_rwlock_t lock;
	pthread_mutex_t stripe[NR_PAGES / STRIPE];
	struct record history[NR_HISTORY];
	unsigned int nr_records;
};

struct actor {
	pthread_t thread;
	struct rng rng;
	uint32_t who;
	uint32_t count;			/* of generations made */
	unsigned int depth;		/* 0 in the first process */
	unsigned long left;		/* steps to do */
	double end;
	uint64_t before[NR_PAGES], after[NR_PAGES];
	unsigned char resident[NR_PAGES];
	char buf[65536];
	_Alignas(4096) char copy[4096];
};

struct op {
	const char *name;
	int (*fn)(struct actor *a, struct region *r, unsigned int first,
		  unsigned int nr);
	bool exclusive;			/* takes the write lock */
	unsigned int weight;		/* in model_everything[] */
};

static struct {
	struct run *run;
	struct region *region;
	unsigned int nr_regions;
	pthread_rwlock_t soft_dirty;	/* held for writing by who clears */
	uint32_t epoch;
	bool has_soft_dirty;		/* the kernel tracks it */
	pthread_mutex_t children;
	unsigned int nr_children, max_children;
	unsigned int weight[MAX_OPS], weights;
	int uffd, maps;			/* -1: not open yet */
	pthread_mutex_t opening;
	struct actor *actor;
} world;

static const struct op ops[];
static __thread struct actor *self;

static char *at(const struct region *r, unsigned int page)
{
	return r->base + page * PAGE;
}

/* ---- what is wrong ------------------------------------------------------- */

static const char *err_name(int err)
{
	return err == RUNNING ? "running" : err ? strerrorname_np(-err) : "ok";
}

static void explain_gen(char *buf, size_t len, uint64_t gen)
{
	const unsigned int place = gen >> 28 & 0xffff;

	if (!gen)
		snprintf(buf, len, "zeroes");
	else if (gen >> 44 == 0xfffff)
		snprintf(buf, len, "what is alike in many pages, class %u",
			 (unsigned int)(gen >> 1 & 7));
	else
		snprintf(buf, len, "write %u by who=%u to region %u page %u%s",
			 (unsigned int)(gen & (GEN_REMOTE - 1)),
			 (unsigned int)(gen >> 44), place >> 12, place & 0xfff,
			 gen & GEN_REMOTE ? ", by process_vm_writev()" : "");
}

static void report_history(const struct region *r, unsigned int page)
{
	unsigned int i, shown = 0;

	for (i = 0; i < min(r->nr_records, (unsigned int)NR_HISTORY) && shown < 24; i++) {
		const struct record *rec =
			&r->history[(r->nr_records - 1 - i) % NR_HISTORY];

		if (page < rec->first || page >= (unsigned int)rec->first + rec->nr)
			continue;
		say("    step %u who=%u depth %u: %s pages %u+%u: %s", rec->step,
		    rec->who, rec->depth, ops[rec->op].name, rec->first, rec->nr,
		    err_name(rec->err));
		shown++;
	}
}

/* Say all there is to say about a page, and end the run. */
#define wrong(r, page, ...) do {					\
	char __what[256];						\
									\
	snprintf(__what, sizeof(__what), __VA_ARGS__);			\
	report(r, page, __what);					\
} while (0)

static void __attribute__((noreturn))
report(const struct region *r, int page, const char *what)
{
	struct run *run = world.run;
	char expected[128], found[128];
	uint64_t pm[3] = {}, gen;
	volatile bool known;
	int sig;

	if (__atomic_exchange_n(&run->failed, 1, __ATOMIC_SEQ_CST))
		_exit(1);
	say("MISMATCH in %s: %s", run->name, what);
	say("  --seed %#llx, step %lu, pid %d, who=%u, depth %u",
	    (unsigned long long)opt.seed, run->steps, getpid(),
	    self ? self->who : 0, self ? self->depth : 0);
	if (!r)
		_exit(1);
	if (page >= 0) {
		const struct page *p = &r->page[page];
		char *addr = at(r, page);

		explain_gen(expected, sizeof(expected), p->gen);
		say("  address %p, region %u (at %p) page %d", addr, r->id,
		    r->base, page);
		say("  expected: %s%s%s%s", expected,
		    p->flags & P_HOLE ? ", not mapped" : "",
		    p->flags & P_MAYBE_ZERO ? ", or zeroes" : "",
		    p->flags & P_BAD ? ", or SIGBUS" : "");
		if (!pagemap_read(addr - PAGE, 3, pm))
			say("  pagemap before looking again: %#llx, neighbours %#llx %#llx",
			    (unsigned long long)pm[1], (unsigned long long)pm[0],
			    (unsigned long long)pm[2]);
		known = false;
		sig = TRAP(known = page_gen(addr, &gen));
		if (sig)
			say("  found: signal %d, code %d", sig, trap.code);
		else if (known)
			explain_gen(found, sizeof(found), gen),
			say("  found: %s", found);
		else
			say("  found: a mixture; differs at word %d, starts with %#llx",
			    page_differs(addr, p->gen),
			    *(unsigned long long *)addr);
		if (!sig)
			say("  looked again: %s", page_differs(addr, p->gen) < 0 ?
			    "as expected" : "still different");
		say("  last operations on the page:");
		report_history(r, page);
	}
	_exit(1);
}

static void report_fault(int sig, int code, void *addr)
{
	unsigned int i;

	for (i = 0; i < world.nr_regions; i++) {
		const struct region *r = &world.region[i];
		const char *p = addr;

		if (r->base && p >= r->base && p < at(r, NR_PAGES))
			wrong(r, (p - r->base) / PAGE,
			      "unexpected signal %d, code %d", sig, code);
	}
	wrong(NULL, -1, "unexpected signal %d, code %d at %p", sig, code, addr);
}

/* ---- access -------------------------------------------------------------- */

/* A failure that comes of failing allocations and is over soon. */
static bool try_again(int err, int *tries)
{
	if (!world.run->scarce || (err != ENOMEM && err != EFAULT &&
				      err != EAGAIN) || ++*tries > 2000)
		return false;
	if (*tries > 100)
		usleep(1000);
	return true;
}

static void remote_write(struct actor *a, struct region *r, unsigned int page)
{
	struct iovec local = { a->copy, PAGE }, there = { at(r, page), PAGE };
	int tries = 0;
	ssize_t ret;

	do {
		ret = process_vm_writev(getpid(), &local, 1, &there, 1, 0);
	} while (ret < 0 && try_again(errno, &tries));
	if (ret != (ssize_t)PAGE)
		wrong(r, page, "process_vm_writev: %zd (%s)", ret, strerror(errno));
}

/*
 * Not by process_vm_readv(), which pins the page. If it is shared that leaves a
 * copy with a clean PTE, which 7.3.4 loses if a child calls MADV_FREE on it,
 * exits, and the page is reclaimed.
 */
static void remote_read(struct actor *a, struct region *r, unsigned int page)
{
	int fd, tries = 0;
	ssize_t ret;

	do {
		ret = fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
		if (fd < 0) {
			/* That is what it says without memory for an inode. */
			if (errno == ENOENT)
				errno = ENOMEM;
			continue;
		}
		ret = pread(fd, a->copy, PAGE, (uintptr_t)at(r, page));
		close(fd);
	} while (ret < 0 && try_again(errno == EIO ? EFAULT : errno, &tries));
	if (ret != (ssize_t)PAGE)
		wrong(r, page, "read of /proc/self/mem: %zd (%s)", ret,
		      strerror(errno));
}

static pthread_mutex_t *stripe_of(struct region *r, unsigned int page)
{
	return &r->stripe[page / STRIPE];
}

/* The signals that an access gets. */
static int __attribute__((noinline)) read_signal(const volatile char *addr)
{
	return TRAP((void)*addr);
}

static int __attribute__((noinline)) write_signal(volatile char *addr)
{
	return TRAP(*addr = 1);
}

/* As page_differs(), for what may be poisoned. */
static int __attribute__((noinline))
poisoned_differs(const void *addr, uint64_t gen, int *sig)
{
	volatile int word = -1;

	*sig = TRAP(word = page_differs(addr, gen));
	return word;
}

static void check_page(struct actor *a, struct region *r, unsigned int page)
{
	struct page *p = &r->page[page];
	const void *addr = at(r, page);
	int word, sig;

	if (p->flags & P_HOLE)
		return;
	pthread_mutex_lock(stripe_of(r, page));
	if (p->flags & P_BAD) {
		word = poisoned_differs(addr, p->gen, &sig);
		if (sig == SIGBUS || (!sig && word < 0) ||
		    (!sig && p->flags & P_MAYBE_ZERO && page_differs(addr, 0) < 0))
			goto out;
		wrong(r, page, "a poisoned page: signal %d, word %d", sig, word);
	}
	if (one_in(&a->rng, 16)) {
		remote_read(a, r, page);
		addr = a->copy;
	}
	word = one_in(&a->rng, 8) ? page_differs(addr, p->gen) :
				    page_seems_to_differ(addr, p->gen);
	if (word < 0)
		goto out;
	if (p->flags & P_MAYBE_ZERO && page_differs(at(r, page), 0) < 0) {
		p->flags &= ~P_MAYBE_ZERO;
		p->gen = 0;
		goto out;
	}
	wrong(r, page, "word %d is %#llx%s", word,
	      ((unsigned long long *)addr)[word],
	      addr == a->copy ? ", as /proc/self/mem shows it" : "");
out:
	pthread_mutex_unlock(stripe_of(r, page));
}

static void check_pages(struct actor *a, struct region *r, unsigned int first,
			unsigned int nr)
{
	for (; nr; first++, nr--)
		check_page(a, r, first);
}

static void write_page(struct actor *a, struct region *r, unsigned int page,
		       uint64_t gen)
{
	struct page *p = &r->page[page];

	if (p->flags & (P_HOLE | P_BAD))
		return;
	pthread_mutex_lock(stripe_of(r, page));
	pthread_rwlock_rdlock(&world.soft_dirty);
	if (one_in(&a->rng, 16)) {
		gen |= GEN_REMOTE;
		page_fill(a->copy, gen);
		remote_write(a, r, page);
	} else {
		page_fill(at(r, page), gen);
	}
	p->gen = gen;
	p->flags &= ~P_MAYBE_ZERO;
	p->epoch = world.epoch;
	pthread_rwlock_unlock(&world.soft_dirty);
	pthread_mutex_unlock(stripe_of(r, page));
}

static uint64_t new_gen(struct actor *a, struct region *r, unsigned int page)
{
	a->count = (a->count + 1) & (GEN_REMOTE - 1);
	return (uint64_t)a->who << 44 | (uint64_t)(r->id << 12 | page) << 28 |
	       a->count;
}

static void write_pages(struct actor *a, struct region *r, unsigned int first,
			unsigned int nr)
{
	for (; nr; first++, nr--)
		write_page(a, r, first, new_gen(a, r, first));
}

static void now_zero(struct region *r, unsigned int first, unsigned int nr)
{
	for (; nr; first++, nr--)
		if (!(r->page[first].flags & P_HOLE))
			r->page[first] = (struct page){ .ksm = r->page[first].ksm };
}

/* The first run of pages that are mapped; false if there is none. */
static bool mapped_run(const struct region *r, unsigned int *first,
		       unsigned int *nr)
{
	const unsigned int end = *first + *nr;
	unsigned int i;

	while (*first < end && r->page[*first].flags & P_HOLE)
		(*first)++;
	for (i = *first; i < end && !(r->page[i].flags & P_HOLE); i++)
		;
	*nr = i - *first;
	return *nr;
}

static bool any(const struct region *r, unsigned int first, unsigned int nr,
		uint8_t flags)
{
	for (; nr; first++, nr--)
		if (r->page[first].flags & flags)
			return true;
	return false;
}

/* ---- the address space --------------------------------------------------- */

static bool vma_at(const void *addr, char **end)
{
	struct procmap_query query = {
		.size = sizeof(query),
		.query_addr = (uintptr_t)addr,
	};
	int tries = 0, ret;

	while (world.maps < 0) {
		world.maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
		if (world.maps < 0 && !try_again(errno, &tries))
			return false;
	}
	do {
		ret = ioctl(world.maps, PROCMAP_QUERY, &query);
	} while (ret && try_again(errno, &tries));
	if (ret)
		return false;
	*end = (char *)(uintptr_t)query.vma_end;
	return true;
}

/* Move pages that are all mapped, VMA by VMA. @r and @page are for reports. */
static void move(struct region *r, unsigned int page, char *from, char *to,
		 size_t len, bool dontunmap)
{
	const int flags = MREMAP_MAYMOVE | MREMAP_FIXED |
			  (dontunmap ? MREMAP_DONTUNMAP : 0);
	int tries = 0;
	size_t piece;
	char *end;

	for (; len; from += piece, to += piece, len -= piece) {
		if (!vma_at(from, &end))
			wrong(r, page, "no VMA at %p, which is to move", (void *)from);
		piece = min(len, (size_t)(end - from));
		while (mremap(from, piece, piece, flags, to) != to)
			if (!try_again(errno, &tries))
				wrong(r, page, "mremap %p to %p, %zu bytes: %s",
				      (void *)from, (void *)to, piece,
				      strerror(errno));
		if (dontunmap && munmap(from, piece))
			wrong(r, page, "munmap after DONTUNMAP: %s", strerror(errno));
	}
}

/* Where page @first goes in the window that is free, at offset @shift. */
static char *aside(const struct region *r, unsigned int first, unsigned int shift)
{
	return r->window[!r->lives] + (first + shift) * PAGE;
}

static unsigned int some_shift(struct actor *a, const struct region *r)
{
	const unsigned int same = (r->base - r->window[r->lives]) / PAGE;

	return one_in(&a->rng, 3) ? below(&a->rng, NR) : same;
}

static bool map_fresh(struct region *r, unsigned int first, unsigned int nr)
{
	char *addr = at(r, first);
	const size_t len = nr * PAGE;

	if (mmap(addr, len, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != addr)
		return false;
	memset(&r->page[first], 0, nr * sizeof(*r->page));
	madvise(addr, len, MADV_HUGEPAGE);
	return true;
}

/* ---- operations that leave the contents alone ---------------------------- */

static int advise(struct region *r, unsigned int first, unsigned int nr, int advice)
{
	return madvise(at(r, first), nr * PAGE, advice) ? -errno : 0;
}

static int op_check(struct actor *a, struct region *r, unsigned int first,
		    unsigned int nr)
{
	check_pages(a, r, first, nr);
	return 0;
}

static int op_touch(struct actor *a, struct region *r, unsigned int first,
		    unsigned int nr)
{
	check_page(a, r, first + below(&a->rng, nr));
	return 0;
}

static int op_write(struct actor *a, struct region *r, unsigned int first,
		    unsigned int nr)
{
	const unsigned int skip = below(&a->rng, nr);

	write_pages(a, r, first + skip, min(64U, nr - skip));
	return 0;
}

static int op_write_one(struct actor *a, struct region *r, unsigned int first,
			unsigned int nr)
{
	write_pages(a, r, first + below(&a->rng, nr), 1);
	return 0;
}

static int op_pageout(struct actor *a, struct region *r, unsigned int first,
		      unsigned int nr)
{
	(void)a;
	return advise(r, first, nr, MADV_PAGEOUT);
}

static int op_cold(struct actor *a, struct region *r, unsigned int first,
		   unsigned int nr)
{
	(void)a;
	return advise(r, first, nr, MADV_COLD);
}

static int op_willneed(struct actor *a, struct region *r, unsigned int first,
		       unsigned int nr)
{
	int err = advise(r, first, nr, MADV_WILLNEED);

	(void)a;
	if (err && err != -ENOMEM && !world.run->scarce)
		wrong(r, first, "MADV_WILLNEED: %s", strerror(-err));
	return err;
}

static int op_collapse(struct actor *a, struct region *r, unsigned int first,
		       unsigned int nr)
{
	(void)a;
	return advise(r, first, nr, MADV_COLLAPSE);
}

static int op_hugepage(struct actor *a, struct region *r, unsigned int first,
		       unsigned int nr)
{
	return advise(r, first, nr, one_in(&a->rng, 4) ? MADV_NOHUGEPAGE :
							 MADV_HUGEPAGE);
}

static int op_populate(struct actor *a, struct region *r, unsigned int first,
		       unsigned int nr)
{
	int err;

	if (!mapped_run(r, &first, &nr))
		return -ENOENT;
	err = advise(r, first, nr, one_in(&a->rng, 2) ? MADV_POPULATE_READ :
							MADV_POPULATE_WRITE);
	if (err && !world.run->scarce && !world.run->poisoning)
		wrong(r, first, "MADV_POPULATE: %s", strerror(-err));
	return err;
}

static int op_mincore(struct actor *a, struct region *r, unsigned int first,
		      unsigned int nr)
{
	if (!mapped_run(r, &first, &nr))
		return -ENOENT;
	if (mincore(at(r, first), nr * PAGE, a->resident)) {
		if (!world.run->scarce)
			wrong(r, first, "mincore: %s", strerror(errno));
		return -errno;
	}
	return 0;
}

static int op_mergeable(struct actor *a, struct region *r, unsigned int first,
			unsigned int nr)
{
	const bool on = !one_in(&a->rng, 4);
	unsigned int i;

	for (i = first; i < first + nr; i++)
		r->page[i].ksm = 1;
	return advise(r, first, nr, on ? MADV_MERGEABLE : MADV_UNMERGEABLE);
}

/* Pages that KSM can merge. */
static int op_alike(struct actor *a, struct region *r, unsigned int first,
		    unsigned int nr)
{
	unsigned int i;

	for (i = first; i < first + nr; i++)
		if (one_in(&a->rng, 2))
			write_page(a, r, i, 0xfffffULL << 44 |
				   (below(&a->rng, 4) << 1) | 1);
	return op_mergeable(a, r, first, nr);
}

static int op_process_madvise(struct actor *a, struct region *r,
			      unsigned int first, unsigned int nr)
{
	static const int advice[] = { MADV_PAGEOUT, MADV_COLD, MADV_WILLNEED,
				      MADV_COLLAPSE };
	struct iovec vec = { at(r, first), nr * PAGE };
	int fd, err = 0;

	/* A child may as well disturb the process that it comes from. */
	fd = syscall(SYS_pidfd_open, a->depth && one_in(&a->rng, 2) ?
		     world.run->pid : getpid(), 0);
	if (fd < 0)
		return -errno;
	if (syscall(SYS_process_madvise, fd, &vec, 1,
		    advice[below(&a->rng, ARRAY_SIZE(advice))], 0) < 0)
		err = -errno;
	close(fd);
	return err;
}

static int op_soft_offline(struct actor *a, struct region *r,
			   unsigned int first, unsigned int nr)
{
	const unsigned int page = first + below(&a->rng, nr);

	/* Each takes a page from the machine. */
	if (__atomic_fetch_add(&world.run->offlined, 1, __ATOMIC_RELAXED) > 500)
		return -EDQUOT;
	return advise(r, page, 1, MADV_SOFT_OFFLINE);
}

/* ---- operations that change contents or mappings ------------------------- */

static int op_dontneed(struct actor *a, struct region *r, unsigned int first,
		       unsigned int nr)
{
	int err = advise(r, first, nr, MADV_DONTNEED), tries = 0;

	while (err && err != -ENOMEM && try_again(-err, &tries))
		err = advise(r, first, nr, MADV_DONTNEED);
	(void)a;
	if (err && (err != -ENOMEM || !any(r, first, nr, P_HOLE)))
		wrong(r, first, "MADV_DONTNEED: %s", strerror(-err));
	now_zero(r, first, nr);
	return err;
}

static int op_free(struct actor *a, struct region *r, unsigned int first,
		   unsigned int nr)
{
	int err = advise(r, first, nr, MADV_FREE);
	unsigned int i;

	(void)a;
	for (i = first; i < first + nr; i++) {
		if (r->page[i].gen)
			r->page[i].flags |= P_MAYBE_ZERO;
		r->page[i].epoch = 0;
	}
	return err;
}

static int op_munmap(struct actor *a, struct region *r, unsigned int first,
		     unsigned int nr)
{
	unsigned int i;
	int tries = 0;

	(void)a;
	while (munmap(at(r, first), nr * PAGE))
		if (!try_again(errno, &tries))
			wrong(r, first, "munmap: %s", strerror(errno));
	for (i = first; i < first + nr; i++)
		r->page[i] = (struct page){ .flags = P_HOLE };
	return 0;
}

/* Something new, huge where a THP fits. */
static int op_refill(struct actor *a, struct region *r, unsigned int first,
		     unsigned int nr)
{
	int tries = 0;

	if (one_in(&a->rng, 2))
		op_munmap(a, r, first, nr);
	while (!map_fresh(r, first, nr))
		if (!try_again(errno, &tries))
			wrong(r, first, "mmap: %s", strerror(errno));
	write_pages(a, r, first, nr);
	return 0;
}

static int op_fill_holes(struct actor *a, struct region *r, unsigned int first,
			 unsigned int nr)
{
	unsigned int i;
	int tries = 0;

	(void)a;
	for (i = first; i < first + nr; i++) {
		if (!(r->page[i].flags & P_HOLE))
			continue;
		while (!map_fresh(r, i, 1))
			if (!try_again(errno, &tries))
				wrong(r, i, "mmap: %s", strerror(errno));
	}
	return 0;
}

static int op_mprotect(struct actor *a, struct region *r, unsigned int first,
		       unsigned int nr)
{
	const int prot = one_in(&a->rng, 2) ? PROT_NONE : PROT_READ;
	unsigned int page;
	int sig, tries = 0;

	if (!mapped_run(r, &first, &nr))
		return -ENOENT;
	while (mprotect(at(r, first), nr * PAGE, prot))
		if (!try_again(errno, &tries))
			wrong(r, first, "mprotect: %s", strerror(errno));
	if (one_in(&a->rng, 2))
		advise(r, first, nr, MADV_PAGEOUT);
	page = first + below(&a->rng, nr);
	if (prot == PROT_NONE) {
		sig = read_signal(at(r, page));
	} else {
		check_page(a, r, first + below(&a->rng, nr));
		sig = write_signal(at(r, page));
	}
	/* A poisoned page may say so first. */
	if (sig != SIGSEGV && !(sig && world.run->poisoning))
		wrong(r, page, "access to what is protected: signal %d", sig);
	while (mprotect(at(r, first), nr * PAGE, PROT_READ | PROT_WRITE))
		if (!try_again(errno, &tries))
			wrong(r, first, "mprotect: %s", strerror(errno));
	return 0;
}

/* Locked memory is all there, until it is unlocked. */
static int op_mlock(struct actor *a, struct region *r, unsigned int first,
		    unsigned int nr)
{
	const bool onfault = one_in(&a->rng, 4);
	unsigned int i, missing;
	int tries = 0, err;

	if (!mapped_run(r, &first, &nr))
		return -ENOENT;
	err = mlock2(at(r, first), nr * PAGE, onfault ? MLOCK_ONFAULT : 0) ? -errno : 0;
	if (err && !world.run->scarce && !world.run->poisoning)
		wrong(r, first, "mlock: %s", strerror(-err));
	/* Migration takes pages away for a moment. */
	for (i = 0; !err && !onfault && i < 50; i++) {
		if (pagemap_read(at(r, first), nr, a->before))
			break;
		for (missing = 0; missing < nr; missing++)
			if (!(a->before[missing] & PM_PRESENT))
				break;
		if (missing == nr)
			break;
		if (i == 49 && !world.run->poisoning && !world.run->scarce)
			wrong(r, first + missing, "not there, though locked");
		usleep(20000);
	}
	if (one_in(&a->rng, 2))
		check_pages(a, r, first, nr);
	while (munlock(at(r, first), nr * PAGE))
		if (!try_again(errno, &tries))
			wrong(r, first, "munlock: %s", strerror(errno));
	return err;
}

/* Away and back. */
static int op_mremap(struct actor *a, struct region *r, unsigned int first,
		     unsigned int nr)
{
	const bool dontunmap = one_in(&a->rng, 4);
	char *to, *base = r->base;
	unsigned int shift = some_shift(a, r);

	if (!mapped_run(r, &first, &nr))
		return -ENOENT;
	to = aside(r, first, shift);
	move(r, first, at(r, first), to, nr * PAGE, dontunmap);
	r->base = to - first * PAGE;
	if (one_in(&a->rng, 2))
		advise(r, first, nr, MADV_PAGEOUT);
	if (one_in(&a->rng, 2))
		check_pages(a, r, first, min(nr, 16U));
	r->base = base;
	move(r, first, to, at(r, first), nr * PAGE, false);
	return 0;
}

/* The whole region to the other window, aligned as before or not. */
static int op_relocate(struct actor *a, struct region *r, unsigned int first,
		       unsigned int nr)
{
	const unsigned int shift = some_shift(a, r);
	char *base = aside(r, 0, shift);

	for (first = 0; first < NR_PAGES; first += nr) {
		nr = NR_PAGES - first;
		if (!mapped_run(r, &first, &nr))
			break;
		move(r, first, at(r, first), base + first * PAGE, nr * PAGE, false);
	}
	r->base = base;
	r->lives = !r->lives;
	return 0;
}

static int op_guard(struct actor *a, struct region *r, unsigned int first,
		    unsigned int nr)
{
	unsigned int page;
	int err, sig, tries = 0;

	if (!mapped_run(r, &first, &nr))
		return -ENOENT;
	err = advise(r, first, nr, MADV_GUARD_INSTALL);
	if (err) {
		/* Part of it may have happened. */
		if (err != -EINVAL)
			for (page = first; page < first + nr; page++)
				if (r->page[page].gen)
					r->page[page].flags |= P_MAYBE_ZERO;
		while (advise(r, first, nr, MADV_GUARD_REMOVE) &&
		       try_again(errno, &tries))
			;
		return err;
	}
	page = first + below(&a->rng, nr);
	sig = read_signal(at(r, page));
	if (sig != SIGSEGV)
		wrong(r, page, "access to a guard page: signal %d", sig);
	while ((err = advise(r, first, nr, MADV_GUARD_REMOVE)))
		if (!try_again(-err, &tries))
			wrong(r, first, "MADV_GUARD_REMOVE: %s", strerror(-err));
	now_zero(r, first, nr);
	return 0;
}

static int op_hwpoison(struct actor *a, struct region *r, unsigned int first,
		       unsigned int nr)
{
	const unsigned int page = first + below(&a->rng, nr);
	struct page *p = &r->page[page];

	/* The zero page is to live, and each takes a page from the machine. */
	if (!p->gen || p->flags ||
	    __atomic_fetch_add(&world.run->offlined, 1, __ATOMIC_RELAXED) > 500)
		return -EDQUOT;
	p->flags |= P_BAD;
	return poison(at(r, page));
}

/* ---- userfaultfd --------------------------------------------------------- */

static int uffd(void)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_MOVE | UFFD_FEATURE_WP_ASYNC,
	};
	int fd;

	pthread_mutex_lock(&world.opening);
	if (world.uffd < 0) {
		fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
		if (fd >= 0 && ioctl(fd, UFFDIO_API, &api)) {
			close(fd);
			fd = -1;
		}
		world.uffd = fd;
	}
	fd = world.uffd;
	pthread_mutex_unlock(&world.opening);
	return fd;
}

static int uffd_register(char *addr, size_t len, uint64_t mode)
{
	struct uffdio_register reg = {
		.range = { (uintptr_t)addr, len },
		.mode = mode,
	};

	return ioctl(uffd(), UFFDIO_REGISTER, &reg) ? -errno : 0;
}

static void uffd_unregister(struct region *r, unsigned int page, char *addr,
			    size_t len)
{
	struct uffdio_range range = { (uintptr_t)addr, len };
	int tries = 0;

	while (ioctl(uffd(), UFFDIO_UNREGISTER, &range))
		if (!try_again(errno, &tries))
			wrong(r, page, "UFFDIO_UNREGISTER: %s", strerror(errno));
}

/* How much from @addr on is not populated, in bytes of @len. */
static size_t unpopulated(const char *addr, size_t len)
{
	uint64_t *pm = self->after;
	size_t i = 0;

	while (pagemap_read(addr, len / PAGE, pm))
		usleep(1000);
	while (i < len / PAGE && !(pm[i] & (PM_PRESENT | PM_SWAP)))
		i++;
	return i * PAGE;
}

/* How far it came, in bytes. */
static size_t uffd_move(struct region *r, unsigned int page, char *dst,
			char *src, size_t len, bool back)
{
	size_t moved = 0;
	int tries;

	for (tries = 0; moved < len;) {
		struct uffdio_move args = {
			.dst = (uintptr_t)dst + moved,
			.src = (uintptr_t)src + moved,
			.len = len - moved,
			.mode = UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES,
		};
		const int err = ioctl(uffd(), UFFDIO_MOVE, &args) ? errno : 0;

		if (args.move > 0) {
			moved += args.move;
			tries = 0;
			continue;
		}
		if (err == EFAULT && world.run->scarce && ++tries < 2000) {
			/*
			 * There was no page for the answer, where @args has been
			 * shared by a fork or swapped out since. What is left
			 * there was not moved.
			 */
			moved += unpopulated(src + moved, len - moved);
			continue;
		}
		if (err != EAGAIN) {
			/*
			 * Shared, pinned, merged, poisoned; or no memory. Where
			 * a part was moved from there may be a huge page again.
			 */
			if (err != EBUSY && !(err == EEXIST && back) &&
			    !(err == EFAULT && world.run->poisoning) &&
			    !(err == ENOMEM && world.run->scarce))
				wrong(r, page + moved / PAGE, "UFFDIO_MOVE: %s",
				      strerror(err));
			break;
		}
		if (++tries > 20000)
			wrong(r, page + moved / PAGE, "UFFDIO_MOVE: no progress");
		if (tries > 100)
			usleep(500);
	}
	return moved;
}

static int op_uffd_move(struct actor *a, struct region *r, unsigned int first,
			unsigned int nr)
{
	char *base = r->base, *dst, *end;
	size_t len, moved, back = 0;
	unsigned int i, shift = some_shift(a, r);
	int err;

	if (uffd() < 0)
		return -ENOSYS;
	if (!mapped_run(r, &first, &nr) || !vma_at(at(r, first), &end))
		return -ENOENT;
	nr = min(nr, (unsigned int)((end - at(r, first)) / PAGE));
	len = nr * PAGE;
	dst = aside(r, first, shift);
	if (mmap(dst, len, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != dst)
		return -errno;
	madvise(dst, len, MADV_HUGEPAGE);
	err = uffd_register(dst, len, UFFDIO_REGISTER_MODE_MISSING);
	if (err)
		goto out;
	moved = uffd_move(r, first, dst, at(r, first), len, false);
	if (moved < len)
		err = -EBUSY;
	if (moved) {
		if (one_in(&a->rng, 2))
			madvise(dst, moved, MADV_PAGEOUT);
		/* What was never written is missing there, and would be waited for. */
		r->base = dst - first * PAGE;
		for (i = first; i < first + moved / PAGE; i++)
			if (r->page[i].gen && !r->page[i].flags && one_in(&a->rng, 8))
				check_page(a, r, i);
		r->base = base;
		if (one_in(&a->rng, 2) &&
		    !uffd_register(at(r, first), len, UFFDIO_REGISTER_MODE_MISSING)) {
			back = uffd_move(r, first, at(r, first), dst, moved, true);
			uffd_unregister(r, first, at(r, first), len);
		}
		uffd_unregister(r, first, dst, len);
		if (back < moved)
			move(r, first, dst + back, at(r, first) + back,
			     moved - back, false);
	}
out:
	munmap(dst, len);
	return err;
}

/* Which pages are populated, and must stay write-protected. */
static bool wp_expected(const struct region *r, unsigned int page, uint64_t pm)
{
	return pm & (PM_PRESENT | PM_SWAP) && !r->page[page].flags &&
	       r->page[page].gen;
}

static int op_uffd_wp(struct actor *a, struct region *r, unsigned int first,
		      unsigned int nr)
{
	struct uffdio_writeprotect wp = { .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	unsigned int i;
	int written = -1, err;
	char *end;

	if (uffd() < 0)
		return -ENOSYS;
	if (!mapped_run(r, &first, &nr) || !vma_at(at(r, first), &end))
		return -ENOENT;
	nr = min(nr, (unsigned int)((end - at(r, first)) / PAGE));
	/* KSM does not care for the bit. */
	advise(r, first, nr, MADV_UNMERGEABLE);
	if (any(r, first, nr, P_KSM))
		return -EBUSY;
	for (i = first; i < first + nr; i++)
		if (r->page[i].ksm)
			return -EBUSY;
	err = uffd_register(at(r, first), nr * PAGE, UFFDIO_REGISTER_MODE_WP);
	if (err)
		return err;
	wp.range.start = (uintptr_t)at(r, first);
	wp.range.len = nr * PAGE;
	if (ioctl(uffd(), UFFDIO_WRITEPROTECT, &wp)) {
		err = -errno;
		goto out;
	}
	if (one_in(&a->rng, 2))
		advise(r, first, nr, MADV_PAGEOUT);
	if (one_in(&a->rng, 4))
		advise(r, first, nr, MADV_COLLAPSE);
	if (one_in(&a->rng, 2)) {
		written = first + below(&a->rng, nr);
		write_pages(a, r, written, 1);
	}
	if (one_in(&a->rng, 4))
		check_pages(a, r, first, nr);
	if (one_in(&a->rng, 4))
		advise(r, first, nr, MADV_PAGEOUT);
	if (pagemap_read(at(r, first), nr, a->before))
		goto out;
	for (i = 0; i < nr; i++) {
		if (!wp_expected(r, first + i, a->before[i]))
			continue;
		if ((int)(first + i) == written) {
			if (a->before[i] & PM_UFFD_WP)
				wrong(r, written, "write-protected, though written");
		} else if (!(a->before[i] & PM_UFFD_WP) &&
			   !r->page[first + i].ksm) {
			wrong(r, first + i, "write-protection lost: %#llx",
			      (unsigned long long)a->before[i]);
		}
	}
out:
	uffd_unregister(r, first, at(r, first), nr * PAGE);
	return err;
}

/* ---- soft-dirty ---------------------------------------------------------- */

static int op_clear_soft_dirty(struct actor *a, struct region *r,
			       unsigned int first, unsigned int nr)
{
	int err;

	(void)a; (void)r; (void)first; (void)nr;
	pthread_rwlock_wrlock(&world.soft_dirty);
	err = put_string("/proc/self/clear_refs", "4");
	if (!err)
		world.epoch++;
	pthread_rwlock_unlock(&world.soft_dirty);
	return err;
}

/* What was written since the last time it was cleared is soft-dirty. */
static int op_soft_dirty(struct actor *a, struct region *r, unsigned int first,
			 unsigned int nr)
{
	unsigned int i;
	int err;

	if (!world.has_soft_dirty)
		return -ENOSYS;
	pthread_rwlock_rdlock(&world.soft_dirty);
	err = pagemap_read(at(r, first), nr, a->before);
	for (i = 0; !err && i < nr; i++) {
		const struct page *p = &r->page[first + i];

		if (p->gen && p->epoch == world.epoch && !p->ksm && !p->flags &&
		    !(a->before[i] & PM_SOFT_DIRTY))
			wrong(r, first + i, "soft-dirty lost: %#llx",
			      (unsigned long long)a->before[i]);
	}
	pthread_rwlock_unlock(&world.soft_dirty);
	return err;
}

/* ---- /proc against itself ------------------------------------------------ */

struct smaps {
	size_t swap, swap_pss, rss, huge;
};

/* Sums over the VMAs between @start and @end, or of smaps_rollup, in bytes. */
static int read_smaps(struct actor *a, const char *path, const char *start,
		      const char *end, struct smaps *sum)
{
	const struct {
		const char *key;
		size_t *val;
	} fields[] = {
		{ "Rss:", &sum->rss }, { "Swap:", &sum->swap },
		{ "SwapPss:", &sum->swap_pss }, { "AnonHugePages:", &sum->huge },
	};
	size_t have = 0;
	bool ours = false;
	ssize_t got = 0;
	unsigned int i;
	int fd;

	*sum = (struct smaps){};
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do {
		char *line = a->buf, *nl;

		got = read(fd, a->buf + have, sizeof(a->buf) - 1 - have);
		if (got < 0) {
			got = -errno;
			break;
		}
		have += got;
		a->buf[have] = '\0';
		while ((nl = strchr(line, '\n'))) {
			char *rest;
			const uintptr_t from = strtoul(line, &rest, 16);

			*nl = '\0';
			if (*rest == '-' && rest > line) {
				const uintptr_t to = strtoul(rest + 1, NULL, 16);

				ours = from < (uintptr_t)end &&
				       (uintptr_t)start < to;
			}
			for (i = 0; ours && i < ARRAY_SIZE(fields); i++) {
				const size_t len = strlen(fields[i].key);

				if (!strncmp(line, fields[i].key, len))
					*fields[i].val +=
						strtoul(line + len, NULL, 10) << 10;
			}
			line = nl + 1;
		}
		have -= line - a->buf;
		memmove(a->buf, line, have);
	} while (got > 0);
	close(fd);
	return got;
}

/*
 * pagemap, smaps and mincore must agree. Somebody else may swap in between:
 * only when pagemap is the same before and after is there something to compare.
 */
static int op_proc(struct actor *a, struct region *r, unsigned int first,
		   unsigned int nr)
{
	struct smaps sum;
	unsigned int i, tries, bad = 0;
	size_t swap = 0;
	int err;

	first = 0;
	nr = NR_PAGES;
	if (!mapped_run(r, &first, &nr) || nr < NR_PAGES)
		return -ENOENT;
	for (tries = 0; tries < 6; tries++) {
		err = pagemap_read(r->base, nr, a->before);
		if (!err)
			err = read_smaps(a, "/proc/self/smaps", r->base,
					 at(r, nr), &sum);
		if (!err && mincore(r->base, nr * PAGE, a->resident))
			err = -errno;
		if (!err)
			err = pagemap_read(r->base, nr, a->after);
		if (err)
			return err;
		if (memcmp(a->before, a->after, nr * sizeof(*a->before)))
			return -EAGAIN;
		swap = count_bits(a->before, nr, PM_SWAP) * PAGE;
		for (bad = 0, i = 0; i < nr; i++)
			if (a->before[i] & PM_PRESENT && !(a->resident[i] & 1))
				bad = i + 1;
		if (!bad && sum.swap == swap && sum.swap_pss <= sum.swap)
			return 0;
		usleep(10000);
	}
	/* Poison and migration look like swap in pagemap. */
	if (world.run->poisoning)
		return -EAGAIN;
	if (bad)
		wrong(r, bad - 1, "present, but not in core by mincore()");
	wrong(r, first, "Swap of smaps is %zu, SwapPss %zu; pagemap says %zu",
	      sum.swap, sum.swap_pss, swap);
}

/* ---- children ------------------------------------------------------------ */

static void reap(bool wait)
{
	int status;
	pid_t pid;

	pthread_mutex_lock(&world.children);
	while (world.nr_children &&
	       (pid = waitpid(-1, &status, wait ? 0 : WNOHANG)) > 0) {
		world.nr_children--;
		if (!status)
			continue;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 1)
			wrong(NULL, -1, "child %d ended with status %#x (signal %d)",
			      pid, status, WTERMSIG(status));
		_exit(1);
	}
	pthread_mutex_unlock(&world.children);
}

static void work(struct actor *a);

static void __attribute__((noreturn))
child(struct actor *a, uint32_t who, const bool *held)
{
	unsigned int i, j;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	self = a;
	a->who = who;
	a->count = 0;
	a->rng.state = mix64(opt.seed ^ mix64(who));
	a->depth++;
	a->left = 5 + below(&a->rng, 60);
	world.uffd = world.maps = -1;
	world.epoch++;
	world.nr_children = 0;
	world.max_children = a->depth > 1 ? 0 : 1;
	pthread_mutex_init(&world.children, NULL);
	pthread_mutex_init(&world.opening, NULL);
	pthread_rwlock_init(&world.soft_dirty, NULL);
	for (i = 0; i < world.nr_regions; i++) {
		struct region *r = &world.region[i];

		pthread_rwlock_init(&r->lock, NULL);
		for (j = 0; j < ARRAY_SIZE(r->stripe); j++)
			pthread_mutex_init(&r->stripe[j], NULL);
		if (!held[i])
			r->base = NULL;
	}
	if (one_in(&a->rng, 6))
		_exit(0);
	work(a);
	for (i = 0; i < world.nr_regions; i++)
		if (world.region[i].base)
			check_pages(a, &world.region[i], 0, NR_PAGES);
	reap(true);
	_exit(0);
}

/*
 * In a child: wiped pages are zeroes. They are mapped anew before anything else
 * is done, since a VMA that was moved and then wiped makes 7.3.4 warn, in
 * assert_sane_pgoff(), when it is split: its offset is that of its old place,
 * and no anon_vma says so.
 */
static void after_wipe(struct region *r, unsigned int first, unsigned int nr)
{
	unsigned int page;
	int tries = 0;

	for (page = first; page < first + nr; page++)
		if (page_differs(at(r, page), 0) >= 0)
			wrong(r, page, "not wiped at fork");
	while (munmap(at(r, first), nr * PAGE) || !map_fresh(r, first, nr))
		if (!try_again(errno, &tries))
			wrong(r, first, "mmap: %s", strerror(errno));
}

static int op_fork(struct actor *a, struct region *r, unsigned int first,
		   unsigned int nr)
{
	static const int advice[] = { MADV_DONTFORK, MADV_WIPEONFORK };
	static const int undo[] = { MADV_DOFORK, MADV_KEEPONFORK };
	bool held[MAX_REGIONS] = {};
	unsigned int i, which = 2;
	uint32_t who;
	pid_t pid;
	int err = 0, tries = 0;

	pthread_mutex_lock(&world.children);
	if (world.nr_children >= world.max_children)
		err = -EAGAIN;
	else
		world.nr_children++;
	pthread_mutex_unlock(&world.children);
	if (err) {
		reap(false);
		return err;
	}

	held[r->id] = true;
	for (i = 0; i < world.nr_regions; i++)
		if (i != r->id && world.region[i].base && one_in(&a->rng, 3))
			held[i] = !pthread_rwlock_trywrlock(&world.region[i].lock);
	if (one_in(&a->rng, 4) && mapped_run(r, &first, &nr)) {
		which = below(&a->rng, 2);
		if (advise(r, first, nr, advice[which]))
			which = 2;
	}

	who = __atomic_add_fetch(&world.run->next_who, 1, __ATOMIC_RELAXED) & 0xfffff;
	pid = fork();
	if (!pid) {
		for (i = first; which < 2 && i < first + nr; i++)
			r->page[i] = (struct page){ .flags = which ? 0 : P_HOLE };
		if (which == 1)
			after_wipe(r, first, nr);
		child(a, who, held);
	}
	if (pid < 0) {
		err = -errno;
		pthread_mutex_lock(&world.children);
		world.nr_children--;
		pthread_mutex_unlock(&world.children);
	} else {
		__atomic_add_fetch(&world.run->forks, 1, __ATOMIC_RELAXED);
	}
	while (which < 2 && (err = advise(r, first, nr, undo[which])))
		if (!try_again(-err, &tries))
			wrong(r, first, "madvise after fork: %s", strerror(-err));
	/* Both are at it at the same time. */
	if (one_in(&a->rng, 2))
		write_pages(a, r, first, min(nr, 16U));
	for (i = 0; i < world.nr_regions; i++)
		if (i != r->id && held[i])
			pthread_rwlock_unlock(&world.region[i].lock);
	return err;
}

/* ---- the choice ---------------------------------------------------------- */

static const struct op ops[] = {
	{ "check", op_check, false, 14 },
	{ "touch", op_touch, false, 14 },
	{ "write", op_write, false, 10 },
	{ "write-one", op_write_one, false, 8 },
	{ "pageout", op_pageout, false, 26 },
	{ "cold", op_cold, false, 2 },
	{ "willneed", op_willneed, false, 4 },
	{ "collapse", op_collapse, false, 6 },
	{ "hugepage", op_hugepage, false, 3 },
	{ "populate", op_populate, false, 3 },
	{ "mincore", op_mincore, false, 2 },
	{ "mergeable", op_mergeable, false, 1 },
	{ "alike", op_alike, false, 1 },
	{ "process-madvise", op_process_madvise, false, 3 },
	{ "soft-offline", op_soft_offline, false, 1 },
	{ "dontneed", op_dontneed, true, 3 },
	{ "free", op_free, true, 4 },
	{ "munmap", op_munmap, true, 3 },
	{ "fill-holes", op_fill_holes, true, 3 },
	{ "refill", op_refill, true, 14 },
	{ "mprotect", op_mprotect, true, 4 },
	{ "mlock", op_mlock, true, 2 },
	{ "mremap", op_mremap, true, 5 },
	{ "relocate", op_relocate, true, 2 },
	{ "guard", op_guard, true, 1 },
	{ "uffd-move", op_uffd_move, true, 4 },
	{ "uffd-wp", op_uffd_wp, true, 4 },
	{ "clear-soft-dirty", op_clear_soft_dirty, false, 1 },
	{ "soft-dirty", op_soft_dirty, true, 3 },
	{ "proc", op_proc, true, 1 },
	{ "fork", op_fork, true, 5 },
	/* Not in model_everything[]: who shares the page would lose it, too. */
	{ "hwpoison", op_hwpoison, true, 0 },
};

const char model_everything[] = "everything";

static int parse_mix(const char *mix, unsigned int *weight)
{
	char copy[1024], *word, *save;
	unsigned int i;

	if (!strcmp(mix, model_everything)) {
		for (i = 0; i < ARRAY_SIZE(ops); i++)
			weight[i] = ops[i].weight;
		return 0;
	}
	snprintf(copy, sizeof(copy), "%s", mix);
	memset(weight, 0, MAX_OPS * sizeof(*weight));
	for (word = strtok_r(copy, " ,", &save); word;
	     word = strtok_r(NULL, " ,", &save)) {
		char *colon = strchr(word, ':');

		if (colon)
			*colon++ = '\0';
		for (i = 0; i < ARRAY_SIZE(ops); i++)
			if (!strcmp(ops[i].name, word))
				break;
		if (i == ARRAY_SIZE(ops)) {
			fprintf(stderr, "there is no operation '%s'; --list names them\n",
				word);
			return -EINVAL;
		}
		weight[i] = colon ? atoi(colon) : 1;
	}
	return 0;
}

int model_mix(const char *mix)
{
	unsigned int weight[MAX_OPS];

	return parse_mix(mix, weight);
}

void model_list(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		printf(" %s", ops[i].name);
	printf("\n");
}

void model_report(const struct run *run)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		if (run->done[i] || run->refused[i])
			say("    %-16s %8lu done %8lu refused %8.1f ms each",
			    ops[i].name, run->done[i], run->refused[i],
			    run->us[i] / 1e3 / (run->done[i] + run->refused[i]));
}

static unsigned int pick_op(struct actor *a)
{
	unsigned long n = below(&a->rng, world.weights);
	unsigned int i;

	for (i = 0; n >= world.weight[i]; i++)
		n -= world.weight[i];
	return i;
}

static struct region *lock_region(struct actor *a, bool exclusive)
{
	unsigned int tries;

	for (tries = 0; tries < 64; tries++) {
		struct region *r = &world.region[below(&a->rng, world.nr_regions)];

		if (r->base && !(exclusive ? pthread_rwlock_trywrlock(&r->lock) :
					     pthread_rwlock_tryrdlock(&r->lock)))
			return r;
	}
	return NULL;
}

/* A THP, or some pages, or one, or all. */
static void pick_range(struct actor *a, const struct region *r,
		       unsigned int *first, unsigned int *nr)
{
	const unsigned int skew = -((uintptr_t)r->base / PAGE) % NR;
	const unsigned int kind = below(&a->rng, 10);

	if (kind < 5) {
		/* The region has one THP less if it is not aligned. */
		*first = skew + NR * below(&a->rng, THPS_OF_REGION - !!skew);
		*nr = NR;
	} else if (kind < 9) {
		*first = below(&a->rng, NR_PAGES);
		*nr = 1 + below(&a->rng, kind == 8 ? 1 : kind == 7 ? NR_PAGES : 64);
		*nr = min(*nr, (unsigned int)NR_PAGES - *first);
	} else {
		*first = 0;
		*nr = NR_PAGES;
	}
}

static void one_step(struct actor *a)
{
	const unsigned int op = pick_op(a);
	struct region *r = lock_region(a, ops[op].exclusive);
	struct run *run = world.run;
	struct record *rec;
	unsigned int first, nr;
	double start;
	int err;

	if (!r) {
		sched_yield();
		return;
	}
	pick_range(a, r, &first, &nr);
	rec = &r->history[__atomic_fetch_add(&r->nr_records, 1, __ATOMIC_RELAXED) %
			  NR_HISTORY];
	*rec = (struct record){
		.step = __atomic_add_fetch(&run->steps, 1, __ATOMIC_RELAXED),
		.who = a->who, .first = first, .nr = nr, .op = op,
		.depth = a->depth, .err = RUNNING,
	};
	start = now();
	err = ops[op].fn(a, r, first, nr);
	rec->err = err;
	__atomic_add_fetch(&run->us[op], (now() - start) * 1e6, __ATOMIC_RELAXED);
	__atomic_add_fetch(err ? &run->refused[op] : &run->done[op], 1,
			   __ATOMIC_RELAXED);
	pthread_rwlock_unlock(&r->lock);
}

static void work(struct actor *a)
{
	while (a->left-- && now() < a->end &&
	       !__atomic_load_n(&world.run->stop, __ATOMIC_RELAXED) &&
	       !__atomic_load_n(&world.run->failed, __ATOMIC_RELAXED)) {
		one_step(a);
		if (!a->depth || a->left % 8 == 0)
			reap(false);
	}
}

static void *thread_main(void *arg)
{
	self = arg;
	if (world.run->injecting && inject_me(true))
		wrong(NULL, -1, "no fault injection");
	work(arg);
	/* A child gets its PR_SET_PDEATHSIG when the thread that forked it ends. */
	reap(true);
	while (world.run->injecting && inject_me(false))
		;
	return NULL;
}

/* ---- the run ------------------------------------------------------------- */

static void *locked_memory(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (mem == MAP_FAILED || mlock(mem, size)) {
		say("cannot lock %zu bytes: %s", size, strerror(errno));
		_exit(2);
	}
	return mem;
}

static void make_regions(void)
{
	const size_t window = (NR_PAGES + NR) * PAGE;
	const size_t len = world.nr_regions * 2 * (window + THP) + THP;
	char *arena, *next;
	unsigned int i, j;

	/* Far from where the kernel puts what says no address. */
	arena = mmap((void *)(1UL << 44), len, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (arena == MAP_FAILED) {
		say("cannot reserve %zu bytes: %s", len, strerror(errno));
		_exit(2);
	}
	munmap(arena, len);
	next = (char *)(((uintptr_t)arena + THP - 1) & ~(THP - 1));
	world.run->arena = next;
	world.run->arena_len = len - THP;
	for (i = 0; i < world.nr_regions; i++) {
		struct region *r = &world.region[i];

		r->id = i;
		for (j = 0; j < 2; j++, next += window + THP)
			r->window[j] = next;
		r->base = r->window[0];
		pthread_rwlock_init(&r->lock, NULL);
		for (j = 0; j < ARRAY_SIZE(r->stripe); j++)
			pthread_mutex_init(&r->stripe[j], NULL);
	}
}

/* The bytes that pagemap and smaps_rollup take for swapped out. */
static unsigned long swapped_bytes(struct actor *a, struct smaps *sum)
{
	unsigned long swapped = 0;
	unsigned int i;

	for (i = 0; i < world.nr_regions; i++) {
		struct region *r = &world.region[i];

		if (pagemap_read(r->base, NR_PAGES, a->before))
			wrong(r, 0, "cannot read pagemap");
		swapped += count_bits(a->before, NR_PAGES, PM_SWAP) * PAGE;
	}
	if (read_smaps(a, "/proc/self/smaps_rollup", NULL, (char *)-1UL, sum))
		wrong(NULL, -1, "cannot read smaps_rollup");
	return swapped;
}

/*
 * With nobody else about, everything must agree: but a page that kcompactd is
 * moving looks like swap in pagemap until it has arrived.
 */
static void check_quiet(struct actor *a)
{
	unsigned long swapped;
	unsigned int tries = 6;
	long long vm_swap;
	struct smaps sum;

	if (world.run->poisoning)
		return;
	for (;;) {
		vm_swap = get_key("/proc/self/status", "VmSwap") << 10;
		swapped = swapped_bytes(a, &sum);
		if ((long long)swapped == vm_swap && sum.swap == swapped)
			break;
		if (!--tries)
			wrong(NULL, -1, "VmSwap is %lld, Swap of smaps_rollup %zu; pagemap says %lu",
			      vm_swap, sum.swap, swapped);
		usleep(10000);
	}
	if (sum.swap_pss > sum.swap)
		wrong(NULL, -1, "SwapPss is %zu, more than Swap, %zu",
		      sum.swap_pss, sum.swap);
}

int model_run(struct run *run)
{
	const char *status = "/proc/self/status";
	long long vm_pte, vm_swap;
	struct actor *boss;
	unsigned int i, j;
	uint64_t pm;
	char *stacks;

	unexpected_fault = report_fault;
	catch_faults();
	world.run = run;
	world.nr_regions = min(max(opt.thps / THPS_OF_REGION, 1U), MAX_REGIONS + 0U);
	world.max_children = opt.children;
	world.uffd = world.maps = -1;
	world.epoch = 1;
	if (parse_mix(opt.mix ? opt.mix : run->mix, world.weight))
		return 2;
	for (i = 0; i < MAX_OPS; i++)
		world.weights += world.weight[i];
	if (!world.weights) {
		say("no operation has a weight");
		return 2;
	}
	pthread_rwlock_init(&world.soft_dirty, NULL);
	pthread_mutex_init(&world.children, NULL);
	pthread_mutex_init(&world.opening, NULL);
	world.region = locked_memory(world.nr_regions * sizeof(*world.region));
	world.actor = locked_memory(opt.threads * sizeof(*world.actor));
	stacks = locked_memory(opt.threads * STACK);
	if (mlockall(MCL_CURRENT)) {
		say("mlockall: %s", strerror(errno));
		return 2;
	}
	/* What was just written is soft-dirty where there is such a thing. */
	world.has_soft_dirty = !pagemap_read(world.actor, 1, &pm) && pm & PM_SOFT_DIRTY;
	make_regions();
	vm_pte = get_key(status, "VmPTE");

	boss = &world.actor[0];
	self = boss;
	for (i = 0; i < opt.threads; i++) {
		struct actor *a = &world.actor[i];

		a->who = __atomic_add_fetch(&run->next_who, 1, __ATOMIC_RELAXED);
		a->rng.state = mix64(opt.seed ^ mix64(a->who));
		a->left = opt.steps ? max(opt.steps / opt.threads, 1UL) : -1UL;
	}
	for (i = 0; i < world.nr_regions; i++)
		op_refill(boss, &world.region[i], 0, NR_PAGES);
	run->pid = getpid();
	for (i = 0; i < opt.threads; i++) {
		pthread_attr_t attr;

		world.actor[i].end = now() + opt.seconds;
		pthread_attr_init(&attr);
		pthread_attr_setstack(&attr, stacks + i * STACK, STACK);
		if (pthread_create(&world.actor[i].thread, &attr, thread_main,
				   &world.actor[i]))
			wrong(NULL, -1, "cannot make a thread");
	}
	for (i = 0; i < opt.threads; i++)
		pthread_join(world.actor[i].thread, NULL);
	reap(true);
	/* Whoever disturbs stops now. */
	__atomic_store_n(&run->stop, 1, __ATOMIC_SEQ_CST);
	if (run->failed)
		return 1;
	while (__atomic_load_n(&run->stop, __ATOMIC_SEQ_CST) != 2)
		usleep(10000);
	inject_stop();
	run->scarce = false;

	check_quiet(boss);
	for (i = 0; i < world.nr_regions; i++)
		check_pages(boss, &world.region[i], 0, NR_PAGES);
	for (i = 0; i < world.nr_regions; i++)
		for (j = 0; j < 2; j++)
			munmap(world.region[i].window[j], (NR_PAGES + NR) * PAGE);
	vm_swap = get_key(status, "VmSwap");
	if (vm_swap)
		wrong(NULL, -1, "VmSwap is %lld kB with nothing left that could be swapped out",
		      vm_swap);
	if (get_key(status, "VmPTE") > vm_pte)
		wrong(NULL, -1, "VmPTE is %lld kB, was %lld kB", get_key(status, "VmPTE"),
		      vm_pte);
	return run->failed;
}
