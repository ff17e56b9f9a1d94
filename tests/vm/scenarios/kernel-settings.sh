#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The daemon starts on any kernel, sets what the kernel has and says what it lacks.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

conf </dev/null
echo N >$zswap/enabled
check "the service starts" fresh_daemon
check "status succeeds" pmdswapctl status
conf <<-END
	[kernel]
	zswap = on
	zswap-shrinker = on
	zswap-max-pool-percent = 33
END
check "reload succeeds" systemctl reload pmdswapd
check "zswap is on" is $zswap/enabled Y
check "the shrinker is on" is $zswap/shrinker_enabled Y
check "the pool has its limit" is $zswap/max_pool_percent 33
echo 44 >$zswap/max_pool_percent
check "drift is undone" soon is $zswap/max_pool_percent 33
check "drift is reported" said "zswap-max-pool-percent was changed from 33 to 44 by somebody else"

if [[ -e $knob ]]; then
	for word in never exclusive always; do
		printf '[kernel]\nswap-pmd = %s\n' $word | conf
		check "reload with swap-pmd = $word" systemctl reload pmdswapd
		check "swap_pmd is $word" grep -qF "[$word]" $knob
	done
else
	printf '[kernel]\nswap-pmd = always\n' | conf
	check "reload succeeds without swap_pmd" systemctl reload pmdswapd
	check "the lack is reported once" said "swap-pmd has no effect: /$(cut -c2- <<<$knob): this kernel"
	check "status says so by its exit code" not pmdswapctl status
fi
check "zswap was given back" is $zswap/enabled N
check "the limit was given back" is $zswap/max_pool_percent 20
conf </dev/null
check "reload with nothing" systemctl reload pmdswapd
check "status succeeds again" pmdswapctl status
systemctl stop pmdswapd
check "status says that it is not running" bash -c 'pmdswapctl status; (($? == 3))'
scenario_end
