#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Everything that decides who uses zswap is switched back and forth while THPs are swapped out and in: no page may be
# lost, and when all is over nothing may be left in a counter. SWITCH_SECONDS (60) and SWITCH_SEED may be set.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

systemctl stop pmdswapd 2>/dev/null
if [[ ! -e $knob ]]; then
	echo "ok all of it # SKIP this kernel has no swap_pmd"
	exit
fi
RANDOM=${SWITCH_SEED:=$((RANDOM % 10000))}
echo "# SWITCH_SEED=$SWITCH_SEED"
top=$cgroups/switches
mkdir -p $top
echo +memory >$cgroups/cgroup.subtree_control
echo +memory >$top/cgroup.subtree_control
swap_used() { awk 'NR > 1 { used += $4 } END { print used }' /proc/swaps; }
in_use_before=$(swap_used)
slots_are_back() { [[ $(swap_used) -le $in_use_before ]] || { echo "$(swap_used) KiB in use, not $in_use_before"; return 1; }; }
zswap_is_empty() { ! grep '^Zswapped: .* [1-9]' /proc/meminfo; }

# One program that cycles until it is told to stop, and says how often it did and what was damaged.
program() {
	mkdir -p "$top/$1" "/run/$1"
	bash -c 'echo 0 >"$0/cgroup.procs" && exec /usr/local/bin/workload 32 "$1"' "$top/$1" "/run/$1" &
	pids+=($!)
	until [[ -p /run/$1/answer ]]; do sleep 0.1; done
	(
		cycles=0 damaged=0
		until [[ -e /run/switches-stop ]]; do
			echo cycle >"/run/$1/request"
			answer=$(timeout 300 cat "/run/$1/answer")
			if [[ $answer != *damaged=* ]]; then
				damaged=died
				break
			fi
			answer=${answer#*damaged=}
			damaged=$((damaged + ${answer%% *})) cycles=$((cycles + 1))
		done
		echo "$cycles $damaged" >"/run/$1/result"
	) &
}
pick() { echo "${@:RANDOM % $# + 1:1}"; }
pids=() switches=0
rm -f /run/switches-stop
program one
program two
end=$((SECONDS + ${SWITCH_SECONDS:-60}))
while ((SECONDS < end)); do
	case $((RANDOM % 8)) in
	0 | 1) pick 0 max 64M 1M >"$top/$(pick one two)/memory.zswap.max" ;;
	2) pick 0 max max >$top/memory.zswap.max ;;
	3 | 4) pick always always auto auto exclusive never >"$knob" ;;
	5) pick Y Y N >$zswap/enabled ;;
	6) pick lzo zstd >$zswap/compressor ;;
	7) pick Y N >$zswap/shrinker_enabled ;;
	esac
	switches=$((switches + 1))
	sleep 0.0$((RANDOM % 9 + 1))
done
echo max | tee $top/memory.zswap.max $top/one/memory.zswap.max >$top/two/memory.zswap.max
touch /run/switches-stop
for name in one two; do
	until [[ -e /run/$name/result ]]; do sleep 0.2; done
	read -r cycles damaged <"/run/$name/result"
	echo "# $name: $cycles cycles, $switches switches"
	check "$name went on" [ "$cycles" -gt 0 ]
	check "$name lost nothing" [ "$damaged" = 0 ]
done
kill "${pids[@]}"
wait
check "nothing is left in zswap" soon zswap_is_empty
check "nor charged for it" soon is $top/memory.zswap.current 0
check "no swap slot is left in use" soon slots_are_back
check "nor charged" soon is $top/memory.swap.current 0

echo exclusive >"$knob"
echo N >$zswap/enabled
echo N >$zswap/shrinker_enabled
rmdir $top/one $top/two $top
scenario_end
