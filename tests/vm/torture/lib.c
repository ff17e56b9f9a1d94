// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "lib.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <time.h>
#include <unistd.h>
#include <linux/loop.h>

#ifndef MADV_HWPOISON
#define MADV_HWPOISON	100
#endif

struct options opt;

/* ---- random numbers, page contents --------------------------------------- */

/* The finalizer of splitmix64, which is a bijection, and its inverse. */
uint64_t mix64(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static uint64_t unmix64(uint64_t x)
{
	x = (x ^ (x >> 31) ^ (x >> 62)) * 0x319642b2d24d8ec3ULL;
	x = (x ^ (x >> 27) ^ (x >> 54)) * 0x96de1b173f119089ULL;
	x = x ^ (x >> 30) ^ (x >> 60);
	return x - 0x9e3779b97f4a7c15ULL;
}

#define STEP	0xd6e8feb86659fd93ULL	/* odd */

static inline uint64_t word_of(uint64_t base, uint64_t gen, unsigned int i)
{
	return base + (gen & 1 ? i % 16 : i) * STEP;
}

void page_fill(void *addr, uint64_t gen)
{
	const uint64_t base = mix64(gen ^ opt.seed);
	uint64_t *p = addr;
	unsigned int i;

	for (i = 0; i < WORDS; i++)
		p[i] = word_of(base, gen, i);
}

static int differs(const void *addr, uint64_t gen, unsigned int i,
		   unsigned int stride)
{
	const uint64_t base = mix64(gen ^ opt.seed);
	const volatile uint64_t *p = addr;

	for (; i < WORDS; i += stride)
		if (p[i] != (gen ? word_of(base, gen, i) : 0))
			return i;
	return -1;
}

int page_differs(const void *addr, uint64_t gen)
{
	return differs(addr, gen, 0, 1);
}

int page_seems_to_differ(const void *addr, uint64_t gen)
{
	return differs(addr, gen, gen % 8, 8);
}

uint64_t page_gen_of_word(uint64_t word)
{
	return unmix64(word) ^ opt.seed;
}

bool page_gen(const void *addr, uint64_t *gen)
{
	*gen = 0;
	if (page_differs(addr, 0) < 0)
		return true;
	*gen = page_gen_of_word(*(const volatile uint64_t *)addr);
	return page_differs(addr, *gen) < 0;
}

/* ---- access that may fail ------------------------------------------------ */

__thread struct trap trap;
void (*unexpected_fault)(int sig, int code, void *addr);

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	/* Memory failed that this thread did not touch now. */
	if (sig == SIGBUS && (info->si_code == BUS_MCEERR_AO || trap.ignore))
		return;
	if (trap.armed) {
		trap.sig = sig;
		trap.code = info->si_code;
		siglongjmp(trap.env, 1);
	}
	if (unexpected_fault)
		unexpected_fault(sig, info->si_code, info->si_addr);
	signal(sig, SIG_DFL);
}

void catch_faults(void)
{
	struct sigaction action = {
		.sa_sigaction = on_fault,
		.sa_flags = SA_SIGINFO | SA_NODEFER,
	};

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

int poison(void *addr)
{
	int err;

	trap.ignore = 1;
	err = madvise(addr, PAGE, MADV_HWPOISON) ? -errno : 0;
	trap.ignore = 0;
	return err;
}

/* ---- words --------------------------------------------------------------- */

void say(const char *fmt, ...)
{
	char line[1024] = "# ";
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(line + 2, sizeof(line) - 3, fmt, args);
	va_end(args);
	len = min(len, (int)sizeof(line) - 4) + 2;
	line[len++] = '\n';
	/* One write, so that the lines of several processes do not mix. */
	while (write(STDOUT_FILENO, line, len) < 0 && errno == EINTR)
		;
}

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* ---- files --------------------------------------------------------------- */

int put_string(const char *path, const char *str)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, str, strlen(str)) < 0)
		err = -errno;
	close(fd);
	return err;
}

int put_number(const char *path, long long val)
{
	char buf[32];

	snprintf(buf, sizeof(buf), "%lld", val);
	return put_string(path, buf);
}

int get_string(const char *path, char *buf, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;
	ssize_t got;

	if (fd < 0)
		return -errno;
	got = read(fd, buf, len - 1);
	err = got < 0 ? -errno : 0;
	close(fd);
	if (err)
		return err;
	while (got > 0 && buf[got - 1] == '\n')
		got--;
	buf[got] = '\0';
	return 0;
}

long long get_number(const char *path)
{
	char buf[64];

	return get_string(path, buf, sizeof(buf)) ? -1 : strtoll(buf, NULL, 10);
}

/* No stdio here: it allocates, and children of threads come along. */
long long get_key(const char *path, const char *key)
{
	const size_t len = strlen(key);
	static __thread char buf[32768];
	size_t have = 0;
	ssize_t got;
	char *line;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	while (have < sizeof(buf) - 1 &&
	       (got = read(fd, buf + have, sizeof(buf) - 1 - have)) > 0)
		have += got;
	close(fd);
	buf[have] = '\0';
	for (line = buf; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, key, len) &&
		    (line[len] == ' ' || line[len] == ':'))
			return strtoll(line + len + 1, NULL, 10);
	}
	return -1;
}

int get_choice(const char *path, char *word, size_t len)
{
	char buf[256], *start, *end;
	int err = get_string(path, buf, sizeof(buf));

	if (err)
		return err;
	start = strchr(buf, '[');
	end = start ? strchr(start, ']') : NULL;
	if (!end)
		return -EINVAL;
	*end = '\0';
	snprintf(word, len, "%s", start + 1);
	return 0;
}

static struct {
	char path[96];
	char val[64];
} settings[64];
static int nr_settings;

int set_until_exit(const char *path, const char *val)
{
	char old[64];
	int i, err;

	for (i = 0; i < nr_settings; i++)
		if (!strcmp(settings[i].path, path))
			return put_string(path, val);
	if (nr_settings == ARRAY_SIZE(settings))
		return -ENOSPC;
	if (get_choice(path, old, sizeof(old))) {
		err = get_string(path, old, sizeof(old));
		if (err)
			return err;
	}
	snprintf(settings[nr_settings].path, sizeof(settings[0].path), "%s", path);
	snprintf(settings[nr_settings].val, sizeof(settings[0].val), "%s", old);
	nr_settings++;
	return put_string(path, val);
}

void restore_settings(void)
{
	while (nr_settings) {
		nr_settings--;
		put_string(settings[nr_settings].path, settings[nr_settings].val);
	}
}

/* ---- page tables --------------------------------------------------------- */

int pagemap_read(const void *addr, unsigned long nr, uint64_t *entries)
{
	const size_t len = nr * sizeof(*entries);
	size_t done = 0;
	int fd, err = 0, tries;

	for (tries = 0; tries < 100; tries++) {
		fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
		if (fd >= 0 || errno != ENOMEM)
			break;
	}
	if (fd < 0)
		return -errno;
	for (tries = 0; done < len && tries < 1000; tries++) {
		ssize_t got = pread(fd, (char *)entries + done, len - done,
				    (uintptr_t)addr / PAGE * sizeof(*entries) + done);

		err = got < 0 ? -errno : 0;
		if (got > 0)
			done += got;
		else if (err != -ENOMEM && err != -EINTR)
			break;
	}
	close(fd);
	return done == len ? 0 : err ? err : -EIO;
}

unsigned long count_bits(const uint64_t *entries, unsigned long nr, uint64_t bits)
{
	unsigned long i, found = 0;

	for (i = 0; i < nr; i++)
		found += (entries[i] & bits) == bits;
	return found;
}

/* From linux/fs.h of Linux 6.7, which the headers of the machine may lack. */
#define SCAN_PRESENT	(1ULL << 3)
#define SCAN_SWAPPED	(1ULL << 4)
#define SCAN_HUGE	(1ULL << 6)

struct scan_region {
	uint64_t start, end, categories;
};

struct scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t inverted, mask, anyof, returned;
};

#define SCAN	_IOWR('f', 16, struct scan_arg)

static unsigned long nr_pmds(const void *addr, size_t len, uint64_t categories)
{
	struct scan_region regions[64];
	struct scan_arg arg = {
		.size = sizeof(arg),
		.start = (uintptr_t)addr,
		.end = (uintptr_t)addr + len,
		.vec = (uintptr_t)regions,
		.vec_len = ARRAY_SIZE(regions),
		.mask = categories,
		.returned = categories,
	};
	unsigned long pages = 0;
	int fd, i, nr;

	fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	do {
		nr = ioctl(fd, SCAN, &arg);
		for (i = 0; i < nr; i++)
			pages += (regions[i].end - regions[i].start) / PAGE;
		arg.start = arg.walk_end;
	} while (nr == (int)ARRAY_SIZE(regions));
	close(fd);
	return pages / NR;
}

unsigned long nr_pmd_swapped(const void *addr, size_t len)
{
	return nr_pmds(addr, len, SCAN_HUGE | SCAN_SWAPPED);
}

unsigned long nr_pmd_mapped(const void *addr, size_t len)
{
	return nr_pmds(addr, len, SCAN_HUGE | SCAN_PRESENT);
}

/* ---- memory cgroup ------------------------------------------------------- */

#define CGROUPS	"/sys/fs/cgroup"
#define CGROUP	CGROUPS "/torture"

int cgroup_make(void)
{
	put_string(CGROUPS "/cgroup.subtree_control", "+memory");
	cgroup_remove();
	if (mkdir(CGROUP, 0755))
		return -errno;
	return access(CGROUP "/memory.reclaim", W_OK) ? -errno : 0;
}

int cgroup_enter(void)
{
	return put_string(CGROUP "/cgroup.procs", "0");
}

static const char *cgroup_file(char path[PATH_MAX], const char *file)
{
	snprintf(path, PATH_MAX, CGROUP "/%s", file);
	return path;
}

int cgroup_put(const char *file, const char *val)
{
	char path[PATH_MAX];

	return put_string(cgroup_file(path, file), val);
}

long long cgroup_get(const char *file)
{
	char path[PATH_MAX];

	return get_number(cgroup_file(path, file));
}

long long cgroup_stat(const char *key)
{
	return get_key(CGROUP "/memory.stat", key);
}

void cgroup_reclaim(size_t bytes)
{
	char val[64];

	snprintf(val, sizeof(val), "%zu swappiness=max", bytes);
	cgroup_put("memory.reclaim", val);
}

bool cgroup_evict(void)
{
	long long cached = -1;
	int i;

	for (i = 0; i < 500; i++) {
		cached = cgroup_stat("swapcached");
		if (cached <= 0)
			return !cached;
		cgroup_reclaim(cached);
		usleep(20000);
	}
	say("%lld bytes stay in the swap cache", cached);
	return false;
}

void cgroup_remove(void)
{
	int i;

	if (access(CGROUP, F_OK))
		return;
	cgroup_put("cgroup.kill", "1");
	for (i = 0; i < 500 && rmdir(CGROUP) && errno == EBUSY; i++)
		usleep(20000);
}

/* ---- swap areas ---------------------------------------------------------- */

static int write_header(const char *dev, size_t size)
{
	uint32_t *page;
	int fd, err = 0;

	page = calloc(1, PAGE);
	if (!page)
		return -ENOMEM;
	page[1024 / 4] = 1;				/* version */
	page[1024 / 4 + 1] = size / PAGE - 1;		/* last page */
	memcpy((char *)page + PAGE - 10, "SWAPSPACE2", 10);
	fd = open(dev, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || pwrite(fd, page, PAGE, 0) != (ssize_t)PAGE || fsync(fd))
		err = -errno;
	if (fd >= 0)
		close(fd);
	free(page);
	return err;
}

/* The memory is locked, or it would be swapped out to itself. */
static int make_memory(struct area *area)
{
	int control, fd = -1, err = 0;

	area->memfd = memfd_create("torture", MFD_CLOEXEC);
	if (area->memfd < 0 || ftruncate(area->memfd, area->size))
		return -errno;
	area->map = mmap(NULL, area->size, PROT_READ | PROT_WRITE, MAP_SHARED,
			 area->memfd, 0);
	if (area->map == MAP_FAILED) {
		area->map = NULL;
		return -errno;
	}
	if (mlock(area->map, area->size))
		return -errno;
	control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (control < 0)
		return -errno;
	area->loop = ioctl(control, LOOP_CTL_GET_FREE);
	close(control);
	if (area->loop < 0)
		return -ENODEV;
	snprintf(area->dev, sizeof(area->dev), "/dev/loop%d", area->loop);
	fd = open(area->dev, O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, LOOP_SET_FD, area->memfd)) {
		err = -errno;
		area->loop = -1;
	}
	if (fd >= 0)
		close(fd);
	return err;
}

static int make_zram(struct area *area)
{
	char path[64];

	area->zram = get_number("/sys/class/zram-control/hot_add");
	if (area->zram < 0)
		return -ENODEV;
	snprintf(area->dev, sizeof(area->dev), "/dev/zram%d", area->zram);
	snprintf(path, sizeof(path), "/sys/block/zram%d/disksize", area->zram);
	return put_number(path, area->size);
}

int area_make(struct area *area, enum area_kind kind, size_t size)
{
	int err;

	*area = (struct area){ .loop = -1, .zram = -1, .memfd = -1, .size = size };
	err = kind == AREA_ZRAM ? make_zram(area) : make_memory(area);
	if (!err)
		err = write_header(area->dev, size);
	if (err)
		area_remove(area);
	return err;
}

int area_on(struct area *area)
{
	if (!area->on && swapon(area->dev, area->flags))
		return -errno;
	area->on = true;
	return 0;
}

int area_off(struct area *area)
{
	if (area->on && swapoff(area->dev))
		return -errno;
	area->on = false;
	return 0;
}

void area_remove(struct area *area)
{
	char path[64];
	int fd;

	area_off(area);
	if (area->loop >= 0) {
		fd = open(area->dev, O_RDWR | O_CLOEXEC);
		if (fd >= 0) {
			ioctl(fd, LOOP_CLR_FD);
			close(fd);
		}
	}
	if (area->zram >= 0) {
		snprintf(path, sizeof(path), "/sys/block/zram%d/reset", area->zram);
		put_string(path, "1");
		put_number("/sys/class/zram-control/hot_remove", area->zram);
	}
	if (area->map)
		munmap(area->map, area->size);
	if (area->memfd >= 0)
		close(area->memfd);
	area->loop = area->zram = area->memfd = -1;
	area->map = NULL;
}

/*
 * A poisoned page of shared memory stays where it is and gives -EIO to who
 * reads or writes the file: the loop device, here.
 */
int area_poison(struct area *area, unsigned long page)
{
	return poison((char *)area->map + page * PAGE);
}

/* Lines of /proc/swaps: name, type, size, used, priority. */
static int swaps(int (*fn)(const char *name, long used, int prio, void *arg),
		 void *arg)
{
	char line[512], name[256];
	long size, used;
	int prio, nr = 0;
	FILE *file = fopen("/proc/swaps", "re");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%255s %*s %ld %ld %d", name, &size, &used,
			   &prio) == 4)
			nr += fn(name, used, prio, arg);
	if (file)
		fclose(file);
	return nr;
}

struct used {
	const char *dev;
	long kib;
};

static int add_used(const char *name, long used, int prio, void *arg)
{
	struct used *sum = arg;

	(void)prio;
	if (!sum->dev || !strcmp(sum->dev, name))
		sum->kib += used;
	return 1;
}

long swap_used_kib(const char *dev)
{
	struct used sum = { .dev = dev };

	swaps(add_used, &sum);
	return sum.kib;
}

long swaps_used_kib(void)
{
	return swap_used_kib(NULL);
}

#define MAX_MACHINE_SWAPS	4
static struct area machine[MAX_MACHINE_SWAPS];
static int nr_machine;

static int note_machine(const char *name, long used, int prio, void *arg)
{
	(void)arg;
	(void)used;
	if (nr_machine == MAX_MACHINE_SWAPS || strncmp(name, "/dev/", 5))
		return 0;
	machine[nr_machine] = (struct area){ .loop = -1, .zram = -1, .memfd = -1,
					     .on = true };
	if (prio >= 0)
		machine[nr_machine].flags = SWAP_FLAG_PREFER | prio;
	snprintf(machine[nr_machine].dev, sizeof(machine[0].dev), "%s", name);
	nr_machine++;
	return 1;
}

int machine_swaps(struct area *areas, int max)
{
	if (!nr_machine)
		swaps(note_machine, NULL);
	memcpy(areas, machine, min(max, nr_machine) * sizeof(*areas));
	return min(max, nr_machine);
}

int machine_swap_off(void)
{
	struct area areas[MAX_MACHINE_SWAPS];
	int i, err = 0;

	machine_swaps(areas, MAX_MACHINE_SWAPS);
	for (i = 0; i < nr_machine && !err; i++)
		err = area_off(&machine[i]);
	return err;
}

int machine_swap_on(void)
{
	int i, err = 0;

	for (i = 0; i < nr_machine && !err; i++)
		err = area_on(&machine[i]);
	return err;
}

/* ---- fault injection ----------------------------------------------------- */

#define DEBUGFS	"/sys/kernel/debug/"

static int inject(const char *what, int per_cent)
{
	static const char *const values[][2] = {
		{ "verbose", "0" },
		{ "task-filter", "Y" },
		{ "ignore-gfp-wait", "N" },
		{ "ignore-gfp-highmem", "N" },
		{ "times", "-1" },
	};
	char path[128];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		snprintf(path, sizeof(path), DEBUGFS "%s/%s", what, values[i][0]);
		/* Slabs know no highmem. */
		if (!access(path, F_OK) && put_string(path, values[i][1]))
			return -EIO;
	}
	snprintf(path, sizeof(path), DEBUGFS "%s/probability", what);
	return put_number(path, per_cent);
}

int inject_pages(int min_order, int per_cent)
{
	int err = put_number(DEBUGFS "fail_page_alloc/min-order", min_order);

	return err ? err : inject("fail_page_alloc", per_cent);
}

int inject_slab(int per_cent)
{
	return inject("failslab", per_cent);
}

int inject_requests(const char *dev, int per_cent)
{
	char path[64];
	int err;

	snprintf(path, sizeof(path), "/sys/block/%s/make-it-fail",
		 strrchr(dev, '/') + 1);
	err = put_string(path, "1");
	return err ? err : inject("fail_make_request", per_cent);
}

int inject_me(bool on)
{
	return put_string("/proc/thread-self/make-it-fail", on ? "1" : "0");
}

void inject_stop(void)
{
	put_string(DEBUGFS "fail_page_alloc/probability", "0");
	put_string(DEBUGFS "failslab/probability", "0");
	put_string(DEBUGFS "fail_make_request/probability", "0");
}

/* ---- counters ------------------------------------------------------------ */

static long long vmstat(const char *key)
{
	return max(get_key("/proc/vmstat", key), 0LL);
}

struct counters counters_now(void)
{
	return (struct counters){
		.out = vmstat("thp_swpout_pmd"),
		.out_fallback = vmstat("thp_swpout_pmd_fallback"),
		.in = vmstat("thp_swpin_pmd"),
		.in_fallback = vmstat("thp_swpin_pmd_fallback"),
		.split = vmstat("thp_split_pmd_swap"),
		.thp_out = vmstat("thp_swpout"),
		.thp_out_fallback = vmstat("thp_swpout_fallback"),
		.fault_fallback = vmstat("thp_fault_fallback"),
		.pswpin = vmstat("pswpin"),
		.pswpout = vmstat("pswpout"),
	};
}

struct counters counters_since(const struct counters *then)
{
	struct counters c = counters_now();

	c.out -= then->out;
	c.out_fallback -= then->out_fallback;
	c.in -= then->in;
	c.in_fallback -= then->in_fallback;
	c.split -= then->split;
	c.thp_out -= then->thp_out;
	c.thp_out_fallback -= then->thp_out_fallback;
	c.fault_fallback -= then->fault_fallback;
	c.pswpin -= then->pswpin;
	c.pswpout -= then->pswpout;
	return c;
}
