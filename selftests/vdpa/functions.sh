# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The modules again, with NET_FUNCTIONS (2) for devices, which have user addresses
# with WEFT_VDPA_VA=1. Sourced, in the machine.

modprobe -a vdpa vhost_vdpa
for m in weft_vdpa weft_vgpu weft_softpci; do
	# Not every kernel has all of them.
	[ ! -d /sys/module/$m ] || rmmod $m
done
if [ ! -e "$WEFT_MODULES/weft_softpci.ko" ]; then
	echo "1..0 # SKIP there is no weft_softpci on $(uname -m), and so no function for a device"
	exit 4
fi
insmod "$WEFT_MODULES/weft_softpci.ko" functions=0 net_functions="${NET_FUNCTIONS:-2}"
insmod "$WEFT_MODULES/weft_vdpa.ko" ${WEFT_VDPA_VA:+use_va=1}
