/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_CTL_JSON_H
#define PMDSWAP_CTL_JSON_H

#include <jansson.h>

#include "ctl/ctl.h"
#include "policy/counters.h"

/*
 * Print a value as JSON and drop it. NULL, and thus what json_pack() returns if it fails, is
 * reported as lack of memory. EXIT_OK, or the code to exit with after a message.
 */
enum exit_code ctl_json_print(json_t *value);

/* The counters that are known, by their names. NULL if there is no memory. */
json_t *ctl_json_counters(const struct counters *counters);

/* An array of what a function makes of each element of a list. NULL if there is no memory. */
json_t *ctl_json_array(size_t n, json_t *(*element)(const void *list, size_t i), const void *list);

#endif
