#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# What cannot come true is refused at a reload and reported when it turns up later.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

conf </dev/null
check "the service starts" fresh_daemon
service a --slice=big.slice
conf <<-END
	[policy big]
	unit = big.slice
	mode = pmd
	[policy a]
	unit = a.service
	mode = zswap
END
check "zswap below pmd does not keep a reload from the rest" pmdswapctl reload
check "both names are said" bash -c \
	'pmdswapctl reload 2>&1 | grep -q "/big.slice/a.service: \[policy a\] cannot come true: .*\[policy big\] (/etc/pmdswapd.conf:1)"'
check "the slice has its policy" is "$(live_max /big.slice)" 0
check "the unit is reported as blocked" soon bash -c 'pmdswapctl status | grep -q "^blocked .*a.service"'
systemctl stop a
check "without the unit all is well" soon pmdswapctl status

# A cgroup with writeback off could not swap at all under mode = pmd.
mkdir -p $cgroups/box
echo +memory >$cgroups/box/cgroup.subtree_control
mkdir -p $cgroups/box/sub
echo 0 >$cgroups/box/memory.zswap.writeback
printf '[policy box]\ncgroup = /box/sub\nmode = pmd\n' | conf
check "reload" pmdswapctl reload
check "the limit is not set" is "$(live_max /box/sub)" max
check "the reason is given" said "memory.zswap.writeback is 0 in /box"
echo 1 >$cgroups/box/memory.zswap.writeback
check "reload after it is on" pmdswapctl reload
check "the limit is set" is "$(live_max /box/sub)" 0
conf </dev/null
pmdswapctl reload >/dev/null
systemctl stop a
rmdir $cgroups/box/sub $cgroups/box
scenario_end
