#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# What was there before can be given back: by the daemon, without it, by hand, and after a kill at any time.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

data=/system.slice/data.service
policies() {
	conf <<-END
		[kernel]
		zswap-max-pool-percent = 33
		[policy data]
		unit = data*.service
		cgroup = /box/*
		mode = pmd
	END
}
conf </dev/null
check "the service starts" fresh_daemon
limited_service data 64
service data2
echo +memory >$cgroups/cgroup.subtree_control
mkdir -p $cgroups/box
echo +memory >$cgroups/box/cgroup.subtree_control
mkdir -p $cgroups/box/a
policies
check "plan tells what a reload changes" bash -c 'pmdswapctl plan | grep -qx "A reload would make 4 changes"'
check "reload" bash -c 'pmdswapctl reload | grep -q ": 4 changes, 0 failed"'
check "verify is content" pmdswapctl verify
check "the policy is applied" is "$(live_max $data)" 0
check "others than root may plan" setpriv --reuid=65534 --clear-groups pmdswapctl plan
check "and verify" setpriv --reuid=65534 --clear-groups pmdswapctl verify
check "and list" setpriv --reuid=65534 --clear-groups pmdswapctl list
check "and explain" setpriv --reuid=65534 --clear-groups pmdswapctl explain data.service
check "and print what restore would do" setpriv --reuid=65534 --clear-groups pmdswapctl restore --print
check "and not restore" bash -c 'setpriv --reuid=65534 --clear-groups pmdswapctl restore; (($? == 4))'
check "list shows the unit" bash -c 'pmdswapctl list | grep -qE "^data.service +data +0 +0 .*exclusive"'
check "explain says where the policy is from" bash -c \
	'pmdswapctl explain data.service | grep -q "unit = data\*.service (/etc/pmdswapd.conf:4)"'

check "restore" pmdswapctl restore
check "a unit has its own limit again" is "$(live_max $data)" $((64 << 20))
check "one without is free again" is "$(live_max /system.slice/data2.service)" max
check "a cgroup as well" is "$(live_max /box/a)" max
check "the kernel as well" is $zswap/max_pool_percent 20
systemctl daemon-reload
sleep 0.5
check "daemon-reload leaves it so" soon is "$(live_max $data)" $((64 << 20))
check "and the daemon, which says so" bash -c 'pmdswapctl status | grep -q ^Suspended'
mkdir $cgroups/box/b
sleep 0.3
check "a new cgroup is left alone" is "$(live_max /box/b)" max
check "until a reload" pmdswapctl reload
check "which applies it" is "$(live_max /box/b)" 0
check "to units as well" is "$(live_max $data)" 0

systemctl stop pmdswapd
echo 8192 >"$(live_max /box/b)"
check "others than root may not restore without the daemon" \
	bash -c 'setpriv --reuid=65534 --clear-groups pmdswapctl restore; (($? == 4))'
check "the commands leave out what somebody else changed" bash -c \
	'pmdswapctl restore --print | grep -q "^# /box/b: memory.zswap.max was changed by somebody else"'
check "the commands work" bash -c 'pmdswapctl restore --print | sh -e'
check "for a unit" property_is data.service $((64 << 20))
check "and its cgroup" soon is "$(live_max $data)" $((64 << 20))
check "and a cgroup" is "$(live_max /box/a)" max
check "and the kernel" is $zswap/max_pool_percent 20
check "nothing is left to restore" bash -c 'pmdswapctl restore | grep -qx "Given back: 0 changes, 0 failed"'
check "somebody else's value is still there" is "$(live_max /box/b)" 8192
# To systemd what was set by hand is an administrator's.
rm -f /run/systemd/{system.control,transient}/*.d/50-MemoryZSwap*.conf
systemctl daemon-reload
rmdir $cgroups/box/b

systemctl start pmdswapd
check "a start applies the policy again" is "$(live_max $data)" 0
systemctl stop pmdswapd
check "restore without the daemon" pmdswapctl restore
check "gives back a unit" is "$(live_max $data)" $((64 << 20))
check "whose property says so" property_is data.service $((64 << 20))
check "and a cgroup" is "$(live_max /box/a)" max
systemctl daemon-reload
sleep 0.5
check "daemon-reload leaves it so" soon is "$(live_max $data)" $((64 << 20))

# Nobody can tell PID 1 of it while the bus does not answer. What PID 1 keeps until then stays the daemon's own.
systemctl start pmdswapd
systemctl stop pmdswapd
bus=$(systemctl show -P MainPID dbus) has_limit=''
pid1_has_limit && has_limit=yes
kill -STOP "$bus"
if [[ $has_limit ]]; then
	check "restore says that it has no connection to PID 1" bash -c \
		"! pmdswapctl restore >/tmp/restore 2>&1 && grep -q 'data.service: memory.zswap.max .*failed: no connection to PID 1' /tmp/restore"
	check "and leaves the unit as it is" is "$(live_max $data)" 0
else
	check "restore needs no connection to PID 1" pmdswapctl restore
	check "and gives back a unit" is "$(live_max $data)" $((64 << 20))
fi
check "a cgroup is given back in any case" is "$(live_max /box/a)" max
kill -CONT "$bus"
systemctl start pmdswapd
check "a start applies the policy to all again" soon pmdswapctl verify
systemctl stop pmdswapd

# Killed while it changes many things, it loses nothing.
for i in $(seq 30); do mkdir $cgroups/box/k$i; limited_service k$i 32; done
sed -i 's/^unit = .*/&\nunit = k*.service/' /etc/pmdswapd.conf
systemctl start pmdswapd
for round in 1 2 3 4 5 6 7 8; do
	if ((round % 2)); then pmdswapctl restore >/dev/null 2>&1 & else pmdswapctl reload >/dev/null 2>&1 & fi
	sleep 0.0$((round * 3))
	kill_daemon
	wait $!
	# So many starts in so short a time are too many for systemd.
	systemctl reset-failed pmdswapd
	if ! soon pmdswapctl verify >/dev/null; then
		echo "# not in line after round $round; of data.service there are the record and what PID 1 keeps:"
		grep -hF data.service /run/pmdswapd/state | sed 's/^/# /'
		grep -H . /run/systemd/{system.control,transient}/data.service.d/*.conf 2>/dev/null | sed 's/^/# /'
		ls /run/pmdswapd | sed 's/^/# /'
	fi
done
check "after each kill it came back and applied everything" soon pmdswapctl verify
kill_daemon
systemctl stop pmdswapd
check "restore after that" pmdswapctl restore
check "gives back every cgroup" bash -c "[[ \$(cat $cgroups/box/k*/memory.zswap.max | sort -u) == max ]]"
check "and every unit" bash -c \
	"[[ \$(cat $cgroups/system.slice/k*.service/memory.zswap.max | sort -u) == $((32 << 20)) ]]"
check "and the first one" is "$(live_max $data)" $((64 << 20))

for i in $(seq 30); do systemctl stop k$i; rmdir $cgroups/box/k$i; done
systemctl stop data data2
rmdir $cgroups/box/a $cgroups/box
scenario_end
