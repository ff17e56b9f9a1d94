/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_SAMPLER_H
#define PMDSWAP_SAMPLER_H

#include <systemd/sd-event.h>

#include "policy/cleanup.h"
#include "policy/sample.h"

/*
 * Takes samples of cgroups and their processes, little by little from the event loop, so that
 * nothing else has to wait for thousands of files to be read.
 */

struct sampler;

/* How to learn about a process: as taskstats_ask(). */
typedef int (*sampler_ask_t)(void *userdata, pid_t pid, struct process_info *ret);

/*
 * A sample is complete, or has failed with a negative errno. ask_error is 0, or why the kernel
 * would not tell of any process.
 */
typedef void (*sampler_done_t)(void *userdata, int error, int ask_error);

int sampler_new(struct sampler **ret, sd_event *event, int root_fd);
void sampler_free(struct sampler *s);
DEFINE_CLEANUP(struct sampler *, sampler_free);

/*
 * Begin to sample cgroups, which are in the order of the cgroup table; the paths are copied. ask
 * may be NULL: delays are not to be had. 0, -EBUSY if a sample is under way, or another negative
 * errno; done is not called then.
 */
int sampler_start(struct sampler *s, const char *const *paths, size_t n, sampler_ask_t ask,
		  sampler_done_t done, void *userdata);

bool sampler_is_busy(const struct sampler *s);

/* The last complete sample, which the sampler keeps until the next one is complete; or NULL. */
const struct sample *sampler_last(const struct sampler *s);

#endif
