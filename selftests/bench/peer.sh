#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# peer.sh mtty|vdpa_sim KDIR OUT : builds a module of the kernel that Debian does
# not ship, and that we are measured beside, from the kernel's source package.
# Prints the folder that it is in.

set -euo pipefail
SAY_NAME=peer
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/say.sh"
. "$here/../lib/cache.sh"

usage="usage: peer.sh mtty|vdpa_sim KDIR OUT"
peer=${1:?$usage}
kdir=${2:?$usage}
dir=${3:?$usage}
package=linux-source-6.12

case $peer in
mtty)
	files=('*/samples/vfio-mdev/mtty.c')
	modules=(mtty) ;;
vdpa_sim)
	files=('*/drivers/vhost/vringh.c' '*/drivers/vdpa/vdpa_sim/vdpa_sim*.[ch]')
	modules=(vringh vdpa_sim vdpa_sim_net) ;;
*)	die "$usage" ;;
esac

build()
{
	local tar=/usr/src/$package.tar.xz tmp=
	mkdir -p "$dir"
	if [ ! -e "$dir/unpacked" ]; then
		if [ ! -e $tar ]; then
			tmp=$(mktemp -d "$CACHE/fetch.XXXXXX")
			trap 'rm -rf "$tmp"' EXIT
			cache_unpack "$tmp" $package
			tar=$tmp$tar
		fi
		tar -C "$dir" --transform 's,.*/,,' --wildcards -xJf "$tar" "${files[@]}"
		touch "$dir/unpacked"
	fi
	echo "obj-m := ${modules[*]/%/.o}" >"$dir/Kbuild"
	make -C "$kdir" M="$dir" CONFIG_DEBUG_INFO_BTF_MODULES= modules
}

[ -e "$dir/${modules[-1]}.ko" ] || say_while "building the kernel's $peer" build
echo "$dir"
