#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# build.sh SERIES [MAKE-ARG...] : our modules for one of kernel.sh's kernels, in build/.
#
# Builds in build/KVER/, a farm of links to the sources, so that several
# kernels can be built for beside each other and the tree stays clean. Prints
# MODULES=, the folder with the .ko files, and the KEY=VALUE lines of
# kernel.sh. WEFT_BUILD names another folder than build/KVER (build/coverage/KVER
# with GCOV_PROFILE=y in the environment), and
# WEFT_BUILD_OUTPUT a file for all that make says. Otherwise make.log in the
# folder keeps it, of all runs since the folder was empty: a file that has been
# compiled is not warned of again.

set -euo pipefail
SAY_NAME=build
here=$(cd "$(dirname "$0")" && pwd)
top=${here%/selftests/qemu}
. "$here/../lib/say.sh"

series=${1-}
[ "$series" ] || die "usage: build.sh SERIES [MAKE-ARG...]"
shift

"$here/deps.sh" build
kernel=$("$here/kernel.sh" --headers "$series")
KVER=$(sed -n 's/^KVER=//p' <<<"$kernel")
KDIR=$(sed -n 's/^KDIR=//p' <<<"$kernel")
arch=$(sed -n 's/^ARCH=//p' <<<"$kernel")
cross=$(sed -n 's/^CROSS_COMPILE=//p' <<<"$kernel")
dir=${WEFT_BUILD:-$top/build/${GCOV_PROFILE:+coverage/}$KVER}
mkdir -p "$dir"

# Links to what is there now, none to what is gone.
farm()
{
	local rel
	find "$dir" -type l ! -path "$dir/modules/*" ! -exec test -e {} \; -delete
	cd "$top"
	find Kbuild Makefile vhost mdev vdpa include -type f \
		! -name '*.o' ! -name '*.ko' ! -name '*.mod' ! -name '*.mod.c' ! -name '.*' \
		! -path 'include/generated/*' 2>/dev/null |
	while read -r rel; do
		[ -L "$dir/$rel" ] && continue
		[[ $rel != */* ]] || mkdir -p "$dir/${rel%/*}"
		ln -s "$top/$rel" "$dir/$rel"
	done
}

# W=1 changes no object, and without it they would be built again to see warnings.
with=("KDIR=$KDIR" "KVER=$KVER" ${arch:+"ARCH=$arch"} ${cross:+"CROSS_COMPILE=$cross"} W=1)

build()
{
	make -C "$dir" "${with[@]}" "$@" -j"$(nproc)" modules
}

build_and_keep()
{
	build "$@" 2>&1 | tee -a "$dir/make.log"
}

# One flat folder, without those of modules that are gone. A machine that is
# loading one just now must not see it half written.
collect()
{
	local mod ko want=()
	mkdir -p "$dir/modules"
	while read -r mod; do
		mod=${mod%.*}.ko
		[[ $mod == /* ]] || mod=$dir/$mod
		want+=("${mod##*/}")
		cmp -s "$mod" "$dir/modules/${mod##*/}" && continue
		cp "$mod" "$dir/modules/.new"
		mv "$dir/modules/.new" "$dir/modules/${mod##*/}"
	done <"$dir/modules.order"
	for ko in "$dir"/modules/*.ko; do
		[[ " ${want[*]} " == *" ${ko##*/} "* ]] || rm -f "$ko"
	done
}

# All that the modules are made of, as it is now. Even a make that has nothing
# to do takes seconds, and each test begins with one.
inputs()
{
	cd "$top"
	echo "${with[*]} $* ${KCFLAGS-} ${GCOV_PROFILE-} ${KCOV_INSTRUMENT-}"
	"${cross}gcc" --version | head -n 1
	find Kbuild Makefile vhost mdev vdpa include -type f ! -path 'include/generated/*' \
		-printf '%p %s %T@\n' | sort
	ls "$dir/modules" 2>/dev/null || true
}

result()
{
	printf '%s\n' "$kernel"
	echo "MODULES=$dir/modules"
	exit
}

built()
{
	[ "$(inputs "$@")" = "$(cat "$dir/.built" 2>/dev/null)" ]
}

[ "${WEFT_BUILD_OUTPUT-}" ] || ! built "$@" || result
exec 9>"$dir/.lock"
flock -n 9 || { say "waiting for another build in $dir"; flock 9; }


if [ "${WEFT_BUILD_OUTPUT-}" ]; then
	farm
	build "$@" >"$WEFT_BUILD_OUTPUT" 2>&1
	collect
elif ! built "$@"; then
	rm -f "$dir/.built"
	before=$(inputs "$@" | grep -v '\.ko$')
	farm
	say_while "building for $KVER" build_and_keep "$@"
	collect
	# What changed meanwhile is for the next one.
	now=$(inputs "$@")
	[ "$before" != "$(grep -v '\.ko$' <<<"$now")" ] || printf '%s\n' "$now" >"$dir/.built"
fi
result
