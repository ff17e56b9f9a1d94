# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What every script here needs of the machine it runs on: messages, the cache
# directory, free disk space, Debian packages, the Debian mirror. Sourced.

prog=${0##*/}

# Messages go to standard error: standard output belongs to the result.
say()  { printf '%s: %s\n' "$prog" "$*" >&2; }
warn() { printf '%s: warning: %s\n' "$prog" "$*" >&2; }
die()  { printf '%s: %s\n' "$prog" "$*" >&2; exit 1; }
bad_usage() { printf '%s: %s (see %s --help)\n' "$prog" "$*" "$prog" >&2; exit 2; }

# The help of a script is the comment at its head.
print_help() {
	awk 'NR == 1 || /^# SPDX/ { next } /^#/ { sub(/^# ?/, ""); if (n++ || NF) print; next } { exit }' "$0"
}

# For scripts that have no other option.
help_only() {
	case ${1-} in
	-h | --help) print_help; exit ;;
	esac
}

# The version of this project, which meson.build names and nothing else.
project_version() {
	sed -n "s/^ *version: '\(.*\)',\$/\1/p" "$(dirname "${BASH_SOURCE[0]}")/../meson.build"
}

# Everything worth keeping between two clones of this repository: downloads,
# the unpacked base, compiler results, guest images.
cache=${PMDSWAP_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/pmdswap}
[[ $cache == /* ]] || cache=$PWD/$cache

make_cache() {
	mkdir -p "$cache/$1" 2>/dev/null ||
		die "cannot create $cache/$1: set PMDSWAP_CACHE to a directory that can be written"
}

# need_space DIR MIB WHAT: fail early, not after ten minutes with ENOSPC.
need_space() {
	local dir=$1 need=$2 what=$3 avail
	while [[ ! -d $dir ]]; do dir=$(dirname "$dir"); done
	avail=$(df --output=avail -BM "$dir" | tail -n 1 | tr -dc 0-9)
	if ((avail < need)); then
		die "$what needs $need MiB of free disk space in $dir, there are $avail MiB:" \
			"free some, or point PMDSWAP_CACHE (and the checkout) at a larger disk"
	fi
}

# missing_packages PACKAGE...: those that are not installed.
missing_packages() {
	local package
	for package; do
		[[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
			printf '%s\n' "$package"
	done
}

# need_packages WHAT PACKAGE...: install them when root, else say how.
need_packages() {
	local what=$1 missing log
	shift
	command -v dpkg-query >/dev/null ||
		die "$what needs Debian 12 or 13: there is no dpkg here"
	mapfile -t missing < <(missing_packages "$@")
	((${#missing[@]})) || return 0
	if ((EUID != 0)); then
		die "$what needs packages that are not installed; as root: apt-get install ${missing[*]}"
	fi
	say "installing ${missing[*]}"
	log=$(mktemp)
	# One installation at a time: the tests start several scripts side by side.
	(
		flock 9
		export DEBIAN_FRONTEND=noninteractive
		# Somebody else may be installing something just now.
		local -a install=(apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends)
		"${install[@]}" "${missing[@]}" || { apt-get update && "${install[@]}" "${missing[@]}"; }
	) >"$log" 2>&1 9>"${TMPDIR:-/tmp}/pmdswap-apt.lock" || {
		tail -n 5 "$log" >&2
		die "$what needs ${missing[*]}, and apt-get install failed (whole log: $log)"
	}
	rm -f "$log"
}

# What building the daemon needs.
# shellcheck disable=SC2034 # for those who source this
daemon_packages=(
	build-essential meson ninja-build pkgconf libsystemd-dev libinih-dev libjansson-dev libnl-3-dev libnl-genl-3-dev
)

# The mirrors of the Debian archive that apt is configured for, one URI per line.
debian_mirrors() {
	local state=$cache/apt/host
	local -a list=(apt-get indextargets --format "\$(RELEASE) \$(REPO_URI)" 'Created-By: Packages')
	{
		"${list[@]}"
		# Where the lists were never downloaded, apt names no target: download
		# them aside, so that the machine's own state stays as it is.
		if [[ -z $("${list[@]}" 2>/dev/null) ]]; then
			mkdir -p "$state/lists/partial"
			apt-get -o Dir::State::lists="$state/lists" -qq update >&2 || true
			"${list[@]}" -o Dir::State::lists="$state/lists"
		fi
	} 2>/dev/null |
		awk '$1 ~ /^(bookworm|trixie|forky|sid|stable|testing|unstable|oldstable)(-updates|-backports)?$/ { print $2 }' |
		awk '!seen[$0]++'
}

debian_keyring() {
	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	[[ -e $keyring ]] || keyring=/usr/share/keyrings/debian-archive-keyring.pgp
	[[ -e $keyring ]] || return 1
	printf '%s\n' "$keyring"
}

# apt_aside SUITE MIRROR ARGUMENT...: apt-get with a state of its own, which
# knows this one suite and none of the machine's packages.
apt_aside() {
	local suite=$1 mirror=$2 dir=$cache/apt/$1
	shift 2
	mkdir -p "$dir/lists/partial" "$dir/archives/partial"
	: >"$dir/status"
	printf 'deb [signed-by=%s] %s %s main\n' "$(debian_keyring)" "$mirror" "$suite" >"$dir/sources.list"
	apt-get -o Dir::State="$dir" -o Dir::State::lists="$dir/lists" -o Dir::State::status="$dir/status" \
		-o Dir::Cache="$dir" -o Dir::Cache::archives="$dir/archives" \
		-o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
		-o APT::Sandbox::User=root -o APT::Update::Post-Invoke-Success=true \
		-o APT::Architecture=amd64 -o APT::Architectures=amd64 \
		-o Acquire::Languages=none "$@"
}

# step DESCRIPTION COMMAND...: run it quietly, show how long it took, its output only if it failed.
step() {
	local what=$1 log status=0 start=$SECONDS
	shift
	log=$(mktemp)
	say "$what ..."
	"$@" >"$log" 2>&1 || status=$?
	if ((status)); then
		tail -n 30 "$log" >&2
		say "$what: failed"
	else
		say "$what: $((SECONDS - start)) s"
	fi
	rm -f "$log"
	return "$status"
}
