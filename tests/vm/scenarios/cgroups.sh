#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Policies reach cgroups that exist and those that come later, survive a daemon-reload and are taken back.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

db=/system.slice/db.service
conf </dev/null
check "the service starts" fresh_daemon
limited_service db 64
echo +memory >$cgroups/cgroup.subtree_control
mkdir -p $cgroups/box
echo +memory >$cgroups/box/cgroup.subtree_control
mkdir -p $cgroups/box/old

conf <<-END
	[policy db]
	unit = db*.service
	mode = pmd
	[policy box]
	cgroup = /box/*
	mode = zswap
	zswap-max = 64M
	zswap-writeback = no
	[policy slice]
	unit = big.slice
	mode = pmd
END
check "reload succeeds" systemctl reload pmdswapd
check "a unit has its policy" is "$(live_max $db)" 0
check "a cgroup has its policy" is "$(live_max /box/old)" $((64 << 20))
check "and its writeback" is $cgroups/box/old/memory.zswap.writeback 0
check "status is content" pmdswapctl status
check "status is 80 columns wide" bash -c '! pmdswapctl status | grep -E ".{81}"'

mkdir $cgroups/box/new
check "a new cgroup has it" soon is "$(live_max /box/new)" $((64 << 20))
service db2
check "a new unit has it soon" soon is "$(live_max /system.slice/db2.service)" 0
service sub --slice=big.slice
check "a new slice has it" soon is "$(live_max /big.slice)" 0
mkdir $cgroups/false.slice
check "a slice that PID 1 does not know is no harm" is "$(live_max /false.slice)" max

systemctl daemon-reload
sleep 0.5
check "daemon-reload leaves a unit its policy" soon is "$(live_max $db)" 0
check "daemon-reload leaves a slice its policy" soon is "$(live_max /big.slice)" 0
check "daemon-reload leaves a cgroup its policy" soon is "$(live_max /box/new)" $((64 << 20))
check "PID 1 has it as a property" property_is db.service 0
systemctl daemon-reexec
sleep 2
check "daemon-reexec leaves a unit its policy" soon is "$(live_max $db)" 0
service db3
check "a unit after daemon-reexec has it" soon is "$(live_max /system.slice/db3.service)" 0

echo 4096 >"$(live_max /box/new)"
check "drift is undone" soon is "$(live_max /box/new)" $((64 << 20))
# A daemon that is slow to notice would take several writes for one: wait until it has said something about each.
noticed() { said "/box/new was changed from $((64 << 20)) to $((4096 * i)) by somebody else; $1"; }
for ((i = 2; i < 20; i++)); do
	echo $((4096 * i)) >"$(live_max /box/new)"
	soon noticed ''
	! noticed "left alone until the next reload" || break
	soon is "$(live_max /box/new)" $((64 << 20))
done
check "but not for ever" noticed "left alone until the next reload"
check "and it is left alone" is "$(live_max /box/new)" $((4096 * i))
check "status shows it by its exit code" not pmdswapctl status
check "until a reload" pmdswapctl reload
check "that sets it again" is "$(live_max /box/new)" $((64 << 20))

for i in $(seq 200); do mkdir $cgroups/box/short$i; rmdir $cgroups/box/short$i; done
check "cgroups that come and go are normal" soon pmdswapctl status
for i in $(seq 200); do mkdir $cgroups/box/many$i; done
check "many at once all have it" soon bash -c \
	"[[ \$(cat $cgroups/box/many*/memory.zswap.max | sort -u) == $((64 << 20)) ]]"

# The kernel takes the settings of cgroups with it, and gives them its own again.
echo -memory >$cgroups/box/cgroup.subtree_control
check "a memory controller that goes is noticed" soon bash -c 'pmdswapctl status | grep -q "^missing .*/box/new"'
echo +memory >$cgroups/box/cgroup.subtree_control
check "one that comes as well" soon is "$(live_max /box/new)" $((64 << 20))
echo '-memory' >$cgroups/box/cgroup.subtree_control
echo '+memory' >$cgroups/box/cgroup.subtree_control
check "and one that does both in no time" soon is "$(live_max /box/new)" $((64 << 20))
check "so that all is well" soon pmdswapctl status

kill_daemon
check "after kill -9 it comes back" soon pmdswapctl status
check "with the policies" soon is "$(live_max $db)" 0

conf </dev/null
check "reload without policies" pmdswapctl reload
check "a unit got its original back" is "$(live_max $db)" $((64 << 20))
check "a unit without a limit too" is "$(live_max /system.slice/db2.service)" max
check "a slice too" is "$(live_max /big.slice)" max
check "a cgroup too" is "$(live_max /box/old)" max
check "with its writeback" is $cgroups/box/old/memory.zswap.writeback 1
systemctl daemon-reload
sleep 0.5
check "daemon-reload does not change that" soon is "$(live_max $db)" $((64 << 20))

systemctl stop db db2 db3 sub
rmdir $cgroups/box/* $cgroups/box $cgroups/false.slice 2>/dev/null
scenario_end
