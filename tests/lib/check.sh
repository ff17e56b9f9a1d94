# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For the tests in tests/host, which run at the top of the tree and end with exit "$failed".

failed=0

# check NAME COMMAND...: the command must succeed. One line, "ok NAME" or "not ok NAME"; after the second, the end of what
# the command printed.
check() {
	local name=$1 output
	shift
	if output=$("$@" 2>&1); then
		echo "ok $name"
	else
		echo "not ok $name"
		tail -n 40 <<<"$output" | sed 's/^/# /'
		# shellcheck disable=SC2034 # for those who source this
		failed=1
	fi
}

# Copy the sources as they would be released, edits included, to the directory $1.
copy_sources() {
	git -c safe.directory='*' ls-files -z --cached --others --exclude-standard |
		tar --null --files-from=- --ignore-failed-read -c 2>/dev/null | tar -x -C "$1"
}
