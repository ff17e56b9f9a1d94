# SPDX-License-Identifier: GPL-2.0
#
# Behind the Makefile of tools/testing/selftests/mm, "make -f Makefile -f .../own.mk": pmd_swap gets the tests of this
# directory as well, which use what the selftest of the kernel brings.

own_tests := $(dir $(realpath $(lastword $(MAKEFILE_LIST))))
LOCAL_HDRS += $(wildcard $(own_tests)*.h)
$(OUTPUT)/pmd_swap: CFLAGS += -I $(selfdir)/mm
$(OUTPUT)/pmd_swap: $(wildcard $(own_tests)*.c $(own_tests)*.h)
