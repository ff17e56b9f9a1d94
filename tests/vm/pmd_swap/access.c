// SPDX-License-Identifier: GPL-2.0
/*
 * PMD swap entries: memory that a device, another process or the kernel
 * accesses, or pins.
 */
#include "more.h"

#include <fcntl.h>
#include <lib/test_hmm_uapi.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <linux/elf.h>
#include <linux/io_uring.h>

/* The page tables as a device sees them, see lib/test_hmm.c. */
#define NEED_HMM() ({							\
	int __hmm = open("/dev/hmm_dmirror0", O_RDWR);			\
									\
	if (__hmm < 0 && !system("modprobe test_hmm 2>/dev/null"))	\
		__hmm = open("/dev/hmm_dmirror0", O_RDWR);		\
	if (__hmm < 0)							\
		SKIP(return, "/dev/hmm_dmirror0: %s", strerror(errno));	\
	__hmm;								\
})

/* A device that asks what is mapped is told that nothing is, and changes nothing. */
TEST_F(pmd_swap, hmm_snapshot)
{
	const int fd = NEED_HMM();
	struct hmm_dmirror_cmd cmd = {};
	struct counters before;
	unsigned char *prot;
	unsigned long i;

	prot = malloc(self->nr);
	ASSERT_NE(NULL, prot);
	memset(prot, 1, self->nr);
	SWAP_OUT(self->mem);
	before = counters_now();
	cmd.addr = (uintptr_t)self->mem;
	cmd.ptr = (uintptr_t)prot;
	cmd.npages = self->nr;
	ASSERT_EQ(0, ioctl(fd, HMM_DMIRROR_SNAPSHOT, &cmd));
	ASSERT_EQ(self->nr, cmd.cpages);
	for (i = 0; i < self->nr; i++)
		ASSERT_EQ(HMM_DMIRROR_PROT_NONE, prot[i]);
	EXPECT_EQ(PMD_SWAPPED, thp_state(self->mem));
	EXPECT_SINCE(0, &before, SPLIT_PMD_SWAP);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	free(prot);
	close(fd);
}

/* A device that reads the memory has one fault bring all of it back. */
TEST_F(pmd_swap, hmm_read)
{
	const int fd = NEED_HMM();
	struct hmm_dmirror_cmd cmd = {};
	struct counters before;
	char *buf;

	buf = malloc(self->size);
	ASSERT_NE(NULL, buf);
	SWAP_OUT(self->mem);
	before = counters_now();
	cmd.addr = (uintptr_t)self->mem;
	cmd.ptr = (uintptr_t)buf;
	cmd.npages = self->nr;
	ASSERT_EQ(0, ioctl(fd, HMM_DMIRROR_READ, &cmd));
	EXPECT_EQ(self->nr, cmd.cpages);
	EXPECT_INTACT(buf, 0, self->nr, 0);
	EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
	EXPECT_SINCE(1, &before, SWPIN_PMD);
	EXPECT_SINCE(0, &before, SPLIT_PMD_SWAP);
	free(buf);
	close(fd);
}

/* Another process reads and writes the memory through the page tables. */
TEST_F(pmd_swap, process_vm_readv)
{
	struct iovec local, remote;
	char *buf;
	pid_t pid;

	buf = malloc(self->size);
	ASSERT_NE(NULL, buf);
	SWAP_OUT(self->mem);
	pid = fork_child(_metadata);
	if (!pid) {
		EXPECT_EQ(PMD_SWAPPED, thp_state(self->mem));
		reach(1);
		await(2);
		EXPECT_INTACT(self->mem + self->page, 1, self->nr - 1, 0);
		EXPECT_INTACT(self->mem, 0, 1, 1);
		_exit(0);
	}
	await(1);
	local = (struct iovec){ .iov_base = buf, .iov_len = self->size };
	remote = (struct iovec){ .iov_base = self->mem,
				 .iov_len = self->size };
	if (process_vm_readv(pid, &local, 1, &remote, 1, 0) < 0) {
		kill(pid, SIGKILL);
		SKIP(return, "process_vm_readv: %s", strerror(errno));
	}
	EXPECT_INTACT(buf, 0, self->nr, 0);
	EXPECT_EQ(PMD_SWAPPED, thp_state(self->mem));

	fill(buf, 0, 1, 1);
	local.iov_len = self->page;
	remote.iov_len = self->page;
	EXPECT_EQ((ssize_t)self->page,
		  process_vm_writev(pid, &local, 1, &remote, 1, 0));
	reach(2);
	REAP(pid);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	free(buf);
}

TEST_F(pmd_swap, proc_mem)
{
	char *buf;
	int fd;

	buf = malloc(self->size);
	ASSERT_NE(NULL, buf);
	fd = open("/proc/self/mem", O_RDWR);
	ASSERT_LE(0, fd);
	SWAP_OUT_COLD(self->mem);
	EXPECT_EQ((ssize_t)self->size,
		  pread(fd, buf, self->size, (uintptr_t)self->mem));
	EXPECT_INTACT(buf, 0, self->nr, 0);
	EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
	close(fd);
	free(buf);
}

/* Where the core dump @fd has the memory at @addr, -1 if it has not. */
static off_t core_offset(int fd, char *addr)
{
	const uintptr_t start = (uintptr_t)addr;
	struct elf64_hdr ehdr;
	struct elf64_phdr phdr;
	int i;

	if (pread(fd, &ehdr, sizeof(ehdr), 0) != sizeof(ehdr))
		return -1;
	for (i = 0; i < ehdr.e_phnum; i++) {
		if (pread(fd, &phdr, sizeof(phdr),
			  ehdr.e_phoff + i * sizeof(phdr)) != sizeof(phdr))
			return -1;
		if (phdr.p_type == PT_LOAD && phdr.p_vaddr <= start &&
		    start - phdr.p_vaddr < phdr.p_filesz)
			return phdr.p_offset + (start - phdr.p_vaddr);
	}
	return -1;
}

/* What is swapped out is no hole in a core dump. */
TEST_F(pmd_swap, core_dump)
{
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	char path[64], *buf;
	int fd, status;
	pid_t pid;

	buf = malloc(self->size);
	ASSERT_NE(NULL, buf);
	snprintf(path, sizeof(path), "/var/tmp/pmd_swap-core-%d", env.pid);
	if (!set_for_test("/proc/sys/kernel/core_uses_pid", "0") ||
	    !set_for_test("/proc/sys/kernel/core_pattern", path))
		SKIP(return, "the core pattern cannot be set");
	SWAP_OUT_COLD(self->mem);
	pid = fork_child(_metadata);
	if (!pid) {
		setrlimit(RLIMIT_CORE, &unlimited);
		abort();
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	if (!WCOREDUMP(status))
		SKIP(return, "no core dumps to be had");
	fd = open(path, O_RDONLY);
	unlink(path);
	ASSERT_LE(0, fd);
	ASSERT_EQ((ssize_t)self->size,
		  pread(fd, buf, self->size, core_offset(fd, self->mem)));
	EXPECT_INTACT(buf, 0, self->nr, 0);
	close(fd);
	free(buf);
}

/* The kernel faults in what a system call copies. */
TEST_F(pmd_swap, pipe_write)
{
	char *buf;
	int fds[2];

	buf = malloc(self->page);
	ASSERT_NE(NULL, buf);
	ASSERT_EQ(0, pipe(fds));
	SWAP_OUT(self->mem);
	EXPECT_EQ((ssize_t)self->page,
		  write(fds[1], self->mem + 61 * self->page, self->page));
	EXPECT_EQ((ssize_t)self->page, read(fds[0], buf, self->page));
	EXPECT_INTACT(buf, 61, 1, 0);
	EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
	close(fds[0]);
	close(fds[1]);
	free(buf);
}

/* A file descriptor that pins the range as long as it is open, or -errno. */
static int pin(char *addr, size_t len)
{
	struct iovec iov = { .iov_base = addr, .iov_len = len };
	struct io_uring_params params = {};
	int fd, err;

	fd = syscall(__NR_io_uring_setup, 1, &params);
	if (fd < 0)
		return -errno;
	if (syscall(__NR_io_uring_register, fd, IORING_REGISTER_BUFFERS, &iov,
		    1)) {
		err = errno;
		close(fd);
		return -err;
	}
	return fd;
}

/* A THP that is pinned stays where it is. */
TEST_F(pmd_swap, pinned)
{
	struct counters before;
	int fd, i;

	fd = pin(self->mem, self->size);
	if (fd < 0)
		SKIP(return, "io_uring: %s", strerror(-fd));
	before = counters_now();
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, madvise(self->mem, self->size, MADV_PAGEOUT));
		if (self->cgroup)
			cg_test_reclaim(self->page);
	}
	EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
	EXPECT_SINCE(0, &before, SWPOUT_PMD);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	close(fd);
	SWAP_OUT(self->mem);
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
}

/* To pin a THP brings it back. */
TEST_F(pmd_swap, pin_swapped)
{
	int fd;

	SWAP_OUT(self->mem);
	fd = pin(self->mem, self->size);
	if (fd < 0)
		SKIP(return, "io_uring: %s", strerror(-fd));
	EXPECT_EQ(PMD_MAPPED, thp_state(self->mem));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	close(fd);
}

/* A shared THP must be unshared before it is pinned. */
TEST_F(pmd_swap, pin_swapped_shared)
{
	pid_t pid;
	int fd;

	SWAP_OUT(self->mem);
	pid = fork_child(_metadata);
	if (!pid) {
		await(1);
		EXPECT_INTACT(self->mem, 0, self->nr, 0);
		fill(self->mem, 0, self->nr, 1);
		EXPECT_INTACT(self->mem, 0, self->nr, 1);
		_exit(0);
	}
	fd = pin(self->mem, self->size);
	reach(1);
	REAP(pid);
	if (fd < 0)
		SKIP(return, "io_uring: %s", strerror(-fd));
	EXPECT_INTACT(self->mem, 0, self->nr, 0);
	fill(self->mem, 0, self->nr, 2);
	EXPECT_INTACT(self->mem, 0, self->nr, 2);
	close(fd);
}
