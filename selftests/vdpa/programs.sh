# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Test programs of this room, with NET_FUNCTIONS (16) for devices, which have
# user addresses with WEFT_VDPA_VA=1. Sourced; gives run_programs, see
# ../mdev/programs.sh.

PROGRAMS_ROOM=vdpa
. "$(dirname "${BASH_SOURCE[0]}")/../mdev/programs.sh"

modprobe -a vdpa vhost_vdpa
rmmod weft_vdpa weft_vgpu weft_softpci
insmod "$WEFT_MODULES/weft_softpci.ko" functions=0 net_functions="${NET_FUNCTIONS:-16}"
insmod "$WEFT_MODULES/weft_vdpa.ko" ${WEFT_VDPA_VA:+use_va=1}
