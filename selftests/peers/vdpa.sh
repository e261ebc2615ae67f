#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vdpa.sh COMMAND [ARG...] : runs it with network functions, inside the QEMU host.

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
rmmod weft_vdpa weft_vgpu weft_softpci
insmod "$WEFT_MODULES/weft_softpci.ko" functions=0 net_functions=4
insmod "$WEFT_MODULES/weft_vdpa.ko"
# Memory in small pieces takes more entries than vhost-vdpa has by itself.
modprobe -r vhost_vdpa
modprobe vhost_vdpa max_iotlb_entries=65536
# The bus counts pinned memory against it, also for root.
ulimit -l unlimited
exec "$@"
