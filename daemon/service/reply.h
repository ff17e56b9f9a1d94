/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_REPLY_H
#define PMDSWAP_REPLY_H

#include "service/manager.h"

/* Answers on the bus that more than one part of the daemon gives. 0 or a negative errno. */

/* Append a report as a(ss). */
int reply_append_report(sd_bus_message *reply, const struct report *report);

/* Answer a Reload() call by the verdict. */
int reply_reload(sd_bus_message *call, const struct verdict *v);

#endif
