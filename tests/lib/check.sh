# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For the tests that are written in the shell, also those that run in a guest. They end with exit "$failed".

failed=0
# So many seconds "soon" waits: nobody knows how fast a machine is, and what else it has to do. One that is in order does not
# keep it waiting.
patience=60

# check NAME COMMAND...: the command must succeed. One line, "ok NAME" or "not ok NAME"; after the second, the command and the
# end of what it printed.
check() {
	local name=$1 output
	shift
	if output=$("$@" 2>&1); then
		echo "ok $name"
	else
		echo "not ok $name"
		{ echo "$*"; tail -n 40 <<<"$output"; } | sed 's/^/# /'
		# shellcheck disable=SC2034 # for those who source this
		failed=1
	fi
}

# is FILE VALUE: the first line of the file.
is() {
	local live
	live=$(head -n 1 "$1") || return
	[[ $live == "$2" ]] || { echo "$1 is '$live', not '$2'"; return 1; }
}

# soon COMMAND...: the command must succeed, now or in a while.
soon() {
	local end=$((SECONDS + patience))
	until "$@" >/dev/null 2>&1; do
		if ((SECONDS > end)); then
			"$@"
			return
		fi
		sleep 0.02
	done
}

# not COMMAND...: the command must fail.
not() { ! "$@"; }

# exits STATUS COMMAND...: the command must end with that status.
exits() {
	local status=0
	"${@:2}" || status=$?
	((status == $1)) || { echo "exit status $status, not $1"; return 1; }
}

# Copy the sources as they would be released, edits included, to the directory $1. To be called at the top of the tree.
copy_sources() {
	git -c safe.directory='*' ls-files -z --cached --others --exclude-standard |
		tar --null --files-from=- --ignore-failed-read -c 2>/dev/null | tar -x -C "$1"
}
