// SPDX-License-Identifier: GPL-2.0
/* PMD swap entries: what only the tests here have in common. */
#include "more.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <linux/userfaultfd.h>

/* ---- what is mapped ----------------------------------------------------- */

bool present(const char *addr, size_t len)
{
	return nr_pages_with(addr, len, PM_PRESENT) == len / env.page_size;
}

/* ---- swapping out, and memory that is short ------------------------------ */

/* THPs in one mapping, swapped out and out of the swap cache. */
char *map_cold(struct __test_metadata *_metadata,
	       FIXTURE_DATA(pmd_swap) * self, unsigned int nr)
{
	char *mem = map_thps(nr, 1);
	unsigned int i;

	if (!mem)
		return NULL;
	for (i = 0; i < nr; i++)
		EXPECT_TRUE(page_out(mem + i * self->size, self->size));
	EXPECT_TRUE(drop_swap_cache());
	for (i = 0; i < nr; i++)
		EXPECT_EQ(PMD_SWAPPED, thp_state(mem + i * self->size));
	return mem;
}

/* Limit the cgroup of the test to @bytes more than it has. */
int leave_room(size_t bytes)
{
	char limit[32];

	snprintf(limit, sizeof(limit), "%ld", cg_test_current() + (long)bytes);
	return cg_put(env.test_cgroup, "memory.max", limit);
}

/* ---- fault injection ---------------------------------------------------- */

/* Let what is failed by the directory @dir of debugfs fail the next @times. */
bool fail_next(const char *dir, const char *times)
{
	static const struct { const char *file, *value; } settings[] = {
		{ "verbose", "0" }, { "times", NULL }, { "probability", "100" },
	};
	char path[96];
	bool ok = true;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, settings[i].file);
		ok &= set_for_test(path, settings[i].value ?: times);
	}
	return ok;
}

/* Let the next @times requests by this task to the device fail. */
bool fail_requests(const char *dev, const char *times)
{
	static const char dir[] = "/sys/kernel/debug/fail_make_request";
	char path[96];
	bool ok = true;

	snprintf(path, sizeof(path), "/sys/block/%s/make-it-fail",
		 strrchr(dev, '/') + 1);
	ok &= set_for_test(path, "1");
	/* Others look at new devices, too: udev for one. */
	snprintf(path, sizeof(path), "%s/task-filter", dir);
	ok &= set_for_test(path, "Y");
	ok &= fail_next(dir, times);
	return ok && !put_string("/proc/self/make-it-fail", "1");
}

/* ---- userfaultfd -------------------------------------------------------- */

/* A userfaultfd, or negative errno if there is none with these features. */
int open_uffd(uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd, err;

	fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, UFFDIO_API, &api)) {
		err = errno;
		close(fd);
		return -err;
	}
	return fd;
}

int uffd_register_rwp(int uffd, void *addr, size_t len)
{
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)addr, .len = len },
		.mode = UFFDIO_REGISTER_MODE_RWP,
	};

	return ioctl(uffd, UFFDIO_REGISTER, &reg) ? -errno : 0;
}

int uffd_wp(int uffd, char *addr, size_t len, bool protect)
{
	struct uffdio_writeprotect wp = {
		.range = { .start = (uintptr_t)addr, .len = len },
		.mode = protect ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	return ioctl(uffd, UFFDIO_WRITEPROTECT, &wp) ? -errno : 0;
}

int uffd_rwp(int uffd, char *addr, size_t len, bool protect)
{
	struct uffdio_rwprotect rwp = {
		.range = { .start = (uintptr_t)addr, .len = len },
		.mode = protect ? UFFDIO_RWPROTECT_MODE_RWP : 0,
	};

	return ioctl(uffd, UFFDIO_RWPROTECT, &rwp) ? -errno : 0;
}

int uffd_move(int uffd, char *dst, char *src, size_t len)
{
	struct uffdio_move move = {
		.dst = (uintptr_t)dst,
		.src = (uintptr_t)src,
		.len = len,
	};
	int i, ret;

	/* -EAGAIN: part of it is done, or something was in the way. */
	for (i = 0; i < 10000; i++) {
		ret = ioctl(uffd, UFFDIO_MOVE, &move) ? -errno : 0;
		if (ret != -EAGAIN)
			return ret;
		if (move.move > 0) {
			move.dst += move.move;
			move.src += move.move;
			move.len -= move.move;
		}
		move.move = 0;
	}
	return ret;
}

struct access {
	char *addr;
	bool write;
	uint64_t val;		/* to write, or read */
	int done;
};

static void *do_access(void *arg)
{
	struct access *a = arg;

	if (a->write)
		put_word(a->addr, a->val);
	else
		a->val = get_word(a->addr);
	__atomic_store_n(&a->done, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/*
 * Access a word in a thread of its own. Return the flags of the faults that
 * userfaultfd reports, each of which is resolved by lifting the protection of
 * the page, or 0 if there is none.
 */
static uint64_t reported(int uffd, struct access *a)
{
	struct pollfd pfd = { .fd = uffd, .events = POLLIN };
	uint64_t flags = 0, now;
	struct uffd_msg msg;
	pthread_t thread;
	char *page;

	if (pthread_create(&thread, NULL, do_access, a))
		return -1ULL;
	while (!__atomic_load_n(&a->done, __ATOMIC_SEQ_CST)) {
		if (poll(&pfd, 1, 10) != 1)
			continue;
		if (read(uffd, &msg, sizeof(msg)) != sizeof(msg) ||
		    msg.event != UFFD_EVENT_PAGEFAULT)
			continue;
		now = msg.arg.pagefault.flags;
		flags |= now | 1ULL << 32;
		page = (char *)(uintptr_t)(msg.arg.pagefault.address &
					   ~(uint64_t)(env.page_size - 1));
		if (now & UFFD_PAGEFAULT_FLAG_WP)
			uffd_wp(uffd, page, env.page_size, false);
		else if (now & UFFD_PAGEFAULT_FLAG_RWP)
			uffd_rwp(uffd, page, env.page_size, false);
	}
	pthread_join(thread, NULL);
	return flags;
}

uint64_t write_reports(int uffd, char *addr, uint64_t val)
{
	struct access a = { .addr = addr, .write = true, .val = val };

	return reported(uffd, &a);
}

uint64_t read_reports(int uffd, char *addr)
{
	struct access a = { .addr = addr };

	return reported(uffd, &a);
}

/* A missing range to move into, registered. */
char *uffd_dst(int uffd)
{
	char *dst = reserve(1);

	if (!dst || mprotect(dst, env.pmd_size, PROT_READ | PROT_WRITE) ||
	    madvise(dst, env.pmd_size, MADV_HUGEPAGE) ||
	    uffd_register(uffd, dst, env.pmd_size, true, false, false))
		return NULL;
	return dst;
}
