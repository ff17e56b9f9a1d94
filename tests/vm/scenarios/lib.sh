# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For the scenarios beside it, which run as root in a guest with the daemon installed. Each check is one line of output,
# "ok NAME" or "not ok NAME"; "scenario_end" ends with status 1 if any was not ok.

set -u
cgroups=/sys/fs/cgroup
knob=/sys/kernel/mm/transparent_hugepage/swap_pmd
zswap=/sys/module/zswap/parameters
failed=0
# A kernel that checks itself takes its time.
slower=1
[[ ! -e /proc/lockdep ]] || slower=10

# check NAME COMMAND...: the command must succeed.
check() {
	local name=$1 output
	shift
	if output=$("$@" 2>&1); then
		echo "ok $name"
	else
		echo "not ok $name"
		printf '# %s\n' "$*" "${output:-(no output)}"
		failed=1
	fi
}

# is FILE VALUE: the first line of a file.
is() {
	local live
	live=$(head -n 1 "$1") || return
	[[ $live == "$2" ]] || { echo "$1 is '$live', not '$2'"; return 1; }
}

# soon MILLISECONDS COMMAND...: the command must succeed within that time.
soon() {
	local end=$(($(date +%s%3N) + $1 * slower))
	shift
	until "$@" >/dev/null 2>&1; do
		if (($(date +%s%3N) > end)); then
			"$@"
			return
		fi
		sleep 0.01
	done
}

# not COMMAND...: the command must fail.
not() {
	! "$@"
}

# Write the configuration from standard input.
conf() {
	cat >/etc/pmdswapd.conf
}

journal() {
	journalctl --no-pager -o cat -u pmdswapd "$@"
}

said() {
	journalctl --sync
	journal | grep -qF -- "$1"
}

# A service that does nothing.
service() {
	systemd-run --quiet --unit="$1" "${@:2}" sleep infinity
}

live_max() {
	echo "$cgroups$1/memory.zswap.max"
}

# systemd 253 and later have a property for the limit, and write it again and again; 252 does not
# touch the file.
pid1_has_limit() {
	busctl get-property org.freedesktop.systemd1 /org/freedesktop/systemd1/unit/_2d_2eslice \
		org.freedesktop.systemd1.Slice MemoryZSwapMax >/dev/null 2>&1
}

# limited_service NAME MIB: a service with a limit of its own.
limited_service() {
	if pid1_has_limit; then
		service "$1" -p MemoryZSwapMax="$2"M
	else
		service "$1" && echo "$2M" >"$(live_max "/system.slice/$1.service")"
	fi
}

# property_is UNIT VALUE: what PID 1 has for the unit, if it has such a thing.
property_is() {
	local value
	pid1_has_limit || return 0
	value=$(systemctl show -P MemoryZSwapMax "$1")
	[[ $value == "$2" ]] || { echo "the property of $1 is '$value', not '$2'"; return 1; }
}

fresh_daemon() {
	systemctl stop pmdswapd 2>/dev/null
	rm -rf /run/pmdswapd /etc/pmdswapd.conf.d
	# Without the record of the daemon its properties would be an administrator's.
	rm -f /run/systemd/{system.control,transient}/*.d/50-MemoryZSwap*.conf
	systemctl daemon-reload
	systemctl reset-failed pmdswapd 2>/dev/null
	systemctl start pmdswapd
}

# kill -9, once it runs: the process 0 of a daemon between two starts would be this script.
kill_daemon() {
	soon 10000 systemctl is-active pmdswapd >/dev/null
	local pid
	pid=$(systemctl show -P MainPID pmdswapd)
	((pid)) && kill -9 "$pid"
}

scenario_end() {
	if ((failed)); then
		journal -n 60 | sed 's/^/# /'
	fi
	exit "$failed"
}
