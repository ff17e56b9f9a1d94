// SPDX-License-Identifier: GPL-2.0
#include "policy/unit.h"

#include <errno.h>
#include <string.h>

#include "policy/cleanup.h"

static bool has_suffix(const char *name, size_t len, const char *suffix)
{
	size_t n = strlen(suffix);

	return len > n && memcmp(name + len - n, suffix, n) == 0;
}

static const char *const suffixes[] = {
	".service", ".slice", ".scope", ".socket", ".mount", ".swap"
};

static bool has_unit_suffix(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		if (has_suffix(name, len, suffixes[i]))
			return true;
	return false;
}

bool unit_has_cgroup_suffix(const char *name)
{
	return has_unit_suffix(name, strlen(name));
}

bool unit_may_end_with(const char *end)
{
	size_t len = strlen(end);

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		size_t n = strlen(suffixes[i]), common = len < n ? len : n;

		if (memcmp(end + len - common, suffixes[i] + n - common, common) == 0)
			return true;
	}
	return false;
}

bool unit_is_slice(const char *name)
{
	return has_suffix(name, strlen(name), ".slice");
}

const char *unit_of_cgroup(const char *cgroup)
{
	const char *p = cgroup;

	if (strcmp(cgroup, "/") == 0)
		return "-.slice";
	while (*p == '/') {
		size_t len;

		p++;
		/* systemd puts "_" before names that would look like an attribute file. */
		if (*p == '_')
			p++;
		len = strcspn(p, "/");
		if (!p[len])
			return has_unit_suffix(p, len) ? p : NULL;
		if (!has_suffix(p, len, ".slice"))
			return NULL;
		p += len;
	}
	return NULL;
}

int unit_slice_to_cgroup(const char *unit, char **ret)
{
	size_t len = strlen(unit), size = 0;
	_cleanup_free_ char *buf = NULL;
	_cleanup_fclose_ FILE *f = NULL;

	*ret = NULL;
	if (!unit_is_slice(unit))
		return 0;
	if (strcmp(unit, "-.slice") == 0) {
		*ret = strdup("/");
		return *ret ? 0 : -ENOMEM;
	}
	len -= strlen(".slice");
	if (unit[0] == '-' || unit[len - 1] == '-' || strstr(unit, "--"))
		return 0;

	f = open_memstream(&buf, &size);
	if (!f)
		return -ENOMEM;
	for (size_t i = 1; i <= len; i++)
		if (i == len || unit[i] == '-')
			fprintf(f, "/%.*s.slice", (int)i, unit);
	if (fclose(TAKE_PTR(f)) != 0)
		return -ENOMEM;
	*ret = TAKE_PTR(buf);
	return 0;
}
