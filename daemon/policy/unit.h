/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_UNIT_H
#define PMDSWAP_UNIT_H

#include <stdbool.h>

/* What the name of a unit may consist of. */
#define UNIT_NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@"

/*
 * True if the name ends like a unit that has a cgroup: .service, .slice, .scope, .socket, .mount or
 * .swap.
 */
bool unit_has_cgroup_suffix(const char *name);

/* True if a unit that has a cgroup may have a name with this end: "*.ser*ice", "ice". */
bool unit_may_end_with(const char *end);

/* True if the name is that of a slice. */
bool unit_is_slice(const char *name);

/*
 * The unit of PID 1 whose own cgroup this is: "/a.slice/a-b.slice/c.service" is c.service, "/" is
 * -.slice. Cgroups below a service or scope belong to that unit, and are no unit themselves: NULL.
 * The name is a part of the path, and lives as long.
 */
const char *unit_of_cgroup(const char *cgroup);

/*
 * The cgroup of a slice, which its name alone tells: a-b.slice is /a.slice/a-b.slice. *ret is NULL
 * for other units and malformed names; the caller frees. 0 or -ENOMEM.
 */
int unit_slice_to_cgroup(const char *unit, char **ret);

#endif
