/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the torture share: random numbers, page contents that say
 * where they belong, files of /proc, /sys and cgroups, swap areas, fault
 * injection, and how a result is said.
 */
#ifndef TORTURE_LIB_H
#define TORTURE_LIB_H

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PAGE	4096UL
#define NR	512UL		/* pages of a THP */
#define THP	(NR * PAGE)
#define WORDS	(PAGE / sizeof(uint64_t))

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define min(a, b)	((a) < (b) ? (a) : (b))
#define max(a, b)	((a) > (b) ? (a) : (b))

/* What the user asked for. */
struct options {
	uint64_t seed;
	double seconds;		/* for each part and word of the knob */
	unsigned long steps;	/* at most, in all; 0: no limit */
	unsigned int threads;
	unsigned int thps;	/* in all */
	unsigned int children;	/* at a time */
	bool calm;		/* no helpers that disturb: a run repeats */
	const char *mix;	/* operations and weights, NULL: the part's own */
	const char *helpers;	/* names, NULL: those of the part */
	bool verbose;
};

extern struct options opt;

/* ---- random numbers ----------------------------------------------------- */

uint64_t mix64(uint64_t x);

struct rng {
	uint64_t state;
};

static inline uint64_t rnd(struct rng *rng)
{
	return mix64(rng->state++);
}

/* A number from 0 to @n - 1. */
static inline unsigned long below(struct rng *rng, unsigned long n)
{
	return (rnd(rng) >> 16) % n;
}

static inline bool one_in(struct rng *rng, unsigned long n)
{
	return !below(rng, n);
}

/* ---- page contents ------------------------------------------------------ */

/*
 * A page holds a generation: a number that no other page of the run has ever
 * held, except where pages are made alike on purpose. Generation 0 is zeroes.
 * An odd generation compresses well.
 */
void page_fill(void *addr, uint64_t gen);
/* The first word that is not what page_fill() wrote, or -1. */
int page_differs(const void *addr, uint64_t gen);
/* The same, but it looks at one word in eight only. */
int page_seems_to_differ(const void *addr, uint64_t gen);
/* The generation that a page seems to hold; false if it is none at all. */
bool page_gen(const void *addr, uint64_t *gen);
/* The generation of a page whose first word is this, which is not 0. */
uint64_t page_gen_of_word(uint64_t word);

/* ---- access that may fail ----------------------------------------------- */

struct trap {
	sigjmp_buf env;
	volatile sig_atomic_t armed;
	volatile sig_atomic_t ignore;	/* SIGBUS is no news */
	volatile sig_atomic_t sig;
	volatile int code;
};

extern __thread struct trap trap;

/* Poison a page of ours, which brings a SIGBUS of its own. 0 or -errno. */
int poison(void *addr);

/* Called with a signal that no trap was set for; must not return. */
extern void (*unexpected_fault)(int sig, int code, void *addr);
void catch_faults(void);

/* Run @statement; the signal that it got, or 0. */
#define TRAP(statement) ({						\
	trap.sig = 0;							\
	if (!sigsetjmp(trap.env, 1)) {					\
		trap.armed = 1;						\
		statement;						\
	}								\
	trap.armed = 0;							\
	(int)trap.sig;							\
})

/* ---- words -------------------------------------------------------------- */

/* One line of the result, "# ..." so that it is a comment in TAP. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
double now(void);

/* ---- files -------------------------------------------------------------- */

int put_string(const char *path, const char *str);
int put_number(const char *path, long long val);
/* Without the newline at the end. */
int get_string(const char *path, char *buf, size_t len);
long long get_number(const char *path);
/* The number after @key in a file of "key value" lines, -1 if it is not there. */
long long get_key(const char *path, const char *key);
/* The word in brackets. */
int get_choice(const char *path, char *word, size_t len);

/* Write now, write the old value back at the end of the program. */
int set_until_exit(const char *path, const char *val);
void restore_settings(void);

/* ---- page tables as /proc shows them ------------------------------------ */

#define PM_SOFT_DIRTY	(1ULL << 55)
#define PM_UFFD_WP	(1ULL << 57)
#define PM_SWAP		(1ULL << 62)
#define PM_PRESENT	(1ULL << 63)

int pagemap_read(const void *addr, unsigned long nr, uint64_t *entries);
unsigned long count_bits(const uint64_t *entries, unsigned long nr, uint64_t bits);
/* PMDs in the range that hold one swap entry. */
unsigned long nr_pmd_swapped(const void *addr, size_t len);
unsigned long nr_pmd_mapped(const void *addr, size_t len);

/* ---- memory cgroup ------------------------------------------------------ */

/* The cgroup of the part that is running; one at a time. */
int cgroup_make(void);
int cgroup_enter(void);
int cgroup_put(const char *file, const char *val);
long long cgroup_get(const char *file);
long long cgroup_stat(const char *key);
void cgroup_reclaim(size_t bytes);
/* Reclaim until nothing is left in the swap cache. */
bool cgroup_evict(void);
void cgroup_remove(void);

/* ---- swap areas --------------------------------------------------------- */

struct area {
	char dev[32];
	int loop, zram;		/* number, or -1 */
	int memfd;		/* behind the loop device, or -1 */
	void *map;		/* of the memfd, locked */
	size_t size;
	int flags;
	bool on;
};

enum area_kind { AREA_MEMORY, AREA_ZRAM };

int area_make(struct area *area, enum area_kind kind, size_t size);
int area_on(struct area *area);
int area_off(struct area *area);
void area_remove(struct area *area);
/* Let reading page @page of an AREA_MEMORY fail from now on, and for ever. */
int area_poison(struct area *area, unsigned long page);
/* The area's number, as in the entries of pagemap; -1 if it is off. */
long swap_used_kib(const char *dev);
long swaps_used_kib(void);

/* The areas that the machine came with, off and on again. */
int machine_swap_off(void);
int machine_swap_on(void);
int machine_swaps(struct area *areas, int max);

/* ---- fault injection ---------------------------------------------------- */

/*
 * Let allocations of @min_order and more fail with a probability of
 * @per_cent, in the tasks that have called inject_me().
 */
int inject_pages(int min_order, int per_cent);
int inject_slab(int per_cent);
/* The same for requests to a block device. */
int inject_requests(const char *dev, int per_cent);
int inject_me(bool on);
void inject_stop(void);

/* ---- counters ----------------------------------------------------------- */

struct counters {
	long long out, out_fallback, in, in_fallback, split;
	long long thp_out, thp_out_fallback;
	long long fault_fallback;
	long long pswpin, pswpout;
};

struct counters counters_now(void);
struct counters counters_since(const struct counters *then);

#endif
