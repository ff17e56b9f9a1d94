// SPDX-License-Identifier: GPL-2.0
/*
 * Feeds the parser of the configuration. A byte 0x01 ends the main file and starts a drop-in, so
 * that one input is several files. What is accepted must be a configuration that the rest of the
 * daemon can rely on; what is refused must say where.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "policy/conf.h"
#include "policy/policy.h"

static size_t count_lines(const uint8_t *data, size_t size)
{
	size_t n = 1;

	for (size_t i = 0; i < size; i++)
		n += data[i] == '\n';
	return n;
}

static void check_policy(const struct policy *p)
{
	assert(p->name && *p->name);
	assert(p->n_matches > 0 && p->mode_origin.line > 0);
	assert(p->priority >= -1000000 && p->priority <= 1000000);
	assert(p->mode != MODE_PMD || p->zswap_writeback);
	for (size_t i = 0; i < p->n_matches; i++) {
		const struct match *m = &p->matches[i];

		assert(m->origin.line > 0 && m->origin.file);
		assert(m->type == MATCH_UNIT ? !strchr(m->glob, '/') : m->glob[0] == '/');
	}
}

static void check_config(const struct config *c)
{
	static const char *const cgroups[] = {
		"/",
		"/a",
		"/system.slice/a.service",
		"/a.slice/a-b.slice",
		"/user.slice/user-1000.slice/user@1000.service/app.slice",
	};
	uint64_t percent = c->kernel[SETTING_ZSWAP_MAX_POOL_PERCENT].value;

	if (c->kernel[SETTING_ZSWAP_MAX_POOL_PERCENT].managed)
		assert(percent >= 1 && percent <= 100);
	for (size_t i = 0; i < c->n_policies; i++)
		check_policy(c->policies[i]);
	for (size_t i = 0; i < ARRAY_SIZE(cgroups); i++) {
		const char *cgroup = cgroups[i];
		const struct match *match = NULL;
		const struct policy *p = policy_resolve(c, cgroup, &match);
		uint64_t want;

		assert(!p || match);
		for (int s = SETTING_CGROUP_FIRST; s < N_SETTINGS; s++)
			if (policy_wants(p, s, &want))
				assert(p->mode != MODE_KEEP &&
				       (p->mode == MODE_NONE) == (s == SETTING_CGROUP_SWAP_MAX));
		policy_may_match_below(c, cgroup);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *c = config_new();
	struct report report = {};
	size_t lines = count_lines(data, size);

	assert(c);
	for (size_t at = 0; at <= size;) {
		const uint8_t *end = memchr(data + at, 1, size - at);
		size_t len = end ? (size_t)(end - data) - at : size - at;

		assert(conf_parse(c, "f", (const char *)data + at, len, &report) == 0);
		at += len + 1;
	}
	assert(conf_finish(c, &report) == 0);
	policy_check(c, &report);
	report_sort(&report);
	for (size_t i = 0; i < report.n; i++) {
		char *s = message_format(&report.messages[i]);

		assert(s && *s && report.messages[i].file);
		assert(report.messages[i].line >= 1 && report.messages[i].line <= lines);
		free(s);
	}
	if (!report_failed(&report))
		check_config(c);
	report_clear(&report);
	config_free(c);
	return 0;
}
