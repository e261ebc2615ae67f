#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# core.sh KDIR OUT : the kernel's own vDPA modules, for a kernel made without them.
#
# vdpa.ko, vhost_vdpa.ko and virtio_vdpa.ko are built in OUT from the source
# package of that very kernel, which apt downloads; nothing of it is installed,
# and nothing of it is kept but what was built. OUT/Module.symvers is for who
# builds on them.

set -euo pipefail
SAY_NAME=vdpa-core
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/selftests/lib/say.sh"
. "$top/selftests/lib/cache.sh"

[ $# = 2 ] || die "usage: core.sh KDIR OUT"
kdir=$1 out=$2
files=(drivers/vdpa/vdpa.c drivers/vhost/vdpa.c drivers/vhost/vhost.h drivers/virtio/virtio_vdpa.c)

field() { sed -nE "s/.*$2.*/\\1/p" "$kdir/include/generated/$1" 2>/dev/null | head -n 1; }

release=$(field utsrelease.h '"(.*)"')
[ "$release" ] || die "there are no headers of a kernel in $kdir"
if grep -q '^CONFIG_VDPA=' "$kdir/include/config/auto.conf"; then
	say "$release has them: nothing to build"
	exit 0
fi
for need in VHOST VHOST_IOTLB VIRTIO EVENTFD; do
	grep -q "^CONFIG_$need=" "$kdir/include/config/auto.conf" ||
		die "$release lacks CONFIG_$need, which they are built on"
done
series=$(sed -E 's/^([0-9]+\.[0-9]+).*/\1/' <<<"$release")
version=$(field package.h ' Debian ([^"]+)"')
[ "$version" ] || die "$release is no kernel of Debian's: its source package is not known." \
	"Build them in its source tree, with CONFIG_VDPA=m, CONFIG_VHOST_VDPA=m, CONFIG_VIRTIO_VDPA=m"

fetch()
{
	cache_unpack "$tmp/package" "linux-source-$series=$version"
	tar -C "$tmp" --strip-components=1 --wildcards \
		-xJf "$tmp/package/usr/src/linux-source-$series.tar.xz" "${files[@]/#/*/}"
	rm -rf "$tmp/package"
}

# As in their own Kbuild files, but as modules of none of the kernel's folders.
kbuild()
{
	echo 'obj-m := vdpa/ vhost/ virtio/' >"$tmp/drivers/Kbuild"
	echo 'obj-m := vdpa.o' >"$tmp/drivers/vdpa/Kbuild"
	printf 'obj-m := vhost_vdpa.o\nvhost_vdpa-y := vdpa.o\n' >"$tmp/drivers/vhost/Kbuild"
	echo 'obj-m := virtio_vdpa.o' >"$tmp/drivers/virtio/Kbuild"
	make -C "$kdir" M="$tmp/drivers" CONFIG_DEBUG_INFO_BTF_MODULES= modules
}

mkdir -p "$CACHE" "$out"
out=$(cd "$out" && pwd)
exec 9>"$out/.lock"
flock 9
tmp=$(mktemp -d "$CACHE/fetch.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
fetch
say_while "building vdpa, vhost_vdpa and virtio_vdpa for $release" kbuild
cp "$tmp"/drivers/*/*.ko "$tmp/drivers/Module.symvers" "$out/"
say "they are in $out; vdpa.ko is to be loaded first, and what they depend on before it:" \
	"modprobe -a vhost irqbypass virtio_ring"
say "weft_vdpa is built on them by:  make VDPA_CORE=$out"
