/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PMDSWAP_FACTS_H
#define PMDSWAP_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/clusters.h"
#include "policy/counters.h"
#include "policy/setting.h"

/* What decisions rest on, as values; system/look.c gathers them. */

/* A setting of the kernel. */
struct kernel_facts {
	int error; /* why there is no live value; 0: there is one */
	uint64_t live;
	unsigned int words; /* bits of the values that its file offers; 0: it names none */
};

/* What holds for the whole system. What is not known is as good as can be. */
struct host_facts {
	struct kernel_facts kernel[N_KERNEL_SETTINGS];
	bool has_cgroups;              /* cgroup v2 is mounted */
	bool no_swap, other_swap;      /* none at all; any that is no file */
	bool swap_full;                /* no area has room for a whole THP */
	char *swap_file;               /* the first area, if all are files; else NULL */
	bool no_file_slots;            /* the kernel has no slots for whole THPs in files */
	struct clusters clusters;      /* of all areas, if all are files; 0: not known */
	uint64_t pmd_size;             /* bytes of a THP that a PMD maps */
	char *zram;                    /* an area that is zram; NULL: none */
	bool thp_never, thp_pmd_never; /* no THPs, none of the size that a PMD maps */
	/* DefaultMemoryZSwapWriteback=no: PID 1 writes 0 for units that do not say otherwise. */
	bool default_no_writeback;
};

/* What cgroups above one let it do: the nearest that has 0 for a setting; NULL: none. */
struct above_facts {
	char *parent; /* of the cgroups that this is about, "" for the root; NULL: of none */
	char *no_writeback, *no_zswap;
	char *swap_max_of; /* the one with the least memory.swap.max; NULL: none has any */
	uint64_t swap_max;
};

/* A setting of a cgroup, or of a unit that does not run and for which PID 1 has a value. */
struct setting_facts {
	int error;
	uint64_t live;
	bool as_property; /* PID 1 has it as a property, and writes it again and again */
	bool kept;        /* PID 1 was told a value, which is in the file: */
	uint64_t kept_value;
	char *kept_path;
};

struct cgroup_facts {
	const char *cgroup;  /* of the caller */
	uint64_t id;         /* inode number; 0: it does not exist */
	bool has_memory;     /* the memory controller is enabled for it */
	unsigned int looked; /* bits of the settings that are known */
	struct setting_facts of[N_CGROUP_SETTINGS];
	bool has_swap_max; /* it is known, and not max: */
	uint64_t swap_max;
	struct counters counters; /* with mode = pmd */
	uint64_t anon, shmem;     /* bytes; the same */
	bool thp_disabled;        /* by prctl(2), for a process in it */
	bool processes_hidden;    /* there are some, and nobody may look at them here */
};

#endif
