#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Who swaps whole THPs and who goes to zswap, by swap_pmd and memory.zswap.max.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

systemctl stop pmdswapd 2>/dev/null
if [[ ! -e $knob ]]; then
	echo "ok all of it # SKIP this kernel has no swap_pmd"
	exit
fi
top=$cgroups/exclusive
mkdir -p $top
echo +memory >$cgroups/cgroup.subtree_control
echo +memory >$top/cgroup.subtree_control
mkdir -p $top/group

# program NAME MIB: a workload in the group; "ask NAME REQUEST" is its answer.
program() {
	mkdir -p "/run/$1"
	bash -c 'echo 0 >"$0/cgroup.procs" && exec /usr/local/bin/workload "$1" "$2"' $top/group "$2" "/run/$1" &
	until [[ -p /run/$1/answer ]]; do sleep 0.1; done
}
ask() {
	echo "$2" >"/run/$1/request"
	timeout 300 cat "/run/$1/answer"
}
vmstat() { awk -v name="$1" '$1 == name { print $2 }' /proc/vmstat; }

declare -A moved
# cycle NAME: one cycle, and what moved in it.
cycle() {
	local counter word
	local -A before
	for counter in thp_swpout_pmd thp_swpin_pmd thp_swpin_pmd_fallback zswpout; do
		before[$counter]=$(vmstat $counter)
	done
	for word in $(ask "$1" cycle); do moved[${word%%=*}]=${word#*=}; done
	for counter in "${!before[@]}"; do
		moved[$counter]=$(($(vmstat "$counter") - before[$counter]))
	done
}
moves() { [[ ${moved[$1]} == "$2" ]] || { echo "$1 is ${moved[$1]}, not $2"; return 1; }; }
few_faults() { ((moved[faults] <= thps + 16)) || { echo "${moved[faults]} faults for $thps THPs"; return 1; }; }

thps=32 pages=$((32 * 512))
whole() {
	cycle program
	check "$1: the data is right" moves damaged 0
	check "$1: whole THPs go out" moves thp_swpout_pmd $thps
	check "$1: nothing goes to zswap" moves zswpout 0
	check "$1: whole THPs come back" moves thp_swpin_pmd $thps
	check "$1: all of it is huge" moves huge_after 64
	check "$1: one fault for each" few_faults
}
compressed() {
	cycle program
	check "$1: the data is right" moves damaged 0
	check "$1: no whole THP goes out" moves thp_swpout_pmd 0
	check "$1: all pages go to zswap" moves zswpout $pages
}

program program 64
echo exclusive >"$knob"
echo N >$zswap/enabled
whole "zswap off"
echo Y >$zswap/enabled
compressed "zswap on, no limit"
echo 0 >$top/group/memory.zswap.max
whole "limit 0"
echo max >$top/group/memory.zswap.max
compressed "limit lifted"
echo 0 >$top/memory.zswap.max
whole "limit 0 in the parent"
echo max >$top/memory.zswap.max

echo never >"$knob"
echo 0 >$top/group/memory.zswap.max
cycle program
check "never: the data is right" moves damaged 0
check "never: no whole THP goes out" moves thp_swpout_pmd 0
echo max >$top/group/memory.zswap.max

echo always >"$knob"
cycle program
check "always, from zswap: the data is right" moves damaged 0
check "always, from zswap: whole THPs go out" moves thp_swpout_pmd $thps
check "always, from zswap: all pages are in zswap" moves zswpout $pages
check "always, from zswap: whole THPs come back" moves thp_swpin_pmd $thps
check "always, from zswap: all of it is huge" moves huge_after 64
check "always, from zswap: one fault for each" few_faults
echo exclusive >"$knob"

# What a cgroup has in zswap stays readable when its limit becomes 0, and nothing is added to it,
# also when the refused pages drive old ones out.
program holder 16
ask holder out >/dev/null
echo 0 >$top/group/memory.zswap.max
for round in 1 2 3 4 5 6; do
	cycle program
	check "limit 0, old pages in zswap, round $round: nothing is added" moves zswpout 0
	check "limit 0, old pages in zswap, round $round: the data is right" moves damaged 0
done
for word in $(ask holder in); do moved[${word%%=*}]=${word#*=}; done
check "the old pages come back right" moves damaged 0

kill %1 %2
wait
rmdir $top/group $top
scenario_end
