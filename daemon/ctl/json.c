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
