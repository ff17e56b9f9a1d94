/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_CTL_SAMPLE_H
#define PMDSWAP_CTL_SAMPLE_H

#include <systemd/sd-bus.h>

#include "policy/shown.h"

/* Read the answer of ListCgroups, or of ListProcesses. 0 or a negative errno. */
int shown_read_cgroups(struct shown *s, sd_bus_message *m);
int shown_read_processes(struct shown *s, sd_bus_message *m);

/* Read an a{st} of counters. 0 or a negative errno. */
int shown_read_counters(struct counters *ret, sd_bus_message *m);

#endif
