/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TORTURE_TABLES_H
#define TORTURE_TABLES_H

#include "model.h"

/* Page tables freed while others may be reading them; like model_run(). */
int tables_run(struct run *run);

#endif
