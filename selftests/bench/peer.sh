#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# mtty.sh KDIR OUT : builds the kernel's mtty sample, the peer that we are
# measured beside, from the kernel's source package. Prints the module's path.

set -euo pipefail
SAY_NAME=mtty
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/say.sh"
. "$here/../lib/cache.sh"

kdir=${1:?usage: mtty.sh KDIR OUT}
dir=${2:?usage: mtty.sh KDIR OUT}
package=linux-source-6.12

build()
{
	local tar=/usr/src/$package.tar.xz tmp=
	mkdir -p "$dir"
	if [ ! -e "$dir/mtty.c" ]; then
		if [ ! -e $tar ]; then
			tmp=$(mktemp -d "$CACHE/fetch.XXXXXX")
			trap 'rm -rf "$tmp"' EXIT
			cache_unpack "$tmp" $package
			tar=$tmp$tar
		fi
		tar -C "$dir" --strip-components=3 --wildcards -xJf "$tar" \
			'*/samples/vfio-mdev/mtty.c'
	fi
	echo 'obj-m := mtty.o' >"$dir/Kbuild"
	make -C "$kdir" M="$dir" CONFIG_DEBUG_INFO_BTF_MODULES= modules
}

[ -e "$dir/mtty.ko" ] || say_while "building the kernel's mtty sample" build
echo "$dir/mtty.ko"
