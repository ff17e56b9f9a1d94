/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_CTL_FORMAT_H
#define PMDSWAP_CTL_FORMAT_H

#include "counters.h"
#include "delays.h"

/* Numbers for people to read. Each returns the buffer it is given; "-" is for what is not known. */

#define FORMAT_MAX 24

/* Bytes with three digits and a unit: 512B, 1.5M, 20.0G. */
const char *format_bytes(uint64_t bytes, char buf[static FORMAT_MAX]);

/* A time with three digits and a unit: 0, 12.3ms, 4.56s, 3.2h. */
const char *format_nsec(uint64_t nsec, char buf[static FORMAT_MAX]);

/* A counter; those that count bytes as such. */
const char *format_counter(const struct counters *counters, enum counter c,
			   char buf[static FORMAT_MAX]);

/* The total of a delay. */
const char *format_delay(const struct delays *delays, enum delay d, char buf[static FORMAT_MAX]);

#endif
