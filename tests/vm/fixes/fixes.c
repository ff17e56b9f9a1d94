// SPDX-License-Identifier: GPL-2.0
/*
 * Faults of Linux 7.3.4 that the series mends, each made to happen.
 *
 * Usage: fixes swapoff DEVICE    a swapoff waits for who serves a userfaultfd
 *        fixes room              THPs are split where swap has no room for them
 *        fixes stale             a page that is zero now is read as it was in zswap
 *        fixes truncate          ftruncate() to the middle of a THP that is swapped out never returns
 *
 * Prints figures, and "ok" or "not ok" at the end. Exit status 0 or 1; 77 if the machine lacks
 * something. Run it as root; tests/vm/fixes/run sets up what it needs.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#define THP_DIR "/sys/kernel/mm/transparent_hugepage/"
#define CGROUP "/sys/fs/cgroup/fixes"
#define THP (2UL << 20)
#define PAGE 4096UL

static void lacks(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("skipped: ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
	exit(77);
}

static bool put(const char *path, const char *word)
{
	int fd = open(path, O_WRONLY);
	bool ok = fd >= 0 && write(fd, word, strlen(word)) >= 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

/* The number behind a word at the beginning of a line. */
static long get(const char *path, const char *word)
{
	FILE *file = fopen(path, "r");
	size_t len = strlen(word);
	char line[256];
	long value = -1;

	while (file && value < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, word, len) && strchr(": ", line[len]))
			value = atol(line + len + 1);
	if (file)
		fclose(file);
	return value;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static void join_cgroup(void)
{
	char pid[32];

	put("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	mkdir(CGROUP, 0755);
	snprintf(pid, sizeof(pid), "%d", getpid());
	if (!put(CGROUP "/cgroup.procs", pid) || access(CGROUP "/memory.max", F_OK))
		lacks("no cgroup with memory.max");
}

static void leave_cgroup(void)
{
	char pid[32];

	snprintf(pid, sizeof(pid), "%d", getpid());
	put("/sys/fs/cgroup/cgroup.procs", pid);
	rmdir(CGROUP);
}

/* Memory of THPs, in which each word tells its place. */
static uint64_t word_at(size_t place)
{
	return (place + 1) * UINT64_C(0x9e3779b97f4a7c15) >> 16;
}

static char *map_thps(size_t nr)
{
	char *mem = mmap(NULL, (nr + 1) * THP, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		lacks("no memory");
	mem += -(uintptr_t)mem & (THP - 1);
	madvise(mem, nr * THP, MADV_HUGEPAGE);
	for (size_t place = 0; place < nr * THP; place += sizeof(uint64_t))
		*(uint64_t *)(mem + place) = word_at(place);
	return mem;
}

static long huge_kib(void)
{
	return get("/proc/self/smaps_rollup", "AnonHugePages");
}

static long swapped_kib(void)
{
	return get("/proc/self/status", "VmSwap");
}

static bool page_out(char *mem, size_t len)
{
	for (int i = 0; i < 100 && swapped_kib() < (long)(len >> 10); i++) {
		madvise(mem, len, MADV_PAGEOUT);
		usleep(20000);
	}
	return swapped_kib() >= (long)(len >> 10);
}

/* ---- swapoff while a userfaultfd handler takes its time -------------------------------------- */

static void *write_byte(void *addr)
{
	*(volatile char *)addr = 1;
	return NULL;
}

static bool test_swapoff(const char *device)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_WP };
	struct uffdio_writeprotect wp = { .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	char *mem = map_thps(1);
	struct pollfd poll_uffd = { .events = POLLIN };
	double start, took = 0;
	pthread_t writer;
	bool ended;
	pid_t pid;
	int uffd;

	uffd = syscall(__NR_userfaultfd, O_CLOEXEC);
	reg.range.start = wp.range.start = (uintptr_t)mem;
	reg.range.len = wp.range.len = THP;
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &reg) ||
	    ioctl(uffd, UFFDIO_WRITEPROTECT, &wp))
		lacks("userfaultfd: %s", strerror(errno));
	if (!page_out(mem, THP))
		lacks("the THP is not swapped out");
	pthread_create(&writer, NULL, write_byte, mem);
	poll_uffd.fd = uffd;
	if (poll(&poll_uffd, 1, 10000) != 1)
		lacks("no fault is reported");

	start = seconds();
	pid = fork();
	if (!pid)
		_exit(swapoff(device) ? 1 : 0);
	do {
		usleep(20000);
		ended = waitpid(pid, NULL, WNOHANG) == pid;
		took = seconds() - start;
	} while (!ended && took < 5);
	wp.mode = 0;
	ioctl(uffd, UFFDIO_WRITEPROTECT, &wp);
	pthread_join(writer, NULL);
	if (!ended)
		waitpid(pid, NULL, 0);
	printf("swapoff %s %.1f s\n", ended ? "took" : "was still waiting for the handler after", took);
	close(uffd);
	return ended;
}

/* ---- THPs for which swap has no room --------------------------------------------------------- */

static bool stays_huge(const char *where, size_t nr)
{
	char *mem = map_thps(nr);
	long before = huge_kib(), after;
	double start = seconds();

	madvise(mem, nr * THP, MADV_PAGEOUT);
	start = seconds() - start;
	after = huge_kib() + (swapped_kib() & ~2047);
	printf("%s: MADV_PAGEOUT of %zu THPs took %.2f ms, %ld of %ld are huge\n", where, nr, start * 1e3,
	       after / 2048, before / 2048);
	munmap(mem, nr * THP);
	return after == before;
}

static bool test_room(void)
{
	bool ok = true;

	join_cgroup();
	put(CGROUP "/memory.swap.max", "0");
	ok &= stays_huge("memory.swap.max 0", 16);
	/* For one of them, and some pages. */
	put(CGROUP "/memory.swap.max", "3M");
	ok &= stays_huge("memory.swap.max 3M", 16);
	put(CGROUP "/memory.swap.max", "max");
	leave_cgroup();
	return ok;
}

/* ---- an old copy in zswap ---------------------------------------------------------------------
 *
 * zswap stores a THP, which takes a while, and somebody touches it meanwhile: the reference
 * keeps the folio in the swap cache, and the copy in zswap. It is mapped again, zeroed, and
 * swapped out once more. Then zswap writes the copy to the device.
 */

static int stop_touching;

static void *touch(void *addr)
{
	while (!__atomic_load_n(&stop_touching, __ATOMIC_RELAXED))
		(void)*(volatile char *)addr;
	return NULL;
}

static bool test_stale(void)
{
	pthread_t toucher;
	long compressed, written, stale = 0;
	char *mem;
	int i;

	if (!put("/sys/module/zswap/parameters/enabled", "Y") ||
	    !put("/sys/module/zswap/parameters/shrinker_enabled", "Y"))
		lacks("zswap has no shrinker");
	join_cgroup();
	mem = map_thps(1);
	pthread_create(&toucher, NULL, touch, mem + THP / 2);
	for (i = 0; i < 50 && get(CGROUP "/memory.stat", "zswapped") < (long)THP; i++)
		madvise(mem, THP, MADV_PAGEOUT);
	__atomic_store_n(&stop_touching, 1, __ATOMIC_RELAXED);
	pthread_join(toucher, NULL);
	compressed = get(CGROUP "/memory.stat", "zswapped");
	printf("mapped again with %ld KiB in zswap\n", compressed >> 10);
	if (compressed <= 0)
		lacks("the THP did not get to zswap");

	memset(mem, 0, THP);
	if (!page_out(mem, THP))
		lacks("the THP is not swapped out");
	/* Nothing may be left of it in memory. */
	for (i = 0; i < 100 && get(CGROUP "/memory.stat", "swapcached") > 0; i++) {
		put(CGROUP "/memory.reclaim", "2M swappiness=max");
		usleep(10000);
	}
	written = get(CGROUP "/memory.stat", "zswpwb");
	/* Its shrinker gives each page a second chance. */
	for (i = 0; i < 300 && get(CGROUP "/memory.stat", "zswpwb") == written; i++)
		put(CGROUP "/memory.reclaim", "1M");
	for (size_t place = 0; place < THP; place += PAGE)
		stale += *(volatile uint64_t *)(mem + place) != 0;
	printf("zswap wrote %ld pages, %ld of 512 are not zero\n", get(CGROUP "/memory.stat", "zswpwb") - written,
	       stale);
	leave_cgroup();
	return !stale;
}

/* ---- a file that ends where a THP was --------------------------------------------------------
 *
 * Shared memory is truncated in the middle of a THP which is swapped out, and grows again.
 */

static bool truncates(int fd, char *mem, size_t size)
{
	size_t place, stale = 0, lost = 0;

	/* It is not to be killed if it does not return. */
	if (!fork()) {
		if (ftruncate(fd, size))
			err(1, "ftruncate");
		_exit(0);
	}
	for (int i = 0; i < 600; i++) {
		int status;

		if (waitpid(-1, &status, WNOHANG) > 0) {
			if (ftruncate(fd, THP))
				err(1, "ftruncate");
			for (place = 0; place < THP; place += sizeof(uint64_t)) {
				uint64_t word = *(volatile uint64_t *)(mem + place);

				if (place < size)
					lost += word != word_at(place);
				else
					stale += !!word;
			}
			printf("truncated to %zu bytes: %zu words are lost, %zu come back\n", size, lost, stale);
			return !stale && !lost && !status;
		}
		usleep(50000);
	}
	printf("ftruncate() to %zu bytes has not returned after 30 s\n", size);
	return false;
}

static bool test_truncate(void)
{
	static const size_t sizes[] = { THP / 2 + 104, THP / 2 };
	bool ok = true;

	if (!put(THP_DIR "hugepages-2048kB/shmem_enabled", "always"))
		lacks("no THPs in shared memory");
	for (size_t i = 0; i < 2; i++) {
		int fd = memfd_create("fixes", 0), tries;
		char *mem;

		join_cgroup();
		if (fd < 0 || ftruncate(fd, THP))
			err(1, "memfd");
		mem = mmap(NULL, 2 * THP, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		mem = (char *)(((uintptr_t)mem + THP - 1) & ~(THP - 1));
		if (mmap(mem, THP, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) != mem)
			err(1, "mmap");
		for (size_t place = 0; place < THP; place += sizeof(uint64_t))
			*(uint64_t *)(mem + place) = word_at(place);
		for (tries = 0; tries < 200 && get(CGROUP "/memory.stat", "shmem") > 0; tries++) {
			madvise(mem, THP, MADV_PAGEOUT);
			usleep(10000);
		}
		if (tries == 200)
			lacks("the THP is not swapped out");
		ok &= truncates(fd, mem, sizes[i]);
		munmap(mem, THP);
		close(fd);
		leave_cgroup();
	}
	put(THP_DIR "hugepages-2048kB/shmem_enabled", "never");
	return ok;
}

int main(int argc, char **argv)
{
	bool ok;

	setvbuf(stdout, NULL, _IOLBF, 0);
	put(THP_DIR "enabled", "madvise");
	if (argc == 3 && !strcmp(argv[1], "swapoff"))
		ok = test_swapoff(argv[2]);
	else if (argc == 2 && !strcmp(argv[1], "room"))
		ok = test_room();
	else if (argc == 2 && !strcmp(argv[1], "stale"))
		ok = test_stale();
	else if (argc == 2 && !strcmp(argv[1], "truncate"))
		ok = test_truncate();
	else
		return fprintf(stderr, "usage: fixes swapoff DEVICE | room | stale | truncate\n"), 2;
	printf("%s %s\n", ok ? "ok" : "not ok", argv[1]);
	return !ok;
}
