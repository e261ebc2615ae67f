#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# deps.sh [--list] GROUP... : the Debian packages that parts of weft need.
#
# Missing ones are installed when we are root on Debian or Ubuntu; anybody
# else gets the line to type. Silent when nothing is missing. Status 75: they
# cannot be had.

set -euo pipefail
SAY_NAME=deps
. "$(dirname "$0")/../lib/say.sh"

packages()
{
	case $1 in
	build)	echo "make gcc gcc-12 libc6-dev libelf1 xz-utils kmod" ;;
	qemu)	echo "qemu-system-x86 busybox-static python3 kmod xz-utils iproute2" ;;
	unit)	echo "make gcc libc6-dev python3 edid-decode" ;;
	fuzz)	echo "make clang libclang-rt-dev libc6-dev" ;;
	coverage) echo "lcov make gcc libc6-dev python3" ;;
	style)	echo "shellcheck python3-docutils perl sparse xz-utils make gcc gcc-12 kmod" ;;
	kernel)	echo "make gcc libc6-dev flex bison bc libelf-dev perl xz-utils kmod" ;;
	cocci)	echo "coccinelle xz-utils" ;;
	arm64)	echo "qemu-system-arm gcc-12-aarch64-linux-gnu gcc-aarch64-linux-gnu libc6-dev-arm64-cross" ;;
	s390x)	echo "qemu-system-misc qemu-user-static gcc-12-s390x-linux-gnu gcc-s390x-linux-gnu libc6-dev-s390x-cross" ;;
	dkms)	echo "openssl" ;; # dkms itself is fetched into the cache, never installed
	peers)	echo "mmdebstrap e2fsprogs" ;;
	demo)	echo "binutils zstd" ;;
	*)	die "no such group: $1 (build qemu unit fuzz coverage style cocci kernel peers demo arm64 s390x)" ;;
	esac
}

installed()
{
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

list=
if [ "${1-}" = --list ]; then
	list=1
	shift
fi
[ $# -gt 0 ] || die "usage: deps.sh [--list] GROUP... (build qemu unit fuzz coverage style cocci kernel peers demo arm64 s390x)"

want=$(for g; do packages "$g"; done | tr ' ' '\n' | sort -u)
if [ "$list" ]; then
	printf '%s\n' "$want"
	exit 0
fi

if ! command -v dpkg-query >/dev/null; then
	# Not a Debian: the names are all we can offer, once something is amiss.
	for tool in make gcc xz depmod python3 qemu-system-x86_64 busybox; do
		command -v $tool >/dev/null ||
			die_without "$tool is missing; on Debian these packages bring all:" "$want"
	done
	exit 0
fi

missing=()
for p in $want; do
	installed "$p" && continue
	# Any gcc will do where the distribution has no gcc-12 any more.
	if [[ $p == gcc-12* ]] && [ -z "$(apt-cache policy "$p" 2>/dev/null)" ]; then
		continue
	fi
	missing+=("$p")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ]; then
	say "missing: ${missing[*]}"
	say "type:    sudo apt-get install --no-install-recommends ${missing[*]}"
	exit $NOT_TO_BE_HAD
fi

apt_install()
{
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
		-o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
		--no-install-recommends "$@" "${missing[@]}"
}

known()
{
	local p
	for p in "${missing[@]}"; do
		apt-cache show --no-all-versions "$p" >/dev/null 2>&1 || return 1
	done
}

updated=
update()
{
	updated=1
	say_while "reading the package lists" apt-get update -q -o DPkg::Lock::Timeout=300 ||
		say "apt-get update failed, trying with the lists there are"
}

download()
{
	say_while "downloading ${missing[*]}" apt_install --download-only
}

known || update
if ! download; then
	[ -z "$updated" ] || die_without "could not download ${missing[*]}"
	# A file that left the archive since the lists were read.
	update
	download || die_without "could not download ${missing[*]}"
fi
say_while "installing ${missing[*]}" apt_install
