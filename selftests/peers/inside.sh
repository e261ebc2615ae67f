# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# A test that uses the peers' root. Sourced first thing by those tests.
#
# Run here, it makes the root and the machine, and the test goes on in there:
# from the next line on we are in the machine, with the modules loaded.
#
# peers_suite=trixie before that takes the other root of root.sh.
#
#   peers_up		mounts the root
#   peers CMD...	runs a command in it, with our results folder in place
#   peers_spawn CMD...	starts a daemon in it, ended with the machine
#   adapter		the PCI address of the bochs-display, bound by driverctl
#   soft N		that of the Nth function of weft_softpci, from 0
#
# It sees the machine's /dev, /sys, /proc and modules, and has all else to
# itself, writable and gone at the end.

R=/run/weft/peers/root

if [ -z "${WEFT_HOST-}" ]; then
	top=$(cd "$(dirname "$0")/../.." && pwd)
	PEERS=$("$top/selftests/peers/root.sh" "${peers_suite:-bookworm}")
	status=0
	# shellcheck disable=SC2154 # each test says what machine it wants
	"$top/selftests/qemu/run" --quiet --modules "${machine[@]}" \
		${WEFT_RESULTS:+--results "$WEFT_RESULTS"} \
		--env "WEFT_PEERS=${PEERS#PEERS=}" -- "$(realpath "$0")" || status=$?
	exit $status
fi

. "$WEFT_TOP/selftests/lib/ktap.sh"

peers_up()
{
	local d
	modprobe loop
	modprobe ext4
	mkdir -p /run/weft/peers/{image,fresh,root}
	mount -o loop,ro "$WEFT_PEERS" /run/weft/peers/image
	mount -t tmpfs tmpfs /run/weft/peers/fresh
	mkdir /run/weft/peers/fresh/{up,work}
	mount -t overlay -o lowerdir=/run/weft/peers/image \
		-o upperdir=/run/weft/peers/fresh/up,workdir=/run/weft/peers/fresh/work overlay $R
	for d in /proc /sys /dev /results "/lib/modules/$(uname -r)"; do
		mkdir -p "$R$d"
		mount --rbind "$d" "$R$d"
	done
	mount -t tmpfs -o mode=755 tmpfs $R/run
	mount -t tmpfs -o mode=1777 tmpfs $R/tmp
	mkdir -p $R/run/lock
}

peers()
{
	chroot $R /usr/bin/env -i HOME=/root LANG=C.UTF-8 TERM=dumb \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

peers_spawn()
{
	peers setsid "$@" </dev/null >>/results/daemons.log 2>&1 &
}

# Only this machine has one 1234:1111, which the user gives to weft_vgpu.
pci_with()
{
	grep -lix "$1" /sys/bus/pci/devices/*/modalias | sed 's,/modalias$,,; s,.*/,,'
}

adapter()
{
	local bdf
	bdf=$(pci_with 'pci:v00001234d00001111.*')
	if [ ! -e "/sys/bus/pci/drivers/weft_vgpu/$bdf" ]; then
		peers driverctl --nosave set-override "$bdf" weft_vgpu >&2
	fi
	echo "$bdf"
}

soft()
{
	pci_with 'pci:v00001234d00007765.*' | sed -n "$(($1 + 1))p"
}

# Waits for a command to succeed, for at most so many seconds.
until_true()
{
	local seconds=$1 end
	shift
	end=$((SECONDS + seconds))
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}
