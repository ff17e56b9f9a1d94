// SPDX-License-Identifier: GPL-2.0
/*
 * Usage: torture [OPTION...]
 *
 * See usage() below. Runs as root in a machine of its own: it turns swap areas
 * on and off, changes settings of the memory management, and lets allocations
 * and devices fail.
 */
#define _GNU_SOURCE
#include "io.h"
#include "model.h"
#include "tables.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KNOB	"/sys/kernel/mm/transparent_hugepage/swap_pmd"
#define ZSWAP	"/sys/module/zswap/parameters/enabled"
#define DEBUGFS	"/sys/kernel/debug/"

static struct run *run;			/* shared with all processes of a part */

/* Swap areas that a helper turns off and on. */
static struct {
	struct area area[4];
	int nr;
} *areas;

/* ---- helpers: processes that disturb ------------------------------------- */

static bool stopping(void)
{
	return __atomic_load_n(&run->stop, __ATOMIC_RELAXED) || run->failed;
}

static void pause_ms(struct rng *rng, unsigned int max)
{
	const double end = now() + below(rng, max) / 1e3;

	do
		usleep(min(max, 20U) * 500);
	while (!stopping() && now() < end);
}

static void help_reclaim(struct rng *rng)
{
	cgroup_reclaim((1 + below(rng, 2 * opt.thps)) * THP / 4);
	pause_ms(rng, 200);
}

/* From outside, where nobody expects it. */
static void help_advise(struct rng *rng)
{
	static const int advice[] = { MADV_PAGEOUT, MADV_PAGEOUT, MADV_COLD,
				      MADV_WILLNEED, 25 /* MADV_COLLAPSE */ };
	const size_t thps = run->arena_len / THP;
	struct iovec vec;
	int fd;

	fd = syscall(SYS_pidfd_open, run->pid, 0);
	if (fd < 0)
		return;
	vec.iov_base = run->arena + below(rng, thps) * THP;
	vec.iov_len = THP;
	if (one_in(rng, 3)) {
		vec.iov_base = (char *)vec.iov_base + below(rng, NR) * PAGE;
		vec.iov_len = (1 + below(rng, NR)) * PAGE;
	}
	syscall(SYS_process_madvise, fd, &vec, 1,
		advice[below(rng, ARRAY_SIZE(advice))], 0);
	close(fd);
	pause_ms(rng, 30);
}

static void help_swapoff(struct rng *rng)
{
	struct area *area = &areas->area[below(rng, areas->nr)];

	pause_ms(rng, 400);
	/* -ENOMEM and -EINTR are all right. */
	if (area_off(area))
		return;
	pause_ms(rng, 300);
	area->flags = one_in(rng, 2) ? SWAP_FLAG_PREFER | below(rng, 100) : 0;
	if (area_on(area))
		say("cannot turn swap on again: %s", area->dev);
}

static void help_zswap(struct rng *rng)
{
	static const char *const max[] = { "0", "max", "max", "1048576" };

	cgroup_put("memory.zswap.max", max[below(rng, ARRAY_SIZE(max))]);
	if (one_in(rng, 3))
		put_string(ZSWAP, one_in(rng, 2) ? "Y" : "N");
	pause_ms(rng, 500);
}

/* Split THPs that are mapped, and have shrinkers look for those partly unmapped. */
static void help_split(struct rng *rng)
{
	char *start = run->arena + below(rng, run->arena_len / THP) * THP;
	char range[64];

	snprintf(range, sizeof(range), "%d,%p,%p", run->pid, (void *)start,
		 (void *)(start + (1 + below(rng, 4)) * THP));
	if (one_in(rng, 2))
		put_string("/proc/sys/vm/drop_caches", "2");
	else
		put_string(DEBUGFS "split_huge_pages", range);
	pause_ms(rng, 300);
}

static void help_compact(struct rng *rng)
{
	pause_ms(rng, 3000);
	put_string("/proc/sys/vm/compact_memory", "1");
}

static void help_merge(struct rng *rng)
{
	put_string("/sys/kernel/mm/ksm/run", one_in(rng, 10) ? "2" : "1");
	pause_ms(rng, 500);
}

static const struct helper {
	const char *name;
	void (*fn)(struct rng *rng);
} helpers[] = {
	{ "reclaim", help_reclaim },
	{ "advise", help_advise },
	{ "swapoff", help_swapoff },
	{ "zswap", help_zswap },
	{ "split", help_split },
	{ "compact", help_compact },
	{ "merge", help_merge },
};

static pid_t start_helper(const struct helper *helper, unsigned int nr)
{
	struct rng rng = { mix64(opt.seed ^ (0x1000 + nr)) };
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (!stopping())
		helper->fn(&rng);
	_exit(0);
}

/* Whether @name is one of the words of @list. */
static bool listed(const char *list, const char *name)
{
	const size_t len = strlen(name);
	const char *p;

	for (p = list; (p = strstr(p, name)); p += len)
		if ((p == list || strchr(" ,", p[-1])) && strchr(" ,", p[len]))
			return true;
	return false;
}

/* ---- parts --------------------------------------------------------------- */

struct part {
	const char *name, *what;
	const char *helpers;
	const char *mix;
	int (*body)(struct run *run);	/* model_run() if NULL */
	/* 0, or -errno if this machine cannot do it. */
	int (*set_up)(void);
	void (*tear_down)(void);
	/* What is wrong with the counters, or NULL. */
	const char *(*verify)(const struct counters *c);
	bool injecting;			/* failing allocations */
	bool scarce;			/* allocations fail by themselves */
	bool poisoning;
	bool no_pmd;			/* no PMD swap entry need come of it */
};

static pid_t hog_pid;

/* A process that does @fn and then waits to be killed. */
static int start_hog(bool (*fn)(void))
{
	char answer = 0;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	hog_pid = fork();
	if (!hog_pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		put_string("/proc/self/oom_score_adj", "-1000");
		answer = fn();
		if (write(fds[1], &answer, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(fds[1]);
	if (read(fds[0], &answer, 1) != 1)
		answer = 0;
	close(fds[0]);
	return answer ? 0 : -ENOMEM;
}

static void stop_hog(void)
{
	if (hog_pid > 0) {
		kill(hog_pid, SIGKILL);
		waitpid(hog_pid, NULL, 0);
	}
	hog_pid = 0;
}

static int no_huge_pages(void)
{
	return inject_pages(9, 70);
}

static int no_pages(void)
{
	return inject_pages(0, 2);
}

static int no_slabs(void)
{
	return inject_slab(2);
}

static int limit(void)
{
	char max[32];

	/* What the model keeps for itself is locked and charged, too. */
	snprintf(max, sizeof(max), "%zu", opt.thps * THP * 6 / 10 + (24UL << 20));
	return cgroup_put("memory.max", max);
}

/* Free areas of memory that a THP would fit in. */
static unsigned long huge_free(void)
{
	char buf[4096], *line, *save;
	unsigned long sum = 0;

	if (get_string("/proc/buddyinfo", buf, sizeof(buf)))
		return 0;
	for (line = strtok_r(buf, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned long n[11] = {};

		if (strstr(line, " DMA "))
			continue;
		line = strstr(line, "zone");
		if (line && sscanf(line, "zone %*s %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu",
				   &n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6],
				   &n[7], &n[8], &n[9], &n[10]) == 11)
			sum += n[9] + 2 * n[10];
	}
	return sum;
}

static bool hog_memory(void)
{
	const size_t chunk = 8UL << 20;
	static char *chunks[64];
	unsigned int nr = 0, i;
	size_t off;

	while (nr < ARRAY_SIZE(chunks) && huge_free() > 4 &&
	       get_key("/proc/meminfo", "MemAvailable") > 32 << 10) {
		chunks[nr] = mmap(NULL, chunk, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (chunks[nr] == MAP_FAILED)
			return false;
		madvise(chunks[nr], chunk, MADV_NOHUGEPAGE);
		if (mlock(chunks[nr], chunk))
			return false;
		nr++;
	}
	for (i = 0; i < nr; i++) {
		for (off = 0; off < chunk; off += 2 * PAGE) {
			munlock(chunks[i] + off, PAGE);
			madvise(chunks[i] + off, PAGE, MADV_DONTNEED);
		}
	}
	say("fragmented %u MiB, %lu THPs are free", nr * 8, huge_free());
	return true;
}

static int fragment_memory(void)
{
	const long long kib = get_key("/proc/meminfo", "MemFree");

	/* Locked pages could be moved, to make room for a huge one. */
	set_until_exit("/proc/sys/vm/compact_unevictable_allowed", "0");
	if (set_until_exit("/proc/sys/vm/nr_hugepages", "0") ||
	    put_number("/proc/sys/vm/nr_hugepages", (kib - (220 << 10)) / 2048))
		return -ENOSYS;
	return start_hog(hog_memory);
}

static void free_memory(void)
{
	stop_hog();
	put_string("/proc/sys/vm/nr_hugepages", "0");
}

static bool hog_swap(void)
{
	const size_t size = areas->area[0].size;
	unsigned long i, off, pages = size / PAGE;
	char *mem;

	mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED || madvise(mem, size, MADV_NOHUGEPAGE))
		return false;
	for (off = 0; off < size; off += PAGE)
		page_fill(mem + off, off + 1);
	for (i = 0; i < 100 && swaps_used_kib() < (long)((pages - 8) * 4); i++) {
		madvise(mem, size, MADV_PAGEOUT);
		usleep(20000);
	}
	/* One page in eight stays, and a cluster has 512. */
	for (i = 0; i < pages; i++)
		if (i % 8)
			madvise(mem + i * PAGE, PAGE, MADV_DONTNEED);
	say("fragmented swap: %ld of %lu KiB are used", swaps_used_kib(), pages * 4);
	return true;
}

static int own_swap_only(size_t size)
{
	int err = machine_swap_off();

	if (!err)
		err = area_make(&areas->area[0], AREA_MEMORY, size);
	if (err)
		return err;
	areas->nr = 1;
	return area_on(&areas->area[0]);
}

static int fragment_swap(void)
{
	int err = own_swap_only(opt.thps * THP * 3);

	return err ? err : start_hog(hog_swap);
}

static void own_swap_gone(void)
{
	stop_hog();
	area_remove(&areas->area[0]);
	areas->nr = 0;
	machine_swap_on();
}

static const char *all_fall_back(const struct counters *c)
{
	if (c->out)
		return "PMD swap entries were installed where no 512 slots are free";
	return c->thp_out_fallback || c->pswpout < 4 * (long long)NR ?
		       NULL : "thp_swpout_fallback did not count";
}

/* What is still in the swap cache comes back whole without an allocation, so swap-ins alone do not tell. */
static const char *some_fail(const struct counters *c)
{
	return c->in_fallback || c->fault_fallback ? NULL : "no allocation of a huge page failed";
}

/* Nothing may hold on to the swap of the machine, which a part turns off. */
static int no_machine_swap(void)
{
	return machine_swap_off();
}

static int failing_requests(void)
{
	if (access(DEBUGFS "fail_make_request", F_OK))
		return -errno;
	return machine_swap_off();
}

static void machine_swap(void)
{
	machine_swap_on();
}

#define OUT_AND_IN	"pageout:30 touch:16 check:8 write:8 write-one:10 refill:14 collapse:6 "

static const struct part parts[] = {
	{
		.name = "differential",
		.what = "all operations, all helpers",
		.mix = model_everything,
		.helpers = "reclaim advise swapoff zswap split compact merge",
	},
	{
		.name = "race-fault",
		.what = "swap-out against faults of several threads",
		.mix = OUT_AND_IN,
		.helpers = "reclaim advise",
	},
	{
		.name = "race-fork",
		.what = "swap-out against fork, exit and copy on write",
		.mix = OUT_AND_IN "fork:20 dontneed:3 munmap:3 fill-holes:3",
		.helpers = "reclaim advise",
	},
	{
		.name = "race-mremap",
		.what = "swap-out against mremap",
		.mix = OUT_AND_IN "mremap:30 relocate:10 fork:3",
		.helpers = "reclaim advise compact",
	},
	{
		.name = "race-uffd-move",
		.what = "swap-out against UFFDIO_MOVE",
		.mix = OUT_AND_IN "uffd-move:40 fork:3 willneed:6",
		.helpers = "reclaim advise split",
	},
	{
		.name = "race-swapoff",
		.what = "swap-out against swapoff and swapon",
		.mix = OUT_AND_IN "fork:8 munmap:4 fill-holes:4 mremap:4 uffd-wp:4 free:4",
		.helpers = "reclaim advise swapoff",
	},
	{
		.name = "race-split",
		.what = "swap-out against splits of THPs, those in the swap cache too",
		.mix = OUT_AND_IN "fork:10 dontneed:10 munmap:4 fill-holes:4 willneed:8 mincore:4",
		.helpers = "reclaim advise split",
	},
	{
		.name = "race-memory-failure",
		.what = "swap-out against failing memory",
		.mix = OUT_AND_IN "hwpoison:6 soft-offline:6 dontneed:3 mremap:3 mincore:2",
		.helpers = "reclaim advise split",
		.poisoning = true,
	},
	{
		.name = "no-huge-pages",
		.what = "most allocations of huge pages fail",
		.mix = model_everything,
		.helpers = "reclaim advise",
		.set_up = no_huge_pages,
		.verify = some_fail,
		.injecting = true,
	},
	{
		.name = "no-pages",
		.what = "some allocations of pages fail",
		.mix = OUT_AND_IN "fork:5 dontneed:2 munmap:2 fill-holes:2 willneed:3 "
				  "populate:2 mremap:4 uffd-move:4 free:2",
		.helpers = "reclaim advise",
		.set_up = no_pages,
		.injecting = true,
	},
	{
		.name = "no-slabs",
		.what = "some allocations of slab objects fail",
		.mix = OUT_AND_IN "fork:20 dontneed:2 munmap:2 fill-holes:2",
		.helpers = "reclaim advise",
		.set_up = no_slabs,
		.injecting = true,
	},
	{
		.name = "limit",
		.what = "a memory cgroup at its limit",
		.mix = OUT_AND_IN "fork:3 dontneed:2 munmap:2 fill-holes:2 mprotect:2 "
				  "mremap:2 uffd-move:3 free:3",
		.set_up = limit,
		.scarce = true,
	},
	{
		.name = "fragmented-memory",
		.what = "no huge pages are free",
		.mix = model_everything,
		.helpers = "reclaim advise",
		.set_up = fragment_memory,
		.tear_down = free_memory,
		.no_pmd = true,
	},
	{
		.name = "fragmented-swap",
		.what = "no 512 slots in a row are free",
		.mix = model_everything,
		.helpers = "reclaim advise",
		.set_up = fragment_swap,
		.tear_down = own_swap_gone,
		.verify = all_fall_back,
		.no_pmd = true,
	},
	{
		.name = "read-errors",
		.what = "the swap device cannot read some slots",
		.body = read_errors_run,
		.set_up = no_machine_swap,
		.tear_down = machine_swap,
	},
	{
		.name = "write-errors",
		.what = "many writes to the swap device fail",
		.body = write_errors_run,
		.set_up = failing_requests,
		.tear_down = machine_swap,
		.no_pmd = true,
	},
	{
		.name = "race-tables",
		.what = "page tables that were in use are freed while they are read",
		/* No helpers: those who isolate pages keep the collapse away. */
		.body = tables_run,
	},
};

/* ---- one part with one word of the knob ---------------------------------- */

static unsigned int results, failures;

static void result(bool ok, const char *name, const char *skip)
{
	failures += !ok;
	printf("%s %u - %s%s%s\n", ok ? "ok" : "not ok", ++results, name,
	       skip ? " # SKIP " : "", skip ? skip : "");
}

/* What every task of the cgroup is at, for who looks into a hang. */
static void report_hang(void)
{
	char path[96], buf[4096], *line, *save, procs[4096];
	struct dirent *task;
	DIR *dir;

	if (get_string("/sys/fs/cgroup/torture/cgroup.procs", procs, sizeof(procs)))
		return;
	for (line = strtok_r(procs, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		snprintf(path, sizeof(path), "/proc/%.16s/task", line);
		dir = opendir(path);
		while (dir && (task = readdir(dir))) {
			if (task->d_name[0] == '.')
				continue;
			snprintf(path, sizeof(path), "/proc/%.16s/stack", task->d_name);
			if (get_string(path, buf, sizeof(buf)))
				continue;
			printf("# task %s of process %s:\n%s\n", task->d_name, line,
			       buf);
		}
		if (dir)
			closedir(dir);
	}
	put_string("/proc/sysrq-trigger", "w");
	fflush(stdout);
}

/* All that was used is given back, now that everybody has exited. */
static bool all_returned(long used_before, bool own_pressure)
{
	/*
	 * A poisoned page stays in the swap cache, and so does its slot; with it the whole
	 * of a THP that could not be split then. Seen on the base as well: 513 pages.
	 */
	const long long lost = run->poisoning ? run->offlined * (long long)THP : 0;
	long long swap = 0, anon = 0, tables = 0, current = 0, file = 0, kernel = 0;
	long used = 0;
	int i;

	for (i = 0; i < 250; i++) {
		swap = cgroup_get("memory.swap.current");
		anon = cgroup_stat("anon") + cgroup_stat("swapcached");
		tables = cgroup_stat("pagetables");
		file = cgroup_stat("file");
		kernel = cgroup_stat("kernel");
		current = cgroup_get("memory.current");
		used = swaps_used_kib();
		/* What is left of the charges of each processor: 64 pages. */
		if (swap <= lost && anon <= 2 * lost && !tables &&
		    (used <= used_before + lost / 1024 || own_pressure) &&
		    current - file - kernel <= 8 * 64 * (long long)PAGE + lost)
			return true;
		/* Freed slots may wait for their swap cache to go, as many as the area has. */
		cgroup_reclaim((1 << 20) + anon);
		usleep(40000);
	}
	say("MISMATCH in %s: not all has been given back", run->name);
	say("  --seed %#llx, memory.swap.current %lld, anon and swapcached %lld, pagetables %lld",
	    (unsigned long long)opt.seed, swap, anon, tables);
	say("  memory.current %lld (file %lld, kernel %lld), /proc/swaps %ld KiB, was %ld",
	    current, file, kernel, used, used_before);
	return false;
}

static int extra_area(void)
{
	struct area *area = &areas->area[0];
	int err;

	areas->nr = machine_swaps(areas->area, 3);
	area = &areas->area[areas->nr];
	err = area_make(area, opt.seed & 2 ? AREA_ZRAM : AREA_MEMORY,
			opt.thps * THP + 2 * THP);
	if (!err)
		err = area_on(area);
	if (err) {
		say("no swap area of our own: %s", strerror(-err));
		area_remove(area);
		return err;
	}
	areas->nr++;
	return 0;
}

static void torture(const struct part *part, const char *word)
{
	const char *wanted = opt.helpers ? opt.helpers : part->helpers;
	const double start = now();
	/* Under emulation, with all checks, and children that finish theirs. */
	const double deadline = start + 4 * opt.seconds + 240;
	const char *bad = NULL, *skip = NULL;
	struct counters then, c = {};
	pid_t pid, helping[ARRAY_SIZE(helpers)];
	unsigned int i, nr_helpers = 0;
	char name[64], text[128];
	int status = 0, err, machines = 0;
	bool ended = false, ok;
	long used;

	snprintf(name, sizeof(name), "%s%s%s", part->name, word ? "-" : "",
		 word ? word : "");
	memset(run, 0, sizeof(*run));
	run->name = name;
	run->mix = part->mix;
	run->injecting = part->injecting;
	run->scarce = part->injecting || part->scarce;
	run->poisoning = part->poisoning;
	for (i = 0; i < ARRAY_SIZE(areas->area); i++)
		areas->area[i] = (struct area){ .loop = -1, .zram = -1, .memfd = -1 };
	if (opt.calm || !wanted)
		wanted = "";
	if (word && put_string(KNOB, word)) {
		result(false, name, NULL);
		return;
	}
	say("%s, seed %#llx", name, (unsigned long long)opt.seed);
	fflush(stdout);

	err = cgroup_make();
	if (!err && part->set_up)
		err = part->set_up();
	if (!err && listed(wanted, "swapoff")) {
		err = extra_area();
		machines = areas->nr - 1;
	}
	if (err) {
		/* The only files that may be missing are those of fault injection. */
		snprintf(text, sizeof(text), "cannot be set up: %s", err == -ENOENT ?
			 "no fault injection, which the debug kernel has" : strerror(-err));
		skip = text;
		ok = true;
		goto out;
	}
	used = swaps_used_kib();
	then = counters_now();

	fflush(stdout);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (cgroup_enter())
			_exit(2);
		_exit((part->body ? part->body : model_run)(run));
	}
	while (!__atomic_load_n(&run->pid, __ATOMIC_SEQ_CST) &&
	       !(ended = waitpid(pid, &status, WNOHANG) == pid))
		usleep(1000);
	for (i = 0; i < ARRAY_SIZE(helpers) && !ended; i++)
		if (listed(wanted, helpers[i].name))
			helping[nr_helpers++] = start_helper(&helpers[i], i);

	while (!ended && now() < deadline) {
		ended = waitpid(pid, &status, WNOHANG) == pid;
		if (ended)
			__atomic_store_n(&run->failed, run->failed || status,
					 __ATOMIC_SEQ_CST);
		if ((ended || run->stop == 1 || run->failed) && nr_helpers) {
			for (i = 0; i < nr_helpers; i++)
				waitpid(helping[i], NULL, 0);
			nr_helpers = 0;
		}
		if (!ended && !nr_helpers && run->stop == 1)
			__atomic_store_n(&run->stop, 2, __ATOMIC_SEQ_CST);
		usleep(5000);
	}
	if (!ended) {
		say("HANG in %s: not over after %.0f s, --seed %#llx", name,
		    now() - start, (unsigned long long)opt.seed);
		report_hang();
		cgroup_put("cgroup.kill", "1");
		__atomic_store_n(&run->stop, 1, __ATOMIC_SEQ_CST);
		for (i = 0; i < nr_helpers; i++) {
			kill(helping[i], SIGKILL);
			waitpid(helping[i], NULL, 0);
		}
		/* If it cannot even be killed, nor can we go on. */
		for (i = 0; i < 200 && waitpid(pid, &status, WNOHANG) != pid; i++)
			usleep(50000);
		if (i == 200) {
			printf("Bail out! %s cannot be killed\n", name);
			exit(1);
		}
		status = 1;
	}
	inject_stop();
	cgroup_put("cgroup.kill", "1");
	c = counters_since(&then);
	ok = !status;
	if (WIFSIGNALED(status))
		say("the process ended with signal %d", WTERMSIG(status));
	if (get_key("/sys/fs/cgroup/torture/memory.events", "oom_kill") > 0)
		say("there were OOM kills: the limit is too low for this, or memory was lost");

	if (ok && part->tear_down != free_memory)
		ok = all_returned(used, false);
	else if (ok)
		ok = all_returned(used, true);
	if (ok && word && !opt.mix) {
		if (!strcmp(word, "never") && c.out)
			bad = "PMD swap entries were installed with the knob at never";
		else if (!strcmp(word, "never") && c.out_fallback)
			bad = "thp_swpout_pmd_fallback counted with the knob at never";
		else if (strcmp(word, "never") && !part->no_pmd && !c.out &&
			 (part->body || run->steps > 200))
			bad = "no PMD swap entry was ever installed";
		else if (strcmp(word, "never") && !part->no_pmd && c.out > 8 && !c.in)
			bad = "no PMD swap entry was ever swapped in";
		else if (part->verify && (strcmp(word, "never") || part->no_pmd))
			bad = part->verify(&c);
		if (bad)
			say("MISMATCH in %s: %s", name, bad);
		ok = !bad;
	}
	say("%s: %lu steps, %lu forks in %.0f s; out %lld (fallback %lld, of THPs %lld), "
	    "in %lld (fallback %lld), split %lld",
	    name, run->steps, run->forks, now() - start, c.out, c.out_fallback,
	    c.thp_out_fallback, c.in, c.in_fallback, c.split);
	if (opt.verbose || !ok)
		model_report(run);
out:
	if (listed(wanted, "swapoff") && areas->nr > machines)
		area_remove(&areas->area[machines]);
	areas->nr = 0;
	put_string(ZSWAP, "N");
	put_string("/sys/kernel/mm/ksm/run", "2");
	if (part->tear_down)
		part->tear_down();
	cgroup_remove();
	result(ok, name, skip);
	fflush(stdout);
}

/* ---- the program --------------------------------------------------------- */

static const char *const words[] = { "always", "auto", "exclusive", "never" };

static void usage(FILE *out)
{
	fprintf(out,
		"Usage: torture [OPTION...]\n"
		"\n"
		"Options:\n"
		"  --parts PART,...     what to do (default: all); --list names the parts\n"
		"  --knob WORD,...      words of swap_pmd (default: all for the differential part,\n"
		"                       exclusive and auto in turn for others; nothing\n"
		"                       without a knob)\n"
		"  --seed N             of all random numbers (default: from the clock)\n"
		"  --seconds S          for each part and word (10)\n"
		"  --steps N            at most, for each part and word (no limit)\n"
		"  --threads N          that work side by side (3)\n"
		"  --thps N             of memory (8)\n"
		"  --children N         of a process at a time (3)\n"
		"  --calm               no helpers that disturb: with one thread and no\n"
		"                       children the same seed does the same\n"
		"  --helpers NAME,...   other helpers than those of the part\n"
		"  --mix OP:WEIGHT,...  other operations than those of the part\n"
		"  --verbose            count operations\n"
		"  --list               name parts, helpers and operations\n"
		"  --help               this text\n"
		"\n"
		"Exit status: 0 if all went well, 1 if not, 2 for a wrong option.\n");
}

static void list(void)
{
	unsigned int i;

	printf("parts:\n");
	for (i = 0; i < ARRAY_SIZE(parts); i++)
		printf("  %-20s %s\n", parts[i].name, parts[i].what);
	printf("helpers:");
	for (i = 0; i < ARRAY_SIZE(helpers); i++)
		printf(" %s", helpers[i].name);
	printf("\noperations:");
	model_list();
}

static double number(const char *name, const char *arg, double least, double most)
{
	char *end;
	double val = strtod(arg, &end);

	if (*arg && !*end && val >= least && val <= most)
		return val;
	fprintf(stderr, "torture: --%s needs a number from %g to %g, not '%s'\n",
		name, least, most, arg);
	exit(2);
}

/* Every word of @list must be known. */
static void check_list(const char *what, const char *list,
		       const char *(*name)(unsigned int i))
{
	char copy[512], *word, *save;
	unsigned int i;

	snprintf(copy, sizeof(copy), "%s", list);
	for (word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		for (i = 0; name(i) && strcmp(name(i), word); i++)
			;
		if (!name(i)) {
			fprintf(stderr, "torture: there is no %s '%s' (see --help and --list)\n",
				what, word);
			exit(2);
		}
	}
}

static const char *part_name(unsigned int i)
{
	return i < ARRAY_SIZE(parts) ? parts[i].name : NULL;
}

static const char *helper_name(unsigned int i)
{
	return i < ARRAY_SIZE(helpers) ? helpers[i].name : NULL;
}

static const char *word_name(unsigned int i)
{
	return i < ARRAY_SIZE(words) ? words[i] : NULL;
}

static void settle(void)
{
	static const char *const settings[][2] = {
		{ "/sys/kernel/mm/transparent_hugepage/enabled", "madvise" },
		{ "/sys/kernel/mm/transparent_hugepage/defrag", "madvise" },
		{ "/sys/kernel/mm/transparent_hugepage/hugepages-2048kB/enabled", "inherit" },
		{ "/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs", "500" },
		/*
		 * Where no huge page is to be had it sleeps for a minute, and keeps the
		 * page directory of the last mm that it looked at, though that has exited.
		 */
		{ "/sys/kernel/mm/transparent_hugepage/khugepaged/alloc_sleep_millisecs", "500" },
		/* Readahead would have pages share the fate of a bad neighbour. */
		{ "/proc/sys/vm/page-cluster", "0" },
		{ "/sys/kernel/mm/ksm/pages_to_scan", "100" },
		{ "/sys/kernel/mm/ksm/sleep_millisecs", "100" },
		{ KNOB, "exclusive" },
		{ ZSWAP, "N" },
	};
	const struct rlimit no_core = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(settings); i++)
		set_until_exit(settings[i][0], settings[i][1]);
	/* Half of the seeds have large folios of another size, too. */
	set_until_exit("/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled",
		       opt.seed & 1 ? "madvise" : "never");
	setrlimit(RLIMIT_CORE, &no_core);
}

static void *shared_memory(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED || mlock(mem, size)) {
		perror("torture: shared memory");
		exit(1);
	}
	return mem;
}

int main(int argc, char **argv)
{
	enum { PARTS = 256, KNOBS, SEED, SECONDS, STEPS, THREADS, THPS, CHILDREN,
	       CALM, HELPERS, MIX, VERBOSE, LIST, HELP };
	static const struct option options[] = {
		{ "parts", required_argument, NULL, PARTS },
		{ "knob", required_argument, NULL, KNOBS },
		{ "seed", required_argument, NULL, SEED },
		{ "seconds", required_argument, NULL, SECONDS },
		{ "steps", required_argument, NULL, STEPS },
		{ "threads", required_argument, NULL, THREADS },
		{ "thps", required_argument, NULL, THPS },
		{ "children", required_argument, NULL, CHILDREN },
		{ "calm", no_argument, NULL, CALM },
		{ "helpers", required_argument, NULL, HELPERS },
		{ "mix", required_argument, NULL, MIX },
		{ "verbose", no_argument, NULL, VERBOSE },
		{ "list", no_argument, NULL, LIST },
		{ "help", no_argument, NULL, HELP },
		{},
	};
	const char *wanted = NULL, *knob = NULL;
	unsigned int i, j;
	bool has_knob;
	int option;
	char *end;

	opt = (struct options){
		.seed = mix64(time(NULL)),
		.seconds = 10, .threads = 3, .thps = 8, .children = 3,
	};
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case PARTS:
			check_list("part", optarg, part_name);
			wanted = optarg;
			break;
		case KNOBS:
			check_list("word of the knob", optarg, word_name);
			knob = optarg;
			break;
		case SEED:
			opt.seed = strtoull(optarg, &end, 0);
			if (!*optarg || *end) {
				fprintf(stderr, "torture: --seed needs a number, not '%s'\n",
					optarg);
				return 2;
			}
			break;
		case SECONDS: opt.seconds = number("seconds", optarg, 0.1, 1e6); break;
		case STEPS: opt.steps = number("steps", optarg, 1, 1e12); break;
		case THREADS: opt.threads = number("threads", optarg, 1, 16); break;
		case THPS: opt.thps = number("thps", optarg, 2, 32); break;
		case CHILDREN: opt.children = number("children", optarg, 0, 64); break;
		case CALM: opt.calm = true; break;
		case HELPERS:
			check_list("helper", optarg, helper_name);
			opt.helpers = optarg;
			break;
		case MIX:
			if (model_mix(optarg))
				return 2;
			opt.mix = optarg;
			break;
		case VERBOSE: opt.verbose = true; break;
		case LIST: list(); return 0;
		case HELP: usage(stdout); return 0;
		default: usage(stderr); return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "torture: unexpected '%s' (see --help)\n", argv[optind]);
		return 2;
	}
	if (geteuid()) {
		fprintf(stderr, "torture: needs root, and a machine of its own\n");
		return 1;
	}

	run = shared_memory(sizeof(*run));
	areas = shared_memory(sizeof(*areas));
	put_string("/proc/self/oom_score_adj", "-1000");
	settle();
	has_knob = !access(KNOB, F_OK);
	if (!has_knob && knob) {
		fprintf(stderr, "torture: this kernel has no swap_pmd\n");
		return 1;
	}

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		const char *list = knob ? knob : !i ? "always,auto,exclusive,never" :
							      i % 2 ? "exclusive" : "auto";

		if (wanted && !listed(wanted, parts[i].name))
			continue;
		if (!has_knob) {
			torture(&parts[i], NULL);
			continue;
		}
		for (j = 0; j < ARRAY_SIZE(words); j++)
			if (listed(list, words[j]))
				torture(&parts[i], words[j]);
	}
	restore_settings();
	printf("1..%u\n", results);
	return failures ? 1 : 0;
}
