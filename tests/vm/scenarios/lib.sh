# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For the scenarios beside it, which run as root in a guest with the daemon installed, and end with "scenario_end".

set -u
# shellcheck source=tests/lib/check.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../lib/check.sh"
cgroups=/sys/fs/cgroup
knob=/sys/kernel/mm/transparent_hugepage/swap_pmd
zswap=/sys/module/zswap/parameters
# A kernel that checks itself takes its time.
[[ ! -e /proc/lockdep ]] || patience=$((10 * patience))
journalctl --sync
# What the daemon said before this scenario is of another one.
began=$(journalctl -q -n 1 --show-cursor | sed -n 's/^-- cursor: //p')

# Write the configuration from standard input.
conf() {
	cat >/etc/pmdswapd.conf
}

journal() {
	journalctl --no-pager -o cat -u pmdswapd ${began:+--after-cursor="$began"} "$@"
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
	soon systemctl is-active pmdswapd >/dev/null
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
