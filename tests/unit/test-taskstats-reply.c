// SPDX-License-Identifier: GPL-2.0
#include "test.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/taskstats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system/taskstats-reply.h"

#define SEQUENCE 7
#define TGID     4321

/* Sizes of struct taskstats by version, as the kernels have it. */
#define SIZE_V8  328
#define SIZE_V13 416
#define SIZE_V14 432
#define SIZE_V16 560
#define SIZE_V17 688

#define OFFSET_BLKIO     32
#define OFFSET_SWAPIN    48
#define OFFSET_THRASHING 328
#define OFFSET_WPCOPY    400

struct datagram {
	_Alignas(8) char bytes[2048];
	size_t n;
};

static void put(struct datagram *d, const void *bytes, size_t n)
{
	if (n > 0)
		memcpy(d->bytes + d->n, bytes, n);
	d->n = NLMSG_ALIGN(d->n + n);
}

static void put_attribute(struct datagram *d, uint16_t type, const void *bytes, size_t n)
{
	put(d, &(struct nlattr){ NLA_HDRLEN + n, type }, NLA_HDRLEN);
	put(d, bytes, n);
}

static struct nlmsghdr *begin(struct datagram *d, uint16_t type, uint32_t sequence)
{
	struct nlmsghdr *h = (void *)(d->bytes + d->n);

	put(d, &(struct nlmsghdr){ .nlmsg_type = type, .nlmsg_seq = sequence }, NLMSG_HDRLEN);
	return h;
}

static void end(const struct datagram *d, struct nlmsghdr *h)
{
	h->nlmsg_len = d->bytes + d->n - (char *)h;
}

static void put_error(struct datagram *d, uint32_t sequence, int error)
{
	struct nlmsghdr *h = begin(d, NLMSG_ERROR, sequence);

	put(d, &(struct nlmsgerr){ .error = error }, sizeof(struct nlmsgerr));
	end(d, h);
}

static void put_reply_of(struct datagram *d, uint16_t all_type, uint16_t id_type, uint32_t sequence,
			 uint32_t id, bool pad, const void *stats, size_t size)
{
	struct nlmsghdr *h = begin(d, 0x1c, sequence);
	struct nlattr *all;

	put(d, &(struct genlmsghdr){ .cmd = TASKSTATS_CMD_NEW, .version = 1 }, GENL_HDRLEN);
	all = (void *)(d->bytes + d->n);
	put(d, &(struct nlattr){ 0, all_type }, NLA_HDRLEN);
	put_attribute(d, id_type, &id, sizeof(id));
	if (pad)
		put_attribute(d, TASKSTATS_TYPE_NULL, NULL, 0);
	put_attribute(d, TASKSTATS_TYPE_STATS, stats, size);
	all->nla_len = d->bytes + d->n - (char *)all;
	end(d, h);
}

static void put_reply(struct datagram *d, uint32_t sequence, uint32_t tgid, bool pad,
		      const void *stats, size_t size)
{
	put_reply_of(d, TASKSTATS_TYPE_AGGR_TGID, TASKSTATS_TYPE_TGID, sequence, tgid, pad, stats,
		     size);
}

/* A struct of a version: delays 10/1000, 20/2000 and 30/3000, and 0xff wherever nobody may look. */
static void fill(char *stats, uint16_t version)
{
	static const struct {
		size_t offset;
		uint64_t value[2];
	} fields[] = {
		{ OFFSET_SWAPIN, { 10, 1000 } },
		{ OFFSET_THRASHING, { 20, 2000 } },
		{ OFFSET_BLKIO, { 30, 3000 } },
		{ OFFSET_WPCOPY, { 1, 1 } },
		{ 312, { 0, 0 } },
		{ 352, { 0, 0 } },
		{ 416, { 0, 0 } },
	};

	memset(stats, 0xff, SIZE_V17);
	memcpy(stats, &version, sizeof(version));
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		memcpy(stats + fields[i].offset, fields[i].value, sizeof(fields[i].value));
}

static int parse(const struct datagram *d, struct delays *ret)
{
	/* A buffer of just that size, so that a sanitizer sees who reads beyond it. */
	void *copy = malloc(d->n ?: 1);
	int r;

	memcpy(copy, d->bytes, d->n);
	memset(ret, 0, sizeof(*ret));
	r = taskstats_reply_parse_delays(copy, d->n, SEQUENCE, TGID, ret);
	free(copy);
	return r;
}

static int parse_version(uint16_t version, size_t size, bool pad, struct delays *ret)
{
	struct datagram d = {};
	char stats[SIZE_V17];

	fill(stats, version);
	put_reply(&d, SEQUENCE, TGID, pad, stats, size);
	return parse(&d, ret);
}

static void assert_delays(const struct delays *delays)
{
	assert_true(delays->accounted);
	for (int d = 0; d < N_DELAYS; d++)
		assert_true(delays->of[d].known);
	assert_int_equal(delays->of[DELAY_SWAPIN].count, 10);
	assert_int_equal(delays->of[DELAY_SWAPIN].total, 1000);
	assert_int_equal(delays->of[DELAY_THRASHING].count, 20);
	assert_int_equal(delays->of[DELAY_THRASHING].total, 2000);
	assert_int_equal(delays->of[DELAY_BLKIO].count, 30);
	assert_int_equal(delays->of[DELAY_BLKIO].total, 3000);
}

static void test_versions(void **state)
{
	static const struct {
		uint16_t version;
		size_t size;
	} versions[] = {
		{ 13, SIZE_V13 }, { 14, SIZE_V14 }, { 16, SIZE_V16 },
		{ 17, SIZE_V17 }, { 18, SIZE_V17 },
	};
	struct delays delays;

	for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++) {
		assert_int_equal(
			parse_version(versions[i].version, versions[i].size, false, &delays), 0);
		assert_delays(&delays);
	}
}

static void test_padded(void **state)
{
	struct delays delays;

	assert_int_equal(parse_version(17, SIZE_V17, true, &delays), 0);
	assert_delays(&delays);
}

static void test_version_15_is_refused(void **state)
{
	struct delays delays;

	assert_int_equal(parse_version(15, SIZE_V16, false, &delays), -EPROTONOSUPPORT);
}

static void test_short_structs_tell_what_they_have(void **state)
{
	struct delays delays;

	assert_int_equal(parse_version(8, SIZE_V8, false, &delays), 0);
	assert_true(delays.of[DELAY_SWAPIN].known);
	assert_true(delays.of[DELAY_BLKIO].known);
	assert_false(delays.of[DELAY_THRASHING].known);
	assert_int_equal(delays.of[DELAY_THRASHING].count, 0);

	/* Cut within a pair: a count without its total is of no use. */
	assert_int_equal(parse_version(17, OFFSET_SWAPIN + 8, false, &delays), 0);
	assert_false(delays.of[DELAY_SWAPIN].known);
	assert_int_equal(delays.of[DELAY_SWAPIN].count, 0);
	assert_true(delays.of[DELAY_BLKIO].known);

	assert_int_equal(parse_version(17, 2, false, &delays), 0);
	assert_false(delays.of[DELAY_BLKIO].known);
	assert_int_equal(parse_version(17, 1, false, &delays), -EBADMSG);
	assert_int_equal(parse_version(17, 0, false, &delays), -EBADMSG);
}

static int parse_counts(size_t size, size_t offset, struct delays *ret)
{
	struct datagram d = {};
	char stats[SIZE_V17] = { 17 };

	if (offset)
		stats[offset] = 1;
	put_reply(&d, SEQUENCE, TGID, false, stats, size);
	return parse(&d, ret);
}

static void test_process_without_any_delay_is_not_accounted(void **state)
{
	static const size_t counts[] = { 32, 48, 312, 328, 352, 400, 416 };
	struct delays delays;

	assert_int_equal(parse_counts(SIZE_V17, 0, &delays), 0);
	assert_false(delays.accounted);
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		assert_int_equal(parse_counts(SIZE_V17, counts[i], &delays), 0);
		assert_true(delays.accounted);
	}
	/* Waits for a processor are counted for everybody. */
	assert_int_equal(parse_counts(SIZE_V17, 16, &delays), 0);
	assert_false(delays.accounted);
	/* Without wpcopy there is no telling. */
	assert_int_equal(parse_counts(OFFSET_WPCOPY, 0, &delays), 0);
	assert_true(delays.accounted);
}

static void test_errors_of_the_kernel(void **state)
{
	static const int errors[] = { -ESRCH, -EPERM, -EINVAL };
	struct delays delays;

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		struct datagram d = {};

		put_error(&d, SEQUENCE, errors[i]);
		assert_int_equal(parse(&d, &delays), errors[i]);
	}
}

static void test_other_messages_are_passed_over(void **state)
{
	struct datagram d = {};
	struct delays delays;
	char stats[SIZE_V17];

	assert_int_equal(parse(&d, &delays), -ENOMSG);
	put_error(&d, SEQUENCE - 1, -ESRCH);
	assert_int_equal(parse(&d, &delays), -ENOMSG);
	put_error(&d, SEQUENCE, 0);
	assert_int_equal(parse(&d, &delays), -ENOMSG);
	fill(stats, 17);
	put_reply(&d, SEQUENCE, TGID, false, stats, sizeof(stats));
	assert_int_equal(parse(&d, &delays), 0);
	assert_delays(&delays);
}

static void test_other_process_is_refused(void **state)
{
	struct datagram d = {};
	struct delays delays;
	char stats[SIZE_V17];

	fill(stats, 17);
	put_reply(&d, SEQUENCE, TGID + 1, false, stats, sizeof(stats));
	assert_int_equal(parse(&d, &delays), -EBADMSG);
}

static void test_cut_datagrams_are_refused(void **state)
{
	struct datagram d = {};
	struct delays delays;
	char stats[SIZE_V17];
	size_t whole;

	fill(stats, 17);
	put_reply(&d, SEQUENCE, TGID, true, stats, sizeof(stats));
	whole = d.n;
	for (d.n = 1; d.n < whole; d.n++)
		assert_int_equal(parse(&d, &delays), -EBADMSG);
}

/* Whatever the lengths in it say, nothing beyond the datagram is read. */
static void test_damaged_datagrams(void **state)
{
	const unsigned int seed = 20261121;
	char stats[SIZE_V17];

	print_message("seed %u\n", seed);
	srandom(seed);
	fill(stats, 17);
	for (int i = 0; i < 20000; i++) {
		struct datagram d = {};
		struct delays delays;

		put_reply(&d, SEQUENCE, TGID, i & 1, stats, sizeof(stats));
		for (long n = random() % 4; n >= 0; n--)
			d.bytes[random() % 64] = random();
		d.n -= random() % 8;
		assert_in_range(-parse(&d, &delays), 0, 4095);
	}
}

static int parse_thread(const struct datagram *d, struct process_info *ret)
{
	void *copy = malloc(d->n);
	int r;

	memcpy(copy, d->bytes, d->n);
	r = taskstats_reply_parse_thread(copy, d->n, SEQUENCE, TGID, ret);
	free(copy);
	return r;
}

static int parse_named(const char *name, uint16_t version, size_t size, struct process_info *ret)
{
	const uint64_t age = 12345678901;
	char stats[SIZE_V17] = {};
	struct datagram d = {};

	memcpy(stats, &version, sizeof(version));
	strncpy(stats + 80, name, TS_COMM_LEN);
	memcpy(stats + 144, &age, sizeof(age));
	put_reply_of(&d, TASKSTATS_TYPE_AGGR_PID, TASKSTATS_TYPE_PID, SEQUENCE, TGID, true, stats,
		     size);
	return parse_thread(&d, ret);
}

static void test_name_and_age(void **state)
{
	struct process_info info;

	assert_int_equal(parse_named("a (b) c", 17, SIZE_V17, &info), 0);
	assert_string_equal(info.name, "a (b) c");
	assert_true(info.age_usec == 12345678901);
	assert_int_equal(parse_named("123456789012345678901234567890ab", 14, SIZE_V14, &info), 0);
	assert_string_equal(info.name, "123456789012345");
	assert_int_equal(parse_named("a", 8, SIZE_V8, &info), 0);
	assert_int_equal(parse_named("a", 15, SIZE_V16, &info), -EPROTONOSUPPORT);
	assert_int_equal(parse_named("a", 17, 151, &info), -EBADMSG);
}

static void test_threads_and_processes_are_told_apart(void **state)
{
	struct process_info info;
	struct delays delays;
	char stats[SIZE_V17];
	struct datagram d = {}, e = {};

	fill(stats, 17);
	put_reply(&d, SEQUENCE, TGID, false, stats, sizeof(stats));
	assert_int_equal(parse_thread(&d, &info), -EBADMSG);
	put_reply_of(&e, TASKSTATS_TYPE_AGGR_PID, TASKSTATS_TYPE_PID, SEQUENCE, TGID, false, stats,
		     sizeof(stats));
	assert_int_equal(parse(&e, &delays), -EBADMSG);
}

#if TASKSTATS_VERSION != 15
static void test_offsets_are_those_of_the_headers(void **state)
{
	assert_int_equal(offsetof(struct taskstats, ac_comm), 80);
	assert_int_equal(offsetof(struct taskstats, ac_etime), 144);
	assert_int_equal(offsetof(struct taskstats, blkio_count), OFFSET_BLKIO);
	assert_int_equal(offsetof(struct taskstats, swapin_count), OFFSET_SWAPIN);
	assert_int_equal(offsetof(struct taskstats, thrashing_count), OFFSET_THRASHING);
	assert_int_equal(offsetof(struct taskstats, freepages_count), 312);
	assert_int_equal(offsetof(struct taskstats, compact_count), 352);
#if TASKSTATS_VERSION >= 13
	assert_int_equal(offsetof(struct taskstats, wpcopy_count), OFFSET_WPCOPY);
#endif
#if TASKSTATS_VERSION >= 14
	assert_int_equal(offsetof(struct taskstats, irq_count), 416);
#endif
#if TASKSTATS_VERSION == 17
	assert_int_equal(sizeof(struct taskstats), SIZE_V17);
#endif
}
#endif

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_padded),
		cmocka_unit_test(test_version_15_is_refused),
		cmocka_unit_test(test_short_structs_tell_what_they_have),
		cmocka_unit_test(test_process_without_any_delay_is_not_accounted),
		cmocka_unit_test(test_errors_of_the_kernel),
		cmocka_unit_test(test_other_messages_are_passed_over),
		cmocka_unit_test(test_other_process_is_refused),
		cmocka_unit_test(test_cut_datagrams_are_refused),
		cmocka_unit_test(test_damaged_datagrams),
		cmocka_unit_test(test_name_and_age),
		cmocka_unit_test(test_threads_and_processes_are_told_apart),
#if TASKSTATS_VERSION != 15
		cmocka_unit_test(test_offsets_are_those_of_the_headers),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
