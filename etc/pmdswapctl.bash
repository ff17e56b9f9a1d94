# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Completion of pmdswapctl. Words of a user are never evaluated.

_pmdswapctl() {
	local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command='' i
	local -A options=(
		[status]='--full --json' [list]='--full --json --state' [explain]='--full --json' [check]='--json'
		[plan]='--full --json' [verify]='--full --json' [reload]='' [restore]='--print'
		[stats]='--full --json --prometheus' [top]='--full --interval --once' [support]='--full'
	)
	local states='exclusive zswap none draining keep blocked pending failed drifted missing overridden'
	COMPREPLY=()

	if [[ $previous == --root ]]; then
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
		return
	fi
	[[ $previous != --interval ]] || return 0
	if [[ $previous == --state ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$states" -- "$word")
		return
	fi
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == --root || ${COMP_WORDS[i]} == --interval || ${COMP_WORDS[i]} == --state ]]; then
			((i++))
		elif [[ ${COMP_WORDS[i]} != -* ]]; then
			command=${COMP_WORDS[i]}
			break
		fi
	done
	if [[ $word == -* && ! $command ]]; then
		mapfile -t COMPREPLY < <(compgen -W "--help --version --root ${options[*]}" -- "$word" | sort -u)
	elif [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "--root ${options[$command]-}" -- "$word")
	elif [[ ! $command ]]; then
		mapfile -t COMPREPLY < <(compgen -W "${!options[*]}" -- "$word")
	elif [[ $command == check ]]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	elif [[ $command == explain && $word == /* ]]; then
		compopt -o nospace 2>/dev/null
		mapfile -t COMPREPLY < <(cd /sys/fs/cgroup 2>/dev/null && compgen -d -S / -- ".$word" | cut -c 2-)
	elif [[ $command == explain ]]; then
		mapfile -t COMPREPLY < <(systemctl list-units --all --plain --no-legend --full 2>/dev/null |
			awk -v word="$word" 'index($1, word) == 1 && $1 ~ /\.(service|slice|scope|socket|mount|swap)$/ { print $1 }')
	fi
}
complete -F _pmdswapctl pmdswapctl
