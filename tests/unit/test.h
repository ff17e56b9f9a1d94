/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_TEST_H
#define PMDSWAP_TEST_H

/* cmocka wants these before its own header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
