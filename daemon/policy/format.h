/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_CTL_FORMAT_H
#define PMDSWAP_CTL_FORMAT_H

#include "policy/counters.h"
#include "policy/delays.h"

/* Numbers for people to read. Each returns the buffer it is given; "-" is for what is not known. */

#define FORMAT_MAX 24

/* Bytes with three digits and a unit: 512B, 1.5M, 20.0G. */
const char *format_bytes(uint64_t bytes, char buf[static FORMAT_MAX]);

/* A time with three digits and a unit: 0, 12.3ms, 4.56s, 3.2h. */
const char *format_nsec(uint64_t nsec, char buf[static FORMAT_MAX]);

/* A counter; those that count bytes as such. */
const char *format_counter(const struct counters *counters, enum counter c,
			   char buf[static FORMAT_MAX]);

/* The same in at most five characters, where there is little room: 9999, 12.3k, 456M. */
const char *format_counter_short(const struct counters *counters, enum counter c,
				 char buf[static FORMAT_MAX]);

/* A share of the whole: 0.0%, 99.9%, 123%. What is negative is not known. */
const char *format_share(double share, char buf[static FORMAT_MAX]);

/* So many of something in each second: 0.5, 123. What is negative is not known. */
const char *format_rate(double rate, char buf[static FORMAT_MAX]);

/* The total of a delay. */
const char *format_delay(const struct delays *delays, enum delay d, char buf[static FORMAT_MAX]);

#endif
