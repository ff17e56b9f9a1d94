# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the scripts that compile the kernel share: the sources that they compile, and make with its
# progress. Sourced, after scripts/host.sh and kernel/source.sh.

# shellcheck disable=SC2154 # repository, applied, cache and prog are set by those two

# update_source DIR FLAVOUR: make DIR the base, or base and series. The flavours of the base have a work tree of
# their own, so that building them does not make the others rebuild.
update_source() {
	local source=$1 flavour=$2 wanted
	exec 6>"$source.lock"
	flock 6
	need_space "$source" 4000 "a work tree and the objects of the kernel"
	base_repository
	if [[ -e $source && $(plain_git -C "$source" rev-parse base 2>/dev/null) != \
		$(plain_git --git-dir="$repository" rev-parse base) ]]; then
		rm -rf "$source"
	fi
	if [[ ! -e $source ]]; then
		rm -rf "$source.part"
		clone_base "$source.part"
		mv "$source.part" "$source"
	fi
	if [[ $flavour == *base ]]; then
		wanted=base
	else
		apply_series "$source"
		wanted=$applied
	fi
	[[ -f $source/Kbuild ]] || say "writing the sources to $source"
	plain_git -C "$source" checkout --quiet --force --detach "$wanted"
	exec 6>&-
}

# A build that follows a fresh clone elsewhere should find its objects again:
# paths are relative to the directory of the objects.
prepare_make() {
	make_cache ccache
	export CCACHE_DIR=$cache/ccache CCACHE_BASEDIR=/ CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-6G}
	export KBUILD_BUILD_USER=pmdswap KBUILD_BUILD_HOST=localhost KBUILD_BUILD_VERSION=1
	export KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 2026'
}

# minutes_for STEPS MS JOBS: how long so many steps take, of MS milliseconds each on a slow machine, with what else this one
# has to do at present. Rounded up.
minutes_for() {
	local steps=$1 ms=$2 jobs=$3 load
	read -r load _ </proc/loadavg
	awk -v steps="$steps" -v ms="$ms" -v jobs="$jobs" -v load="$load" -v cpus="$(nproc)" 'BEGIN {
		share = cpus / (load + jobs)
		print int(steps * ms / (jobs * (share < 1 ? share : 1)) / 60000) + 1 }'
}

# show_progress NAME [MEMORY]: pass the output of make on, and show every few seconds how far it has come
# and how long the rest will take at this speed. The number of steps of a full build is remembered in the file
# MEMORY; without it, and when little has to be rebuilt, there is neither.
show_progress() {
	local name=$1 memory=${2-} total=0 line count=0 start=$SECONDS last=$SECONDS every=10 end='\n'
	[[ -t 2 ]] && every=1 end='\r'
	[[ $memory && -r $memory ]] && total=$(<"$memory")
	while IFS= read -r line; do
		printf '%s\n' "$line"
		[[ $line =~ ^\ \ [A-Z0-9_]+\  ]] || continue
		count=$((count + 1))
		if ((SECONDS - last >= every)); then
			last=$SECONDS
			if ((total > count)); then
				printf "$prog: %s: %d%%, %d of about %d steps, %d s, about %d min to go$end" "$name" \
					$((count * 100 / total)) "$count" "$total" $((SECONDS - start)) \
					$(((SECONDS - start) * (total - count) / count / 60 + 1)) >&2
			else
				printf "$prog: %s: %d steps, %d s$end" "$name" "$count" $((SECONDS - start)) >&2
			fi
		fi
	done
	if [[ $memory ]]; then echo "$count" >"$memory"; fi
}

# run_make NAME LOG MEMORY COMMAND...: run make with its output in LOG, MEMORY as for show_progress.
# In a process group of its own, so that all of make ends with this script.
run_make() {
	local name=$1 log=$2 memory=$3 running status=0
	shift 3
	set -m
	{ "$@" 2>&1 | show_progress "$name" "$memory" >"$log"; } &
	running=$!
	set +m
	# shellcheck disable=SC2064 # this process group, not one of later
	trap "kill -- -$running 2>/dev/null || true" EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	wait "$running" || status=$?
	trap - EXIT INT TERM
	((status)) || return 0
	grep -E -m 20 'error: |undefined reference|No rule to make target|No space left on device' "$log" >&2 ||
		tail -n 20 "$log" >&2
	return "$status"
}
