#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# root.sh [--refresh] [SUITE] : a Debian with the tools that use our devices.
#
# bookworm, the default, has libvirt, mdevctl, DPDK and the like; trixie has the
# newest QEMU that Debian offers, and a newer vdpa tool. They are installed into
# a file system image in the cache folder, never on this machine. Prints PEERS=,
# the path of the image, which the tests mount in the QEMU host. Made once, by
# mmdebstrap, from the archive that apt here knows; --refresh makes it anew.

set -euo pipefail
SAY_NAME=peers
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/say.sh"
. "$here/../lib/cache.sh"

image_mib=1024 # sparse: it takes what is in it
newest=()
choose()
{
	suite=$1
	case $suite in
	bookworm)
		about="Debian 12 with libvirt, mdevctl, Open vSwitch and DPDK"
		packages=(mdevctl libvirt-daemon-system libvirt-daemon-driver-qemu
			libvirt-clients qemu-system-x86 udev dbus pciutils driverctl kmod dpdk-dev
			openvswitch-switch) ;;
	trixie)
		about="Debian 13 with its newest QEMU"
		packages=(qemu-system-x86 iproute2 kmod)
		newest=(--aptopt="APT::Default-Release \"$suite-backports\"") ;;
	*)	die "no such suite: $suite (bookworm trixie)" ;;
	esac
}

# Nobody reads these in there, nor compiles anything.
dpkg_options=(--dpkgopt='path-exclude=/usr/share/doc/*'
	--dpkgopt='path-exclude=/usr/share/man/*'
	--dpkgopt='path-exclude=/usr/share/locale/*'
	--dpkgopt='path-exclude=/usr/include/*'
	--dpkgopt='path-exclude=/usr/lib/x86_64-linux-gnu/*.a')

# Debian's archive as apt here is told to reach it; nothing when it knows none,
# which leaves mmdebstrap to its own default. A suite that is not this machine's
# is where this machine's is, and so are its backports.
sources()
{
	local key=/usr/share/keyrings/debian-archive-keyring.gpg option='' known='' base=''
	[ ! -e $key ] || option="[signed-by=$key] "
	while read -r origin codename uri release component; do
		[ "$origin/$component" = Debian/main ] || continue
		case $codename in
		"$suite"|"$suite-updates"|"$suite-security")
			known+="deb $option$uri $release $component"$'\n' ;;
		esac
		[[ $codename == *-* ]] || base=$uri
	done < <(apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' 2>/dev/null)
	if [ "$base" ]; then
		[ "$known" ] || known="deb $option$base $suite main"$'\n'
		[ "$suite" != trixie ] || known+="deb $option$base $suite-backports main"$'\n'
	fi
	printf %s "$known" | sort -u
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
		"${newest[@]}" "${dpkg_options[@]}" "${options[@]}" \
		--customize-hook="sh '$work/pack.sh' \"\$1\" '$work' ${image_mib}M" \
		"$suite" "$work/tar" "$@"
}

refresh=
if [ "${1-}" = --refresh ]; then
	refresh=1
	shift
fi
[ $# -le 1 ] || die "usage: root.sh [--refresh] [SUITE]"
choose "${1:-bookworm}"

# What is made depends on nothing but these.
key=$(cat "$here/root.sh" "$here/pack.sh" | sha256sum)
image=$CACHE/peers/$suite-${key:0:12}.img
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
	say_while "making a $about (once; about 150 MB to fetch)" \
		debootstrap ${mirrors[@]:+"${mirrors[@]}"}
	cp --sparse=always "$work/image" "$image.new"
	mv "$image.new" "$image"
	for old in "$CACHE"/peers/"$suite"-*.img; do
		[ "$old" = "$image" ] || rm -f "$old"
	done
fi
echo "PEERS=$image"
