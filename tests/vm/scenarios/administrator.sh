#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Whoever administers the machine has the last word.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

a=/system.slice/a.service
with_policy() {
	conf <<-END
		[daemon]
		on-drift = ${1:-reapply}
		restore = ${2:-never}
		[policy a]
		unit = a*.service
		cgroup = /box
		mode = pmd
	END
}
with_policy
check "the service starts" fresh_daemon
service a
check "the policy is applied" soon is "$(live_max $a)" 0

if pid1_has_limit; then
	systemctl set-property --runtime a.service MemoryZSwapMax=32M
	check "set-property is reported" soon said "memory.zswap.max = $((32 << 20)) was set with \"systemctl set-property\" and is left alone"
	check "and wins" is "$(live_max $a)" $((32 << 20))
	check "status says overridden" bash -c 'pmdswapctl status | grep -q "^overridden .*a.service"'
	check "a reload does not fight it" pmdswapctl reload
	check "it stays" is "$(live_max $a)" $((32 << 20))
	systemctl restart pmdswapd
	check "a restart does not fight it" is "$(live_max $a)" $((32 << 20))
	check "a policy that goes leaves it alone" bash -c ': >/etc/pmdswapd.conf; pmdswapctl reload'
	check "as it was" is "$(live_max $a)" $((32 << 20))
else
	check "systemd 252 has no property to set" not systemctl set-property --runtime a.service MemoryZSwapMax=32M
	systemctl daemon-reload
	sleep 0.5
	check "and leaves the policy alone" soon is "$(live_max $a)" 0
fi
systemctl stop a

# A unit with a file of its own, and a set-property that lasts.
cat >/run/systemd/system/a2.service <<-END
	[Service]
	ExecStart=sleep infinity
END
systemctl daemon-reload
systemctl start a2
with_policy
check "reload" pmdswapctl reload
check "the policy is applied to a unit file" is "$(live_max /system.slice/a2.service)" 0
systemctl restart a2
if pid1_has_limit; then
	check "it is there from the start after a restart" is "$(live_max /system.slice/a2.service)" 0
	systemctl set-property a2.service MemoryZSwapMax=16M
	check "a lasting set-property is reported" soon said "memory.zswap.max = $((16 << 20)) was set with"
	check "and wins" is "$(live_max /system.slice/a2.service)" $((16 << 20))
	check "reload with it" pmdswapctl reload
	check "it still wins" is "$(live_max /system.slice/a2.service)" $((16 << 20))
	systemctl revert a2.service
	systemctl daemon-reload
	check "after revert the policy is back" soon is "$(live_max /system.slice/a2.service)" 0
else
	check "it is there soon after a restart" soon is "$(live_max /system.slice/a2.service)" 0
fi

# Stopped units are given back what they had, too.
systemctl stop a2
conf </dev/null
check "reload without a policy" pmdswapctl reload
systemctl start a2
check "a unit that was stopped starts without it" soon is "$(live_max /system.slice/a2.service)" max

# Values that others wrote since are not taken for ours.
mkdir -p $cgroups/box
with_policy warn
check "reload with on-drift = warn" pmdswapctl reload
check "the cgroup has its policy" is "$(live_max /box)" 0
echo 8192 >"$(live_max /box)"
check "another value is reported" soon said "/box was changed from 0 to 8192 by somebody else"
check "and left" is "$(live_max /box)" 8192
conf </dev/null
check "the policy goes" pmdswapctl reload
check "the other value still stays" is "$(live_max /box)" 8192

with_policy reapply on-stop
check "reload with restore = on-stop" pmdswapctl reload
check "policy applied" is "$(live_max /box)" 0
systemctl stop pmdswapd
check "given back at the stop" is "$(live_max /box)" 8192
check "units too" is "$(live_max /system.slice/a2.service)" max

with_policy
systemctl start pmdswapd
check "policy applied again" is "$(live_max /box)" 0
systemctl stop pmdswapd
check "by default a stop gives nothing back" is "$(live_max /box)" 0
conf </dev/null
systemctl start pmdswapd
check "a start without the policy gives back what the last run changed" is "$(live_max /box)" 8192
systemctl stop a2
rm /run/systemd/system/a2.service
systemctl daemon-reload
rmdir $cgroups/box
scenario_end
