// SPDX-License-Identifier: GPL-2.0
#include "test.h"

#include <errno.h>
#include <string.h>

#include "policy/decide.h"
#include "policy/effect.h"
#include "policy/policy.h"

#define MAX   SETTING_CGROUP_ZSWAP_MAX
#define INDEX (MAX - SETTING_CGROUP_FIRST)

/* A cgroup /a with memory.zswap.max alone, and its record. */
static struct cgroup_facts facts_of(uint64_t live)
{
	struct cgroup_facts f = { .cgroup = "/a", .id = 1, .looked = 1U << MAX };

	f.of[INDEX].live = live;
	return f;
}

static void record(struct state *s, uint64_t original, uint64_t previous, uint64_t current)
{
	struct plan_item item = { .action = ACTION_SET, .setting = MAX,		 .cgroup = "/a",
				  .id = 1,		.original = original, .anew = true };
	const struct plan plan = { &item, 1 };
	struct record *r;

	assert_int_equal(state_prepare(s, &plan), 0);
	r = state_find(s, "/a", MAX);
	r->previous = previous;
	r->current = current;
}

static enum action wanted_with(const struct state *state, const struct cgroup_facts *f, uint64_t want,
			       enum outcome *outcome)
{
	static const struct config config;
	static const struct host_facts host;
	static const struct above_facts above;
	const struct policy policy = { .name = (char *)"p", .mode = MODE_ZSWAP, .zswap_max = want };
	enum action action;
	struct decision d;

	assert_int_equal(decide_cgroup(&config, state, &policy, &host, &above, f, &d), 0);
	*outcome = d.outcome;
	action = d.plan.n ? d.plan.items[0].action : ACTION_NONE;
	decision_clear(&d);
	return action;
}

static enum action wanted(const struct cgroup_facts *f, uint64_t want, enum outcome *outcome)
{
	const struct state state = {};

	return wanted_with(&state, f, want, outcome);
}

static void test_wanted(void **state)
{
	struct cgroup_facts f = facts_of(8192);
	enum outcome outcome;

	assert_int_equal(wanted(&f, 4097, &outcome), ACTION_SET);
	assert_int_equal(outcome, OUTCOME_NONE);
	f.of[INDEX].live = 4096; /* what the kernel makes of 4097 */
	assert_int_equal(wanted(&f, 4097, &outcome), ACTION_NONE);
	assert_int_equal(outcome, OUTCOME_OK);
	f.of[INDEX].kept = true;
	f.of[INDEX].kept_path = (char *)"/etc/x";
	assert_int_equal(wanted(&f, 4097, &outcome), ACTION_NONE);
	assert_int_equal(outcome, OUTCOME_OK);
	f.of[INDEX].live = 8192;
	assert_int_equal(wanted(&f, 4097, &outcome), ACTION_NONE);
	assert_int_equal(outcome, OUTCOME_OVERRIDDEN);
	f.of[INDEX].error = -ENOENT;
	assert_int_equal(wanted(&f, 4097, &outcome), ACTION_NONE);
	assert_int_equal(outcome, OUTCOME_MISSING);
	f.of[INDEX].error = -EIO;
	assert_int_equal(wanted(&f, 4097, &outcome), ACTION_NONE);
	assert_int_equal(outcome, OUTCOME_FAILED);
}

static enum action unwanted(const struct state *s, const struct cgroup_facts *f)
{
	struct plan plan = {};
	enum action action;

	assert_in_range(decide_unwanted(s, f, MAX, &plan), 0, 1);
	action = plan.n ? plan.items[0].action : ACTION_NONE;
	plan_clear(&plan);
	return action;
}

static void test_not_wanted(void **state)
{
	struct cgroup_facts f = facts_of(0);
	struct state s = {};

	assert_int_equal(unwanted(&s, &f), ACTION_NONE);
	record(&s, 100 << 12, 50 << 12, 0);
	assert_int_equal(unwanted(&s, &f), ACTION_RESTORE);
	/* Killed between the record and the write. */
	f.of[INDEX].live = 50 << 12;
	assert_int_equal(unwanted(&s, &f), ACTION_RESTORE);
	f.of[INDEX].live = 100 << 12;
	assert_int_equal(unwanted(&s, &f), ACTION_FORGET);
	f.of[INDEX].live = 77 << 12;
	assert_int_equal(unwanted(&s, &f), ACTION_LEAVE);
	f.of[INDEX].live = 0;
	f.of[INDEX].kept = true;
	f.of[INDEX].kept_value = 0;
	f.of[INDEX].kept_path = (char *)"/run/x";
	assert_int_equal(unwanted(&s, &f), ACTION_RESTORE);
	/* Nothing of ours stays in /etc. */
	f.of[INDEX].kept_path = (char *)"/etc/x";
	assert_int_equal(unwanted(&s, &f), ACTION_LEAVE);
	state_clear(&s);
}

/* PID 1 was told the original again, and nobody has heard that it is done. */
static void test_wanted_and_on_its_way_back(void **state)
{
	struct cgroup_facts f = facts_of(8192);
	enum outcome outcome;
	struct state s = {};

	record(&s, 0, 8192, 0);
	assert_int_equal(wanted_with(&s, &f, 8192, &outcome), ACTION_NONE);
	state_find(&s, "/a", MAX)->as_property = true;
	f.of[INDEX].as_property = true;
	assert_int_equal(wanted_with(&s, &f, 8192, &outcome), ACTION_SET);
	/* It was told what is wanted after that. */
	state_find(&s, "/a", MAX)->previous = 0;
	state_find(&s, "/a", MAX)->current = 8192;
	assert_int_equal(wanted_with(&s, &f, 8192, &outcome), ACTION_NONE);
	state_clear(&s);
}

/* PID 1 was told a value of ours, and nobody has heard that it is done. */
static void test_not_wanted_and_on_its_way(void **state)
{
	struct cgroup_facts f = facts_of(100 << 12);
	struct state s = {};

	record(&s, 100 << 12, 100 << 12, 0);
	assert_int_equal(unwanted(&s, &f), ACTION_FORGET);
	state_find(&s, "/a", MAX)->as_property = true;
	f.of[INDEX].as_property = true;
	assert_int_equal(unwanted(&s, &f), ACTION_RESTORE);
	f.of[INDEX].kept = true;
	f.of[INDEX].kept_value = 100 << 12;
	f.of[INDEX].kept_path = (char *)"/run/x";
	assert_int_equal(unwanted(&s, &f), ACTION_RESTORE);
	/* What it was told last is what is to be. */
	state_find(&s, "/a", MAX)->previous = 0;
	state_find(&s, "/a", MAX)->current = 100 << 12;
	assert_int_equal(unwanted(&s, &f), ACTION_NONE);
	state_clear(&s);
}

static void test_cgroup_is_gone(void **state)
{
	struct cgroup_facts f = facts_of(0);
	struct state s = {};

	record(&s, 100 << 12, 0, 0);
	f.id = 0;
	f.of[INDEX].error = -ENOENT;
	assert_int_equal(unwanted(&s, &f), ACTION_FORGET);
	/* The unit would start with our value. */
	f.of[INDEX].kept = true;
	f.of[INDEX].kept_path = (char *)"/run/x";
	assert_int_equal(unwanted(&s, &f), ACTION_RESTORE);
	state_clear(&s);
}

static void test_another_cgroup_of_the_name(void **state)
{
	struct cgroup_facts f = facts_of(0);
	struct state s = {};

	record(&s, 100 << 12, 0, 0);
	f.id = 2;
	assert_int_equal(unwanted(&s, &f), ACTION_FORGET);
	state_clear(&s);
}

static void test_kernel_without_the_word(void **state)
{
	struct config config = {};
	struct host_facts host = {};
	const struct state s = {};
	struct decision d;

	config.kernel[SETTING_SWAP_PMD].managed = true;
	config.kernel[SETTING_SWAP_PMD].value = SWAP_PMD_AUTO;
	host.kernel[SETTING_SWAP_PMD].live = SWAP_PMD_NEVER;
	host.kernel[SETTING_SWAP_PMD].words =
		setting_offers(SETTING_SWAP_PMD, "always exclusive [never]");
	assert_int_equal(decide_kernel(&config, &s, &host, SETTING_SWAP_PMD, &d), 0);
	assert_int_equal(d.outcome, OUTCOME_MISSING);
	assert_non_null(strstr(d.reason, "has no auto; say one of these"));
	assert_int_equal(d.plan.n, 0);
	decision_clear(&d);
	host.kernel[SETTING_SWAP_PMD].words =
		setting_offers(SETTING_SWAP_PMD, "always auto exclusive [never]");
	assert_int_equal(decide_kernel(&config, &s, &host, SETTING_SWAP_PMD, &d), 0);
	assert_int_equal(plan_count_writes(&d.plan), 1);
	decision_clear(&d);
}

static void test_effect(void **state)
{
	static const struct {
		uint64_t swap_pmd;
		bool zswap;
		uint64_t zswap_max;
		bool writeback;
		enum effect effect;
	} rows[] = {
		{ SWAP_PMD_NEVER, false, UINT64_MAX, true, EFFECT_SPLIT },
		{ SWAP_PMD_NEVER, true, UINT64_MAX, true, EFFECT_ZSWAP },
		{ SWAP_PMD_NEVER, true, 0, true, EFFECT_SPLIT },
		{ SWAP_PMD_EXCLUSIVE, false, UINT64_MAX, true, EFFECT_PMD },
		{ SWAP_PMD_EXCLUSIVE, true, 0, true, EFFECT_PMD },
		{ SWAP_PMD_EXCLUSIVE, true, 4096, true, EFFECT_ZSWAP },
		{ SWAP_PMD_ALWAYS, true, 4096, true, EFFECT_BOTH },
		{ SWAP_PMD_AUTO, true, 4096, true, EFFECT_BOTH },
		{ SWAP_PMD_AUTO, true, 0, true, EFFECT_PMD },
		{ SWAP_PMD_ALWAYS, true, 4096, false, EFFECT_BOTH },
		{ SWAP_PMD_ALWAYS, true, 0, true, EFFECT_PMD },
		{ SWAP_PMD_ALWAYS, true, 0, false, EFFECT_NONE },
		{ SWAP_PMD_EXCLUSIVE, false, UINT64_MAX, false, EFFECT_NONE },
		{ SWAP_PMD_NEVER, true, 4096, false, EFFECT_ZSWAP },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct host_facts host = {};
		const struct effective e = { rows[i].zswap_max, rows[i].writeback, LIMIT_MAX };
		const struct cgroup_facts f = {};

		host.kernel[SETTING_SWAP_PMD].live = rows[i].swap_pmd;
		host.kernel[SETTING_ZSWAP].live = rows[i].zswap;
		assert_string_equal(effect_name(effect_of(&host, &e, &f)),
				    effect_name(rows[i].effect));
	}
}

static void test_what_splits_thps(void **state)
{
	struct effective e = { 0, true, LIMIT_MAX };
	struct host_facts host = { .pmd_size = 2 << 20 };
	struct cgroup_facts f = {};

	host.kernel[SETTING_SWAP_PMD].live = SWAP_PMD_ALWAYS;
	assert_int_equal(effect_of(&host, &e, &f), EFFECT_PMD);
	f.thp_disabled = true;
	assert_int_equal(effect_of(&host, &e, &f), EFFECT_SPLIT);
	f.thp_disabled = false;
	host.swap_file = (char *)"/swap";
	assert_int_equal(effect_of(&host, &e, &f), EFFECT_PMD);
	host.clusters = (struct clusters){ 8, 0 };
	assert_int_equal(effect_of(&host, &e, &f), EFFECT_SPLIT);
	host.clusters.whole = 1;
	assert_int_equal(effect_of(&host, &e, &f), EFFECT_PMD);
	host.no_file_slots = true;
	assert_int_equal(effect_of(&host, &e, &f), EFFECT_SPLIT);
	host.no_file_slots = false;
	e.swap_max = host.pmd_size - 4096;
	assert_int_equal(effect_of(&host, &e, &f), EFFECT_SPLIT);
	e.swap_max = host.pmd_size;
	assert_int_equal(effect_of(&host, &e, &f), EFFECT_PMD);
	host.swap_full = true;
	assert_int_equal(effect_of(&host, &e, &f), EFFECT_SPLIT);
	host.no_swap = true;
	assert_int_equal(effect_of(&host, &e, &f), EFFECT_NONE);
}

static void expect_hindrance(const struct policy *p, const struct host_facts *host,
			     const struct above_facts *above, const struct cgroup_facts *f,
			     const char *expected)
{
	char *text;

	assert_int_equal(effect_hindrance(p, host, above, f, true, &text), expected ? 1 : 0);
	if (expected && !strstr(text, expected))
		fail_msg("'%s' lacks '%s'", text, expected);
	free(text);
}

static void test_each_hindrance_has_its_sentence(void **state)
{
	const struct policy pmd = { .mode = MODE_PMD }, zswap = { .mode = MODE_ZSWAP };
	const struct above_facts none = {}, no_swap = { .swap_max = 0, .swap_max_of = (char *)"/a.slice" },
				 little = { .swap_max = 4096, .swap_max_of = (char *)"/a.slice" },
				 no_zswap = { .no_zswap = (char *)"/b" };
	const struct host_facts fine = { .pmd_size = 2 << 20 },
				knows_auto = { .pmd_size = 2 << 20,
					       .kernel[SETTING_SWAP_PMD].words = 1U << SWAP_PMD_AUTO },
				full = { .swap_full = true }, without = { .no_swap = true },
				file = { .swap_file = (char *)"/swap", .no_file_slots = true },
				scattered = { .swap_file = (char *)"/swap", .clusters = { 8, 0 } },
				zram = { .zram = (char *)"/dev/zram0",
					 .kernel[SETTING_ZSWAP].live = 1 },
				never = { .thp_never = true }, small = { .thp_pmd_never = true };
	struct cgroup_facts f = { .cgroup = "/a.slice/b.service" };

	expect_hindrance(&pmd, &fine, &none, &f, NULL);
	expect_hindrance(&pmd, &without, &none, &f, "there is no swap");
	expect_hindrance(&zswap, &without, &none, &f, "zswap has needs room there, too");
	expect_hindrance(&pmd, &fine, &no_swap, &f,
			 "systemctl set-property a.slice MemorySwapMax=infinity");
	expect_hindrance(&pmd, &fine, &little, &f, "memory.swap.max is 4096 in /a.slice, too little for a THP");
	expect_hindrance(&zswap, &fine, &little, &f, NULL);
	expect_hindrance(&pmd, &full, &none, &f, "no swap area has room for a whole THP");
	expect_hindrance(&zswap, &full, &none, &f, NULL);
	expect_hindrance(&zswap, &fine, &no_zswap, &f, "memory.zswap.max is 0 in /b");
	expect_hindrance(&pmd, &fine, &no_zswap, &f, NULL);
	expect_hindrance(&pmd, &file, &none, &f, "all swap is in files (/swap)");
	expect_hindrance(&zswap, &file, &none, &f, NULL);
	expect_hindrance(&pmd, &scattered, &none, &f, "blocks are too scattered");
	expect_hindrance(&zswap, &zram, &none, &f, "there is swap on zram (/dev/zram0)");
	expect_hindrance(&pmd, &zram, &none, &f, NULL);
	expect_hindrance(&pmd, &never, &none, &f, "transparent_hugepage/enabled is never");
	expect_hindrance(&pmd, &small, &none, &f, "hugepages-2048kB");
	f.thp_disabled = true;
	expect_hindrance(&pmd, &fine, &none, &f, "MemoryTHP=inherit");
	f.thp_disabled = false;
	f.shmem = 64 << 20;
	f.anon = 2 << 20;
	expect_hindrance(&pmd, &fine, &none, &f, "64 MiB of its memory is shared");
	expect_hindrance(&pmd, &knows_auto, &none, &f, NULL);
	f.has_swap_max = true;
	f.swap_max = 8192;
	expect_hindrance(&pmd, &fine, &none, &f, "memory.swap.max is 8192 in it, too little");
	f.swap_max = 0;
	expect_hindrance(&pmd, &fine, &none, &f, "memory.swap.max is 0 in it");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wanted),
		cmocka_unit_test(test_not_wanted),
		cmocka_unit_test(test_wanted_and_on_its_way_back),
		cmocka_unit_test(test_not_wanted_and_on_its_way),
		cmocka_unit_test(test_cgroup_is_gone),
		cmocka_unit_test(test_another_cgroup_of_the_name),
		cmocka_unit_test(test_kernel_without_the_word),
		cmocka_unit_test(test_effect),
		cmocka_unit_test(test_what_splits_thps),
		cmocka_unit_test(test_each_hindrance_has_its_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
