# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Test programs of this room, with NET_FUNCTIONS (16), see functions.sh. Sourced;
# gives run_programs, see ../mdev/programs.sh.

PROGRAMS_ROOM=vdpa
. "$(dirname "${BASH_SOURCE[0]}")/../mdev/programs.sh"

NET_FUNCTIONS=${NET_FUNCTIONS:-16}
. "$(dirname "${BASH_SOURCE[0]}")/functions.sh"
