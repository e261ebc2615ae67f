#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# build.sh NAME : a kernel of our own, configured to find bugs, in the cache.
#
# NAME is uml, which runs as a process, or one that runs in QEMU on several CPUs:
# smp, with what uml has, or kcsan, which looks for data races. Its configuration
# is in the files FRAGMENTS below; each option has to come out as it says there.
# Built once for each of these and each version of the source and the compiler;
# one that was stopped in between is built anew.
# Prints what kernel.sh does, and ARCH=, SOURCE=, APPEND=, what it wants on its
# command line, and PARALLEL=yes if its CPUs have to run at once.

set -euo pipefail
SAY_NAME=kernel
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/say.sh"
. "$here/../lib/cache.sh"
. "$here/../lib/source.sh"

name=${1-}
append='' at_once=
case $name in
uml)	arch=um image=linux target=linux fragments=(common sanitize) ;;
smp)	arch=x86_64 image=arch/x86/boot/bzImage target=bzImage fragments=(common sanitize pc) ;;
kcsan)	arch=x86_64 image=arch/x86/boot/bzImage target=bzImage fragments=(common pc) ;;
*)	die "usage: build.sh uml | smp | kcsan" ;;
esac
# What ACPI has to say of interrupts takes it minutes there to compute, as each of
# tens of thousands of steps takes locks that are looked at; the BIOS's table is as good.
[ $arch = um ] || append=acpi=noirq
# Races of the rest of the kernel are told of there, too, and are no reason to end.
[ "$name" != kcsan ] || { append+=" panic_on_warn=0" && at_once=yes; }
fragments=("${fragments[@]/#/$here/}" "$here/$name")
fragments=("${fragments[@]/%/.config}")

"$here/../qemu/deps.sh" kernel
mkdir -p "$CACHE/kernels"

# Two runs may want the same at once: locked WHAT FILE NAME CMD... runs CMD,
# unless FILE is there by the time that nobody else is at it.
locked()
{
	local what=$1 file=$2 lock=$CACHE/kernels/.$3-lock
	shift 3
	[ ! -e "$file" ] || return 0
	exec 9>"$lock"
	flock -n 9 || { say "waiting for another run that $what"; flock 9; }
	[ -e "$file" ] || "$@"
	exec 9>&-
}

# The source stays: trees built from it name it by its path.
source=$CACHE/$SOURCE_PACKAGE
unpack()
{
	rm -rf "$source"
	mkdir -p "$source"
	# Two thirds, which neither kernel is made of. Each Kconfig is read.
	source_without=("*/arch/[!ux]*/*.[chS]" "*/boot/dts/*" "*/Documentation/*/*" "*/sound/*.[ch]"
		"*/tools/perf/*" "*/tools/testing/selftests/*" "*/drivers/gpu/drm/*.[ch]"
		"*/drivers/media/*.[ch]" "*/drivers/net/wireless/*.[ch]"
		"*/drivers/net/ethernet/*.[ch]" "*/drivers/staging/*.[ch]")
	source_take "$source"
	touch "$source/.done"
}

kernel_make()
{
	make -C "$source" ARCH=$arch O="$dir" KBUILD_KCONFIG="$dir/Kconfig" \
		KBUILD_BUILD_TIMESTAMP=2026-01-01 KBUILD_BUILD_USER=weft KBUILD_BUILD_HOST=weft "$@"
}

# What was asked for and is not so, for a dependency that is missing.
refused()
{
	local line
	while read -r line; do
		case $line in
		CONFIG_*=*)	grep -qxF "$line" "$dir/.config" || echo "$line" ;;
		"# CONFIG_"*)	! grep -q "^$(cut -d' ' -f2 <<<"$line")=" "$dir/.config" || echo "$line" ;;
		esac
	done < <(cat "${fragments[@]}")
}

build()
{
	local no
	cat "$source/Kconfig" "$here/Kconfig" >"$dir/Kconfig"
	kernel_make -s tinyconfig
	cat "${fragments[@]}" >>"$dir/.config"
	kernel_make -s olddefconfig
	no=$(refused)
	[ -z "$no" ] || { printf 'the kernel cannot be configured so:\n%s\n' "$no"; return 1; }
	kernel_make -s -j"$(nproc)" $target modules
	kernel_make -s modules_install INSTALL_MOD_PATH="$dir/root"
}

# What is left is enough to run it, and to build modules for it.
strip_tree()
{
	local kver=$1
	mkdir -p "$dir/root/boot"
	mv "$dir/$image" "$dir/root/boot/vmlinuz-$kver"
	find "$dir" \( -name '*.o' -o -name '*.a' -o -name '*.ko' -o -name '.*.cmd' -o -name '*.mod*' \) \
		-type f ! -path "$dir/root/*" ! -path "$dir/scripts/*" ! -path "$dir/tools/*" \
		! -path "$dir/arch/*" ! -name modules.order ! -name Module.symvers -delete
	rm -f "$dir/root/lib/modules/$kver/build"
	ln -s "$dir" "$dir/root/lib/modules/$kver/build"
}

make_kernel()
{
	rm -rf "$dir"
	mkdir -p "$dir"
	say_while "building the kernel $name, which takes minutes" build
	strip_tree "$(cat "$dir/include/config/kernel.release")"
	touch "$dir/.done"
}

locked "unpacks the kernel's source" "$source/.done" source unpack
version=$(make -s -C "$source" kernelversion)
key=$(cat "$here/Kconfig" "${fragments[@]}" <(echo "$version" && gcc --version | head -n 1) | sha256sum)
dir=$CACHE/kernels/$name-$version-${key:0:12}
locked "builds the kernel $name" "$dir/.done" "$name" make_kernel
touch "$dir/.done"
# Those of other configurations, once nobody has used them for a week.
find "$CACHE/kernels" -maxdepth 2 -path "*/$name-*/.done" -mtime +7 -printf '%h\0' | xargs -0r rm -rf

kver=$(cat "$dir/include/config/kernel.release")
echo "KVER=$kver"
echo "KDIR=$dir"
echo "VMLINUZ=$dir/root/boot/vmlinuz-$kver"
echo "MODDIR=$dir/root/lib/modules/$kver"
echo "ARCH=$arch"
echo "SOURCE=$source"
echo "APPEND=$append"
echo "PARALLEL=$at_once"
