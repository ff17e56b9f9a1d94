/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_CTL_LIVE_H
#define PMDSWAP_CTL_LIVE_H

#include <systemd/sd-bus.h>

#include "ctl/ctl.h"
#include "policy/conf.h"
#include "system/pid1.h"
#include "system/state-file.h"
#include "policy/decide.h"
#include "system/look.h"

/*
 * The live system as a command sees it that does without the daemon: the files of the
 * configuration, the state that the daemon left, the cgroups. Looking changes nothing.
 */
struct live {
	int root_fd;
	bool fake_root;
	struct config *config; /* NULL: not read */
	struct state state;
	struct host_facts host;
	struct above_facts above; /* the cgroup looked at last */
	sd_bus *bus;
	struct pid1 *pid1; /* NULL: not connected */
};

/* All functions return EXIT_OK, or the code to exit with after a message. */
enum exit_code live_open(const struct ctl *x, struct live *l);
void live_close(struct live *l);

/* Read the configuration; mistakes are printed. */
enum exit_code live_read_config(struct live *l);

/* Read what the daemon recorded, and connect to PID 1 if it is there. */
enum exit_code live_read_state(struct live *l);

/* Decide about a cgroup that has this policy. 0, with a decision to be cleared, or -ENOMEM. */
int live_decide(struct live *l, const char *cgroup, const struct policy *policy,
		struct decision *ret);

/*
 * What keeps a policy from doing what it says, now that all is set, as effect_hindrance(). 1, 0 or
 * -ENOMEM.
 */
int live_hindrance(struct live *l, const char *cgroup, const struct policy *policy,
		   char **ret_reason);

#endif
