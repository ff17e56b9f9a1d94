#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# A wrong configuration makes the reload fail, says where the mistakes are, and changes nothing.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

conf <<-END
	[kernel]
	zswap-max-pool-percent = 33
	[policy a]
	unit = a.service
	mode = pmd
END
check "the service starts" fresh_daemon
service a
check "the policy is applied" soon is "$(live_max /system.slice/a.service)" 0

conf <<-END
	[kernel]
	zswap-max-pool-percent = 200
	swap-pmd = sometimes
	[policy a]
	mode = huge
	unit = a
	[colour]
END
check "systemctl reload fails" not eval "systemctl reload pmdswapd >/run/reload 2>&1"
sed 's/^/# /' /run/reload
check "and says where to look" grep -q 'systemctl status pmdswapd.service.* and .*journalctl -xe' /run/reload
journalctl --sync
# What the daemon says of itself reaches systemd in its own time.
shows() { systemctl status --no-pager --full pmdswapd | grep -q -- "$1"; }
check "systemctl status shows the first as its status" soon shows \
	'Status: "Configuration refused: /etc/pmdswapd.conf:2: .* (and 4 more)"'
check "and others in its last lines" soon shows '\]: .*/etc/pmdswapd.conf:7: '
journalctl --update-catalog
check "journalctl -x explains" bash -c \
	'journalctl --no-pager -n 40 -xu pmdswapd | grep -q "Subject: The configuration was refused"'
if systemctl --help | grep -q -- "-v --verbose "; then
	systemctl reload -v pmdswapd >/run/reload 2>&1
	sed 's/^/# /' /run/reload
	check "systemctl reload -v prints all of them" [ "$(grep -o '/etc/pmdswapd.conf:[23567]: ' /run/reload | sort -u | wc -l)" -eq 5 ]
fi
for error in \
	"/etc/pmdswapd.conf:2: zswap-max-pool-percent = 200" \
	"/etc/pmdswapd.conf:3: swap-pmd = sometimes" \
	"/etc/pmdswapd.conf:5: mode = huge" \
	"/etc/pmdswapd.conf:6: unit = a" \
	"/etc/pmdswapd.conf:7: unknown section [colour]"; do
	check "the journal has: $error" said "$error"
	check "pmdswapctl reload prints: $error" bash -c "pmdswapctl reload 2>&1 | grep -qF '$error'"
	check "pmdswapctl check prints: $error" bash -c "pmdswapctl check 2>&1 | grep -qF '$error'"
done
check "pmdswapctl reload exits with 1" bash -c 'pmdswapctl reload; (($? == 1))'
check "the service is still active" systemctl is-active pmdswapd
check "the old kernel setting stays" is $zswap/max_pool_percent 33
check "the old policy stays" is "$(live_max /system.slice/a.service)" 0
systemctl stop a
service a
check "the old policy is still applied to new units" soon is "$(live_max /system.slice/a.service)" 0

printf '[policy a]\nunit = a.service\nmode = pmd\nzswap-max = 1M\n[policy b]\nmode = pmd\n' | conf
check "a file with a warning before the error is refused" not pmdswapctl reload
check "and the status has the error" soon shows 'Configuration refused: /etc/pmdswapd.conf:5: '

chmod g+w /etc/pmdswapd.conf
conf </dev/null
check "a file that others may write is refused" not systemctl reload pmdswapd
check "and the reason given" said "may be written by others than its owner"
chmod g-w /etc/pmdswapd.conf
check "then it is taken" systemctl reload pmdswapd
check "SIGHUP and many reloads together" bash -c '
	for i in 1 2 3 4 5; do
		systemctl kill -s HUP pmdswapd
		pmdswapctl reload & jobs+=($!)
	done
	for job in "${jobs[@]}"; do wait "$job" || exit; done'
check "the service is still active after them" soon systemctl is-active pmdswapd
check "others than root may look" setpriv --reuid=65534 --clear-groups pmdswapctl status
check "others than root may not reload" \
	bash -c 'setpriv --reuid=65534 --clear-groups pmdswapctl reload; (($? == 4))'

mkdir -p /etc/pmdswapd.conf.d
printf '[kernel]\nzswap-max-pool-percent = 44\n' >/etc/pmdswapd.conf.d/50-pool.conf
check "a drop-in is read" systemctl reload pmdswapd
check "and applied" is $zswap/max_pool_percent 44

echo nonsense >/etc/pmdswapd.conf
check "a start with a wrong file fails" not systemctl restart pmdswapd
check "with a status of its own, without a retry" \
	bash -c '[[ $(systemctl show -P ExecMainStatus pmdswapd) == 78 && $(systemctl show -P NRestarts pmdswapd) == 0 ]]'
conf </dev/null
rm -r /etc/pmdswapd.conf.d
check "and succeeds with a right one" systemctl restart pmdswapd
systemctl stop a
scenario_end
