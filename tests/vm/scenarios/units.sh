#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Units that are not running yet, restarts, delegated scopes and user managers.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# A unit that notes what its first process sees.
unit() {
	cat >"/run/systemd/system/$1" <<-END
		[Service]
		MemoryAccounting=yes
		ExecStart=sh -c 'cat /sys/fs/cgroup\$(cut -d: -f3 /proc/self/cgroup)/memory.zswap.max >/run/seen-$1; exec sleep infinity'
		$2
	END
}
seen() { is "/run/seen-$1" "$2"; }
rm -f /run/seen-*
unit early.service
unit far.service Slice=far-away.slice
systemctl daemon-reload
conf </dev/null
check "the service starts" fresh_daemon

conf <<-END
	[policy early]
	unit = early.service
	unit = far.service
	unit = new.service
	unit = idle.slice
	unit = nowhere.service
	mode = pmd
END
check "plan has the units that are stopped" bash -c 'pmdswapctl plan | grep -c "^\(early.service\|far.service\|idle.slice\) " | grep -qx 3'
check "reload" bash -c 'pmdswapctl reload | grep -q ": 3 changes, 0 failed"'
check "nothing is left to do" bash -c 'pmdswapctl plan | grep -qx "A reload would make 0 changes"'
check "stopped units stay stopped" bash -c '[[ $(systemctl is-active early.service) == inactive ]]'
systemctl start early.service far.service
check "its first process has the policy" soon 2000 seen early.service 0
check "in another slice as well" soon 2000 seen far.service 0
service inside --slice=idle.slice
check "a slice has it when it comes" is "$(live_max /idle.slice)" 0
check "status is content" soon 2000 pmdswapctl status
rm /run/seen-*
systemctl restart early.service
check "a restart has it from the start" soon 2000 seen early.service 0
unit new.service
systemctl daemon-reload
sleep 1
systemctl start new.service
check "a unit that is made later has it from the start" soon 2000 seen new.service 0
systemctl daemon-reexec
sleep 2
rm /run/seen-*
systemctl restart far.service
check "after daemon-reexec it has it from the start" soon 2000 seen far.service 0

systemctl stop far.service
conf </dev/null
check "reload without the policy" pmdswapctl reload
systemctl start far.service
check "a unit that was stopped starts without it" soon 2000 seen far.service max
check "one that runs is given it back" is "$(live_max /system.slice/early.service)" max
systemctl stop early.service far.service new.service inside.service

# A scope whose manager does what it likes below it.
systemd-run --quiet --scope --unit=box -p Delegate=yes sh -c '
	cd /sys/fs/cgroup/system.slice/box.scope
	mkdir manager payload
	echo $$ >manager/cgroup.procs
	echo +memory >cgroup.subtree_control
	exec sleep infinity' &
check "a delegated scope" soon 5000 test -e "$(live_max /system.slice/box.scope/payload)"
conf <<-END
	[policy scope]
	unit = box.scope
	mode = zswap
	zswap-max = 64M
	[policy payload]
	cgroup = /system.slice/box.scope/payload
	mode = zswap
	zswap-max = 32M
END
check "reload" pmdswapctl reload
check "the scope has its policy" is "$(live_max /system.slice/box.scope)" $((64 << 20))
check "what is named below it as well" is "$(live_max /system.slice/box.scope/payload)" $((32 << 20))
check "what is not named has none" is "$(live_max /system.slice/box.scope/manager)" max
systemctl daemon-reload
sleep 0.5
check "daemon-reload leaves it" is "$(live_max /system.slice/box.scope/payload)" $((32 << 20))
check "and the scope" is "$(live_max /system.slice/box.scope)" $((64 << 20))
conf </dev/null
check "reload without" pmdswapctl reload
check "the payload has its original back" is "$(live_max /system.slice/box.scope/payload)" max
systemctl stop box.scope

# A user manager owns what is below it.
if systemctl start user@0.service 2>/dev/null; then
	user=/user.slice/user-0.slice/user@0.service
	conf <<-END
		[policy user]
		unit = user@*.service
		mode = pmd
	END
	check "reload" pmdswapctl reload
	check "a user manager has its policy" is "$(live_max $user)" 0
	check "what is below it is its own" bash -c "! pmdswapctl list --full | grep -q '$user/'"
	check "and has it all the same" bash -c \
		"pmdswapctl explain $user/init.scope | grep -q 'memory.zswap.max .* $user$'"
	conf </dev/null
	check "reload without" pmdswapctl reload
	check "the user manager has its original back" is "$(live_max $user)" max
	systemctl stop user@0.service
else
	echo "ok user managers # SKIP user@0.service does not start here"
fi
rm -f /run/systemd/system/{early,far,new}.service
systemctl daemon-reload
scenario_end
