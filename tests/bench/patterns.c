// SPDX-License-Identifier: GPL-2.0
/*
 * Patterns of access to memory that is swapped out: which page is read next, by whom, and how often.
 *
 * Every pattern begins with THPs that are all swapped out and out of the swap cache; only then
 * the cgroup is limited, if it is to be. A pattern has phases, a phase is a list of pages that is worked off.
 * What takes too long is cut off, and the time it would have taken is what the rest of its phase
 * took, in proportion. Each page that is read is checked on the way in three words, and all of them at the end.
 */
#define _GNU_SOURCE
#include "bench.h"

#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PER_THP		(PMD_SIZE / PAGE_SIZE)
#define WORDS		(PAGE_SIZE / sizeof(uint64_t))
/* Looks at how much of each THP is present, spread evenly over what is measured. */
#define LOOKS		16

/* A random number below @limit, from @state, which moves on. */
static uint64_t below(uint64_t *state, uint64_t limit)
{
	return mix((*state)++ << 8) % limit;
}

/* --- Lists of pages ------------------------------------------------------- */

struct list {
	uint32_t *pages;
	size_t count;
};

static struct list new_list(size_t count)
{
	return (struct list){ locked(count * sizeof(uint32_t)), count };
}

static struct list in_order(size_t first, size_t count)
{
	struct list list = new_list(count);

	for (size_t i = 0; i < count; i++)
		list.pages[i] = first + i;
	return list;
}

static void reverse(struct list *list)
{
	for (size_t i = 0, j = list->count - 1; i < j; i++, j--) {
		uint32_t page = list->pages[i];

		list->pages[i] = list->pages[j];
		list->pages[j] = page;
	}
}

static void shuffle(struct list *list, uint64_t *random)
{
	for (size_t i = list->count - 1; i > 0; i--) {
		size_t other = below(random, i + 1);
		uint32_t page = list->pages[i];

		list->pages[i] = list->pages[other];
		list->pages[other] = page;
	}
}

static struct list at_random(size_t first, size_t count, uint64_t *random)
{
	struct list list = in_order(first, count);

	shuffle(&list, random);
	return list;
}

/* @each pages of every THP, anywhere in it, in the order of addresses. */
static struct list some_of_each(size_t pages, size_t each, uint64_t *random)
{
	struct list list = new_list(pages / PER_THP * each);
	size_t count = 0;

	for (size_t thp = 0; thp < pages / PER_THP; thp++) {
		size_t wanted = each;

		for (size_t i = 0; i < PER_THP; i++) {
			if (below(random, PER_THP - i) >= wanted)
				continue;
			list.pages[count++] = thp * PER_THP + i;
			wanted--;
		}
	}
	return list;
}

static struct list every(size_t pages, size_t step)
{
	struct list list = new_list(pages / step);

	for (size_t i = 0; i < list.count; i++)
		list.pages[i] = i * step;
	return list;
}

/* @count reads by Zipf's law, of pages that are ranked as @ranking lists them. */
static struct list zipf(const struct list *ranking, size_t count, uint64_t *random)
{
	struct list list = new_list(count);
	double *sums = malloc(ranking->count * sizeof(*sums));

	if (!sums)
		errx(1, "no memory");
	zipf_sums(sums, ranking->count);
	for (size_t i = 0; i < count; i++)
		list.pages[i] = ranking->pages[zipf_rank(sums, ranking->count, below(random, 1UL << 53) * 0x1p-53)];
	free(sums);
	return list;
}

/* --- Memory and what is in it ------------------------------------------------ */

/* The pages of a pattern, which count through one or two areas. */
struct memory {
	struct area areas[2];
	size_t number;
	size_t pages;		/* of all areas */
	uint64_t seed;
	uint8_t *versions;	/* of each page: how often it was written since it was filled */
};

static char *address(const struct memory *memory, size_t page)
{
	size_t first = memory->areas[0].bytes / PAGE_SIZE;

	if (page < first)
		return memory->areas[0].memory + page * PAGE_SIZE;
	return memory->areas[1].memory + (page - first) * PAGE_SIZE;
}

/*
 * What is in a word of a page. Like the memory of a program: zeroes, pointers near each other, small numbers,
 * text; a compressor makes between a third and a half of it. The first word is the page's own.
 */
static uint64_t word_of(const struct memory *memory, size_t page, size_t word)
{
	uint64_t random = mix(memory->seed + ((uint64_t)memory->versions[page] << 48) + page * WORDS + word);

	if (!word)
		return random;
	/* Kinds of data come in stretches of eight words. */
	switch (mix(page * WORDS + word / 8) % 8) {
	case 0 ... 2:
		return 0;
	case 3 ... 4:
		return 0x00007f4200000000 + page * PAGE_SIZE + (random & 0xff0);
	case 5:
		return random & 0x3f;
	case 6:
		/* Eight letters out of sixteen words of text. */
		return 0x6161616161616161 + (mix(random & 15) & 0x0f0f0f0f0f0f0f0f);
	default:
		return random & 0xffffffff;
	}
}

static void write_page(struct memory *memory, size_t page)
{
	volatile uint64_t *words = (uint64_t *)address(memory, page);

	for (size_t i = 0; i < WORDS; i++)
		words[i] = word_of(memory, page, i);
}

static bool word_is_right(const struct memory *memory, size_t page, size_t word)
{
	return ((volatile uint64_t *)address(memory, page))[word] == word_of(memory, page, word);
}

static void read_page(const struct memory *memory, size_t page)
{
	if (!word_is_right(memory, page, 0) || !word_is_right(memory, page, page % WORDS) ||
	    !word_is_right(memory, page, WORDS - 1))
		errx(1, "page %zu holds something else than was written (seed %llu)", page,
		     (unsigned long long)memory->seed);
}

static void verify(const struct memory *memory)
{
	for (size_t page = 0; page < memory->pages; page++)
		for (size_t i = 0; i < WORDS; i++)
			if (!word_is_right(memory, page, i))
				errx(1, "page %zu came back damaged (seed %llu)", page, (unsigned long long)memory->seed);
}

/* Cut @area into VMAs: pieces that are next to each other must not be alike. */
static void make_small_vmas(const struct area *area)
{
	static const size_t sizes[] = { 64 << 10, 256 << 10, 1 << 20, 2 << 20 };
	size_t quarter = area->bytes / 4 / PMD_SIZE * PMD_SIZE;

	for (size_t i = 0; i < 4; i++)
		for (size_t at = 0; at < quarter; at += 2 * sizes[i])
			if (madvise(area->memory + i * quarter + at, sizes[i], MADV_DONTDUMP))
				err(1, "MADV_DONTDUMP");
}

static void make_memory(struct memory *memory, size_t bytes, size_t number, bool small_vmas, uint64_t seed)
{
	*memory = (struct memory){ .number = number, .seed = mix(seed) };
	for (size_t i = 0; i < number; i++) {
		area_map(&memory->areas[i], bytes / number / PMD_SIZE * PMD_SIZE);
		memory->pages += memory->areas[i].bytes / PAGE_SIZE;
		if (small_vmas)
			make_small_vmas(&memory->areas[i]);
	}
	memory->versions = locked(memory->pages);
	for (size_t page = 0; page < memory->pages; page++)
		write_page(memory, page);
}

static double memory_huge_percent(const struct memory *memory)
{
	return 100.0 * huge_kib() * 1024 / (memory->pages * PAGE_SIZE);
}

/* --- Working off a list --------------------------------------------------------- */

struct runner {
	const struct options *options;
	struct memory memory;
	bool measured;		/* not while warming up */
	double cap;		/* seconds after which a phase is cut off */
	uint64_t random;
	/* Of what was measured: */
	double seconds;		/* with what was cut off */
	double paused;		/* looking at how much is present */
	size_t operations, wanted;
	int looks;
	size_t present[PER_THP + 1];	/* looks at a THP of which so many pages were present */
	struct counters counters;
};

#define PM_PRESENT	(1ULL << 63)
#define PM_SWAP		(1ULL << 62)

/* How many pages at @address, which is that of a THP, are mapped, or swapped out, as @bit says? */
static size_t with_bit(int pagemap, uintptr_t address, uint64_t bit)
{
	static uint64_t entries[PER_THP];
	size_t number = 0;

	if (pread(pagemap, entries, sizeof(entries), address / PAGE_SIZE * sizeof(*entries)) != sizeof(entries))
		err(1, "pagemap");
	for (size_t i = 0; i < PER_THP; i++)
		number += !!(entries[i] & bit);
	return number;
}

static void look(struct runner *runner)
{
	static int pagemap = -1;
	double start = now();

	if (pagemap < 0)
		pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	for (size_t page = 0; page < runner->memory.pages; page += PER_THP)
		runner->present[with_bit(pagemap, (uintptr_t)address(&runner->memory, page), PM_PRESENT)]++;
	runner->looks++;
	runner->paused += now() - start;
}

struct stream {
	struct runner *runner;
	struct list list;
	bool write;
	bool looks;
	double seconds;		/* with what was cut off */
	size_t done;
};

static void *work(void *argument)
{
	struct stream *stream = argument;
	struct runner *runner = stream->runner;
	struct memory *memory = &runner->memory;
	size_t between = stream->list.count / LOOKS + 1;
	double start = now(), paused = runner->paused, took = 0;
	size_t done = 0;

	while (done < stream->list.count) {
		size_t page = stream->list.pages[done++];

		if (stream->write) {
			memory->versions[page]++;
			write_page(memory, page);
		} else {
			read_page(memory, page);
		}
		if (stream->looks && done % between == between / 2)
			look(runner);
		if (done % 16)
			continue;
		took = now() - start;
		if (stream->looks)
			took -= runner->paused - paused;
		if (took > runner->cap)
			break;
	}
	took = now() - start;
	if (stream->looks)
		took -= runner->paused - paused;
	stream->done = done;
	stream->seconds = took * stream->list.count / done;
	return NULL;
}

/* Add what @stream did to the figures. */
static void account(struct runner *runner, const struct stream *stream)
{
	runner->operations += stream->done;
	runner->wanted += stream->list.count;
}

/* One phase: @list from begin to end. */
static void phase(struct runner *runner, struct list list, bool write)
{
	struct stream stream = { .runner = runner, .list = list, .write = write,
				 .looks = runner->measured && runner->options->limit };

	if (runner->measured)
		counters_start(&runner->counters);
	work(&stream);
	if (!runner->measured)
		return;
	counters_stop(&runner->counters);
	account(runner, &stream);
	runner->seconds += stream.seconds;
}

/* Everything out again, if nothing else sees to that. */
static void next_phase(struct runner *runner)
{
	if (!runner->options->limit)
		for (size_t i = 0; i < runner->memory.number; i++)
			swap_out_cold(&runner->memory.areas[i]);
}

/* Two lists at once, in this process by two threads, or the second in a child. */
static void two_phases(struct runner *runner, struct list first, struct list second, bool forked)
{
	struct stream *streams = mmap(NULL, 2 * sizeof(*streams), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;
	pid_t child = 0;
	int status = 0;

	if (streams == MAP_FAILED)
		err(1, "mmap");
	streams[0] = (struct stream){ .runner = runner, .list = first };
	streams[1] = (struct stream){ .runner = runner, .list = second };
	if (runner->measured)
		counters_start(&runner->counters);
	if (forked) {
		child = fork();
		if (child < 0)
			err(1, "fork");
		if (!child) {
			work(&streams[1]);
			_exit(0);
		}
	} else if (pthread_create(&thread, NULL, work, &streams[1])) {
		errx(1, "cannot create a thread");
	}
	work(&streams[0]);
	if (forked ? waitpid(child, &status, 0) != child : !!pthread_join(thread, NULL))
		err(1, "waiting for the other half");
	if (status)
		errx(1, "the child failed");
	if (runner->measured) {
		counters_stop(&runner->counters);
		account(runner, &streams[0]);
		account(runner, &streams[1]);
		runner->seconds += streams[0].seconds > streams[1].seconds ? streams[0].seconds : streams[1].seconds;
	}
	munmap(streams, 2 * sizeof(*streams));
}

/* --- The patterns ---------------------------------------------------------------- */

static void run_in_order(struct runner *runner)
{
	phase(runner, in_order(0, runner->memory.pages), false);
}

static void run_backwards(struct runner *runner)
{
	struct list list = in_order(0, runner->memory.pages);

	reverse(&list);
	phase(runner, list, false);
}

static void run_random(struct runner *runner)
{
	phase(runner, at_random(0, runner->memory.pages, &runner->random), false);
}

/* The same pages in each pass: their choice does not move the runner's random numbers on. */
static void run_some(struct runner *runner, size_t each, bool shuffled)
{
	uint64_t random = runner->options->seed;
	struct list list = some_of_each(runner->memory.pages, each, &random);

	if (shuffled)
		shuffle(&list, &runner->random);
	phase(runner, list, false);
}

static void run_one(struct runner *runner)
{
	run_some(runner, 1, false);
}

static void run_eight(struct runner *runner)
{
	run_some(runner, 8, false);
}

static void run_one_shuffled(struct runner *runner)
{
	run_some(runner, 1, true);
}

static void run_eight_shuffled(struct runner *runner)
{
	run_some(runner, 8, true);
}

/* Eight others each time. */
static void run_eight_new(struct runner *runner)
{
	for (int pass = 0; pass < 16; pass++)
		phase(runner, some_of_each(runner->memory.pages, 8, &runner->random), false);
}

static void run_every_64k(struct runner *runner)
{
	phase(runner, every(runner->memory.pages, 65536 / PAGE_SIZE), false);
}

static void run_zipf_of(struct runner *runner, struct list ranking)
{
	phase(runner, zipf(&ranking, 2 * runner->memory.pages, &runner->random), false);
}

static void run_zipf(struct runner *runner)
{
	uint64_t random = runner->options->seed;

	run_zipf_of(runner, at_random(0, runner->memory.pages, &random));
}

static void run_zipf_together(struct runner *runner)
{
	run_zipf_of(runner, in_order(0, runner->memory.pages));
}

/* Nine of ten reads go to a quarter of the THPs, anywhere in them. */
static void run_hot_quarter(struct runner *runner)
{
	size_t pages = runner->memory.pages, hot = pages / 4;
	struct list list = new_list(2 * pages);

	for (size_t i = 0; i < list.count; i++)
		list.pages[i] = below(&runner->random, 10) ? below(&runner->random, hot) :
							      hot + below(&runner->random, pages - hot);
	phase(runner, list, false);
}

/* At random in a quarter of the THPs, which moves on by a 16th of all; of each 64K @each pages are used. */
static void run_moving(struct runner *runner, size_t each, size_t reads)
{
	size_t pages = runner->memory.pages, windows = 13, block = 65536 / PAGE_SIZE;
	struct list list = new_list(reads);

	for (size_t i = 0; i < list.count; i++) {
		size_t page = i * windows / list.count * (pages / 16) + below(&runner->random, pages / 4);

		list.pages[i] = page / block * block + page % each;
	}
	phase(runner, list, false);
}

static void run_moving_all(struct runner *runner)
{
	run_moving(runner, 65536 / PAGE_SIZE, 2 * runner->memory.pages);
}

static void run_moving_sparse(struct runner *runner)
{
	run_moving(runner, 1, runner->memory.pages / 2);
}

/* From page to page, none far from the last one, and now and then to somewhere else. */
static void run_walk(struct runner *runner)
{
	size_t pages = runner->memory.pages, page = 0;
	struct list list = new_list(pages);

	for (size_t i = 0; i < list.count; i++) {
		if (i % 50)
			page = (page + pages + below(&runner->random, 129) - 64) % pages;
		else
			page = below(&runner->random, pages);
		list.pages[i] = page;
	}
	phase(runner, list, false);
}

static void run_order_random_order(struct runner *runner)
{
	struct list some = at_random(0, runner->memory.pages, &runner->random);

	some.count /= 4;
	run_in_order(runner);
	next_phase(runner);
	phase(runner, some, false);
	next_phase(runner);
	run_in_order(runner);
}

static void run_dense_sparse_dense(struct runner *runner)
{
	run_in_order(runner);
	for (int pass = 0; pass < 4; pass++) {
		next_phase(runner);
		phase(runner, some_of_each(runner->memory.pages, 1, &runner->random), false);
	}
	next_phase(runner);
	run_in_order(runner);
}

static void run_write(struct runner *runner)
{
	phase(runner, in_order(0, runner->memory.pages), true);
}

static void run_two_streams(struct runner *runner)
{
	size_t half = runner->memory.pages / 2;

	two_phases(runner, in_order(0, half), in_order(half, half), false);
}

/* In turn: a page of the first area in order, one of the second at random. */
static void run_two_areas(struct runner *runner)
{
	size_t half = runner->memory.pages / 2;
	struct list random = at_random(half, half, &runner->random), list = new_list(2 * half);

	for (size_t i = 0; i < half; i++) {
		list.pages[2 * i] = i;
		list.pages[2 * i + 1] = random.pages[i];
	}
	phase(runner, list, false);
}

/* In turn: THPs of the first area in order and whole, one page in each THP of the second. */
static void run_two_areas_sparse(struct runner *runner)
{
	size_t half = runner->memory.pages / 2, count = 0;
	struct list sparse = some_of_each(half, 1, &runner->random), list = new_list(half + sparse.count);

	for (size_t i = 0; i < half; i++) {
		list.pages[count++] = i;
		if (i % PER_THP == PER_THP - 1)
			list.pages[count++] = half + sparse.pages[i / PER_THP];
	}
	phase(runner, list, false);
}

/* The parent reads in order, the child at random. */
static void run_forked(struct runner *runner)
{
	size_t pages = runner->memory.pages;

	two_phases(runner, in_order(0, pages), at_random(0, pages, &runner->random), true);
}

/* The parent reads in order, the child a page of each THP. */
static void run_forked_sparse(struct runner *runner)
{
	size_t pages = runner->memory.pages;

	two_phases(runner, in_order(0, pages), some_of_each(pages, 1, &runner->random), true);
}

#define DENSE		1	/* every page is touched */
#define TWO_AREAS	2
#define SMALL_VMAS	4	/* areas of 64K, 256K, 1M and 2M, a quarter of the memory each */

static const struct pattern {
	const char *name, *text;
	unsigned int flags;
	void (*run)(struct runner *runner);
} patterns[] = {
	{ "in-order", "every page, in order", DENSE, run_in_order },
	{ "backwards", "every page, backwards", DENSE, run_backwards },
	{ "random", "every page once, in random order", DENSE, run_random },
	{ "one", "1 page of each THP, in order", 0, run_one },
	{ "eight", "8 pages of each THP, in order", 0, run_eight },
	{ "one-shuffled", "1 page of each THP, in random order", 0, run_one_shuffled },
	{ "eight-shuffled", "8 pages of each THP, in random order of all", 0, run_eight_shuffled },
	{ "eight-new", "8 pages of each THP, in order, 16 times, others each time", 0, run_eight_new },
	{ "every-64k", "a page every 64K, in order", 0, run_every_64k },
	{ "zipf", "Zipf 0.99, hot pages scattered", 0, run_zipf },
	{ "zipf-together", "Zipf 0.99, hot pages together", 0, run_zipf_together },
	{ "hot-quarter", "9 of 10 reads in a quarter of the THPs", 0, run_hot_quarter },
	{ "moving", "at random in a quarter of all THPs, which moves on", 0, run_moving_all },
	{ "moving-sparse", "the same, of a page every 64K", 0, run_moving_sparse },
	{ "walk", "each page near the last one, 49 times of 50", 0, run_walk },
	{ "order-random-order", "in order, then 1/4 as many at random, then in order", DENSE, run_order_random_order },
	{ "dense-sparse-dense", "in order, then 4 times 1 page of each THP, then in order", DENSE, run_dense_sparse_dense },
	{ "write", "every page written, in order", DENSE, run_write },
	{ "two-streams", "two threads, each in order through a half of one area", DENSE, run_two_streams },
	{ "two-areas", "in turn: an area in order, another at random", DENSE | TWO_AREAS, run_two_areas },
	{ "two-areas-sparse", "in turn: a THP of an area in order, 1 page of a THP of another", TWO_AREAS, run_two_areas_sparse },
	{ "small-vmas", "every page of VMAs of 64K to 2M, in order", SMALL_VMAS, run_in_order },
	{ "small-vmas-random", "the same once in random order", SMALL_VMAS, run_random },
	{ "small-vmas-sparse", "a page every 64K of VMAs of 64K to 2M, in order", SMALL_VMAS, run_every_64k },
	{ "forked", "after fork: the parent in order, the child at random", DENSE, run_forked },
	{ "forked-sparse", "after fork: the parent in order, the child 1 page of each THP", DENSE, run_forked_sparse },
};

void list_patterns(void)
{
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		printf("%-20s%s\n", patterns[i].name, patterns[i].text);
}

/* What khugepaged does on its own in a minute or more, now. Leaves it as it was. */
static void khugepaged_pass(void)
{
	static const char dir[] = "/sys/kernel/mm/transparent_hugepage/khugepaged";
	struct { const char *name, *value; char before[32]; } files[] = {
		{ "pages_to_scan", "1048576", "" }, { "scan_sleep_millisecs", "10", "" },
	};
	long long scans, target;
	char path[PATH_MAX];

	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i].name);
		read_line(path, files[i].before, sizeof(files[i].before));
		write_line(path, files[i].value);
	}
	snprintf(path, sizeof(path), "%s/full_scans", dir);
	/* The first one may have begun before. */
	for (scans = number_in(path), target = scans + 2; scans < target; scans = number_in(path))
		usleep(10000);
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i].name);
		write_line(path, files[i].before);
	}
}

static void result_present(const size_t present[PER_THP + 1])
{
	char json[(PER_THP + 1) * 24], *end = json;

	*end++ = '[';
	for (size_t i = 0; i <= PER_THP; i++)
		if (present[i])
			end += sprintf(end, "%s[%zu, %zu]", end[-1] == '[' ? "" : ", ", i, present[i]);
	strcpy(end, "]");
	result_json("present", json);
}

void look_at_process(const struct options *options)
{
	size_t present[PER_THP + 1] = { 0 };
	unsigned long start, end, inode;
	char path[64], line[PATH_MAX];
	FILE *maps;
	int pagemap;

	snprintf(path, sizeof(path), "/proc/%d/maps", options->pid);
	maps = fopen(path, "re");
	snprintf(path, sizeof(path), "/proc/%d/pagemap", options->pid);
	pagemap = open(path, O_RDONLY | O_CLOEXEC);
	if (!maps || pagemap < 0)
		err(1, "process %d", options->pid);
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %*s %*s %*s %lu", &start, &end, &inode) != 3 || inode)
			continue;
		/* What fits whole THPs, and is used. */
		start = (start + PMD_SIZE - 1) / PMD_SIZE * PMD_SIZE;
		for (; start + PMD_SIZE <= end; start += PMD_SIZE)
			if (with_bit(pagemap, start, PM_PRESENT | PM_SWAP) == PER_THP)
				present[with_bit(pagemap, start, PM_PRESENT)]++;
	}
	fclose(maps);
	close(pagemap);
	result_present(present);
}

static void run_pattern_of(const struct pattern *pattern, const struct options *options, bool again)
{
	static struct runner runner;
	long long overhead;
	char path[PATH_MAX];

	runner = (struct runner){ .options = options, .random = mix(options->seed) };
	result("seed", options->seed);
	result("limit_percent", options->limit ?: 100);
	make_memory(&runner.memory, options->bytes, pattern->flags & TWO_AREAS ? 2 : 1, pattern->flags & SMALL_VMAS,
		    options->seed);
	if (!(pattern->flags & SMALL_VMAS))
		check_huge(memory_huge_percent(&runner.memory));
	for (size_t i = 0; i < runner.memory.number; i++)
		swap_out_cold(&runner.memory.areas[i]);
	if (options->limit) {
		/* The program itself comes on top; what is compressed in zswap does not. */
		cgroup_file(path, "memory.current");
		overhead = number_in(path);
		cgroup_file(path, "memory.stat");
		overhead -= value_in(path, "zswap");
		limit_memory(overhead + runner.memory.pages * PAGE_SIZE / 100 * options->limit);
	}

	runner.cap = options->seconds;
	if (again) {
		pattern->run(&runner);
		runner.cap /= 3;
	}
	runner.measured = true;
	for (int pass = 0; pass < (again ? 3 : 1); pass++)
		pattern->run(&runner);

	result("ops_per_second", runner.wanted / runner.seconds);
	result("seconds", runner.seconds);
	result("done_percent", 100.0 * runner.operations / runner.wanted);
	counters_result(&runner.counters);
	result("huge_percent", memory_huge_percent(&runner.memory));
	if (runner.looks)
		result_present(runner.present);
	if (options->limit) {
		cgroup_file(path, "memory.max");
		write_line(path, "max");
	}
	if ((pattern->flags & DENSE) && !options->limit) {
		khugepaged_pass();
		result("huge_later_percent", memory_huge_percent(&runner.memory));
	}
	verify(&runner.memory);
}

bool run_pattern(const char *name, const struct options *options)
{
	size_t length = strlen(name);
	const char suffix[] = "-again";
	bool again = length > strlen(suffix) && !strcmp(name + length - strlen(suffix), suffix);

	if (again)
		length -= strlen(suffix);
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		if (strlen(patterns[i].name) == length && !strncmp(patterns[i].name, name, length)) {
			run_pattern_of(&patterns[i], options, again);
			return true;
		}
	}
	return false;
}
