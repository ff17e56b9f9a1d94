#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# In a guest, as root: THPs on the swap areas that people have. Arguments: the parts to run.
# /dev/vdc is a disk of its own, the files are on the root file system, or on one that is made on that disk.
# shellcheck source=tests/lib/check.sh
. "$(dirname "$0")/../../lib/check.sh"

areas=/usr/local/bin/areas
dm=/usr/local/bin/dm
thp=/sys/kernel/mm/transparent_hugepage
knob=$thp/swap_pmd
file=/swap.img
cgroups=/sys/fs/cgroup/areas
# What tests/vm/run turned on; and virtio-blk says that it is rotational.
swapoff -a
for queue in /sys/block/{vd*,loop*}/queue/rotational; do echo 0 >"$queue"; done
has_knob=''
[[ ! -e $knob ]] || { has_knob=yes; echo always >$knob; }

# Whoever waits here waits for a guest that is emulated, and for its whole memory.
# shellcheck disable=SC2034 # of check.sh
patience=300

note() { sed 's/^/# /' <<<"$*"; }

# on PATH [OPTION...]: a new swap area.
on() {
	mkswap "$1" >/dev/null 2>&1 && swapon "${@:2}" "$1"
}

# file_area MIB [RUN [OPTION...]]: a new swap file, of extents of RUN KiB unless that is 0.
file_area() {
	rm -f $file
	if ((${2:-0})); then
		$areas fragment $file "$1" "$2" || return
	elif [[ $(stat -f -c %T "${file%/*}/") == btrfs ]]; then
		# Without copy on write, which the file has to be told while it is empty.
		btrfs -q filesystem mkswapfile --size "$1M" $file || return
	else
		fallocate -l "$1M" $file && chmod 600 $file || return
	fi
	on $file "${@:3}"
}

# zram_area NUMBER MIB [OPTION...]
zram_area() {
	local device=/dev/zram$1
	[[ -e $device ]] || cat /sys/class/zram-control/hot_add >/dev/null
	echo 1 >"/sys/block/zram$1/reset"
	echo "$2M" >"/sys/block/zram$1/disksize"
	on "$device" "${@:3}"
}

# loop_area NUMBER MIB [OPTION...]: a disk that is a file below.
loop_area() {
	rm -f "/loop$1.img"
	truncate -s "$2M" "/loop$1.img"
	losetup "/dev/loop$1" "/loop$1.img"
	on "/dev/loop$1" "${@:3}"
}

off() {
	swapoff -a
	rm -f $file
	for loop in /dev/loop[0-3]; do losetup -d "$loop" 2>/dev/null; done
	rm -f /loop*.img
}

# supports NAME: the kernel has that file system, and the guest what makes it.
supports() {
	if ! grep -qw "$1" /proc/filesystems; then
		echo "skipped: the kernel has no $1"
		return 1
	fi
	command -v "mkfs.$1" >/dev/null || { echo "skipped: the guest has no mkfs.$1"; return 1; }
}

# file_on KIND: what "file" does, on a file system of that kind.
file_on() {
	local file=/disk/swap.img
	supports "$1" || return 0
	check "$1" "mkfs.$1" -q -f /dev/vdc
	mkdir -p /disk
	check "is mounted" mount -t "$1" /dev/vdc /disk
	if mountpoint -q /disk; then
		# XFS keeps 32 MiB back, in one piece, from the file that fills it up, but not from one that is made then.
		[[ $1 != xfs ]] || check "with a small reserve" xfs_io -x -c "resblks 256" /disk
		part_file
		check "is unmounted" umount /disk
		case $1 in
		xfs) check "and is as it should be" xfs_repair -n /dev/vdc ;;
		btrfs) check "and is as it should be" btrfs check /dev/vdc ;;
		esac
	fi
}

# What swapon said of the last area: "512/512", or nothing if this kernel does not say.
whole() {
	dmesg | grep 'Adding .* swap on' | tail -n 1 | sed -n 's/.*whole-clusters:\([^ ]*\).*/\1/p'
}

# whole_as_told: swapon finds as many whole clusters as the file system tells of.
whole_as_told() {
	local told clusters
	told=$($areas whole $file) clusters=$(whole)
	echo "whole clusters: $clusters by swapon, $told by the file system"
	((${clusters%/*} == told))
}

# value NAME FILE: the number behind the word NAME in the last line of FILE.
value() {
	awk -v name="$1" '{ for (i = 1; i < NF; i++) if ($i == name) v = $(i + 1) } END { print v + 0 }' "$2"
}

# lines WORD NUMBER FILE: so many of its lines begin with the word.
lines() { (($(grep -c "^$1 " "$3") >= $2)); }

# is_value NAME NUMBER FILE
is_value() {
	local found
	found=$(value "$1" "$3")
	((found == $2)) || { tail -n 1 "$3"; echo "$1 is $found, not $2"; return 1; }
}

# Start "areas keep ARGUMENT..." with its output in /tmp/NAME, and leave its process in the variable NAME. It has a cgroup of
# its own, which it has reclaimed: others have to stay in memory, and this shell where a device that is gone does not take
# it along.
keep() {
	local name=$1
	mkdir -p "$cgroups-$name"
	: >"/tmp/$name"
	(echo $BASHPID >"$cgroups-$name/cgroup.procs" && exec $areas keep "${@:2}") >"/tmp/$name" 2>&1 &
	printf -v "$name" %s $!
}

# read_all NAME [SIGNAL]: what the process keeps is read; with the signals USR1 and HUP, it is paged out again.
read_all() {
	local file=/tmp/$1 ins outs
	ins=$(grep -c '^in ' "$file") outs=$(grep -c '^out ' "$file")
	kill "-${2-USR2}" "${!1}" && soon lines in $((ins + 1)) "$file" || return
	[[ ${2-USR2} == USR2 ]] || soon lines out $((outs + 1)) "$file" || return
	grep '^in ' "$file" | tail -n 1
}

# intact NAME [SIGNAL]: and all of it is as it was.
intact() {
	local file=/tmp/$1.in
	read_all "$@" >"$file" || return
	cat "$file"
	is_value lost 0 "$file" && is_value damaged 0 "$file" && is_value good "$(value in "$file")" "$file"
}

# all_lost NAME: each page that is read gives SIGBUS.
all_lost() {
	local file=/tmp/$1.in
	read_all "$1" >"$file" || return
	cat "$file"
	is_value good 0 "$file" && is_value damaged 0 "$file" && is_value lost "$(value in "$file")" "$file"
}

# gone NAME: the process ends when it is told to.
gone() {
	kill "${!1}"
	soon not kill -0 "${!1}" || { cat "/proc/${!1}/stack"; return 1; }
	tail -n 1 "/tmp/$1" | grep -x 'end damaged 0'
}

# whole_out NAME: its THPs went out whole, with one entry each.
whole_out() {
	cat "/tmp/$1"
	is_value whole "$(value out "/tmp/$1")" "/tmp/$1" || return
	[[ ! $has_knob ]] || is_value pmd "$(value out "/tmp/$1")" "/tmp/$1"
}

# mark DEVICE...: from now on each_took counts what is written to them.
declare -A marked
mark() {
	local device
	for device; do marked[$device]=$(written "$device"); done
}

written() { awk '{ print int($7 / 2048) }' "/sys/block/$1/stat"; }

# each_took MIB DEVICE...: so much was written to each of them, or more.
each_took() {
	local device took few=''
	for device in "${@:2}"; do
		took=$(($(written "$device") - marked[$device]))
		echo "$device took $took MiB"
		((took >= $1)) || few=$device
	done
	[[ ! $few ]]
}

used() { awk -v path="$1" '$1 == path { print $4 }' /proc/swaps; }

# went_whole FILE SHARE: so much of the THPs, in percent, went out whole and came back so.
went_whole() {
	local thps rounds out in=''
	thps=$(value thps "$1") rounds=$(value rounds "$1") out=$(value thp_swpout "$1")
	cat "$1"
	((thps && out * 100 >= thps * rounds * $2)) || return
	[[ ! $has_knob ]] || { in=$(value thp_swpin_pmd "$1"); ((in * 100 >= thps * rounds * $2)); }
}

part_file() {
	check "a swap file in few extents" file_area 256
	note "$(dmesg | grep 'Adding .* swap on' | tail -n 1)"
	filefrag=$(whole)
	check "most of its clusters are whole" test "${filefrag%/*}" -ge 120
	check "which are those in one extent" whole_as_told
	check "THPs are read back as they were" eval "$areas thps -n 3 128 >/tmp/out"
	note "$(cat /tmp/out)"
	check "they went to the file whole and came back so" went_whole /tmp/out 100
	check "small pages" $areas small 128
	check "both, and small pages in each cluster" $areas churn -f 30,60 -g 3 -l file
	check "swapoff" swapoff $file

	# swapoff brings back what is out
	file_area 256
	$areas thps 64 >/dev/null
	check "the file on again" test "$(used $file)" -le 8192
	off

	# A badly fragmented one: 3 MiB hold one whole cluster, or two halves.
	check "a file in extents of 3 MiB" file_area 255 3072
	note "$(dmesg | grep 'Adding .* swap on' | tail -n 1)"
	filefrag=$(whole)
	# How many of them is for the file system to say: it may put extents next to each other.
	check "some clusters are whole, and some are not" test "${filefrag%/*}" -ge 20 -a "${filefrag%/*}" -le 120
	check "which are those in one extent" whole_as_told
	check "THPs go into these" eval "$areas thps -n 3 32 >/tmp/out"
	note "$(cat /tmp/out)"
	check "all of them whole" went_whole /tmp/out 100
	check "more THPs than fit" eval "$areas thps -n 2 220 >/tmp/out"
	note "$(cat /tmp/out)"
	check "as many went whole as there are clusters, and no more" eval \
		"(( $(value thp_swpout /tmp/out) > 0 && $(value thp_swpout /tmp/out) <= 2 * ${filefrag%/*} ))"
	check "churn" $areas churn -f 30,70,90 -g 3 -l "file, 3 MiB extents"
	off

	check "a file of crumbs" file_area 64 68
	note "$(dmesg | grep 'Adding .* swap on' | tail -n 1)"
	filefrag=$(whole)
	check "with hardly a whole cluster" test "${filefrag%/*}" -le 4
	check "which are those in one extent" whole_as_told
	check "THPs are split" eval "$areas thps 32 >/tmp/out"
	note "$(cat /tmp/out)"
	check "no more go whole than there are whole clusters" test "$(value thp_swpout /tmp/out)" -le "${filefrag%/*}"
	check "the counters say so" test \
		$(($(value thp_swpout /tmp/out) + $(value thp_swpout_fallback /tmp/out))) -eq 16
	off
}

part_xfs() { file_on xfs; }

part_btrfs() { file_on btrfs; }

# An area with a key that is forgotten at power-off.
part_crypt() {
	local name=swap_crypt pages
	if ! dmsetup targets 2>/dev/null | grep -q '^crypt '; then
		echo "skipped: the kernel has no dm-crypt"
		return
	fi
	check "dm-crypt with a random key" cryptsetup open --type plain --cipher aes-xts-plain64 --key-size 256 \
		--key-file /dev/urandom --size $((256 * 2048)) /dev/vdc $name
	check "as swap" on /dev/mapper/$name
	note "$(dmesg | grep 'Adding .* swap on' | tail -n 1)"
	check "THPs are read back as they were" eval "$areas thps -n 3 128 >/tmp/out"
	note "$(cat /tmp/out)"
	check "they went out whole and came back so" went_whole /tmp/out 100
	check "small pages" $areas small 64
	check "both, and small pages in each cluster" $areas churn -f 30,60 -g 3 -l crypt

	# What is on the disk is not what is in memory: half of each page of these is zero. Slots are given out in order.
	off
	on /dev/mapper/$name
	$areas hold 64 100 >/tmp/hold & pages=$!
	soon grep -q holding /tmp/hold
	sync
	check "the disk holds nothing readable" test "$(dd if=/dev/vdc bs=1M skip=1 count=32 iflag=direct status=none |
		gzip -1 | wc -c)" -gt $((32 * 1000 * 1000))
	kill -USR1 $pages
	wait $pages
	check "and these pages are as they were" test $? -eq 0
	off
	check "the mapping ends" cryptsetup close $name
}

# mTHPs: order 4 into a file.
part_mthp() {
	local size stats=$thp/hugepages-64kB/stats before
	for size in "$thp"/hugepages-*kB/enabled; do echo never >"$size"; done
	echo always >$thp/hugepages-64kB/enabled
	file_area 256
	before=$(<$stats/swpout)
	check "mTHPs to a file" $areas thps -n 2 64
	note "swpout $(($(<$stats/swpout) - before)), swpout_fallback $(<$stats/swpout_fallback)"
	check "go out whole" test $(($(<$stats/swpout) - before)) -ge 2000
	off
	file_area 64 68
	before=$(<$stats/swpout)
	check "mTHPs to a file of crumbs" $areas thps -n 2 32
	filefrag=$(whole)
	# 32 go to a cluster, twice.
	check "are split but for what is whole" test $(($(<$stats/swpout) - before)) -le $((${filefrag%/*} * 64))
	off

	# A file on a device that is synchronous: slots in a row are read in one piece, but where are the blocks?
	[[ -e /root/ext4.image ]] || return
	[[ -e /dev/zram1 ]] || cat /sys/class/zram-control/hot_add >/dev/null
	stat -c %s /root/ext4.image >/sys/block/zram1/disksize
	dd if=/root/ext4.image of=/dev/zram1 bs=1M status=none
	mkdir -p /zram
	mount -t ext4 /dev/zram1 /zram
	$areas fragment /zram/swap 48 20
	check "a file of crumbs on a file system on zram" on /zram/swap
	note "$(dmesg | grep 'Adding .* swap on' | tail -n 1)"
	check "mTHPs come back as they were" $areas thps -n 2 32
	for size in "$thp"/hugepages-*kB/enabled; do echo never >"$size"; done
	swapoff /zram/swap
	on /zram/swap
	before=$(<$stats/swpin)
	check "so do small pages that come back as mTHPs" $areas grow 16
	note "swpin $(($(<$stats/swpin) - before))"
	swapoff /zram/swap
	umount /zram
	for size in "$thp"/hugepages-*kB/enabled; do echo never >"$size"; done
	echo always >$thp/hugepages-2048kB/enabled
}

# The share of THPs that goes out whole, after small pages of random lifetimes: a table, and 90% are wanted.
part_churn() {
	local kind policy out label device mib=${CHURN_MIB:-256}
	for kind in ${CHURN_KINDS:-file disk zram}; do
		for policy in ${CHURN_POLICIES:-none once pages both}; do
			local -a options=()
			case $policy in
			once | pages) options=("--discard=$policy") ;;
			both) options=(--discard) ;;
			esac
			case $kind in
			file) file_area "$mib" 0 "${options[@]}" ;;
			disk) on /dev/vdc "${options[@]}" ;;
			zram) zram_area 0 "$mib" "${options[@]}" ;;
			esac
			label="$kind, discard $policy"
			out=/tmp/churn
			check "$label: no page is damaged" eval "$areas churn ${CHURN_SEED:+-r $CHURN_SEED} -s ${CHURN_SHARE:-40} -l '$label' >$out"
			cat $out
			case $kind in file) device=vda ;; disk) device=vdc ;; zram) device=zram0 ;; esac
			note "discards of $device so far: $(awk '{ print $12 " for " $14 / 2048 " MiB" }' /sys/block/$device/stat)"
			check "$label: 90% go out whole" eval "! grep -E 'share +([0-9]|[1-8][0-9])%' $out"
			off
		done
	done
}

# thps_go_to_both NAME ARGUMENTS SHARE DEVICE...: of the THPs of "areas thps ARGUMENTS" SHARE percent go whole, 100 MiB or
# more to each DEVICE. The areas are off then.
thps_go_to_both() {
	mark "${@:4}"
	check "$1" eval "$areas thps $2 >/tmp/out"
	note "$(cat /tmp/out)"
	check "THPs go whole" went_whole /tmp/out "$3"
	check "to both" each_took 100 "${@:4}"
	off
}

part_several() {
	local pid zram
	# A zram above a disk.
	check "zram" zram_area 0 64 -p 10
	check "above a disk" on /dev/vdc -p 5
	thps_go_to_both "THPs, more than the zram holds" "-n 2 192" 95 zram0 vdc
	zram_area 0 64 -p 10
	check "a file below zram" file_area 256 0 -p 5
	thps_go_to_both "THPs, more than the zram holds" "-n 2 192" 95 zram0 vda

	# A zram without a whole cluster.
	zram_area 0 64 -p 10
	$areas hold 60 75 >/tmp/hold & pid=$!
	soon grep -q holding /tmp/hold
	on /dev/vdc -p 5
	zram=$(used /dev/zram0)
	note "zram: $zram KiB used"
	check "THPs where the first area has no whole cluster" eval "timeout 120 $areas thps 128 >/tmp/out"
	note "$(cat /tmp/out)"
	check "whole on the next or split, each of them counted" eval \
		"(( $(value thp_swpout /tmp/out) + $(value thp_swpout_fallback /tmp/out) == 64 ))"
	kill -USR1 $pid
	wait $pid
	check "and the small pages are as they were" test $? -eq 0
	off

	# A zram that has not the room for a THP at all.
	zram_area 0 64 -p 10
	$areas hold 63 100 >/tmp/hold & pid=$!
	soon grep -q holding /tmp/hold
	on /dev/vdc -p 5
	check "a THP where the first area has less room than that" eval "$areas thps 2 >/tmp/out"
	check "goes on to the next one whole" went_whole /tmp/out 100
	kill -USR1 $pid
	wait $pid
	check "and small pages are as they were" test $? -eq 0
	off

	# The same priority: one without whole clusters, one with.
	file_area 64 68 -p 5
	on /dev/vdc -p 5
	check "two areas of equal priority, one of crumbs" eval "$areas thps -n 4 64 >/tmp/out"
	check "THPs go whole to the other" went_whole /tmp/out 100
	off
	file_area 256 0 -p 5
	on /dev/vdc -p 5
	thps_go_to_both "a file and a disk of equal priority" "-n 4 128" 100 vda vdc
	loop_area 0 128 -p 5
	on /dev/vdc -p 5
	thps_go_to_both "two disks of equal priority" "-n 4 128" 100 loop0 vdc
}

# A disk that is a file below, and so is read and written by a thread of its own.
part_loop() {
	check "a loop device" loop_area 0 256
	note "$(dmesg | grep 'Adding .* swap on' | tail -n 1)"
	check "THPs are read back as they were" eval "$areas thps -n 3 128 >/tmp/out"
	note "$(cat /tmp/out)"
	check "they went out whole and came back so" went_whole /tmp/out 100
	check "small pages" $areas small 64
	check "both, and small pages in each cluster" $areas churn -f 30,60 -g 3 -l loop
	check "swapoff" swapoff /dev/loop0
	off
}

# One of two areas goes away in the middle.
part_swapoff() {
	local pid
	file_area 256 0 -p 5
	on /dev/vdc -p 5
	$areas thps -n 12 128 >/tmp/out & pid=$!
	for _ in 1 2 3 4; do
		sleep 0.7
		swapoff /dev/vdc || echo "# swapoff of the disk failed"
		sleep 0.3
		swapon -p 5 /dev/vdc
		swapoff $file || echo "# swapoff of the file failed"
		swapon -p 5 $file
	done
	wait $pid
	check "swapoff and swapon of each under way: data" test $? -eq 0
	note "$(cat /tmp/out)"
	off
}

# Slots that wait for their discard, and two areas to look for others in, again and again. One processor.
part_pending() {
	loop_area 0 64 --discard=pages -p 5
	check "pages out while all free clusters wait for their discard" $areas pending 56
	off
	loop_area 0 32 --discard=pages -p 5
	loop_area 1 32 --discard=pages -p 5
	check "the same with two areas of equal priority" timeout 60 $areas pending 56
	off
}

# tiny_area KIND KIB [OPTION...]
tiny_area() {
	case $1 in
	file)
		rm -f $file
		fallocate -l "$2K" $file && chmod 600 $file && on $file "${@:3}"
		;;
	loop)
		rm -f /loop0.img
		truncate -s "$2K" /loop0.img
		losetup /dev/loop0 /loop0.img
		on /dev/loop0 "${@:3}"
		;;
	zram)
		echo 1 >/sys/block/zram0/reset
		echo "$2K" >/sys/block/zram0/disksize
		on /dev/zram0 "${@:3}"
		;;
	esac
}

# Small areas, which always are short of whole clusters.
part_tiny() {
	local kib kind policy most
	for kib in 1900 3072 4096; do
		# The first cluster has the header, and the last one is not a whole one, or none.
		most=$(((kib - 2048) / 2048))
		((most >= 0)) || most=0
		for kind in file loop zram; do
			check "$kind of $kib KiB" tiny_area $kind $kib
			note "$(dmesg | grep 'Adding .* swap on' | tail -n 1)"
			check "$kind of $kib KiB: small pages" $areas small 1
			check "$kind of $kib KiB: THPs" eval "$areas thps -n 5 8 >/tmp/out"
			note "$(cat /tmp/out)"
			check "$kind of $kib KiB: no more went whole than there are whole clusters" test \
				"$(value thp_swpout /tmp/out)" -le $((5 * most))
			if ((kib < 2048)); then
				check "$kind of $kib KiB: THPs that have no room there stay huge" is_value pswpout 0 /tmp/out
			else
				check "$kind of $kib KiB: it is not left empty" test "$(value pswpout /tmp/out)" -ge $((kib / 4 / 2))
			fi
			check "$kind of $kib KiB: swapoff" swapoff -a
			off
		done
	done
	for policy in once pages; do
		for kind in loop zram file; do
			tiny_area $kind $((11 << 10)) --discard=$policy
			note "$(dmesg | grep 'Adding .* swap on' | tail -n 1)"
			check "$kind of 5 clusters, discard=$policy: ${TINY_ROUNDS:-20} rounds" eval "$areas thps -n ${TINY_ROUNDS:-20} 6 >/tmp/out"
			note "$(cat /tmp/out)"
			check "$kind of 5 clusters, discard=$policy: all whole" went_whole /tmp/out 99
			note "discards: $(awk '{ print $12 " for " $14 / 2048 " MiB" }' /sys/block/"$([[ $kind == file ]] && echo vda || echo ${kind}0)"/stat)"
			off
		done
	done
}

# dm_area MIB: a swap area on a device that can be made to fail, called "area". Leaves its path in area.
dm_area() {
	area=$($dm create area /dev/vdc "$1") && soon test -b "$area" || return
	echo 0 >"/sys/block/${area##*/}/queue/rotational"
	on "$area"
}

area_fails() { $dm suspend area && $dm fail area && $dm resume area; }

# area_works MIB
area_works() { $dm suspend area && $dm mend area /dev/vdc "$1" && $dm resume area; }

# What is out, of the process "kept", cannot be read any more.
area_lost_with_thps() {
	dm_area 96
	keep kept 16
	soon lines out 1 /tmp/kept
	area_fails
}

area_ends() {
	swapoff -a
	# Whoever opened it last may still be about to close it.
	soon $dm remove area
}

# waiting PROCESS NUMBER: so many of its threads wait for a device, or for one that does.
waiting() { (($(grep -l '^State:.D ' "/proc/$1/task/"*/status | wc -l) >= $2)); }

# ends NAME COMMAND...: as a check of that name, the command ends, with an error or without one, which is said.
ends() {
	local status=0 name=$1
	shift
	timeout 300 "$@" || status=$?
	note "exit status of $*: $status"
	check "$name" test $status -ne 124
}

# The device below swap is gone, for a while or for good.
part_gone() {
	local area kept word words=swap_pmd
	if ! grep -qw device-mapper /proc/devices; then
		echo "skipped: the kernel has no device mapper"
		return
	fi
	[[ ! $has_knob ]] || words='always auto'
	for word in $words; do
		[[ ! $has_knob ]] || echo "$word" >$knob

		# Requests wait in the device mapper, with threads waiting for them, and then fail.
		dm_area 96
		check "$word: a device that may disappear" test $? -eq 0
		keep kept -t 4 16
		check "$word: THPs go out whole" eval "soon lines out 1 /tmp/kept && whole_out kept"
		$dm suspend area
		kill -USR2 "$kept"
		check "$word: four threads wait for their THPs" soon waiting "$kept" 4
		check "$word: the device disappears" eval "$dm fail area && $dm resume area"
		check "$word: and they wait no longer" soon lines in 1 /tmp/kept
		note "$(tail -n 1 /tmp/kept)"
		check "$word: SIGBUS for each page" is_value lost $((4 * 4096)) /tmp/kept
		check "$word: and again" all_lost kept
		check "$word: the process ends" gone kept
		check "$word: nothing of its swap is left" test "$(used "$area")" -le 8
		check "$word: swapoff" timeout 300 swapoff "$area"
		area_ends

		# Some have come back before it is gone.
		dm_area 96
		keep kept -t 2 -u 500000 48
		soon lines out 1 /tmp/kept
		kill -USR2 "$kept"
		soon grep -qx begun /tmp/kept
		check "$word: the device disappears while THPs come back" area_fails
		check "$word: the threads go on" soon lines in 1 /tmp/kept
		note "$(tail -n 1 /tmp/kept)"
		check "$word: some pages are there, some are lost" eval \
			"(( $(value good /tmp/kept) > 0 && $(value lost /tmp/kept) > 0 ))"
		check "$word: none is damaged" is_value damaged 0 /tmp/kept
		ends "$word: swapoff ends" swapoff "$area"
		check "$word: the process ends" gone kept
		area_ends

		# swapoff is what meets the errors.
		area_lost_with_thps
		ends "$word: swapoff of THPs that cannot be read ends" swapoff "$area"
		check "$word: SIGBUS for each page" all_lost kept
		check "$word: the process ends" gone kept
		area_ends

		# Killed with all of it out.
		area_lost_with_thps
		kill -KILL "$kept"
		wait "$kept"
		check "$word: nothing is left of a process that is killed" test "$(used "$area")" -le 8
		check "$word: swapoff" timeout 300 swapoff "$area"
		area_ends

		# A cable that was loose.
		area_lost_with_thps
		check "$word: SIGBUS while the device is gone" all_lost kept
		check "$word: it is there again" area_works 96
		# What could not be read stays in the swap cache, as that, until it is reclaimed.
		check "$word: nothing is damaged" eval "read_all kept USR1 && is_value damaged 0 /tmp/kept"
		note "at once: $(grep '^in' /tmp/kept | tail -n 1)"
		check "$word: and so are all pages" intact kept
		note "after reclaim: $(tail -n 1 /tmp/kept)"
		check "$word: swapoff" timeout 300 swapoff "$area"
		check "$word: the process ends" gone kept
		area_ends

		# What cannot be written is not lost.
		dm_area 96
		keep kept -m 32
		soon grep -qx filled /tmp/kept
		area_fails
		check "$word: THPs that cannot be written" intact kept HUP
		note "$(tail -n 1 /tmp/kept)"
		check "$word: stay as they were" intact kept
		area_works 96
		check "$word: and can be written later" intact kept USR1
		note "$(tail -n 1 /tmp/kept)"
		check "$word: from where they come back" intact kept
		check "$word: swapoff" timeout 300 swapoff "$area"
		check "$word: the process ends" gone kept
		area_ends
	done
	[[ ! $has_knob ]] || echo always >$knob
}

# hibernate IMAGE_SIZE: returns when the guest has been booted again, or could not be switched off. Succeeds in the
# first case only.
hibernate() {
	echo "$1" >/sys/power/image_size
	echo shutdown >/sys/power/disk
	echo disk >/sys/power/state
}

in_zswap() { awk '$1 == "zswapped" { print int($2 / 1024) }' $cgroups-kept/memory.stat; }

# The guest is switched off, with THPs out, and started again by tests/vm/run.
part_hibernation() {
	# shellcheck disable=SC2034 # they are named
	local kept near zswap label used size
	if [[ ! -e /sys/power/disk ]] || ! grep -qw disk /sys/power/state; then
		echo "skipped: the kernel cannot hibernate"
		return
	fi
	for zswap in N Y; do
		echo $zswap >/sys/module/zswap/parameters/enabled
		label="zswap $zswap"
		on /dev/vdc
		keep kept 160
		keep near -m 64
		check "$label: THPs go out, with one entry each" eval "soon lines out 1 /tmp/kept && is_value pmd 80 /tmp/kept"
		note "in zswap: $(in_zswap) KiB"
		case $zswap in
		N) check "$label: whole, to the disk" eval "whole_out kept && (($(in_zswap) == 0))" ;;
		Y) check "$label: to zswap" test "$(in_zswap)" -ge 160000 ;;
		esac
		check "$label: others are in memory" soon grep -qx filled /tmp/near
		check "$label: the guest hibernates, and comes back" hibernate 500000000
		note "$(dmesg | grep 'PM: .*\(Wrote\|Read\|read\|Allocated\)' | tail -n 3)"
		check "$label: what was in memory is as it was" intact near
		check "$label: what was out is as it was" intact kept USR1
		note "$(tail -n 2 /tmp/kept)"
		check "$label: came back whole" eval "grep '^in' /tmp/kept | tail -n 1 >/tmp/in && is_value swpin_pmd 80 /tmp/in"
		# Without being written once more, where the swap cache has kept them clean.
		check "$label: and went out so again" is_value pmd 80 /tmp/kept

		# As small an image as can be: all that is in memory goes out.
		check "$label: once more, with as small an image as can be" hibernate 0
		note "$(dmesg | grep 'PM: .*\(Wrote\|Read\|read\|Allocated\)' | tail -n 3)"
		check "$label: what was in memory is as it was" intact near USR1
		check "$label: what was out is as it was" intact kept USR1
		note "$(tail -n 2 /tmp/kept)"
		check "$label: swapoff" timeout 600 swapoff /dev/vdc
		check "$label: what was out is as it was" intact kept
		check "$label: what was in memory is as it was" intact near
		check "$label: the processes end" eval "gone kept && gone near"
	done
	echo N >/sys/module/zswap/parameters/enabled

	# The image does not fit.
	mkswap /dev/vdc $((164 << 10)) >/dev/null 2>&1 && swapon /dev/vdc
	keep kept 160
	check "THPs fill the area" eval "soon lines out 1 /tmp/kept && whole_out kept"
	used=$(used /dev/vdc)
	note "$used KiB of $((164 << 10)) are used"
	for size in 500000000 0; do
		check "image size $size: with so little swap the guest cannot hibernate" not hibernate $size
		note "$(dmesg | grep 'PM: .*\(fail\|Not enough\|Error\)' | tail -n 1)"
		check "image size $size: all is as it was" intact kept USR1
		note "$(tail -n 2 /tmp/kept)"
	done
	# What else lives here has a few pages out now.
	note "$(used /dev/vdc) KiB are used"
	check "swapoff" timeout 600 swapoff /dev/vdc
	check "all is as it was" intact kept
	check "the process ends" gone kept
}

# each_block STATE: give each of the blocks of memory in "blocks" that state.
each_block() {
	local block
	for block in "${blocks[@]}"; do
		echo "$1" >"$block/state" || { echo "$block: $(<"$block/valid_zones")"; return 1; }
	done
}

migrated() { awk '$1 == "thp_migration_success" { print $2 }' /proc/vmstat; }

# The blocks are away, and what was on them is not lost.
node_comes_back() {
	check "they are as they were" intact kept
	note "$(tail -n 1 /tmp/kept)"
	check "and come back" each_block online_movable
	check "the process ends" gone kept
}

# THPs of a node that goes away, and of one that others would rather have.
part_numa() {
	# shellcheck disable=SC2034 # filler is named
	local area kept filler block end rounds=0 pid writeback before fixed=0
	local -a blocks=()
	if [[ ! -e /sys/devices/system/node/node1 || ! -e /sys/devices/system/memory ]]; then
		echo "skipped: there is one node, or the kernel has no memory hotplug"
		return
	fi
	for block in /sys/devices/system/node/node1/memory[0-9]*; do
		[[ $(<"$block/valid_zones") == Movable* ]] || continue
		if { echo offline >"$block/state"; } 2>/dev/null; then
			echo online_movable >"$block/state"
			blocks+=("$block")
		else
			fixed=$((fixed + 16#$(</sys/devices/system/memory/block_size_bytes) / 1048576))
		fi
	done
	note "node 1 has ${#blocks[@]} blocks of memory that can go, and $fixed MiB of movable memory that cannot"
	note "processors of node 0: $(</sys/devices/system/node/node0/cpulist), of node 1: $(</sys/devices/system/node/node1/cpulist)"
	check "node 1 has some that can go" test "${#blocks[@]}" -ge 2

	# Where the kernel has put something of its own at boot it stays, and so would the THPs: that is filled up, and comes
	# first, as what has been away is used last.
	if ((fixed)); then
		keep filler -m -b 1 $fixed
		soon grep -qx filled /tmp/filler
	fi
	dm_area 256
	keep kept -c -b 1 128
	check "THPs of node 1 go out whole" eval "soon lines out 1 /tmp/kept && whole_out kept"
	note "node 1: $(awk '/SwapCached/ { print $4 }' /sys/devices/system/node/node1/meminfo) KiB in the swap cache"
	check "and are in the swap cache" test "$(value cached_kib /tmp/kept)" -ge 65536
	before=$(migrated)
	check "its blocks go" each_block offline
	note "$(($(migrated) - before)) THPs"
	check "and the THPs go elsewhere" test $(($(migrated) - before)) -ge 64
	node_comes_back

	keep kept -c -m -b 1 128
	soon grep -qx filled /tmp/kept
	$dm suspend area
	kill -USR1 "$kept"
	soon lines out 1 /tmp/kept
	writeback=$(awk '$1 == "nr_writeback" { print $2 }' /proc/vmstat)
	note "under writeback: $writeback pages"
	check "THPs of node 1 are under writeback" test "$writeback" -ge 16384
	before=$(migrated)
	each_block offline & pid=$!
	sleep 3
	check "its blocks wait for that" kill -0 $pid
	check "which goes on" $dm resume area
	wait $pid
	check "and the blocks go" test $? -eq 0
	check "and the THPs go elsewhere" test $(($(migrated) - before)) -ge 64
	node_comes_back

	$areas work -t 2 -b 2 -n "${NUMA_SECONDS:-20}" 64 >/tmp/work & pid=$!
	soon grep -q working /tmp/work
	end=$((SECONDS + ${NUMA_SECONDS:-20}))
	while ((SECONDS < end)); do
		each_block offline >/tmp/block 2>&1 || { note "$(cat /tmp/block)"; rounds=-1; break; }
		each_block online_movable || break
		rounds=$((rounds + 1))
	done
	note "$rounds times"
	check "blocks go and come back while THPs go out and come back" test $rounds -ge 1
	wait $pid
	check "they are as they were" test $? -eq 0
	note "$(cat /tmp/work)"
	check "and some of them had to go elsewhere" test "$(value thp_migration_success /tmp/work)" -gt "$(value moved /tmp/work)"

	if [[ ! -e /proc/sys/kernel/numa_balancing ]]; then
		echo "skipped: the kernel has no NUMA balancing"
	else
		echo 1 >/proc/sys/kernel/numa_balancing
		check "THPs go out and come back with NUMA balancing" eval "$areas work -t 2 -b 2 -n ${NUMA_SECONDS:-20} 64 >/tmp/work"
		note "$(cat /tmp/work)"
		check "which had something to do" eval \
			"(( $(value numa_hint_faults /tmp/work) > 0 && $(value numa_pages_migrated /tmp/work) > 0 ))"
		check "while THPs went out whole" test "$(value thp_swpout_pmd /tmp/work)" -ge 20
		echo 0 >/proc/sys/kernel/numa_balancing
	fi
	((!fixed)) || check "what stood in the way ends" gone filler
	area_ends
}

for part; do
	echo "# part $part"
	"part_$part"
done
exit "$failed"
