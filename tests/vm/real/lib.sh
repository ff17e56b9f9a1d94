# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# For the cases of tests/real, in the guest. Sourced; word, short and cgroup are in the environment, results go to
# file descriptor 3.

set -euo pipefail
# shellcheck disable=SC2034 # for those who source this
here=${0%/*}
# shellcheck source=tests/lib/check.sh
. "$here/check.sh"
# shellcheck disable=SC2034 # for soon: emulation on a busy machine
patience=1200

checked() { printf 'checked\t%s\n' "$*" >&3; }
fail() { printf 'failed\t%s\n' "$*" >&3; exit 1; }
# A command that fails where nothing was foreseen ends the case, too, and is named: unforeseen LINE COMMAND.
unforeseen() { printf 'failed\t%s, line %s: %s\n' "${0##*/}" "$1" "${2//[[:cntrl:]]/ }" >&3; }
set -E
trap '((BASH_SUBSHELL)) || unforeseen "$LINENO" "$BASH_COMMAND"' ERR
# figure NAME VALUE UNIT: a unit that begins with a slash is better the larger the value is, any other the smaller; without
# a unit it is not compared.
figure() { printf 'figure\t%s\t%s\t%s\n' "$1" "$2" "${3-}" >&3; }

# figures FILE [PREFIX]: the lines of FILE, a name, a tab and milliseconds.
figures() {
	local name value
	while IFS=$'\t' read -r name value; do figure "${2-}$name" "$value" ms; done <"$1"
}

# pick LONG SHORT: one of the two, as --short says.
pick() { if [[ $short ]]; then echo "$2"; else echo "$1"; fi; }

milliseconds() { local now=$EPOCHREALTIME; echo $((${now/[.,]/} / 1000)); }

# timed NAME COMMAND...: with a figure of how long it took.
timed() {
	local name=$1 start end status=0
	shift
	start=$(milliseconds)
	"$@" || status=$?
	end=$(milliseconds)
	figure "$name" $((end - start)) ms
	return $status
}

# inside COMMAND...: the shell becomes it, in the cgroup. For a subshell.
inside() {
	exec bash -c 'echo 0 >"$0/cgroup.procs" && exec "$@"' "$cgroup" "$@"
}

# hold MIB FILE: the program access, in the cgroup, holds memory and does what it hears. Sets holder, its process.
hold() {
	coproc HOLDER { inside "$here/access" hold "$1" "$2"; }
	holder=$HOLDER_PID
	hears - ready
}
# hears COMMAND ANSWER: what the holder is told to do, "-" for nothing, and has to answer.
hears() {
	local answer
	[[ $1 == - ]] || echo "$1" >&"${HOLDER[1]}"
	read -r -t "${answer_within:-300}" answer <&"${HOLDER[0]}" || fail "the holder does not answer to $1"
	[[ $answer == "$2" ]] || fail "the holder answers $answer to $1, not $2"
}
# rollup NAME: MiB of that kind that the holder has.
rollup() { awk -v name="$1:" '$1 == name { print int($2 / 1024) }' "/proc/$holder/smaps_rollup"; }
# It ends when it hears no more.
end_hold() {
	local to=${HOLDER[1]}
	exec {to}>&-
	wait "$holder" || fail "the holder ended with status $?"
}

# answers NAME PROCESS FILE SIGNAL WANTED: "access wait" has to answer so to a signal. Whoever is dead is not waited for.
answers() {
	local name=$1 process=$2 file=$3 signal=$4 wanted=$5
	rm -f "$file"
	kill "-$signal" "$process"
	patience=1200 soon eval "test -e '$file' || ! kill -0 $process"
	[[ -e $file ]] || fail "$name does not answer to $signal$(kill -0 "$process" 2>/dev/null || echo ", but is dead")"
	[[ $(<"$file") == "$wanted"* ]] || fail "$name answers $(<"$file") to $signal, not $wanted"
}

counter() { awk -v name="$1" '$1 == name { print $2; found = 1 } END { if (!found) print 0 }' /proc/vmstat; }

# Bytes that could be swapped out, or are still in the swap cache: those on the lists of reclaim. What is mapped and in the swap
# cache as well counts once there.
swappable() { awk '/^(in)?active_anon / { sum += $2 } END { print sum }' "$cgroup/memory.stat"; }

# page_out PERCENT: reclaim so much of what the cgroup has in memory, anonymous and shared memory only.
page_out() {
	local goal have last=0 still=0
	goal=$(($(swappable) * (100 - $1) / 100))
	while have=$(swappable) && ((have > goal + 262144)); do
		echo "$((have - goal)) swappiness=max" 2>/dev/null >"$cgroup/memory.reclaim" || true
		if ((have == last)); then
			# Dirty swap cache waits for the device.
			((++still < 40)) || break
			sleep 0.05
		else
			still=0
		fi
		last=$have
	done
	echo "page_out $1%: $((have / 1048576)) MiB are still in memory, $(($(<"$cgroup/memory.swap.current") / 1048576)) MiB in swap" >&2
}

names=(thp_swpout_pmd thp_swpin_pmd thp_swpin_pmd_small thp_swpin_pmd_dense thp_swpin_pmd_fallback thp_split_pmd_swap)
declare -A first last
for name in "${names[@]}" pswpout pswpin; do first[$name]=$(counter "$name") last[$name]=$(counter "$name"); done

# story STAGE: what has become of THPs since the stage before, and why, for the log.
story() {
	local name now text=''
	for name in "${names[@]}"; do
		now=$(counter "$name")
		text+=" ${name#thp_} $((now - last[$name]))"
		last[$name]=$now
	done
	for name in anon_fault_fallback swpin_fallback swpin_fallback_charge; do
		now=$(cat /sys/kernel/mm/transparent_hugepage/hugepages-2048kB/stats/$name)
		text+=" $name $((now - ${last[$name]-0}))"
		last[$name]=$now
	done
	text+="; free 2 MiB blocks $(awk '{ sum += $14 + 2 * $15 } END { print sum }' /proc/buddyinfo)"
	echo "$1:$text; AnonHugePages $(awk '/^AnonHugePages:/ { print int($2 / 1024) }' /proc/meminfo) MiB" >&2
}

# whole LEAST: so many THPs have gone out since the case began; under one entry each, and some came back whole, but where
# swap_pmd is never or is not there.
whole() {
	local name out swapped
	declare -A since
	for name in "${names[@]}"; do since[$name]=$(($(counter "$name") - first[$name])); done
	out=${since[thp_swpout_pmd]}
	swapped=$((($(counter pswpout) - first[pswpout]) / 256))
	case $word in
	base | never)
		((out == 0)) || fail "$out THPs went out whole"
		((swapped >= 2 * $1)) || fail "$swapped MiB were swapped out, not $((2 * $1)) or more"
		checked "swapped out $swapped MiB, in $((($(counter pswpin) - first[pswpin]) / 256))"
		return
		;;
	esac
	((out >= $1)) || fail "$out THPs went out whole, not $1 or more"
	checked "THPs out whole $out, in whole ${since[thp_swpin_pmd]}, in small ${since[thp_swpin_pmd_small]} (dense" \
		"${since[thp_swpin_pmd_dense]}), fallback ${since[thp_swpin_pmd_fallback]}, split ${since[thp_split_pmd_swap]}"
}
