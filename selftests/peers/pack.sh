#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# pack.sh ROOT DIR SIZE : run by mmdebstrap, makes DIR/image of what is in ROOT.

set -eu
root=$1 dir=$2 size=$3

# libvirt asks each emulator it finds for its abilities, which takes an
# emulated machine a long time: one will do.
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* \
	"$root/usr/bin/qemu-system-i386"

# A bind mount shows the root without the /proc and /sys mounted on it.
mkdir "$dir/plain"
unshare --mount sh -euc '
	mount --bind "$1" "$2/plain"
	mke2fs -q -F -t ext4 -O ^has_journal -m 0 -d "$2/plain" "$2/image" "$3"
' pack "$root" "$dir" "$size"
