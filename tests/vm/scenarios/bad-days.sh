#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# What an engineer on call meets: a full /run, cgroups that cannot be written, names that are aliases, limits that the
# kernel rounds, stops and reloads at the wrong moment.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

echo +memory >$cgroups/cgroup.subtree_control
mkdir -p $cgroups/box
echo +memory >$cgroups/box/cgroup.subtree_control
mkdir -p $cgroups/box/a
conf </dev/null
check "the service starts" fresh_daemon

# A unit by another name, as mysql.service is mariadb.service on Debian.
printf '[Service]\nMemoryAccounting=yes\nExecStart=sleep infinity\n' >/run/systemd/system/real.service
ln -sf real.service /run/systemd/system/other.service
systemctl daemon-reload
conf <<-END
	[policy alias]
	unit = other.service
	mode = pmd
END
check "an alias is reported" bash -c \
	'pmdswapctl reload 2>&1 | grep -q "/etc/pmdswapd.conf:2: unit = other.service is another name of real.service"'
check "verify is not content with it" not pmdswapctl verify
check "and the unit has no property that nobody would give back" property_is real.service infinity
systemctl start real
check "nor a limit" is "$(live_max /system.slice/real.service)" max
check "explain tells which unit it is" bash -c 'pmdswapctl explain other.service | grep -q "^Unit:  *real.service$"'
systemctl stop real
rm /run/systemd/system/{real,other}.service
systemctl daemon-reload

# The kernel counts pages.
service a
limit() {
	printf '[policy a]\nunit = a.service\ncgroup = /box/a\nmode = zswap\nzswap-max = %s\n' "$1" | conf
	pmdswapctl reload
}
a=/system.slice/a.service
check "a limit that is not whole pages" limit 1000000
check "is rounded for a unit" soon is "$(live_max $a)" 999424
check "and a cgroup" is "$(live_max /box/a)" 999424
check "status is content" pmdswapctl status
check "nothing is left to do" bash -c 'pmdswapctl plan | grep -qx "A reload would make 0 changes"'
systemctl daemon-reload
sleep 0.5
check "also after a daemon-reload" soon bash -c 'pmdswapctl plan | grep -qx "A reload would make 0 changes"'
check "another one" limit 2000000
check "is no override" soon is "$(live_max $a)" 1998848
check "nor in the status" pmdswapctl status
check "the largest one" limit 9223372036854775807
check "is none to the kernel" soon is "$(live_max /box/a)" max
check "and for a unit" soon is "$(live_max $a)" max
check "and as wanted" pmdswapctl status
limit 64M >/dev/null
check "reload without the policy" bash -c ': >/etc/pmdswapd.conf && pmdswapctl reload'
check "gives back a cgroup" is "$(live_max /box/a)" max
check "and a unit" soon is "$(live_max $a)" max
check "whose property says so" property_is a.service infinity

# Without room for the originals nothing is changed.
size=$(findmnt -nbo SIZE /run)
fill_run() {
	mount -o remount,size=$(($(df -B1 --output=used /run | tail -n 1) + 65536)) /run
	! dd if=/dev/zero of=/run/full bs=4096 status=none
}
printf '[policy box]\ncgroup = /box/*\nmode = pmd\n' | conf
check "/run is full" fill_run
check "a reload then fails" not eval "pmdswapctl reload >/tmp/reload 2>&1"
sed 's/^/# /' /tmp/reload
check "says why" grep -q "Cannot save the original values in /run/pmdswapd/state: No space left on device" /tmp/reload
check "and changes nothing" is "$(live_max /box/a)" max
check "status tells" bash -c "pmdswapctl status | grep -q '^failed .*/box/a'"
mount -o remount,size="$size" /run
rm /run/full
check "with room again it is applied on its own" soon is "$(live_max /box/a)" 0
check "and can be undone" pmdswapctl restore
check "to what was there" is "$(live_max /box/a)" max

# A sandbox of somebody else's making: nothing can be written.
mkdir -p /run/systemd/system/pmdswapd.service.d
printf '[Service]\nProtectControlGroups=yes\n' >/run/systemd/system/pmdswapd.service.d/readonly.conf
systemctl daemon-reload
systemctl restart pmdswapd
check "cgroups that are read-only are reported" bash -c "pmdswapctl status | grep -q '^failed .*/box/a'"
check "with the reason" said "/box/a: memory.zswap.max max -> 0 (policy box): failed: Read-only file system"
rm -r /run/systemd/system/pmdswapd.service.d
systemctl daemon-reload
systemctl restart pmdswapd
check "writable again they have their policy" soon is "$(live_max /box/a)" 0

# Too few watches for all cgroups: looking again and again has to do.
watches=$(</proc/sys/fs/inotify/max_user_watches)
echo 1 >/proc/sys/fs/inotify/max_user_watches
systemctl restart pmdswapd
check "a lack of watches is reported" said "(raise the sysctl fs.inotify.max_user_watches)"
mkdir $cgroups/box/unseen
check "a new cgroup has its policy all the same" soon is "$(live_max /box/unseen)" 0
echo 8192 >"$(live_max /box/unseen)"
check "and has it again" soon is "$(live_max /box/unseen)" 0
echo "$watches" >/proc/sys/fs/inotify/max_user_watches
has_watches() { (($(cat "/proc/$(systemctl show -P MainPID pmdswapd)"/fdinfo/* | grep -c '^inotify ') > 4)); }
check "with enough of them it takes them" soon has_watches
mkdir $cgroups/box/seen
check "and sees what is new" soon is "$(live_max /box/seen)" 0
rmdir $cgroups/box/seen $cgroups/box/unseen

# Stops and reloads at the wrong moment.
for i in $(seq 40); do
	mkdir $cgroups/box/k$i
	limited_service k$i 32
done
with_many() {
	printf '[daemon]\nrestore = %s\n[policy k]\nunit = k*.service\ncgroup = /box/*\nmode = pmd\n' "$1" | conf
}
all_are() {
	local live
	live=$(cat $cgroups/box/k*/memory.zswap.max $cgroups/system.slice/k*.service/memory.zswap.max | sort -u | paste -sd ' ')
	[[ $live == "$1" ]] || { echo "there are: $live"; return 1; }
}
# The daemon must have begun with the reload when it is stopped: before, it has the settings of the last one.
one_is_set() {
	cat $cgroups/box/k*/memory.zswap.max | grep -qx 0
}
conf </dev/null
check "a reload without a policy gives everything back" pmdswapctl reload
check "to what was there" soon all_are "$((32 << 20)) max"
with_many on-stop
pmdswapctl reload >/dev/null 2>&1 &
check "the next reload is on its way" soon one_is_set
systemctl stop pmdswapd
wait
check "a stop in the middle of a reload gives everything back" soon all_are "$((32 << 20)) max"
systemctl start pmdswapd
check "a start applies it" soon all_are 0
systemctl stop pmdswapd &
for _ in $(seq 20); do pmdswapctl reload >/dev/null 2>&1; done
wait
check "reloads in the middle of a stop change nothing" soon all_are "$((32 << 20)) max"
check "and nothing is left in the record" bash -c 'pmdswapctl restore | grep -q "Given back: 0 changes\|Nothing to give back"'
with_many never
systemctl start pmdswapd
check "the daemon is back" soon all_are 0
pid=$(systemctl show -P MainPID pmdswapd)
for _ in $(seq 200); do kill -HUP "$pid"; done &
jobs=($!)
for _ in $(seq 10); do pmdswapctl reload >/dev/null & jobs+=($!); done
for _ in $(seq 3); do systemctl reload pmdswapd & jobs+=($!); done
for i in $(seq 100); do mkdir $cgroups/box/short$i; rmdir $cgroups/box/short$i; done
lost=0
for job in "${jobs[@]}"; do wait "$job" || lost=$((lost + 1)); done
check "a storm of SIGHUP and reloads: all are answered" [ $lost -eq 0 ]
check "by the same daemon" [ "$(systemctl show -P MainPID pmdswapd)" = "$pid" ]
check "and the system is as configured" soon pmdswapctl verify
check "restore" pmdswapctl restore
check "gives everything back" soon all_are "$((32 << 20)) max"
for i in $(seq 40); do
	systemctl stop k$i
	rmdir $cgroups/box/k$i
done
systemctl stop a
conf </dev/null
pmdswapctl reload >/dev/null
rmdir $cgroups/box/a $cgroups/box
scenario_end
