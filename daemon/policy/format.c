// SPDX-License-Identifier: GPL-2.0
#include "policy/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policy/cleanup.h"

struct unit {
	const char *name;
	double size;
};

/* In the largest unit of which there is one at least. */
static const char *format_units(double value, const struct unit *units, size_t n, char *buf)
{
	size_t i = 0;

	while (i + 1 < n && value >= units[i + 1].size)
		i++;
	value /= units[i].size;
	/* Rounding must not make four digits out of three. */
	snprintf(buf, FORMAT_MAX, "%.*f%s",
		 value < 9.995   ? 2
		 : value < 99.95 ? 1
				 : 0,
		 value, units[i].name);
	return buf;
}

const char *format_bytes(uint64_t bytes, char buf[static FORMAT_MAX])
{
	static const struct unit units[] = {
		{ "K", 1 << 10 },
		{ "M", 1 << 20 },
		{ "G", 1 << 30 },
		{ "T", 1ULL << 40 },
	};

	if (bytes == 0)
		return strcpy(buf, "0");
	return format_units(bytes, units, ARRAY_SIZE(units), buf);
}

const char *format_nsec(uint64_t nsec, char buf[static FORMAT_MAX])
{
	static const struct unit units[] = {
		{ "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 }, { "min", 60e9 }, { "h", 3600e9 },
	};

	if (nsec == 0)
		return strcpy(buf, "0");
	return format_units(nsec, units, ARRAY_SIZE(units), buf);
}

const char *format_counter(const struct counters *counters, enum counter c,
			   char buf[static FORMAT_MAX])
{
	if (!counters->of[c].known)
		return strcpy(buf, "-");
	if (c >= N_EVENT_COUNTERS)
		return format_bytes(counters->of[c].value, buf);
	snprintf(buf, FORMAT_MAX, "%" PRIu64, counters->of[c].value);
	return buf;
}

const char *format_counter_short(const struct counters *counters, enum counter c,
				 char buf[static FORMAT_MAX])
{
	static const struct unit units[] = {
		{ "k", 1e3 },  { "M", 1e6 },  { "G", 1e9 },
		{ "T", 1e12 }, { "P", 1e15 }, { "E", 1e18 },
	};

	if (!counters->of[c].known || c >= N_EVENT_COUNTERS || counters->of[c].value <= 9999)
		return format_counter(counters, c, buf);
	return format_units(counters->of[c].value, units, ARRAY_SIZE(units), buf);
}

static const char *format_one_decimal(double value, const char *unit, char buf[static FORMAT_MAX])
{
	if (value < 0)
		return strcpy(buf, "-");
	snprintf(buf, FORMAT_MAX, "%.*f%s", value < 99.95 ? 1 : 0, value, unit);
	return buf;
}

const char *format_share(double share, char buf[static FORMAT_MAX])
{
	return format_one_decimal(share * 100, "%", buf);
}

const char *format_rate(double rate, char buf[static FORMAT_MAX])
{
	return format_one_decimal(rate, "", buf);
}

const char *format_delay(const struct delays *delays, enum delay d, char buf[static FORMAT_MAX])
{
	return delays->of[d].known ? format_nsec(delays->of[d].total, buf) : strcpy(buf, "-");
}
