# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The source of the kernel: find it, check it, keep it as a git repository in
# the cache, and apply all series to it. Sourced, after scripts/host.sh.

# shellcheck disable=SC2154 # cache is set by scripts/host.sh
kernel_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=$(sed -n 's/^version=//p' "$kernel_dir/base")
sha256=$(sed -n 's/^sha256=//p' "$kernel_dir/base")
series=${version%.*}

# git as if nobody had configured it, so that the same input gives the same
# commits and the same patches on every machine.
plain_git() {
	GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 \
		git -c safe.directory='*' -c core.autocrlf=false -c core.fileMode=true -c advice.detachedHead=false "$@"
}

sum_of() { sha256sum "$1" | cut -d ' ' -f 1; }

repository_of() { printf '%s/linux/%s.git\n' "$cache" "${1:0:16}"; }

# The sum and the name of the base, in one sentence, when it is not the one that kernel/base names.
explain_other_base() {
	local found=$1
	[[ $found == "$version" ]] && found="another packaging of $version"
	warn "the source found is $found, not the $version that kernel/base names;" \
		"going on, if the series applies to it"
}

no_source() {
	die "no source of Linux $version: set LINUX_TARBALL to a linux-$version tarball, or give apt a" \
		"Debian mirror that has the package linux-source-$series (suite trixie-backports)," \
		"or let this machine reach kernel.org over HTTPS"
}

# Debian's package, through the mirror of the machine's own apt.
# The signature chain of the archive vouches for what is not the pinned sum.
fetch_from_debian() {
	local suite=trixie-backports package=linux-source-$series mirror deb dir=$cache/source
	command -v apt-get >/dev/null && debian_keyring >/dev/null || return 1
	while read -r mirror; do
		apt_aside "$suite" "$mirror" -qq update 2>/dev/null || continue
		say "downloading $package from Debian's $suite"
		(cd "$dir" && rm -f "${package}"_*.deb && apt_aside "$suite" "$mirror" -q download "$package") >/dev/null ||
			continue
		deb=$(find "$dir" -maxdepth 1 -name "${package}_*.deb" | head -n 1)
		[[ $deb ]] || continue
		dpkg-deb --fsys-tarfile "$deb" |
			tar -xO "./usr/src/linux-source-$series.tar.xz" >"$dir/tarball.part" || continue
		rm -f "$deb"
		return 0
	done < <(debian_mirrors)
	return 1
}

# The sum of kernel.org's tarball is not the pinned one, which is Debian's:
# kernel.org publishes its own beside the file.
fetch_from_kernel_org() {
	local url=https://cdn.kernel.org/pub/linux/kernel/v${version%%.*}.x name=linux-$version.tar.xz
	local dir=$cache/source
	local -a get
	if command -v curl >/dev/null; then
		get=(curl --fail --silent --show-error --location --connect-timeout 20 --output)
	elif command -v wget >/dev/null; then
		get=(wget --quiet --timeout=20 --tries=2 -O)
	else
		return 1
	fi
	say "downloading $name from kernel.org"
	"${get[@]}" "$dir/sha256sums.asc" "$url/sha256sums.asc" 2>/dev/null || return 1
	"${get[@]}" "$dir/tarball.part" "$url/$name" || return 1
	if ! grep -qx "$(sum_of "$dir/tarball.part")  $name" "$dir/sha256sums.asc"; then
		rm -f "$dir/tarball.part"
		die "$name from kernel.org does not have the SHA-256 that kernel.org publishes for it"
	fi
}

# Leave the path of the tarball in $tarball and its sum in $tarball_sum.
find_tarball() {
	local pinned=$sha256
	if [[ ${LINUX_TARBALL:-} ]]; then
		[[ -r $LINUX_TARBALL && -f $LINUX_TARBALL ]] || die "LINUX_TARBALL is $LINUX_TARBALL, which cannot be read"
		tarball=$LINUX_TARBALL
		tarball_sum=$(sum_of "$tarball")
		pinned=${LINUX_SHA256:-$sha256}
		[[ $tarball_sum == "$pinned" ]] ||
			die "$LINUX_TARBALL has the SHA-256 $tarball_sum, expected is $pinned (if you trust the" \
				"file, for instance one from kernel.org, set LINUX_SHA256 to its sum)"
		return
	fi
	make_cache source
	tarball=$cache/source/linux-$version.tar.xz
	if [[ -f $tarball ]]; then
		tarball_sum=$(sum_of "$tarball")
		[[ $tarball_sum == "$pinned" ]] && return
		rm -f "$tarball"
	fi
	need_space "$cache" 3000 "the kernel source"
	fetch_from_debian || fetch_from_kernel_org || no_source
	tarball_sum=$(sum_of "$cache/source/tarball.part")
	mv "$cache/source/tarball.part" "$tarball"
}

# make_repository TARBALL REPOSITORY: the content of the tarball as one commit, tagged base.
make_repository() {
	local tarball=$1 repository=$2 work date found tree
	need_space "$cache" 2500 "unpacking the kernel source"
	rm -rf "$repository".part-*
	work=$(mktemp -d "$repository.part-XXXXXX")
	mkdir "$work/tree"
	tar -xf "$tarball" -C "$work/tree" --strip-components=1 --no-same-owner || {
		rm -rf "$work"
		die "$tarball does not unpack"
	}
	found=$(awk '/^VERSION =/ { v = $3 } /^PATCHLEVEL =/ { p = $3 } /^SUBLEVEL =/ { print v "." p "." $3; exit }' \
		"$work/tree/Makefile" 2>/dev/null || true)
	[[ $found == "$series".* ]] || {
		rm -rf "$work"
		die "$tarball holds Linux ${found:-of an unknown version}, the series needs $series.x"
	}
	date=$(stat -c @%Y "$work/tree/Makefile")
	# Debian adds lines to .gitignore that hide every file at the top level,
	# and with them whatever a developer adds.
	sed -i '/^# Debian packaging: ignore everything/,$d' "$work/tree/.gitignore"

	plain_git init --quiet --bare --initial-branch=linux "$work/git"
	# A threshold of one byte sends every file into one pack, not into 90,000 loose objects.
	plain_git --git-dir="$work/git" --work-tree="$work/tree" -c core.bigFileThreshold=1 add --all --force
	tree=$(plain_git --git-dir="$work/git" write-tree)
	GIT_AUTHOR_NAME=Linux GIT_AUTHOR_EMAIL=linux@localhost GIT_AUTHOR_DATE="$date +0000" \
		GIT_COMMITTER_NAME=Linux GIT_COMMITTER_EMAIL=linux@localhost GIT_COMMITTER_DATE="$date +0000" \
		plain_git --git-dir="$work/git" commit-tree -m "Linux $found" "$tree" >"$work/commit"
	plain_git --git-dir="$work/git" update-ref refs/heads/linux "$(<"$work/commit")"
	plain_git --git-dir="$work/git" update-ref refs/tags/base "$(<"$work/commit")"
	rm -f "$work/git/index"
	mv "$work/git" "$repository"
	rm -rf "$work"
}

# Leave the repository that holds the base in $repository, making it where it is not there yet.
base_repository() {
	local other found
	[[ $version && $sha256 ]] || die "$kernel_dir/base names no version or no sha256"
	make_cache linux
	exec 8>"$cache/linux/lock"
	flock 8
	repository=$(repository_of "$sha256")
	if [[ ${LINUX_TARBALL:-} ]]; then
		find_tarball
		repository=$(repository_of "$tarball_sum")
	elif [[ ! -e $repository ]]; then
		find_tarball
		if [[ $tarball_sum != "$sha256" ]]; then
			# Remember under the pinned sum what stands in for it.
			other=$(repository_of "$tarball_sum")
			ln -sfn "${other##*/}" "$repository"
			repository=$other
		fi
	fi
	if [[ ! -d $repository ]]; then
		say "unpacking the source into $(dirname "$repository") (about a minute, once)"
		[[ ${tarball:-} ]] || find_tarball
		make_repository "$tarball" "$(readlink -f "$repository")"
	fi
	exec 8>&-
	if [[ $(readlink -f "$repository") != "$(repository_of "$sha256")" ]]; then
		found=$(plain_git --git-dir="$repository" log -1 --format=%s base)
		explain_other_base "${found#Linux }"
	fi
}

# clone_base DIR: a git work tree without files yet, which borrows the objects of the cache.
clone_base() {
	local dir=$1
	plain_git clone --quiet --shared --no-checkout "$repository" "$dir"
	plain_git -C "$dir" remote remove origin
	plain_git -C "$dir" config gc.auto 0
}

# The patches in order, one path per line: of all series, or of the one in the folder that is named.
series_patches() {
	local only=${1-} name
	[[ -s $kernel_dir/patches/series ]] || return 0
	while read -r name; do
		[[ $name && $name != \#* ]] || continue
		[[ $name == */* ]] || die "kernel/patches/series names $name, which is in no folder of a series"
		[[ ! $only || $name == "$only"/* ]] || continue
		[[ -r $kernel_dir/patches/$name ]] || die "kernel/patches/series names $name, which is not there"
		printf '%s\n' "$kernel_dir/patches/$name"
	done <"$kernel_dir/patches/series"
}

# The folders of the series, in order. One that has a letter and no patches yet comes after those with patches.
series_folders() {
	local cover folder
	{
		[[ ! -s $kernel_dir/patches/series ]] || sed -n '/^#/!s#/[^/]*$##p' "$kernel_dir/patches/series"
		find "$kernel_dir/patches" -mindepth 2 -maxdepth 2 -name cover -printf '%P\n' | sort -V | sed 's#/cover$##'
	} | awk '!seen[$0]++' | while read -r folder; do
		cover=$kernel_dir/patches/$folder/cover
		[[ $folder =~ ^[0-9]+-[a-z0-9-]+$ ]] ||
			die "kernel/patches/$folder: the folder of a series is called like 3-zswap"
		[[ -s $cover ]] || die "kernel/patches/$folder has no cover, the text of the letter in front of its patches"
		printf '%s\n' "$folder"
	done
}

# The commits that make a tree of the series: the file of each in order, a letter before the patches of its series.
series_commits() {
	local folders folder
	folders=$(series_folders)
	for folder in $folders; do
		printf '%s\n' "$kernel_dir/patches/$folder/cover"
		series_patches "$folder"
	done
}

# Tell letters from patches among the commits since base, oldest first: lines of a word, the hash and the subject.
# A letter is an empty commit. It marks where its series begins, and as a commit goes where a rebase takes it.
tree_commits() {
	local tree=$1 tip=$2 before commit content subject word
	before=$(plain_git -C "$tree" rev-parse 'base^{tree}')
	plain_git -C "$tree" log --reverse --format='%H %T %s' "base..$tip" | while read -r commit content subject; do
		word='patch'
		[[ $content != "$before" ]] || word='letter'
		before=$content
		printf '%s %s %s\n' "$word" "$commit" "$subject"
	done
}

# apply_series TREE: make the commits of all series on top of base and leave the last one in $applied. What git am
# would make, and the letters, but in the object database only: no file of the work tree is touched, so that a later
# checkout rewrites just the files that differ, and make rebuilds no more than it must.
apply_series() {
	local tree=$1 patch folder dir name email date sum count=0
	local -a commits
	dir=$(mktemp -d)
	series_commits >"$dir/commits"
	mapfile -t commits <"$dir/commits"
	applied=$(plain_git -C "$tree" rev-parse base^0)
	IFS='|' read -r name email date < <(plain_git -C "$tree" log -1 --format='%an|%ae|%aD' base)
	export GIT_INDEX_FILE=$dir/index
	plain_git -C "$tree" read-tree "$applied"
	for patch in "${commits[@]}"; do
		folder=$(basename "$(dirname "$patch")")
		if [[ $patch == */cover ]]; then
			{ printf 'Series %s: ' "${folder#*-}"; cat "$patch"; } | plain_git stripspace >"$dir/message"
		else
			plain_git -C "$tree" mailinfo "$dir/body" "$dir/diff" <"$patch" >"$dir/info"
			if ! plain_git -C "$tree" apply --cached --whitespace=nowarn "$dir/diff" 2>"$dir/error"; then
				sed 's/^/  /' "$dir/error" >&2
				rm -rf "$dir"
				die "$folder/$(basename "$patch") does not apply to $(plain_git -C "$tree" log -1 --format=%s base)" \
					"with the $count patches before it"
			fi
			name=$(sed -n 's/^Author: //p' "$dir/info")
			email=$(sed -n 's/^Email: //p' "$dir/info")
			date=$(sed -n 's/^Date: //p' "$dir/info")
			{ sed -n 's/^Subject: //p' "$dir/info"; echo; cat "$dir/body"; } | plain_git stripspace >"$dir/message"
			count=$((count + 1))
		fi
		sum=$(plain_git -C "$tree" write-tree)
		applied=$(GIT_AUTHOR_NAME=$name GIT_AUTHOR_EMAIL=$email GIT_AUTHOR_DATE=$date \
			GIT_COMMITTER_NAME=$name GIT_COMMITTER_EMAIL=$email GIT_COMMITTER_DATE=$date \
			plain_git -C "$tree" commit-tree -p "$applied" -F "$dir/message" "$sum")
	done
	unset GIT_INDEX_FILE
	rm -rf "$dir"
}
