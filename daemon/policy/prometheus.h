/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_PROMETHEUS_H
#define PMDSWAP_PROMETHEUS_H

#include <stdio.h>

#include "policy/shown.h"

/* Print statistics in the text format of Prometheus. */
void prometheus_print(FILE *f, const struct shown *s);

#endif
