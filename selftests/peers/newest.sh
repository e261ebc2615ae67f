# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Guests in Debian's newest QEMU. Sourced first thing, with $machine set.
#
#   newest_up		from there on, guest.py starts that one; $WEFT_NEWEST is the
#			root that it is in, where the tools are newer, too

peers_suite=trixie
if [ -z "${WEFT_HOST-}" ]; then
	while IFS='=' read -r name value; do
		machine+=(--env "$name=$value")
	done < <("${BASH_SOURCE[0]%/*}/../guest/guest.sh" 6.12)
fi
. "${BASH_SOURCE[0]%/*}/inside.sh"

newest_up()
{
	local saved=${WEFT_GUEST_SAVED%/*} version
	peers_up
	mkdir -p "$R$saved"
	mount --bind "$saved" "$R$saved"
	# A guest goes on in the kind of machine that it was saved in.
	version=$(qemu-system-x86_64 --version | sed -nE '1s/.*version ([0-9]+\.[0-9]+).*/\1/p')
	export WEFT_GUEST_MACHINE=pc-i440fx-$version
	printf '#!/bin/sh\nexec chroot %s /usr/bin/qemu-system-x86_64 "$@"\n' $R >/run/weft/newest-qemu
	chmod 755 /run/weft/newest-qemu
	export WEFT_QEMU=/run/weft/newest-qemu WEFT_NEWEST=$R
}
