/* SPDX-License-Identifier: GPL-2.0 */
/* PMD swap entries: what only the tests here share, beside what those of the kernel have. */
#ifndef PMD_SWAP_MORE_H
#define PMD_SWAP_MORE_H

#include "pmd_swap.h"

/* ---- the knob ----------------------------------------------------------- */

#define SET_AUTO() ASSERT_EQ(0, put_string(KNOB_FILE, "auto"))

/* ---- what is mapped ----------------------------------------------------- */

bool present(const char *addr, size_t len);

/* ---- swapping out, and memory that is short ------------------------------ */

char *map_cold(struct __test_metadata *_metadata,
	       FIXTURE_DATA(pmd_swap) * self, unsigned int nr);
int leave_room(size_t bytes);

/* ---- fault injection ---------------------------------------------------- */

bool fail_next(const char *dir, const char *times);
bool fail_requests(const char *dev, const char *times);

/* ---- userfaultfd -------------------------------------------------------- */

int open_uffd(uint64_t features);
int uffd_register_rwp(int uffd, void *addr, size_t len);
int uffd_wp(int uffd, char *addr, size_t len, bool protect);
int uffd_rwp(int uffd, char *addr, size_t len, bool protect);
int uffd_move(int uffd, char *dst, char *src, size_t len);
uint64_t write_reports(int uffd, char *addr, uint64_t val);
uint64_t read_reports(int uffd, char *addr);
char *uffd_dst(int uffd);

#define NEED_UFFD(uffd, features) do {					\
	const int __uffd = open_uffd(features);				\
									\
	if (__uffd < 0)							\
		SKIP_TEST("userfaultfd: %s", strerror(-__uffd));	\
	uffd = __uffd;							\
} while (0)

#endif
