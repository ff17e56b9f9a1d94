#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# What pmdswapctl stats and top show of a kernel at work, and what they say if it does not tell.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

delayacct=/proc/sys/kernel/task_delayacct
slice=/work.slice
have_knob=''
[[ ! -e $knob ]] || have_knob=1

# stats FILTER: jq's filter must be true of the statistics.
stats() { pmdswapctl stats --json | jq -e "$@"; }
# of CGROUP FILTER: the same, of one cgroup.
of() { stats --arg cgroup "$1" ".cgroups[] | select(.cgroup == \$cgroup) | $2"; }
because() { stats --arg text "$1" '.no_delays_because // "" | contains($text)'; }
# A workload of 64 MiB as a service; "ask NAME REQUEST" is its answer.
program() {
	mkdir -p "/run/$1"
	systemd-run --quiet --unit="$1" --slice=work.slice /usr/local/bin/workload 64 "/run/$1"
	until [[ -p /run/$1/answer ]]; do sleep 0.1; done
}
ask() {
	echo "$2" >"/run/$1/request"
	timeout 300 cat "/run/$1/answer"
}

conf <<-END
	[kernel]
	zswap = off
	${have_knob:+swap-pmd = exclusive}
	[policy work]
	cgroup = $slice
	cgroup = $slice/*
	mode = pmd
END
echo 0 >$delayacct
check "the service starts" fresh_daemon
program old
check "it says that delay accounting is off" because 'sysctl kernel.task_delayacct=1'
check "the journal has it, too" said 'No delays of processes: delay accounting is off'
echo 1 >$delayacct
program new
check "then there are delays" soon stats '.no_delays_because == null'
check "of a process that is older there are none, and that is told" of $slice/old.service '.processes == 1 and .processes_unaccounted == 1'
check "of a new one there are" soon of $slice/new.service '.processes == 1 and .processes_unaccounted == 0'

ask new cycle >/dev/null
sleep 1.1
check "swapping in takes time" of $slice/new.service '[.delays[].nsec] | add > 0'
check "swapin is counted" of $slice/new.service '.delays.swapin.count > 0'
if [[ $have_knob ]]; then
	check "THPs come back whole" of $slice/new.service '.counters.thp_swpin_pmd >= 32 and .counters.thp_swpout_pmd >= 32'
	check "with one read for each" of $slice/new.service '.delays.swapin.count < 200'
	check "the system counts at least as many" stats '.system.thp_swpin_pmd >= 32'
else
	check "a kernel without the counters has none" of $slice/new.service '.counters | has("thp_swpin_pmd") | not'
fi
check "the slice has the sum" stats --arg cgroup $slice '
	[.cgroups[] | select(.cgroup == $cgroup) | .delays[].nsec] as $all |
	[.cgroups[] | select(.cgroup == $cgroup + "/new.service") | .delays[].nsec] == $all'

check "top shows the process" bash -c "pmdswapctl top --once | grep -E '[0-9](us|ms|s) +workload +$slice/new.service'"
check "stats is 80 columns wide" bash -c "! pmdswapctl stats | grep -E '.{81}'"
check "Prometheus has delays" bash -c "pmdswapctl stats --prometheus |
	grep -E '^pmdswap_cgroup_delay_seconds_total\{cgroup=\"$slice/new.service\",unit=\"new.service\",policy=\"work\",mode=\"pmd\",kind=\"swapin\"\} [0-9]+\.[0-9]{9}\$'"
nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
check "others than root see cgroups" nobody bash -c "pmdswapctl stats --json | jq -e '.no_delays_because == null'"
check "and no processes" bash -c "! setpriv --reuid=65534 --clear-groups pmdswapctl top --once | grep workload"

# What was waited stays in the sum when the process has ended.
before=$(pmdswapctl stats --json | jq --arg cgroup $slice '.cgroups[] | select(.cgroup == $cgroup) | [.delays[].nsec] | add')
systemctl stop new
sleep 1.1
check "a process that ends leaves its delays" of $slice "([.delays[].nsec] | add) >= $before and .processes == 1"

# What keeps the daemon from delays is named, and the rest works.
restrict() {
	mkdir -p /run/systemd/system/pmdswapd.service.d
	printf '[Service]\n%s\n' "$1" >/run/systemd/system/pmdswapd.service.d/50-test.conf
	systemctl daemon-reload
	systemctl restart pmdswapd
}
restrict CapabilityBoundingSet=~CAP_NET_ADMIN
check "without the capability" because 'CAP_NET_ADMIN'
check "there are counters all the same" of $slice/old.service '.counters.swap >= 0'
restrict RestrictAddressFamilies=~AF_NETLINK
check "without netlink" because 'netlink'
restrict ''
check "and with all again" soon stats '.no_delays_because == null'
printf '[stats]\ntaskstats = off\n' >>/etc/pmdswapd.conf
check "reload with taskstats = off" systemctl reload pmdswapd
check "it is off" because 'taskstats = off'

rm -r /run/systemd/system/pmdswapd.service.d
systemctl daemon-reload
systemctl stop old work.slice
echo 0 >$delayacct
conf </dev/null
systemctl restart pmdswapd
scenario_end
