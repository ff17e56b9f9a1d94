// SPDX-License-Identifier: GPL-2.0
#include "ctl/json.h"

#include <errno.h>

enum exit_code ctl_json_print(json_t *value)
{
	int r = value ? 0 : -ENOMEM;

	if (value && (json_dumpf(value, stdout, JSON_INDENT(2)) < 0 || putchar('\n') == EOF ||
		      fflush(stdout) == EOF))
		r = errno ? -errno : -EIO;
	json_decref(value);
	return r < 0 ? ctl_fail(r, "cannot print JSON") : EXIT_OK;
}

json_t *ctl_json_counters(const struct counters *counters)
{
	json_t *o = json_object();

	/* json_object_set_new() fails on what json_object() or json_integer() failed on. */
	for (int c = 0; c < N_COUNTERS; c++)
		if (counters->of[c].known &&
		    json_object_set_new(o, counter_name(c), json_integer(counters->of[c].value)) <
			    0)
			return NULL;
	return o;
}
