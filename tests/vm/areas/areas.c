// SPDX-License-Identifier: GPL-2.0
/*
 * What of memory goes out whole to the swap areas that are on, and whether it
 * comes back as it was. Every page that is checked differs from every other.
 *
 * areas fragment FILE MIB RUN       make FILE of extents of RUN KiB; on btrfs one
 *                                   that is not copied on write
 * areas whole FILE                  how many of its 2 MiB are in one extent each,
 *                                   without the first, where the header is
 * areas churn [-f FILL,...] [-s SHARE] [-g GENERATIONS] [-r SEED] [-l LABEL]
 *                                   fragment the swap with small pages of
 *                                   random lifetimes, then page THPs out
 * areas thps [-n ROUNDS] MIB        page THPs out and in
 * areas small MIB                   the same for pages of 4 KiB
 * areas grow MIB                    page small pages out and let them come back
 *                                   as folios of 64 KiB
 * areas hold MIB PERCENT            occupy swap with small pages, so that in
 *                                   each 2 MiB PERCENT of the slots are used,
 *                                   say "holding", and wait for a signal
 * areas pending MIB                 free swapped pages, and page others out
 *                                   before a discard had a chance to run
 * areas keep [-t THREADS] [-u USEC] [-b NODE] [-c] [-m] MIB
 *                                   page THPs out, say "out", and wait for signals:
 *                                   SIGUSR2 to read them all, where SIGBUS is no
 *                                   more than counted, and say "in"; SIGUSR1 for
 *                                   that, and to page them out again; SIGHUP for
 *                                   the same, but to leave them in the swap cache;
 *                                   SIGTERM to end. Each of the threads reads all of it, with
 *                                   a pause after each THP. The memory is on NODE;
 *                                   -c leaves it in the swap cache, -m in memory
 *                                   until the first SIGUSR1
 * areas work [-t THREADS] [-b NODES] -n SECONDS MIB
 *                                   page THPs out while threads read and write
 *                                   pages of them, and move others to any of the
 *                                   first NODES
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/mempolicy.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../lib/thp.h"

#define MIB	(1UL << 20)
#define SLOTS	(PMD_SIZE / PAGE_SIZE)

static uint64_t state;

static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9;
	x ^= x >> 27;
	x *= 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

static uint64_t rnd(void)
{
	return mix(state += 0x9e3779b97f4a7c15);
}

static long long vmstat(const char *name)
{
	return value_in("/proc/vmstat", name);
}

/* Pages of all swap areas, and how many of them are in use. */
static void swap_pages(long *total, long *used)
{
	FILE *file = fopen("/proc/swaps", "re");
	char line[512];

	*total = *used = 0;
	if (!file || !fgets(line, sizeof(line), file))
		err(1, "/proc/swaps");
	while (fgets(line, sizeof(line), file)) {
		long size, in_use;

		if (sscanf(line, "%*s %*s %ld %ld", &size, &in_use) == 2) {
			*total += size / (PAGE_SIZE / 1024);
			*used += in_use / (PAGE_SIZE / 1024);
		}
	}
	fclose(file);
}

/* Memory that never gets huge. */
static char *small_map(size_t bytes)
{
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		err(1, "mmap");
	if (madvise(memory, bytes, MADV_NOHUGEPAGE))
		err(1, "MADV_NOHUGEPAGE");
	return memory;
}

/* Half of a page is zero, so that it compresses; all words differ from those of other pages and tags. */
static void page_write(char *memory, size_t page, uint64_t tag)
{
	uint64_t *word = (uint64_t *)(memory + page * PAGE_SIZE);

	for (size_t i = 0; i < PAGE_SIZE / 8; i += 2) {
		word[i] = mix((tag << 40) + page * (PAGE_SIZE / 8) + i + 1);
		word[i + 1] = 0;
	}
}

static bool page_good(const char *memory, size_t page, uint64_t tag)
{
	const uint64_t *word = (const uint64_t *)(memory + page * PAGE_SIZE);

	for (size_t i = 0; i < PAGE_SIZE / 8; i += 2)
		if (word[i] != mix((tag << 40) + page * (PAGE_SIZE / 8) + i + 1) || word[i + 1])
			return false;
	return true;
}

static void page_out(char *memory, size_t bytes)
{
	/* EAGAIN: not everything went, which the counters of swap show. */
	if (madvise(memory, bytes, MADV_PAGEOUT) && errno != EAGAIN)
		err(1, "MADV_PAGEOUT");
}

/* Give @fd all that is left, from @size on, in steps that get smaller. */
static size_t fill_up(int fd, size_t size, size_t block)
{
	for (size_t step = 64 * MIB; step >= block; step /= 2)
		while (!fallocate(fd, 0, size, step))
			size += step;
	return size;
}

/*
 * Leave no free blocks but holes of @run KiB in the file system, put @path into
 * them, and give the rest back.
 */
static int fragment(const char *path, size_t bytes, size_t run)
{
	const size_t block = PAGE_SIZE;
	size_t wall = block, hole;
	/* A few holes more, for the file's own extents. */
	const size_t need = bytes + 8 * run;
	char *filler;
	struct statfs fs;
	size_t size = 0, freed = 0;
	int fd, out;

	out = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (out < 0)
		err(1, "%s", path);
	if (asprintf(&filler, "%s.filler", path) < 0)
		err(1, "asprintf");
	fd = open(filler, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || fstatfs(fd, &fs))
		err(1, "%s", filler);
	if (fs.f_type == BTRFS_SUPER_MAGIC) {
		int flags = FS_NOCOW_FL;

		if (ioctl(out, FS_IOC_SETFLAGS, &flags))
			err(1, "%s: no copy on write", path);
		/*
		 * It frees an extent once nothing of it is in use: what gets a
		 * hole is one from the start. And it puts extents of less than
		 * 128 KiB elsewhere than larger ones.
		 */
		if (run > 128 << 10)
			wall = 256 << 10;
		for (size_t holes = 0; holes < need; holes += run, size += run + wall)
			if (fallocate(fd, 0, size, run) || fallocate(fd, 0, size + run, wall))
				err(1, "%s: fallocate", filler);
	} else {
		/* Its own extents take blocks, too. */
		size = fs.f_bavail * fs.f_frsize / MIB * MIB - 4 * MIB;
		if (fallocate(fd, 0, 0, size))
			err(1, "%s: fallocate %zu", filler, size);
	}
	size = fill_up(fd, size, block);
	hole = run + wall;
	for (size_t at = 0; freed < need && at + hole <= size; at += hole, freed += run)
		if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, run))
			err(1, "%s: punch hole", filler);
	if (freed < need)
		errx(1, "no room for %zu bytes in holes", bytes);
	sync();
	if (fallocate(out, 0, 0, bytes))
		err(1, "%s: fallocate %zu", path, bytes);
	if (fsync(out))
		err(1, "%s", path);
	unlink(filler);
	close(fd);
	sync();
	return 0;
}

static int whole(const char *path)
{
	const unsigned int max = 64;
	struct fiemap *map = malloc(sizeof(*map) + max * sizeof(*map->fm_extents));
	/* The extent so far: those that are next to each other on the disk are one. */
	uint64_t logical = 0, physical = 0, length = 0, count = 0;
	bool last = false;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || !map)
		err(1, "%s", path);
	while (!last) {
		*map = (struct fiemap){
			.fm_start = logical + length,
			.fm_length = FIEMAP_MAX_OFFSET - logical - length,
			.fm_extent_count = max,
		};
		if (ioctl(fd, FS_IOC_FIEMAP, map))
			err(1, "%s: FIEMAP", path);
		last = !map->fm_mapped_extents;
		for (unsigned int i = 0; i < map->fm_mapped_extents; i++) {
			const struct fiemap_extent *extent = map->fm_extents + i;
			uint64_t from, to;

			last = extent->fe_flags & FIEMAP_EXTENT_LAST;
			if (extent->fe_logical == logical + length && extent->fe_physical == physical + length) {
				from = (logical + length) / PMD_SIZE;
				length += extent->fe_length;
			} else {
				logical = extent->fe_logical;
				physical = extent->fe_physical;
				length = extent->fe_length;
				from = 0;
			}
			/* What begins in this extent, or before in the same run, and ends in it. */
			if (from < (logical + PMD_SIZE - 1) / PMD_SIZE)
				from = (logical + PMD_SIZE - 1) / PMD_SIZE;
			to = (logical + length) / PMD_SIZE;
			if (!from)
				from = 1;
			if (to > from)
				count += to - from;
		}
	}
	printf("%llu\n", (unsigned long long)count);
	return 0;
}

/*
 * Small pages of random lifetimes: fill, page out, free a third at random, fill
 * again; then THPs into what is free.
 */
static int churn(const int *fills, int nr_fills, int share, int generations, const char *label)
{
	long total, used, live = 0, bad = 0;
	char *memory;
	uint16_t *tag;

	swap_pages(&total, &used);
	memory = small_map(total * PAGE_SIZE);
	tag = calloc(total, sizeof(*tag));
	if (!tag)
		err(1, "calloc");

	for (int f = 0; f < nr_fills; f++) {
		const long want = total * fills[f] / 100;
		long long out, fallback, pmd;
		struct area area;
		size_t bytes;

		for (int generation = 1; generation <= generations; generation++) {
			while (live < want) {
				size_t page = rnd() % total;

				if (tag[page])
					continue;
				tag[page] = 1 + rnd() % 65535;
				page_write(memory, page, tag[page]);
				live++;
			}
			page_out(memory, total * PAGE_SIZE);
			usleep(300 * 1000);
			if (generation == generations)
				break;
			for (long free = live / 3; free; ) {
				size_t page = rnd() % total;

				if (!tag[page])
					continue;
				if (madvise(memory + page * PAGE_SIZE, PAGE_SIZE, MADV_DONTNEED))
					err(1, "MADV_DONTNEED");
				tag[page] = 0;
				live--;
				free--;
			}
		}
		evict_swap_cache(total * PAGE_SIZE);
		swap_pages(&total, &used);
		out = vmstat("thp_swpout");
		fallback = vmstat("thp_swpout_fallback");
		pmd = vmstat("thp_swpout_pmd");
		bytes = (total - used) * PAGE_SIZE / 100 * share / PMD_SIZE * PMD_SIZE;
		area_map(&area, bytes);
		area_fill(&area);
		page_out(area.memory, bytes);
		usleep(300 * 1000);
		out = vmstat("thp_swpout") - out;
		fallback = vmstat("thp_swpout_fallback") - fallback;
		pmd = vmstat("thp_swpout_pmd") - pmd;
		evict_swap_cache(bytes);
		bad += area_damaged(&area);
		printf("%-22s fill %2d%% THPs %3zu whole %3lld split %3lld pmd %3lld share %3lld%%\n", label, fills[f],
		       bytes / PMD_SIZE, out, fallback, pmd,
		       bytes ? out * 100 / (long long)(bytes / PMD_SIZE) : 100);
		area_unmap(&area);
	}
	for (long page = 0; page < total; page++)
		if (tag[page] && !page_good(memory, page, tag[page]))
			bad++;
	printf("%-22s %ld pages damaged\n", label, bad);
	return bad ? 1 : 0;
}

static int thps(size_t bytes, int rounds)
{
	static const char *const names[] = {
		"thp_swpout", "thp_swpout_fallback", "thp_swpout_pmd", "thp_swpin_pmd", "thp_swpin_pmd_fallback",
		"pswpout", "pswpin",
	};
	long long before[sizeof(names) / sizeof(*names)];
	struct area area;
	size_t bad = 0;
	double began, out = 0, in = 0;
	long long huge = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		before[i] = vmstat(names[i]);
	for (int round = 0; round < rounds; round++) {
		/* Anew each time: what came back in small pages would stay small. */
		area_map(&area, bytes);
		area_fill(&area);
		began = now();
		page_out(area.memory, bytes);
		out += now() - began;
		evict_swap_cache(bytes);
		began = now();
		for (size_t page = 0; page < bytes / PAGE_SIZE; page++)
			*(volatile char *)(area.memory + page * PAGE_SIZE);
		in += now() - began;
		bad += area_damaged(&area);
		huge += huge_kib();
		area_unmap(&area);
	}
	printf("thps %zu rounds %d damaged %zu huge_kib %lld out_ms %.1f in_ms %.1f", bytes / PMD_SIZE, rounds, bad,
	       huge, out * 1e3, in * 1e3);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		printf(" %s %lld", names[i], vmstat(names[i]) - before[i]);
	putchar('\n');
	return bad ? 1 : 0;
}

static int small(size_t bytes)
{
	char *memory = small_map(bytes);
	size_t bad = 0;

	for (size_t page = 0; page < bytes / PAGE_SIZE; page++)
		page_write(memory, page, 7);
	page_out(memory, bytes);
	evict_swap_cache(bytes);
	for (size_t page = 0; page < bytes / PAGE_SIZE; page++)
		bad += !page_good(memory, page, 7);
	printf("small %zu damaged %zu\n", bytes / PAGE_SIZE, bad);
	return bad ? 1 : 0;
}

static void allow_64k(const char *word)
{
	const char *path = "/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled";
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || dprintf(fd, "%s", word) < 0)
		err(1, "%s", path);
	close(fd);
}

static int grow(size_t bytes)
{
	struct area area;
	size_t bad = 0;

	allow_64k("never");
	area_map(&area, bytes);
	/* The first slot is 1: with this page left out, addresses and slots are aligned alike. */
	for (size_t page = 1; page < bytes / PAGE_SIZE; page++)
		page_write(area.memory, page, 5);
	page_out(area.memory, bytes);
	evict_swap_cache(bytes);
	allow_64k("always");
	for (size_t page = 1; page < bytes / PAGE_SIZE; page++)
		bad += !page_good(area.memory, page, 5);
	printf("grow %zu damaged %zu\n", bytes / PAGE_SIZE, bad);
	return bad ? 1 : 0;
}

static void nothing(int signal)
{
	(void)signal;
}

static int hold(size_t bytes, int percent)
{
	char *memory = small_map(bytes);
	size_t bad = 0, pages = bytes / PAGE_SIZE;
	sigset_t set;

	signal(SIGUSR1, nothing);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (size_t page = 0; page < pages; page++)
		page_write(memory, page, 9);
	page_out(memory, bytes);
	evict_swap_cache(bytes);
	for (size_t page = 0; page < pages; page++)
		if (page % 100 >= (size_t)percent)
			madvise(memory + page * PAGE_SIZE, PAGE_SIZE, MADV_DONTNEED);
	puts("holding");
	fflush(stdout);
	sigwaitinfo(&set, NULL);
	for (size_t page = 0; page < pages; page++)
		bad += page % 100 < (size_t)percent && !page_good(memory, page, 9);
	printf("held %zu damaged %zu\n", pages, bad);
	return bad ? 1 : 0;
}

/*
 * With the priority of a real-time task, on one processor, nothing that is
 * scheduled runs between the free and the page-out.
 */
static int pending(size_t bytes)
{
	const struct sched_param param = { .sched_priority = 1 };
	char *old = small_map(bytes), *new = small_map(bytes);
	size_t pages = bytes / PAGE_SIZE, bad = 0;
	long total, used;

	for (size_t page = 0; page < pages; page++)
		page_write(old, page, 3);
	page_out(old, bytes);
	evict_swap_cache(bytes);
	swap_pages(&total, &used);
	printf("%ld of %ld slots in use\n", used, total);
	fflush(stdout);
	for (size_t page = 0; page < pages; page++)
		page_write(new, page, 4);
	if (sched_setscheduler(0, SCHED_FIFO, &param))
		err(1, "SCHED_FIFO");
	if (madvise(old, bytes, MADV_DONTNEED))
		err(1, "MADV_DONTNEED");
	page_out(new, bytes);
	swap_pages(&total, &used);
	sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){ 0 });
	printf("%ld of %ld slots in use\n", used, total);
	evict_swap_cache(bytes);
	for (size_t page = 0; page < pages; page++)
		bad += !page_good(new, page, 4);
	printf("pending %zu damaged %zu\n", pages, bad);
	return bad ? 1 : 0;
}

/* New memory is on @node as long as that has any; -1 is where the processor is. */
static void prefer_node(int node)
{
	const unsigned long nodes = 1UL << (node < 0 ? 0 : node);

	if (syscall(SYS_set_mempolicy, node < 0 ? MPOL_DEFAULT : MPOL_PREFERRED, node < 0 ? NULL : &nodes,
		    node < 0 ? 0UL : 8 * sizeof(nodes)))
		err(1, "set_mempolicy");
}

/* What threads share that read memory of which some may be lost. */
static struct {
	struct area area;
	uint64_t tag;		/* of all pages */
	int threads;
	unsigned int pause;	/* after each THP, in microseconds */
	size_t good, lost, damaged;
} shared;

static _Thread_local sigjmp_buf lost_page;

static void on_sigbus(int signal)
{
	(void)signal;
	siglongjmp(lost_page, 1);
}

static void read_page(size_t page)
{
	if (sigsetjmp(lost_page, 0))
		__atomic_add_fetch(&shared.lost, 1, __ATOMIC_RELAXED);
	else if (page_good(shared.area.memory, page, shared.tag))
		__atomic_add_fetch(&shared.good, 1, __ATOMIC_RELAXED);
	else
		__atomic_add_fetch(&shared.damaged, 1, __ATOMIC_RELAXED);
}

/* All pages, each thread from another THP on. */
static void *read_all(void *arg)
{
	const size_t pages = shared.area.bytes / PAGE_SIZE, first = pages / shared.threads * (uintptr_t)arg;

	for (size_t i = 0; i < pages; i++) {
		read_page((first + i) % pages);
		if (!shared.pause || (i + 1) % SLOTS)
			continue;
		if (!arg && i < SLOTS)
			puts("begun");
		usleep(shared.pause);
	}
	return NULL;
}

static void run_threads(void *(*body)(void *arg))
{
	pthread_t threads[16];

	if (shared.threads == 1) {
		body(NULL);
		return;
	}
	for (int i = 0; i < shared.threads; i++)
		if (pthread_create(threads + i, NULL, body, (void *)(uintptr_t)i))
			errx(1, "no thread");
	for (int i = 0; i < shared.threads; i++)
		pthread_join(threads[i], NULL);
}

static void fill_shared(size_t bytes)
{
	const struct sigaction lost = { .sa_handler = on_sigbus, .sa_flags = SA_NODEFER };

	if (sigaction(SIGBUS, &lost, NULL))
		err(1, "sigaction");
	area_map(&shared.area, bytes);
	shared.tag = getpid();
	for (size_t page = 0; page < bytes / PAGE_SIZE; page++)
		page_write(shared.area.memory, page, shared.tag);
}

static int keep(size_t bytes, int node, bool cached, bool in_memory)
{
	char stat[PATH_MAX];
	long long out, pmd;
	bool damaged = false;
	int signal = in_memory ? 0 : SIGUSR1;
	sigset_t set;

	cgroup_file(stat, "memory.stat");
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* Nothing else of this process may be lost. */
	if (mlockall(MCL_CURRENT))
		err(1, "mlockall");
	prefer_node(node);
	fill_shared(bytes);
	prefer_node(-1);
	for (;;) {
		if (signal == SIGUSR1 || signal == SIGHUP) {
			out = vmstat("thp_swpout");
			pmd = vmstat("thp_swpout_pmd");
			page_out(shared.area.memory, bytes);
			if (!cached && signal == SIGUSR1)
				evict_swap_cache(bytes);
			printf("out %zu whole %lld pmd %lld cached_kib %lld\n", bytes / PMD_SIZE, vmstat("thp_swpout") - out,
			       vmstat("thp_swpout_pmd") - pmd, value_in(stat, "swapcached") >> 10);
		} else if (!signal) {
			puts("filled");
		}
		if (sigwait(&set, &signal) || signal == SIGTERM)
			break;
		pmd = vmstat("thp_swpin_pmd");
		shared.good = shared.lost = shared.damaged = 0;
		run_threads(read_all);
		printf("in %zu good %zu lost %zu damaged %zu huge_kib %lld swpin_pmd %lld\n",
		       bytes / PAGE_SIZE * shared.threads, shared.good, shared.lost, shared.damaged, huge_kib(),
		       vmstat("thp_swpin_pmd") - pmd);
		damaged |= shared.damaged;
	}
	printf("end damaged %d\n", damaged);
	return damaged;
}

static double work_ends;
static int work_nodes;
static long work_moved;

/* Random numbers of a thread. */
static uint64_t next(uint64_t *seed)
{
	return mix(*seed += 0x9e3779b97f4a7c15);
}

static void *worker(void *arg)
{
	uint64_t seed = state + mix(1 + (uintptr_t)arg);

	while (now() < work_ends) {
		const size_t thp = next(&seed) % (shared.area.bytes / PMD_SIZE);

		for (int i = 0; i < 32; i++)
			read_page(thp * SLOTS + next(&seed) % SLOTS);
		/* What is there already, so that whoever reads at the same time sees that. */
		page_write(shared.area.memory, thp * SLOTS + next(&seed) % SLOTS, shared.tag);
	}
	return NULL;
}

/*
 * A policy for where it comes back would do less: what has been paged out is in
 * the swap cache for a while, and NUMA balancing leaves alone what is where a
 * policy wants it.
 */
static bool move_thp(size_t thp, int node)
{
	void *page = shared.area.memory + thp * PMD_SIZE;
	int status;

	/* It may be swapped out, or there already. */
	if (syscall(SYS_move_pages, 0, 1UL, &page, NULL, &status, 0) || status < 0 || status == node)
		return false;
	return !syscall(SYS_move_pages, 0, 1UL, &page, &node, &status, MPOL_MF_MOVE) && status == node;
}

static void *pager(void *arg)
{
	const size_t thps = shared.area.bytes / PMD_SIZE;
	uint64_t seed = state + mix(100);
	size_t thp;

	(void)arg;
	while (now() < work_ends) {
		if (work_nodes)
			work_moved += move_thp(next(&seed) % thps, next(&seed) % work_nodes);
		thp = next(&seed) % thps;
		page_out(shared.area.memory + thp * PMD_SIZE, PMD_SIZE);
		usleep(next(&seed) % 20000);
	}
	return NULL;
}

static int work(size_t bytes, int seconds, int nodes)
{
	static const char *const names[] = {
		"thp_swpout_pmd", "thp_swpin_pmd", "thp_swpin_pmd_fallback", "thp_split_pmd_swap", "numa_pte_updates",
		"numa_hint_faults", "numa_hint_faults_local", "numa_pages_migrated", "thp_migration_success",
		"thp_migration_fail",
	};
	long long before[sizeof(names) / sizeof(*names)];
	pthread_t thread;

	fill_shared(bytes);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		before[i] = vmstat(names[i]);
	puts("working");
	work_nodes = nodes;
	work_ends = now() + seconds;
	if (pthread_create(&thread, NULL, pager, NULL))
		errx(1, "no thread");
	run_threads(worker);
	pthread_join(thread, NULL);
	printf("work %zu read %zu lost %zu damaged %zu moved %ld", bytes / PMD_SIZE, shared.good, shared.lost,
	       shared.damaged, work_moved);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		printf(" %s %lld", names[i], vmstat(names[i]) - before[i]);
	putchar('\n');
	/* At the end all of it, once more. */
	shared.good = 0;
	shared.threads = 1;
	run_threads(read_all);
	printf("all %zu good %zu lost %zu damaged %zu\n", bytes / PAGE_SIZE, shared.good, shared.lost, shared.damaged);
	return shared.good != bytes / PAGE_SIZE || shared.lost || shared.damaged;
}

static size_t mib(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (!value || *end)
		errx(2, "not a number of MiB: %s", text);
	return value * MIB;
}

int main(int argc, char **argv)
{
	int fills[16] = { 30, 50, 70, 90 }, nr_fills = 4, share = 40, generations = 6, rounds = 1, option;
	const char *command = argc > 1 ? argv[1] : "", *label = "swap";
	int node = -1;
	bool cached = false, in_memory = false;

	shared.threads = 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (getrandom(&state, sizeof(state), 0) != sizeof(state))
		err(1, "getrandom");
	state &= 0xffffffff;
	argc -= argc > 1;
	argv += argc > 0 && *command;
	while ((option = getopt(argc, argv, "f:s:g:r:l:n:t:u:b:cm")) >= 0) {
		switch (option) {
		case 'f':
			nr_fills = 0;
			for (char *word = strtok(optarg, ","); word && nr_fills < 16; word = strtok(NULL, ","))
				fills[nr_fills++] = atoi(word);
			break;
		case 's': share = atoi(optarg); break;
		case 'g': generations = atoi(optarg); break;
		case 'r': state = strtoull(optarg, NULL, 0); break;
		case 'l': label = optarg; break;
		case 'n': rounds = atoi(optarg); break;
		case 't': shared.threads = atoi(optarg); break;
		case 'u': shared.pause = atoi(optarg); break;
		case 'b': node = atoi(optarg); break;
		case 'c': cached = true; break;
		case 'm': in_memory = true; break;
		default: return 2;
		}
	}
	argc -= optind;
	argv += optind;
	if (shared.threads < 1 || shared.threads > 16)
		errx(2, "1 to 16 threads");
	if (!strcmp(command, "fragment") && argc == 3)
		return fragment(argv[0], mib(argv[1]), strtoul(argv[2], NULL, 10) << 10);
	if (!strcmp(command, "whole") && argc == 1)
		return whole(argv[0]);
	if (!strcmp(command, "churn") && argc == 0) {
		printf("# seed %#llx\n", (unsigned long long)state);
		return churn(fills, nr_fills, share, generations, label);
	}
	if (!strcmp(command, "thps") && argc == 1)
		return thps(mib(argv[0]), rounds);
	if (!strcmp(command, "small") && argc == 1)
		return small(mib(argv[0]));
	if (!strcmp(command, "grow") && argc == 1)
		return grow(mib(argv[0]));
	if (!strcmp(command, "hold") && argc == 2)
		return hold(mib(argv[0]), atoi(argv[1]));
	if (!strcmp(command, "pending") && argc == 1)
		return pending(mib(argv[0]));
	if (!strcmp(command, "keep") && argc == 1)
		return keep(mib(argv[0]), node, cached, in_memory);
	if (!strcmp(command, "work") && argc == 1)
		return work(mib(argv[0]), rounds, node < 0 ? 0 : node);
	errx(2, "usage: areas fragment|whole|churn|thps|small|grow|hold|pending|keep|work, see the source");
}
