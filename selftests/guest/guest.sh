#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guest.sh [SERIES] : a guest of the Debian kernel of that series (6.12), made ready.
#
# Nothing is compiled but the guest's first process: the kernel is the distribution's
# own, taken out of its bzImage, and so are the drivers' modules. All
# lies in the cache, by kernel version and by what the sources here hold, and is
# made once. Prints, to be put into the environment of guest.py:
#
#   WEFT_GUEST_KVER=		the kernel's version
#   WEFT_GUEST_VMLINUX=		its ELF file, for a PVH boot
#   WEFT_GUEST_INITRD=		the initramfs
#   WEFT_GUEST_SAVED=		its memory as it is once booted, without an adapter
#   WEFT_CHECK_PICTURE=		the host's program to check a screendump

set -euo pipefail
SAY_NAME=guest
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/say.sh"

series=${1:-6.12}
cache=${WEFT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/weft}
picture=(picture.c font.c)
programs=(init.c adapter.c screen.c link.c filter.c traffic.c)
tools=(guest.sh guest.py mkcpio.py extract_vmlinux.py ../qemu/host/cpio.py ../qemu/host/initramfs.py)

# The headers of DRM are not among those of Debian's libc; the kernel's own do.
drm_headers()
{
	local dir
	for dir in "${KDIR%-*}-common/include/uapi" "$KDIR/include/uapi"; do
		if [ -e "$dir/drm/drm_mode.h" ]; then
			printf '%s\n' "$dir"
			return
		fi
	done
	die "there is no drm/drm_mode.h near $KDIR"
}

build()
{
	local dir=$1 headers
	headers=$(drm_headers)
	"$here/extract_vmlinux.py" "$VMLINUZ" "$dir/vmlinux"
	cd "$here"
	gcc -std=gnu11 -O2 -Wall -Werror -o "$dir/check-picture" check-picture.c "${picture[@]}"
	gcc -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Werror -static -s \
		-idirafter "$headers/drm" -idirafter "$headers" -D__user= \
		-o "$dir/init" "${programs[@]}" "${picture[@]}"
	./mkcpio.py "$dir/initrd" "$dir/init" "$MODDIR" bochs virtio_pci virtio_net 8021q
	rm "$dir/init"
}

save()
{
	WEFT_GUEST_VMLINUX=$1/vmlinux WEFT_GUEST_INITRD=$1/initrd \
		"$here/guest.py" --timeout 120 --log "$1/boot.log" --save "$1/saved"
}

kernel=$("$here/../qemu/kernel.sh" "$series")
eval "$(sed -nE "s/^(KVER|KDIR|VMLINUZ|MODDIR)=(.*)/\1='\2'/p" <<<"$kernel")"

# A saved guest is for the QEMU that saved it.
key=$(cd "$here" && { cat -- *.c *.h "${tools[@]}"; qemu-system-x86_64 --version; } | sha256sum)
dir=$cache/guests/$KVER-${key:0:12}

mkdir -p "$cache/guests"
exec 9>"$cache/guests/.lock"
flock -n 9 || { say "waiting for another run that makes a guest"; flock 9; }
if [ ! -d "$dir" ]; then
	tmp=$(mktemp -d "$cache/guests/.new.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	say_while "making a guest of the kernel $KVER" build "$tmp"
	say_while "booting the guest once, to save it" save "$tmp"
	chmod 755 "$tmp"
	# Guests of former sources are of no use any more.
	find "$cache/guests" -mindepth 1 -maxdepth 1 -name "$KVER-*" -mmin +600 -exec rm -rf {} +
	mv "$tmp" "$dir"
fi

cat <<END
WEFT_GUEST_KVER=$KVER
WEFT_GUEST_VMLINUX=$dir/vmlinux
WEFT_GUEST_INITRD=$dir/initrd
WEFT_GUEST_SAVED=$dir/saved
WEFT_CHECK_PICTURE=$dir/check-picture
END
