#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kernel.sh [--headers] [--refresh] SERIES : a Debian kernel, unpacked in the cache.
#
# SERIES is 6.12, 6.1, 7.3, ..., or one of our own, see ../kernels/build.sh, or arm64
# or s390x: 6.12 of a machine of that kind, which is emulated.
# Prints KVER=, KDIR= and, unless only the headers were asked for, VMLINUZ= and
# MODDIR=; for those two, ARCH= and CROSS_COMPILE=, as make wants them, FOREIGN=,
# their name, QEMU= and the ROOT= of root.sh besides. Nothing is installed: the
# packages are downloaded (apt checks their signatures) and unpacked below the cache
# folder. What is there is used as it is; --refresh looks for a newer one. Status 75:
# Debian's archive does not have it, or cannot be asked.

set -euo pipefail
SAY_NAME=kernel
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/say.sh"
. "$here/../lib/cache.sh"

headers_only='' refresh=''
while :; do
	case ${1-} in
	--headers)	headers_only=1 ;;
	--refresh)	refresh=1 ;;
	-*)		die "no such option: $1" ;;
	*)		break ;;
	esac
	shift
done
series=${1-}
case $series in
uml | smp | kcsan)	exec "$here/../kernels/build.sh" "$series" ;;
esac
foreign='' cross='' kbuild_arch='' qemu=''
case $series/$(uname -m) in
arm64/*)	foreign=$series kbuild_arch=arm64 cross=aarch64-linux-gnu- qemu=aarch64 ;;
s390x/*)	foreign=$series kbuild_arch=s390 cross=s390x-linux-gnu- qemu=s390x ;;
*/x86_64)	arch=amd64 ;;
*/aarch64)	arch=arm64 ;;
*)		die "no Debian kernel known for a $(uname -m) machine" ;;
esac
if [ "$foreign" ]; then
	"$here/deps.sh" "$foreign" >&2
	arch=$foreign cache_arch=$foreign series=6.12
fi
[[ $series =~ ^[0-9]+\.[0-9]+$ ]] ||
	die "usage: kernel.sh [--headers] [--refresh] SERIES (6.12, 6.1, 7.3, uml, smp, kcsan, arm64, s390x)"

# Which Debian has it, should this one not.
case $series$foreign in
6.1|6.12|6.12arm64)	;;
*)			cache_suite=trixie ;;
esac

kernels=$CACHE/kernels
current=$kernels/$series-$arch
mkdir -p "$kernels"

# The newest name that has both an image and headers: apt's pick among
# 6.12.107+deb12 and 6.12.117+deb12, or 6.1.0-53 and 6.1.0-56.
newest()
{
	local names name
	names=$(cache_apt_cache pkgnames linux- |
		sed -nE "s/^linux-(image|headers)-($series\.[0-9]+([+][a-z0-9]+|-[0-9]+)?-$arch)\$/\2/p" |
		sort | uniq -d | sort -V)
	[ "$foreign" ] || { printf '%s\n' "$names" | tail -n 1; return; }
	# The archive of those that few have names files before it has them.
	for name in $(tac <<<"$names"); do
		(cache_unpack "$kernels/$name" "linux-headers-$name" >&2) && { echo "$name"; return; }
	done
}

# Debian's headers come in three packages which name each other by absolute
# paths: point those at where they are now.
relocate()
{
	local root=$1 kver=$2 m
	for m in "$root"/usr/src/linux-headers-*/Makefile; do
		sed -i -E "s,(^|[ =])/usr/(src|lib)/linux-,\1$root/usr/\2/linux-,g" "$m"
	done
	mkdir -p "$root/lib/modules/$kver"
	ln -sfn "$root/usr/src/linux-headers-$kver" "$root/lib/modules/$kver/build"
	ln -sfn "$root/usr/src/linux-headers-${kver%-"$arch"}-common" "$root/lib/modules/$kver/source"
}

# native CMD...: with packages for this machine, whose lists may not have them.
native()
(
	if [ "$foreign" ]; then
		cache_arch='' cache_apt_options=()
		[ $cache_suite = bookworm ] || cache_use_own_lists
	fi
	"$@"
)

# The tools in kernels of a newer Debian want its C library: a copy of that, and
# of what else they link to, beside them.
adapt_tools()
{
	local root=$1 tool said lib=$1/newer
	find "$root"/usr/lib/linux-kbuild-* -type f -perm /111 ! -name '*.newer' | while read -r tool; do
		# (In a pipe, ldd might end because nobody reads on.)
		said=$(ldd "$tool" 2>&1) || true
		[[ $said == *version*' not found'* ]] || continue
		# All of it or nothing: what was stopped in between would pass for it.
		if [ ! -e "$lib" ]; then
			rm -rf "$lib.part"
			native cache_unpack "$lib.part" libc6 libelf1t64 zlib1g libzstd1 </dev/null
			mv "$lib.part" "$lib"
		fi
		mv "$tool" "$tool.newer"
		printf '#!/bin/sh\nexec %s --library-path %s --argv0 "$0" %s "$@"\n' \
			"$(echo "$lib"/usr/lib/*/ld-linux-*.so.*)" \
			"$(dirname "$lib"/usr/lib/*/libc.so.6)" "$tool.newer" >"$tool"
		chmod 755 "$tool"
	done
}

# Their headers lack a script that tells whether sparse can be used; it can.
adapt_sparse()
{
	local scripts
	for scripts in "$1"/usr/lib/linux-kbuild-*/scripts; do
		[ -e "$scripts/checker-valid.sh" ] || printf '#!/bin/sh\necho 1\n' >"$scripts/checker-valid.sh"
		chmod 755 "$scripts/checker-valid.sh"
	done
}

# Their compiler is newer, too. What the one here does not know is an option of make's
# only, and nothing that structures in headers depend on.
adapt_compiler()
{
	local headers=$1/usr/src/linux-headers-$2 cc here=gcc-12 runs=${cross}gcc-12
	cc=$(sed -nE 's/^CC = .*(gcc-[0-9]+)$/\1/p' "$headers/.kernelvariables" 2>/dev/null)
	if [ -z "$cc" ] || command -v "$cc" >/dev/null; then
		return
	fi
	command -v "$runs" >/dev/null || here=gcc runs=${cross}gcc
	sed -i -E "s/^(CC = .*)$cc\$/\1$here/" "$headers/.kernelvariables"
	"$runs" -fmin-function-alignment=16 -E -x c -o /dev/null /dev/null 2>/dev/null ||
		sed -i '/^CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT=/d' "$headers/include/config/auto.conf"
	# Nor is pahole as new as that kernel wants it.
	sed -i '/^CONFIG_DEBUG_INFO_BTF_MODULES=/d' "$headers/include/config/auto.conf"
}

fetch_headers()
{
	local root=$1 kver=$2 dep
	[ -e "$root/.headers" ] && return
	cache_unpack "$root" "linux-headers-$kver"
	for dep in $(cache_depends "linux-headers-$kver" | grep -E '^linux-headers-'); do
		cache_unpack "$root" "$dep"
	done
	# These are tools, which run here, whatever they build for.
	for dep in $(cache_depends "linux-headers-$kver" | grep -E '^linux-kbuild-'); do
		native cache_unpack "$root" "${dep%:*}"
	done
	relocate "$root" "$kver"
	if [ $cache_suite = trixie ]; then
		adapt_tools "$root"
		adapt_sparse "$root"
		adapt_compiler "$root" "$kver"
	fi
	touch "$root/.headers"
}

fetch_image()
{
	local root=$1 kver=$2 dep
	[ -e "$root/.image" ] && return
	# Half of all modules, with no use in a virtual machine; depmod reads each.
	cache_without=("*/kernel/sound" "*/drivers/media" "*/drivers/net/wireless"
		"*/drivers/staging" "*/drivers/iio" "*/drivers/infiniband"
		"*/drivers/gpu/drm/amd" "*/drivers/gpu/drm/nouveau" "*/drivers/gpu/drm/radeon"
		"*/drivers/hwmon" "*/drivers/isdn" "*/drivers/mmc" "*/drivers/mtd")
	cache_unpack "$root" "linux-image-$kver"
	# From 7.x on the image package is empty and depends on the real ones.
	for dep in $(cache_depends "linux-image-$kver" | grep -E '^linux-(binary|modules)-'); do
		cache_unpack "$root" "$dep"
	done
	if [ -d "$root/usr/lib/modules/$kver" ] && [ ! -L "$root/lib" ]; then
		mkdir -p "$root/lib/modules/$kver"
		cp -al "$root/usr/lib/modules/$kver/." "$root/lib/modules/$kver/"
	fi
	[ -e "$root/boot/vmlinuz-$kver" ] ||
		{ mkdir -p "$root/boot" && cp "$root/lib/modules/$kver/vmlinuz" "$root/boot/vmlinuz-$kver"; }
	say_while "indexing the modules of $kver" depmod -b "$root" "$kver"
	touch "$root/.image"
}

# Two runs may want the same kernel at once.
exec 9>"$kernels/.lock"
flock -n 9 || { say "waiting for another run that fetches a kernel"; flock 9; }

if [ ! -L "$current" ] || [ "$refresh" ]; then
	kver=''
	[ "$foreign" ] || kver=$(newest)
	if [ -z "$kver" ]; then
		cache_use_own_lists
		kver=$(newest)
	fi
	[ "$kver" ] || die_without "no Debian kernel $series for $arch found; is Debian's archive reachable?"
	mkdir -p "$kernels/$kver"
	ln -sfn "$kver" "$current"
fi
kver=$(readlink "$current")
root=$kernels/$kver

if [ ! -e "$root/.headers" ] || { [ ! -e "$root/.image" ] && [ ! "$headers_only" ]; }; then
	{ [ -z "$foreign" ] && cache_apt_cache show "linux-headers-$kver" >/dev/null 2>&1; } ||
		cache_use_own_lists
fi
fetch_headers "$root" "$kver"
[ "$headers_only" ] || fetch_image "$root" "$kver"

echo "KVER=$kver"
echo "KDIR=$root/usr/src/linux-headers-$kver"
if [ ! "$headers_only" ]; then
	echo "VMLINUZ=$root/boot/vmlinuz-$kver"
	echo "MODDIR=$root/lib/modules/$kver"
fi
if [ "$foreign" ]; then
	echo "ARCH=$kbuild_arch"
	echo "CROSS_COMPILE=$cross"
	echo "FOREIGN=$foreign"
	echo "QEMU=$qemu"
	[ "$headers_only" ] || "$here/root.sh" "$foreign"
fi
