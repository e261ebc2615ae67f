#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# root.sh [--refresh] : a Debian 12 with the tools that use our devices.
#
# libvirt, mdevctl, DPDK and the like are installed into a file system image in the
# cache folder, never on this machine. Prints PEERS=, the path of the image,
# which the tests mount in the QEMU host. Made once, by mmdebstrap, from the
# Debian that apt here knows; --refresh makes it anew.

set -euo pipefail
SAY_NAME=peers
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/say.sh"
. "$here/../lib/cache.sh"

suite=bookworm
packages=(mdevctl libvirt-daemon-system libvirt-daemon-driver-qemu
	libvirt-clients qemu-system-x86 udev dbus pciutils driverctl kmod dpdk-dev)
image_mib=1024 # sparse: it takes what is in it

# Nobody reads these in there, nor compiles anything.
dpkg_options=(--dpkgopt='path-exclude=/usr/share/doc/*'
	--dpkgopt='path-exclude=/usr/share/man/*'
	--dpkgopt='path-exclude=/usr/share/locale/*'
	--dpkgopt='path-exclude=/usr/include/*'
	--dpkgopt='path-exclude=/usr/lib/x86_64-linux-gnu/*.a')

# Debian's archive as apt here is told to reach it; nothing when it knows none,
# which leaves mmdebstrap to its own default.
sources()
{
	local key=/usr/share/keyrings/debian-archive-keyring.gpg option=
	[ ! -e $key ] || option="[signed-by=$key] "
	apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' 2>/dev/null |
	while read -r origin codename uri release component; do
		case $origin/$component/$codename in
		"Debian/main/$suite"|"Debian/main/$suite-updates"|"Debian/main/$suite-security")
			echo "deb $option$uri $release $component" ;;
		esac
	done | sort -u
}

# How apt here gets through to it: a proxy, say.
apt_options()
{
	local line
	while IFS= read -r line; do
		[[ $line == *'""'* ]] || echo "--aptopt=$line"
	done < <(apt-config dump Acquire::http Acquire::https Acquire::Retries |
		grep -iE '^Acquire::(https?::proxy|retries)')
}

cleanup()
{
	local rc=$?
	trap '' INT TERM HUP
	rm -f "$image.new"
	# What we started has the lock open, too: it is ours when all of it ended.
	exec 9>&-
	[ -z "$work" ] ||
		flock -w 60 "$CACHE/peers/.lock" rm -rf --one-file-system "$work" || true
	exit $rc
}

debootstrap()
{
	local mode=unshare apart=() options
	if [ "$(id -u)" = 0 ]; then
		# What it mounts goes when it ends, however it ends.
		mode=root apart=(unshare --mount --pid --fork --kill-child --mount-proc)
	fi
	mapfile -t options < <(apt_options)
	# timeout passes a signal on to all that mmdebstrap starts.
	TMPDIR=$work exec timeout --kill-after=20 1800 "${apart[@]}" mmdebstrap \
		--mode="$mode" --variant=essential --format=tar --include="$(IFS=,; echo "${packages[*]}")" \
		--aptopt='APT::Install-Recommends "false"' \
		"${dpkg_options[@]}" "${options[@]}" \
		--customize-hook="sh '$work/pack.sh' \"\$1\" '$work' ${image_mib}M" \
		"$suite" "$work/tar" "$@"
}

refresh=
if [ "${1-}" = --refresh ]; then
	refresh=1
	shift
fi
[ $# = 0 ] || die "usage: root.sh [--refresh]"

# What is made depends on nothing but these.
key=$(cat "$here/root.sh" "$here/pack.sh" | sha256sum)
image=$CACHE/peers/root-${key:0:12}.img
mkdir -p "$CACHE/peers"

exec 9>"$CACHE/peers/.lock"
flock -n 9 || { say "waiting for another run that makes the peers' root"; flock 9; }

if [ ! -e "$image" ] || [ "$refresh" ]; then
	"$here/../qemu/deps.sh" peers
	if [ -z "$(sources)" ]; then
		say_while "reading the package lists" apt-get update -q || true
	fi
	mapfile -t mirrors < <(sources)
	work=
	trap cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	if [ "$(id -u)" = 0 ]; then
		work=$(mktemp -d "$CACHE/peers/new.XXXXXX")
		chmod 755 "$work"
	else
		# Another user id writes into it, and may not be let into a home.
		work=$(mktemp -d "${TMPDIR:-/tmp}/weft-peers.XXXXXX")
		chmod 1777 "$work"
	fi
	cp "$here/pack.sh" "$work/"
	say_while "making a Debian 12 with libvirt, mdevctl and DPDK (once; about 150 MB to fetch)" \
		debootstrap ${mirrors[@]:+"${mirrors[@]}"}
	cp --sparse=always "$work/image" "$image.new"
	mv "$image.new" "$image"
	for old in "$CACHE"/peers/root-*.img; do
		[ "$old" = "$image" ] || rm -f "$old"
	done
fi
echo "PEERS=$image"
