// SPDX-License-Identifier: GPL-2.0
#include "test.h"

#include <stdlib.h>

#include "policy/prometheus.h"

static void expect(const struct shown *s, const char *expected)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	prometheus_print(f, s);
	fclose(f);
	assert_string_equal(text, expected);
	free(text);
}

static void test_kernel_that_tells_nothing(void **state)
{
	struct shown s = { .no_delays = (char *)"no taskstats" };

	expect(&s,
	       "# No delays: no taskstats\n"
	       "# HELP pmdswap_delays_available Whether the kernel tells of delays of processes.\n"
	       "# TYPE pmdswap_delays_available gauge\n"
	       "pmdswap_delays_available 0\n");
}

static void test_everything(void **state)
{
	struct shown_cgroup cgroups[] = {
		{ .path = (char *)"/a\"b\\x5c",
		  .unit = (char *)"",
		  .policy = (char *)"p",
		  .mode = (char *)"pmd",
		  .processes = 2,
		  .unaccounted = 1 },
		{ .path = (char *)"/b\nc",
		  .unit = (char *)"b.service",
		  .policy = (char *)"q",
		  .mode = (char *)"zswap" },
	};
	struct shown s = { .no_delays = (char *)"", .cgroups = cgroups, .n_cgroups = 2 };

	counters_set(&s.system, COUNTER_THP_SWPOUT_PMD, 7);
	counters_set(&cgroups[0].counters, COUNTER_THP_SWPOUT_PMD, 6);
	counters_set(&cgroups[1].counters, COUNTER_THP_SWPOUT_PMD, 0);
	counters_set(&cgroups[1].counters, COUNTER_SWAP, 4096);
	cgroups[0].delays.of[DELAY_SWAPIN].known = true;
	cgroups[0].delays.of[DELAY_SWAPIN].count = 3;
	cgroups[0].delays.of[DELAY_SWAPIN].total = 12000000034;
	cgroups[0].delays.of[DELAY_BLKIO].known = true;
#define A "{cgroup=\"/a\\\"b\\\\x5c\",unit=\"\",policy=\"p\",mode=\"pmd\""
#define B "{cgroup=\"/b\\nc\",unit=\"b.service\",policy=\"q\",mode=\"zswap\""
	expect(&s,
	       "# HELP pmdswap_thp_swpout_pmd_total Of the system: THPs swapped out as one "
	       "entry.\n"
	       "# TYPE pmdswap_thp_swpout_pmd_total counter\n"
	       "pmdswap_thp_swpout_pmd_total 7\n"
	       "# HELP pmdswap_cgroup_thp_swpout_pmd_total Of a cgroup and all below it: THPs "
	       "swapped out as one entry.\n"
	       "# TYPE pmdswap_cgroup_thp_swpout_pmd_total counter\n"
	       "pmdswap_cgroup_thp_swpout_pmd_total" A "} 6\n"
	       "pmdswap_cgroup_thp_swpout_pmd_total" B "} 0\n"
	       "# HELP pmdswap_cgroup_swap_bytes Of a cgroup and all below it: memory in swap, "
	       "with that in zswap.\n"
	       "# TYPE pmdswap_cgroup_swap_bytes gauge\n"
	       "pmdswap_cgroup_swap_bytes" B "} 4096\n"
	       "# HELP pmdswap_cgroup_processes Processes in a cgroup and all below it.\n"
	       "# TYPE pmdswap_cgroup_processes gauge\n"
	       "pmdswap_cgroup_processes" A "} 2\n"
	       "pmdswap_cgroup_processes" B "} 0\n"
	       "# HELP pmdswap_cgroup_processes_unaccounted Processes that are older than delay "
	       "accounting and have no delays.\n"
	       "# TYPE pmdswap_cgroup_processes_unaccounted gauge\n"
	       "pmdswap_cgroup_processes_unaccounted" A "} 1\n"
	       "pmdswap_cgroup_processes_unaccounted" B "} 0\n"
	       "# HELP pmdswap_delays_available Whether the kernel tells of delays of processes.\n"
	       "# TYPE pmdswap_delays_available gauge\n"
	       "pmdswap_delays_available 1\n"
	       "# HELP pmdswap_cgroup_delays_total How often processes of a cgroup waited for "
	       "swapped-out memory.\n"
	       "# TYPE pmdswap_cgroup_delays_total counter\n"
	       "pmdswap_cgroup_delays_total" A ",kind=\"swapin\"} 3\n"
	       "pmdswap_cgroup_delays_total" A ",kind=\"blkio\"} 0\n"
	       "# HELP pmdswap_cgroup_delay_seconds_total How long processes of a cgroup waited "
	       "for swapped-out memory.\n"
	       "# TYPE pmdswap_cgroup_delay_seconds_total counter\n"
	       "pmdswap_cgroup_delay_seconds_total" A ",kind=\"swapin\"} 12.000000034\n"
	       "pmdswap_cgroup_delay_seconds_total" A ",kind=\"blkio\"} 0.000000000\n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel_that_tells_nothing),
		cmocka_unit_test(test_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
