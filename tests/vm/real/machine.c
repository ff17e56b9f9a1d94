// SPDX-License-Identifier: GPL-2.0
/*
 * A virtual machine whose memory is swapped out: KVM, one processor in long
 * mode, and a loop that checks and rewrites every cache line of its memory.
 *
 * machine anon|memfd MIB STILL RUNNING
 *
 * STILL passes with all of the memory paged out before each, then RUNNING passes
 * while another thread pages it out over and over. Prints "huge", tab, and how
 * many MiB of it were THPs to begin with; then figures: name, tab, milliseconds.
 * Exit status 1 with a message if a line does not hold what the pass before has
 * written, or if the host sees something else at the end.
 */
#define _GNU_SOURCE
#include "thp.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* The first 2 MiB of the guest: its page tables and its program. */
#define SYSTEM		PMD_SIZE
#define PML4		0x1000UL
#define PDPT		0x2000UL
#define PD		0x3000UL
#define PROGRAM		0x10000UL
#define LINE		64UL
#define FACTOR		0x9e3779b97f4a7c15UL
#define PORT		0x10

/*
 * rdi: the first line, rsi: the end, rbx: the pass, r10: the factor. A line at
 * A begins with A * factor + pass. After a pass it writes to the port how many
 * lines were wrong.
 */
extern const char program[], program_end[];
asm(".pushsection .rodata\n"
    "program:\n"
    "1:	xor %r8d, %r8d\n"
    "	mov %rdi, %rax\n"
    "2:	mov %rax, %rdx\n"
    "	imul %r10, %rdx\n"
    "	add %rbx, %rdx\n"
    "	cmp %rdx, (%rax)\n"
    "	je 3f\n"
    "	inc %r8d\n"
    "3:	inc %rdx\n"
    "	mov %rdx, (%rax)\n"
    "	add $64, %rax\n"
    "	cmp %rsi, %rax\n"
    "	jb 2b\n"
    "	inc %rbx\n"
    "	mov %r8d, %eax\n"
    "	out %eax, $0x10\n"
    "	jmp 1b\n"
    "program_end:\n"
    ".popsection\n");

static struct area memory;
static atomic_bool enough;

static int control(int fd, unsigned long request, void *argument, const char *name)
{
	int result = ioctl(fd, request, argument);

	if (result < 0)
		err(1, "%s", name);
	return result;
}
#define CONTROL(fd, request, argument) control(fd, request, (void *)(argument), #request)

/* The host's view of the memory, which is guest physical memory from SYSTEM on. */
static void fill(uint64_t pass)
{
	for (size_t at = 0; at < memory.bytes; at += LINE)
		*(uint64_t *)(memory.memory + at) = (SYSTEM + at) * FACTOR + pass;
}

static size_t wrong(uint64_t pass)
{
	size_t count = 0;

	for (size_t at = 0; at < memory.bytes; at += LINE)
		count += *(uint64_t *)(memory.memory + at) != (SYSTEM + at) * FACTOR + pass;
	return count;
}

static void map_memfd(size_t bytes)
{
	int fd = memfd_create("machine", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, bytes))
		err(1, "memfd");
	memory.bytes = bytes;
	memory.memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory.memory == MAP_FAILED)
		err(1, "mmap");
	madvise(memory.memory, bytes, MADV_HUGEPAGE);
}

static void add_memory(int vm, unsigned int slot, size_t guest, void *host, size_t bytes)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot, .guest_phys_addr = guest, .memory_size = bytes, .userspace_addr = (size_t)host,
	};

	CONTROL(vm, KVM_SET_USER_MEMORY_REGION, &region);
}

/* Large pages, guest virtual is guest physical. */
static void make_page_tables(char *system)
{
	uint64_t *pd = (uint64_t *)(system + PD);

	*(uint64_t *)(system + PML4) = PDPT | 3;
	*(uint64_t *)(system + PDPT) = PD | 3;
	for (size_t i = 0; i < 512; i++)
		pd[i] = i * PMD_SIZE | 0x83;
}

static void set_registers(int kvm, int cpu)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[256];
	} cpuid = { .head.nent = 256 };
	struct kvm_segment code = {
		.limit = ~0U, .selector = 8, .type = 11, .present = 1, .l = 1, .s = 1, .g = 1,
	};
	struct kvm_segment data = {
		.limit = ~0U, .selector = 16, .type = 3, .present = 1, .db = 1, .s = 1, .g = 1,
	};
	struct kvm_regs registers = {
		.rip = PROGRAM, .rflags = 2, .rdi = SYSTEM, .rsi = SYSTEM + memory.bytes, .r10 = FACTOR,
	};
	struct kvm_sregs special;

	/* Before the registers: without long mode in its CPUID they are refused. */
	CONTROL(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid);
	CONTROL(cpu, KVM_SET_CPUID2, &cpuid);
	CONTROL(cpu, KVM_GET_SREGS, &special);
	special.cs = code;
	special.ds = special.es = special.fs = special.gs = special.ss = data;
	special.cr3 = PML4;
	special.cr4 = 1 << 5;			/* PAE */
	special.cr0 = 1U << 31 | 1 << 5 | 1;	/* PG, NE, PE */
	special.efer = 1 << 10 | 1 << 8;	/* LMA, LME */
	CONTROL(cpu, KVM_SET_SREGS, &special);
	CONTROL(cpu, KVM_SET_REGS, &registers);
}

/* One pass of the guest. */
static void run_pass(int cpu, struct kvm_run *run, uint64_t pass, const char *when)
{
	unsigned int bad;

	while (ioctl(cpu, KVM_RUN, NULL) < 0)
		if (errno != EINTR)
			err(1, "KVM_RUN");
	if (run->exit_reason != KVM_EXIT_IO || run->io.port != PORT || run->io.size != 4)
		errx(1, "pass %zu %s: the guest stopped with exit reason %u (%llx)", (size_t)pass, when,
		     run->exit_reason, (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
	memcpy(&bad, (char *)run + run->io.data_offset, sizeof(bad));
	if (bad)
		errx(1, "pass %zu %s: %u of %zu lines are wrong", (size_t)pass, when, bad, memory.bytes / LINE);
}

static void *page_out(void *unused)
{
	struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };

	(void)unused;
	while (!enough) {
		if (madvise(memory.memory, memory.bytes, MADV_PAGEOUT))
			err(1, "MADV_PAGEOUT");
		nanosleep(&pause, NULL);
	}
	return NULL;
}

int main(int argc, char *argv[])
{
	size_t bytes, still, running, mapping;
	int kvm, vm, cpu;
	uint64_t pass = 0;
	struct kvm_run *run;
	pthread_t thread;
	double start, taken = 0;
	char *system;
	bool anon;

	if (argc != 5)
		errx(2, "usage: machine anon|memfd MIB STILL RUNNING");
	anon = !strcmp(argv[1], "anon");
	bytes = strtoul(argv[2], NULL, 10) << 20;
	still = strtoul(argv[3], NULL, 10);
	running = strtoul(argv[4], NULL, 10);

	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		err(1, "/dev/kvm");
	vm = CONTROL(kvm, KVM_CREATE_VM, 0);
	if (anon)
		area_map(&memory, bytes);
	else
		map_memfd(bytes);
	fill(0);
	printf("huge\t%lld\n", value_in("/proc/self/smaps_rollup", anon ? "AnonHugePages" : "ShmemPmdMapped") / 1024);
	system = mmap(NULL, SYSTEM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (system == MAP_FAILED)
		err(1, "mmap");
	make_page_tables(system);
	memcpy(system + PROGRAM, program, program_end - program);
	add_memory(vm, 0, 0, system, SYSTEM);
	add_memory(vm, 1, SYSTEM, memory.memory, bytes);
	cpu = CONTROL(vm, KVM_CREATE_VCPU, 0);
	mapping = CONTROL(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	run = mmap(NULL, mapping, PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
	if (run == MAP_FAILED)
		err(1, "mmap");
	set_registers(kvm, cpu);

	/* The first is not what is measured. */
	run_pass(cpu, run, pass++, "with its memory present");
	start = now();
	run_pass(cpu, run, pass++, "with its memory present");
	printf("pass\t%.1f\n", (now() - start) * 1000);
	for (size_t i = 0; i < still; i++) {
		area_swap_out(&memory);
		start = now();
		run_pass(cpu, run, pass++, "with its memory out");
		taken += now() - start;
	}
	printf("pass after swap-out\t%.1f\n", taken * 1000 / still);

	if (pthread_create(&thread, NULL, page_out, NULL))
		errx(1, "pthread_create");
	start = now();
	for (size_t i = 0; i < running; i++)
		run_pass(cpu, run, pass++, "while its memory is paged out");
	taken = now() - start;
	enough = true;
	pthread_join(thread, NULL);
	printf("pass beside swap-out\t%.1f\n", taken * 1000 / running);
	if (wrong(pass))
		errx(1, "the host finds %zu of %zu lines wrong", wrong(pass), bytes / LINE);
	return 0;
}
