// SPDX-License-Identifier: GPL-2.0
/*
 * Access to swapped-out THPs by other ways than a fault of the process that
 * has them: its core, process_vm_readv() and _writev(), /proc/PID/mem, O_DIRECT
 * and registered buffers of io_uring.
 *
 * access hold MIB DATA
 *	Fill an area, write its address, size and seed to the file DATA. Then obey
 *	lines on standard input: "out" pages it out, "check" looks at the data,
 *	"load" takes the seed from DATA, as another process has written. Each is
 *	answered with a line.
 * access wait MIB ANSWER
 *	The same without a pipe, for a process that is frozen and restored: an
 *	answer goes to the file ANSWER. SIGHUP writes new data to an eighth of the
 *	area, SIGUSR1 pages all of it out, SIGUSR2 looks at the data, SIGTERM ends.
 * access core FILE DATA
 *	The core file has the data.
 * access remote PID DATA vm|mem in|out
 *	They are read by process_vm_readv() or /proc/PID/mem; or new data are
 *	written so, and their seed to DATA.
 * access direct FILE MIB
 *	A swapped-out area is written to a file with O_DIRECT; the file is read
 *	into another one that is out.
 * access uring FILE MIB
 *	The same with registered buffers, which have to be out when they are
 *	registered, and stay where they are when they are to be paged out after.
 *
 * The last three print figures: name, tab, milliseconds. Exit status 1 with a
 * message if the data is not what it should be.
 */
#define _GNU_SOURCE
#include "thp.h"

#include <elf.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define CHUNK	(1UL << 20)

static void put_figure(const char *name, double since)
{
	printf("%s\t%.1f\n", name, (now() - since) * 1000);
}

static void save(const struct area *area, const char *data)
{
	FILE *file = fopen(data, "we");

	if (!file || fprintf(file, "%zu %zu %zu\n", (size_t)area->memory, area->bytes,
			     (size_t)area->seed) < 0 || fclose(file))
		err(1, "%s", data);
}

/* What another process has: @area->memory is an address there. */
static void load(struct area *area, const char *data)
{
	size_t address, seed;
	FILE *file = fopen(data, "re");

	if (!file || fscanf(file, "%zu %zu %zu", &address, &area->bytes, &seed) != 3)
		err(1, "%s", data);
	fclose(file);
	area->memory = (char *)address;
	area->seed = seed;
}

static void need_intact(const struct area *area, const char *what)
{
	size_t damaged = area_damaged(area);

	if (damaged)
		errx(1, "%s: %zu of %zu pages are damaged", what, damaged, area->bytes / PAGE_SIZE);
}

/* Memory of small pages, to copy @like to. */
static struct area copy_of(const struct area *like)
{
	struct area copy = *like;

	copy.memory = mmap(NULL, copy.bytes, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (copy.memory == MAP_FAILED)
		err(1, "mmap");
	return copy;
}

static int hold(size_t bytes, const char *data)
{
	struct area area;
	char line[32];

	area_map(&area, bytes);
	area_fill(&area);
	save(&area, data);
	printf("ready\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (!strcmp(line, "out\n")) {
			area_swap_out(&area);
			printf("out\n");
		} else if (!strcmp(line, "check\n")) {
			printf("%zu damaged\n", area_damaged(&area));
		} else if (!strcmp(line, "load\n")) {
			load(&area, data);
			printf("loaded\n");
		} else {
			errx(2, "there is no command %s", line);
		}
		fflush(stdout);
	}
	return 0;
}

static void answer(const char *path, const char *text, size_t number)
{
	char part[PATH_MAX];
	FILE *file;

	/* Whoever waits for it sees all of it. */
	snprintf(part, sizeof(part), "%s.part", path);
	file = fopen(part, "we");
	if (!file || fprintf(file, "%s %zu\n", text, number) < 0 || fclose(file) || rename(part, path))
		err(1, "%s", path);
}

static int wait_for_signals(size_t bytes, const char *path)
{
	struct area area, eighth;
	sigset_t signals;
	int signal;

	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGUSR2);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	area_map(&area, bytes);
	eighth = area;
	eighth.bytes = bytes / 8;
	area.memory += eighth.bytes;
	area.bytes -= eighth.bytes;
	area_fill(&area);
	area_fill(&eighth);
	answer(path, "ready", getpid());
	while (!sigwait(&signals, &signal)) {
		switch (signal) {
		case SIGHUP:
			area_fill(&eighth);
			answer(path, "written", eighth.bytes);
			break;
		case SIGUSR1:
			area_swap_out(&area);
			area_swap_out(&eighth);
			answer(path, "out", bytes);
			break;
		case SIGUSR2:
			answer(path, "damaged", area_damaged(&area) + area_damaged(&eighth));
			break;
		case SIGTERM:
			return 0;
		}
	}
	return 1;
}

/* The part of a core file that begins at @address. */
static off_t find_in_core(int fd, size_t address, size_t bytes)
{
	Elf64_Ehdr header;
	Elf64_Phdr part;

	if (pread(fd, &header, sizeof(header), 0) != sizeof(header) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG))
		errx(1, "this is no ELF file");
	for (size_t i = 0; i < header.e_phnum; i++) {
		if (pread(fd, &part, sizeof(part), header.e_phoff + i * header.e_phentsize) != sizeof(part))
			errx(1, "this core ends early");
		if (part.p_type == PT_LOAD && part.p_vaddr <= address &&
		    address + bytes <= part.p_vaddr + part.p_filesz)
			return part.p_offset + (address - part.p_vaddr);
	}
	errx(1, "the core does not have the area");
}

static int core(const char *path, const char *data)
{
	struct area area, copy;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t at;

	if (fd < 0)
		err(1, "%s", path);
	load(&area, data);
	at = find_in_core(fd, (size_t)area.memory, area.bytes);
	copy = copy_of(&area);
	for (size_t done = 0; done < area.bytes; done += CHUNK)
		if (pread(fd, copy.memory + done, CHUNK, at + done) != CHUNK)
			err(1, "%s", path);
	need_intact(&copy, "the core");
	return 0;
}

enum direction { IN, OUT };

static void by_vm(pid_t pid, const struct area *there, const struct area *here, enum direction to)
{
	for (size_t done = 0; done < there->bytes; done += CHUNK) {
		struct iovec local = { here->memory + done, CHUNK }, remote = { there->memory + done, CHUNK };
		ssize_t moved = to == IN ? process_vm_readv(pid, &local, 1, &remote, 1, 0) :
					   process_vm_writev(pid, &local, 1, &remote, 1, 0);

		if (moved != CHUNK)
			err(1, "process_vm at %zu: %zd", done, moved);
	}
}

static void by_mem(pid_t pid, const struct area *there, const struct area *here, enum direction to)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		err(1, "%s", path);
	for (size_t done = 0; done < there->bytes; done += CHUNK) {
		off_t at = (size_t)there->memory + done;
		ssize_t moved = to == IN ? pread(fd, here->memory + done, CHUNK, at) :
					   pwrite(fd, here->memory + done, CHUNK, at);

		if (moved != CHUNK)
			err(1, "%s at %zu: %zd", path, done, moved);
	}
	close(fd);
}

static int remote(pid_t pid, const char *data, const char *how, const char *direction)
{
	struct area there, here;
	enum direction to = !strcmp(direction, "in") ? IN : OUT;
	double start;
	char name[64];

	load(&there, data);
	here = copy_of(&there);
	if (to == OUT)
		area_fill(&here);
	/* Faults on the copy are not what is measured. */
	else
		memset(here.memory, 0, here.bytes);
	start = now();
	if (!strcmp(how, "vm"))
		by_vm(pid, &there, &here, to);
	else
		by_mem(pid, &there, &here, to);
	snprintf(name, sizeof(name), "%s %s", !strcmp(how, "vm") ? "process_vm" : "/proc/PID/mem",
		 to == IN ? "read" : "write");
	put_figure(name, start);
	if (to == IN) {
		need_intact(&here, name);
	} else {
		there.seed = here.seed;
		save(&there, data);
	}
	return 0;
}

static int open_direct(const char *path, size_t bytes)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_DIRECT | O_CLOEXEC, 0600);

	if (fd < 0 || posix_fallocate(fd, 0, bytes))
		err(1, "%s", path);
	return fd;
}

/* To read from and to write to, both swapped out. */
static void two_areas_out(struct area *from, struct area *into, size_t bytes)
{
	area_map(from, bytes);
	area_fill(from);
	area_map(into, bytes);
	area_fill(into);
	area_swap_out(from);
	area_swap_out(into);
}

static int direct(const char *path, size_t bytes)
{
	struct area from, into;
	int fd = open_direct(path, bytes);
	double start;

	two_areas_out(&from, &into, bytes);
	start = now();
	for (size_t done = 0; done < bytes; done += CHUNK)
		if (pwrite(fd, from.memory + done, CHUNK, done) != CHUNK)
			err(1, "%s", path);
	put_figure("O_DIRECT write", start);
	start = now();
	for (size_t done = 0; done < bytes; done += CHUNK)
		if (pread(fd, into.memory + done, CHUNK, done) != CHUNK)
			err(1, "%s", path);
	put_figure("O_DIRECT read", start);
	need_intact(&from, "what was written with O_DIRECT");
	into.seed = from.seed;
	need_intact(&into, "what was read with O_DIRECT");
	area_swap_out(&into);
	need_intact(&into, "what was read with O_DIRECT and paged out again");
	return 0;
}

/* The little of io_uring that is needed: one request at a time. */
struct ring {
	int fd;
	_Atomic unsigned int *sq_tail, *cq_head, *cq_tail;
	unsigned int *sq_array, sq_mask, cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};

static char *map_ring(int fd, size_t bytes, off_t what)
{
	char *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, what);

	if (map == MAP_FAILED)
		err(1, "io_uring");
	return map;
}

static void ring_open(struct ring *ring)
{
	struct io_uring_params p = { 0 };
	char *sq, *cq;

	ring->fd = syscall(SYS_io_uring_setup, 4, &p);
	if (ring->fd < 0)
		err(1, "io_uring_setup");
	sq = map_ring(ring->fd, p.sq_off.array + p.sq_entries * sizeof(unsigned int), IORING_OFF_SQ_RING);
	cq = map_ring(ring->fd, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING);
	ring->sqes = (void *)map_ring(ring->fd, p.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
	ring->sq_tail = (void *)(sq + p.sq_off.tail);
	ring->sq_mask = *(unsigned int *)(sq + p.sq_off.ring_mask);
	ring->sq_array = (void *)(sq + p.sq_off.array);
	ring->cq_head = (void *)(cq + p.cq_off.head);
	ring->cq_tail = (void *)(cq + p.cq_off.tail);
	ring->cq_mask = *(unsigned int *)(cq + p.cq_off.ring_mask);
	ring->cqes = (void *)(cq + p.cq_off.cqes);
}

static void ring_do(struct ring *ring, int op, int fd, char *memory, size_t at, int buffer)
{
	unsigned int tail = *ring->sq_tail, slot = tail & ring->sq_mask, head = *ring->cq_head;
	int result;

	ring->sqes[slot] = (struct io_uring_sqe) {
		.opcode = op, .fd = fd, .addr = (size_t)memory, .len = CHUNK, .off = at, .buf_index = buffer,
	};
	ring->sq_array[slot] = slot;
	atomic_store(ring->sq_tail, tail + 1);
	if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		err(1, "io_uring_enter");
	if (head == atomic_load(ring->cq_tail))
		errx(1, "io_uring has no answer");
	result = ring->cqes[head & ring->cq_mask].res;
	atomic_store(ring->cq_head, head + 1);
	if (result != (int)CHUNK)
		errx(1, "io_uring operation %d at %zu: %d", op, at, result);
}

static int uring(const char *path, size_t bytes)
{
	struct area from, into;
	struct iovec buffers[2];
	struct ring ring;
	int fd = open_direct(path, bytes);
	double start;

	ring_open(&ring);
	two_areas_out(&from, &into, bytes);
	buffers[0] = (struct iovec) { from.memory, bytes };
	buffers[1] = (struct iovec) { into.memory, bytes };
	start = now();
	if (syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_BUFFERS, buffers, 2))
		err(1, "IORING_REGISTER_BUFFERS");
	put_figure("io_uring register", start);
	/* Pinned memory has to stay, whatever reclaim makes of it. */
	if (madvise(from.memory, bytes, MADV_PAGEOUT) || madvise(into.memory, bytes, MADV_PAGEOUT))
		err(1, "MADV_PAGEOUT");
	start = now();
	for (size_t done = 0; done < bytes; done += CHUNK)
		ring_do(&ring, IORING_OP_WRITE_FIXED, fd, from.memory + done, done, 0);
	for (size_t done = 0; done < bytes; done += CHUNK)
		ring_do(&ring, IORING_OP_READ_FIXED, fd, into.memory + done, done, 1);
	put_figure("io_uring write and read", start);
	need_intact(&from, "what was written from registered buffers");
	into.seed = from.seed;
	need_intact(&into, "what was read into registered buffers");
	if (syscall(SYS_io_uring_register, ring.fd, IORING_UNREGISTER_BUFFERS, NULL, 0))
		err(1, "IORING_UNREGISTER_BUFFERS");
	area_swap_out(&into);
	need_intact(&into, "what was read into registered buffers, paged out again");
	return 0;
}

int main(int argc, char *argv[])
{
	const char *command = argc > 1 ? argv[1] : "";

	if (!strcmp(command, "hold") && argc == 4)
		return hold(strtoul(argv[2], NULL, 10) << 20, argv[3]);
	if (!strcmp(command, "wait") && argc == 4)
		return wait_for_signals(strtoul(argv[2], NULL, 10) << 20, argv[3]);
	if (!strcmp(command, "core") && argc == 4)
		return core(argv[2], argv[3]);
	if (!strcmp(command, "remote") && argc == 6)
		return remote(atoi(argv[2]), argv[3], argv[4], argv[5]);
	if (!strcmp(command, "direct") && argc == 4)
		return direct(argv[2], strtoul(argv[3], NULL, 10) << 20);
	if (!strcmp(command, "uring") && argc == 4)
		return uring(argv[2], strtoul(argv[3], NULL, 10) << 20);
	errx(2, "usage: hold MIB DATA, wait MIB ANSWER, core FILE DATA, remote PID DATA vm|mem in|out, direct FILE MIB, uring FILE MIB");
}
