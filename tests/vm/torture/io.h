/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TORTURE_IO_H
#define TORTURE_IO_H

#include "model.h"

/* Errors of the swap device; like model_run(). */
int read_errors_run(struct run *run);
int write_errors_run(struct run *run);

#endif
