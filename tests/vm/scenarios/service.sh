#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The service as systemd and the bus see it: who may do what, how it idles, what it takes, how it comes back.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

bus=org.pmdswapd1 object=/org/pmdswapd1
manager=$bus.Manager statistics=$bus.Statistics
nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
call() { busctl --system call $bus $object "$@"; }
# The bus refuses a call, or the daemon does.
refuses() { ! "$@" >/tmp/refusal 2>&1 && grep -qiE "rejected send message|only root may|access denied" /tmp/refusal; }
main_pid() { systemctl show -P MainPID pmdswapd; }
property() { systemctl show -P "$1" pmdswapd; }
has_property() { [[ $(property "$1") == "$2" ]] || { property "$1"; return 1; }; }

conf <<-END
	[policy a]
	unit = a.service
	mode = pmd
END
check "the service starts" fresh_daemon
service a
check "the policy is applied" soon is "$(live_max /system.slice/a.service)" 0

check "busctl shows the interfaces" bash -c "
	busctl introspect $bus $object >/tmp/introspection &&
	grep -q '^$manager  *interface' /tmp/introspection && grep -q '^$statistics  *interface' /tmp/introspection"
for member in 'Reload method - ta(ss)' 'Restore method - ta(ss)' 'ListCgroups method - a(ssssa(sss)sa{st}s)' \
	'ListProcesses method - tsa(utssba{st})' 'LastReload property (btta(ss))' 'Version property s'; do
	check "and $member" grep -qF ".$member" <(tr -s ' ' </tmp/introspection)
done
check "others than root read properties" nobody busctl get-property $bus $object $manager Version
check "and all of them" nobody busctl call $bus $object org.freedesktop.DBus.Properties GetAll s $manager
check "and the cgroups" nobody busctl call $bus $object $manager ListCgroups
check "and statistics" nobody busctl call $bus $object $statistics ListCgroups
for method in "$manager Reload" "$manager Restore" "$statistics ListProcesses"; do
	check "and may not: $method" refuses nobody busctl call $bus $object ${method% *} "${method#* }"
done
check "the policy is as it was" is "$(live_max /system.slice/a.service)" 0
check "root reloads" call $manager Reload
check "root looks at processes" call $statistics ListProcesses
check "root restores" call $manager Restore
check "and the original is back" soon is "$(live_max /system.slice/a.service)" max
check "until a reload" call $manager Reload
check "which applies the policy" soon is "$(live_max /system.slice/a.service)" 0

journalctl --update-catalog
check "the journal explains itself" bash -c 'journalctl -u pmdswapd -x --no-pager | grep -q "Subject: The configuration was applied"'
check "and finds changes of a unit" bash -c 'journalctl --no-pager -o cat PMDSWAPD_UNIT=a.service | grep -q memory.zswap.max'

check "it starts after swap" grep -qw swap.target <(property After)
check "it is never swapped itself" is "$cgroups/system.slice/pmdswapd.service/memory.swap.max" 0
check "systemd knows its watchdog" has_property WatchdogUSec 30s
exposure() {
	local tenths
	tenths=$(systemd-analyze security --offline=true /usr/lib/systemd/system/pmdswapd.service --no-pager |
		sed -n 's/.*Overall exposure level.*: \([0-9]*\)\.\([0-9]\).*/\1\2/p')
	echo "exposure is ${tenths:-unknown} tenths"
	[[ $tenths ]] && ((10#$tenths <= 13))
}
check "it is no more exposed than 1.3" exposure

# An idle daemon wakes for its watchdog only: every 15 to 23 seconds.
wakeups() { awk '/^voluntary_ctxt_switches/ { print $2 }' "/proc/$(main_pid)/status"; }
# Whatever else goes on in the guest does not go on for ever.
idles() {
	local before
	before=$(wakeups)
	sleep 40
	echo "woken $(($(wakeups) - before)) times in 40 s"
	(($(wakeups) - before <= 6))
}
sleep 5
check "idle it wakes for the watchdog only" eval "idles || idles || idles"

# 1,000 cgroups and 100 policies.
mkdir -p $cgroups/many
echo +memory >$cgroups/cgroup.subtree_control
echo +memory >$cgroups/many/cgroup.subtree_control
for i in $(seq 1000); do mkdir "$cgroups/many/c$i"; done
{
	for i in $(seq 99); do printf '[policy p%s]\nunit = x%s-*.service\nmode = pmd\n' "$i" "$i"; done
	printf '[policy all]\ncgroup = /many/*\nmode = pmd\npriority = -1\n'
} | conf
check "reload with 1,000 cgroups and 100 policies" systemctl reload pmdswapd
check "the last has its policy" is "$(live_max /many/c1000)" 0
resident() { awk '/^VmRSS/ { print $2 }' "/proc/$(main_pid)/status"; }
rest=$(resident)
own=$(awk '/^RssAnon/ { print $2 }' "/proc/$(main_pid)/status")
echo "# resident $rest KiB, $own KiB of it its own"
# What the libraries of a release take is not up to it.
check "of memory of its own less than 2 MiB is resident" [ "$own" -lt 2048 ]
check "and with libraries less than 5 MiB" [ "$rest" -lt 5120 ]
start=$(date +%s%3N)
check "statistics of them" bash -c "pmdswapctl stats --json | jq -e '.cgroups | length == 1000'"
echo "# took $(($(date +%s%3N) - start)) ms, resident $(resident) KiB"
check "of the memory for that less than 512 KiB stays resident" [ $(($(resident) - rest)) -lt 512 ]
conf </dev/null
check "reload without them" systemctl reload pmdswapd
rmdir $cgroups/many/c[0-9]* $cgroups/many

# Without a system bus.
systemctl stop dbus.socket dbus.service
check "it starts without a bus" systemctl restart pmdswapd
check "and says so" said "There is no system bus, so $bus is not on it until there is one"
check "pmdswapctl works without a bus" pmdswapctl status
on_bus() { busctl get-property $bus $object $manager Version; }
check "it is not on a bus" not on_bus
systemctl start dbus.socket dbus.service
check "it gets onto a bus that comes" soon on_bus
check "and says so" said "There is a system bus now"
check "where it takes calls" call $manager Reload
systemctl restart dbus.service
check "it gets onto a bus that comes again" soon on_bus
systemctl stop dbus.socket dbus.service
sleep 3
systemctl start dbus.socket dbus.service
check "and after a while without one" soon on_bus
check "it starts with a bus" systemctl restart pmdswapd
check "and is on it" soon on_bus

# A daemon that hangs is replaced.
restarts=$(property NRestarts)
kill -STOP "$(main_pid)"
patience=$((3 * patience)) check "a daemon that hangs is replaced" soon has_property NRestarts $((restarts + 1))
check "and works" soon pmdswapctl status
systemctl stop a
scenario_end
