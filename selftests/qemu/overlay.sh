#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# overlay.sh -- COMMAND [ARG...] : runs it as root on a throw-away root.
#
# No machine, just a mount namespace: this machine's root below a tmpfs that
# takes all writes. Fast, but with the running kernel. Exits with 125 if it
# cannot be set up (it takes root); everything vanishes with the command.

set -euo pipefail
SAY_NAME=overlay
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/say.sh"
. "$here/../lib/cache.sh"
top=${here%/selftests/qemu}

if [ "${1-}" != --inside ]; then
	[ "${1-}" = -- ] || die "usage: overlay.sh -- COMMAND [ARG...]"
	[ "$(id -u)" = 0 ] || { say "needs root"; exit 125; }
	shift
	dir=$(mktemp -d "${TMPDIR:-/tmp}/weft-overlay.XXXXXX")
	trap 'rmdir "$dir" 2>/dev/null || :' EXIT
	rc=0
	WEFT_CACHE=$CACHE unshare --mount --pid --fork --kill-child --propagation private \
		"$0" --inside "$dir" "$@" || rc=$?
	exit $rc
fi

shift
dir=$1
shift
(
	set -e
	mount -t tmpfs -o mode=755,size=75% tmpfs "$dir"
	mkdir "$dir"/{up,work,root}
	mount -t overlay -o "lowerdir=/,upperdir=$dir/up,workdir=$dir/work" overlay "$dir/root"
	cd "$dir/root"
	mount -t proc proc proc
	mount --rbind /sys sys
	mount --rbind /dev dev
	mount -t tmpfs tmpfs run
	# The overlay shows one file system; these may be on others, or in /tmp.
	for d in "$top" "$CACHE"; do
		[ "$(stat -c %d "$d")" != "$(stat -c %d /)" ] || [[ $d == /tmp/* ]] || continue
		mkdir -p ".$d"
		mount --rbind -o ro "$d" ".$d"
	done
	[[ $top$CACHE == */tmp/* ]] || mount -t tmpfs -o mode=1777 tmpfs tmp
) || { say "cannot set up the overlay"; exit 125; }
cd "$dir/root"
exec chroot . "$@"
