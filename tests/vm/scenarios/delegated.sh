#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Cgroups that systemd has handed over: a scope as container engines have it, and managers of users.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

box=/system.slice/box.scope
conf </dev/null
check "the service starts" fresh_daemon

# A scope whose manager does what it likes below it, and at first does not pass the memory controller on. In a file, for
# some versions of systemd-run have a meaning for dollar signs.
cat >/run/box <<-'END'
	cd /sys/fs/cgroup/system.slice/box.scope || exit
	mkdir manager payload payload/a payload/b
	echo $$ >manager/cgroup.procs
	read -r _ </run/memory
	echo +memory >cgroup.subtree_control
	echo +memory >payload/cgroup.subtree_control
	exec sleep infinity
END
rm -f /run/memory
mkfifo /run/memory
systemd-run --quiet --scope --unit=box -p Delegate=yes bash /run/box &
check "a delegated scope" soon test -d $cgroups$box/payload/b
conf <<-END
	[policy scope]
	unit = box.scope
	mode = zswap
	zswap-max = 64M
	[policy payload]
	cgroup = /system.slice/*.scope/payload/*
	mode = zswap
	zswap-max = 32M
END
check "reload before the memory controller is there" pmdswapctl reload
check "the scope has its policy" is "$(live_max $box)" $((64 << 20))
check "what is below it lacks the files" bash -c "pmdswapctl status | grep -q '^missing .*/payload/a'"
echo go >/run/memory
check "it has its policy once it has them" soon is "$(live_max $box/payload/a)" $((32 << 20))
check "all of it" soon is "$(live_max $box/payload/b)" $((32 << 20))
check "status is content" soon pmdswapctl status
mkdir $cgroups$box/payload/c
check "what comes has it" soon is "$(live_max $box/payload/c)" $((32 << 20))
mkdir $cgroups$box/payload/c/deeper
check "what no glob reaches has none" bash -c "! pmdswapctl list --full | grep -q deeper"
check "and what is not named either" is "$(live_max $box/manager)" max
check "systemd has no part in it" bash -c "! grep -rqs 33554432 /run/systemd/system.control /run/systemd/transient"
systemctl daemon-reload
sleep 0.5
check "daemon-reload leaves it" soon is "$(live_max $box/payload/a)" $((32 << 20))
check "and the scope" soon is "$(live_max $box)" $((64 << 20))
systemctl daemon-reexec
sleep 2
check "daemon-reexec leaves it" soon is "$(live_max $box/payload/a)" $((32 << 20))
check "and the scope, too" soon is "$(live_max $box)" $((64 << 20))
echo max >"$(live_max $box/payload/a)"
check "what its manager writes is drift" soon is "$(live_max $box/payload/a)" $((32 << 20))
check "and reported as such" said "$box/payload/a was changed from $((32 << 20)) to max by somebody else"
rmdir $cgroups$box/payload/{c/deeper,c,b}
check "what goes is no harm" soon pmdswapctl status

sed -i '/unit = box.scope/,/zswap-max/c unit = box.scope\nmode = pmd' /etc/pmdswapd.conf
check "zswap below pmd does not keep a reload from the rest" pmdswapctl reload
check "both names are said" bash -c \
	"pmdswapctl reload 2>&1 | grep -q '$box/payload/a: .policy [a-z]*. cannot come true: .*.policy scope. (/etc/pmdswapd.conf:1)'"
check "the scope has its policy" is "$(live_max $box)" 0
check "what is below it is reported as blocked" soon bash -c "pmdswapctl status | grep -q '^blocked .*payload/a'"

conf </dev/null
kill_daemon
check "after kill -9 the next start gives back" soon is "$(live_max $box/payload/a)" max
check "also the scope" soon is "$(live_max $box)" max
systemctl stop box.scope
wait

# The manager of a user owns what is below it.
manager=/user.slice/user-1000.slice/user@1000.service
as_user() { setpriv --reuid=1000 --regid=1000 --init-groups env XDG_RUNTIME_DIR=/run/user/1000 "$@"; }
running() { as_user systemctl --user is-active default.target; }
check "a user who may linger" loginctl enable-linger user
check "has a manager" soon running
check "with the memory controller" soon test -e "$(live_max $manager/app.slice)"
conf <<-END
	[policy users]
	unit = user@*.service
	mode = zswap
	zswap-max = 64M
END
check "reload with a policy for managers of users" pmdswapctl reload
check "the manager has it" is "$(live_max $manager)" $((64 << 20))
check "what is below it is its own" bash -c "! pmdswapctl list --full | grep -q '$manager/'"
check "and limited all the same" bash -c "pmdswapctl explain --full $manager/app.slice | grep -q '^memory.zswap.max .* $manager$'"
as_user systemd-run --user --quiet --unit=theirs sleep infinity
check "a service of the user gets none of its own" is "$(live_max $manager/app.slice/theirs.service)" max
check "its reload does not matter" as_user systemctl --user daemon-reload
sleep 0.5
check "to what it has" soon is "$(live_max $manager)" $((64 << 20))
systemctl daemon-reload
sleep 0.5
check "nor does that of PID 1" soon is "$(live_max $manager)" $((64 << 20))
systemctl restart user@1000.service
check "a manager that comes back has it" soon is "$(live_max $manager)" $((64 << 20))
check "the slice of the user has none" is "$(live_max /user.slice/user-1000.slice)" max

conf <<-END
	[policy user]
	unit = user-1000.slice
	mode = pmd
	[policy theirs]
	cgroup = $manager/app.slice
	mode = zswap
END
check "what is named below it counts" not pmdswapctl reload
sed -i 's/^mode = pmd/mode = zswap/; $a zswap-max = 16M' /etc/pmdswapd.conf
check "running again" soon running
check "with its own cgroups" soon test -e "$(live_max $manager/app.slice)"
sed -i '/^\[policy user\]/,/^mode/s/^mode.*/&\nzswap-max = 32M/' /etc/pmdswapd.conf
check "a cgroup of the user by its path is reported" not eval "pmdswapctl reload >/run/reload 2>&1"
check "as what it is" grep -q "^pmdswapctl: $manager/app.slice: .* failed: the cgroup belongs to a user" /run/reload
check "and in the status" bash -c "pmdswapctl status | grep -q '^failed .*app.slice'"
check "it is as it was" is "$(live_max $manager/app.slice)" max
check "the rest is applied" is "$(live_max /user.slice/user-1000.slice)" $((32 << 20))
check "and the manager given its own back" is "$(live_max $manager)" max
conf </dev/null
check "reload without" pmdswapctl reload
check "the slice has its original back" is "$(live_max /user.slice/user-1000.slice)" max
loginctl disable-linger user
systemctl stop user@1000.service
check "a manager that goes is no harm" soon pmdswapctl status
scenario_end
