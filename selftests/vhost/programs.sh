# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Test programs of this room, in a machine that has what they need. Sourced;
# gives run_programs, see ../mdev/programs.sh.

PROGRAMS_ROOM=vhost
. "$(dirname "${BASH_SOURCE[0]}")/../mdev/programs.sh"

# Backends, and the peer to move to and from.
modprobe -a tun veth macvtap vhost_net
