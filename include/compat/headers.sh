#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# headers.sh KDIR KVER TREE [VDPA_CORE] : can modules be built against KDIR?
#
# Silent if so. Otherwise says what is missing, and what it would take.

set -eu
kdir=$1 kver=$2 tree=$3

say()
{
	echo "weft: $*" >&2
}

case $kdir$tree in
*[[:space:]]*)
	say "kbuild cannot work below a folder with a blank in its name:"
	say "  $tree"
	say "  $kdir"
	exit 1 ;;
esac

if [ ! -e "$kdir/Makefile" ] || [ ! -e "$kdir/include/config/auto.conf" ]; then
	if [ -e "$kdir/Makefile" ]; then
		say "$kdir is a kernel tree that has not been configured and built"
	else
		say "no headers of kernel $kver: there is no $kdir"
	fi
	if command -v apt-cache >/dev/null &&
	   apt-cache show "linux-headers-$kver" >/dev/null 2>&1; then
		say "they come with:  apt-get install linux-headers-$kver"
	elif [ -e /etc/debian_version ]; then
		say "this system's package archive has no linux-headers-$kver either, so either"
		say "  boot one of its own kernels (apt-get install linux-image-$(uname -m | sed 's/x86_64/amd64/;s/aarch64/arm64/') brings one), or"
		say "  give the build tree of this one:  make KDIR=/path/to/it"
	else
		say "install the package with them (kernel-devel, linux-headers), or"
		say "give the kernel's build tree:  make KDIR=/path/to/it"
	fi
	say "to try weft without any:  make demo, or make shell (both use a virtual machine)"
	exit 1
fi

for need in make gcc; do
	command -v $need >/dev/null || { say "$need is missing:  apt-get install make gcc"; exit 1; }
done

config()
{
	grep -q "^$1=" "$kdir/include/config/auto.conf"
}

# A word about what this kernel goes without.
config CONFIG_MODULES || { say "this kernel takes no modules (CONFIG_MODULES)"; exit 1; }
[ ! -e "$tree/mdev/Kbuild" ] || config CONFIG_VFIO_MDEV ||
	say "left out: weft_vgpu, as this kernel lacks CONFIG_VFIO_MDEV"
[ ! -e "$tree/mdev/Kbuild" ] || config CONFIG_X86 || config CONFIG_PCI_DOMAINS_GENERIC ||
	say "left out: weft_softpci, as this kernel's PCI code knows its own buses alone"
[ ! -e "$tree/mdev/Kbuild" ] || config CONFIG_VFIO_MDEV || config CONFIG_VDPA || [ "${4-}" ] ||
	say "left out: weft_softpci, as this kernel lacks CONFIG_VFIO_MDEV and CONFIG_VDPA"
! grep -q '\.o$' "$tree/vdpa/Kbuild" 2>/dev/null || config CONFIG_VDPA ||
	[ "${4-}" ] || say "left out: vdpa/, as this kernel lacks CONFIG_VDPA (see make vdpa-core)"
if config CONFIG_VDPA && grep -q weft_vdpa_pci "$tree/vdpa/Kbuild" 2>/dev/null; then
	for need in CONFIG_VIRTIO_PCI_LIB CONFIG_PCI_MSI; do
		config $need || say "left out: weft_vdpa_pci, as this kernel lacks $need"
	done
fi
[ -z "${4-}" ] || [ -e "$4/Module.symvers" ] ||
	{ say "VDPA_CORE: there is no Module.symvers in $4: make vdpa-core makes one"; exit 1; }
