/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_CTL_STATUS_H
#define PMDSWAP_CTL_STATUS_H

#include <jansson.h>
#include <systemd/sd-bus.h>

#include "ctl/ctl.h"

/* All that status shows, as one object that the caller drops. 0 or a negative errno. */
int ctl_status_to_json(sd_bus *bus, int root_fd, json_t **ret);

/* Whether anything in it is not as the configuration wants it. */
bool ctl_status_is_bad(const json_t *status);

#endif
