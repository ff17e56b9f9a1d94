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

json_t *ctl_json_array(size_t n, json_t *(*element)(const void *list, size_t i), const void *list)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < n; i++) {
		if (json_array_append_new(array, element(list, i)) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}
