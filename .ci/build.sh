#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# build.sh [SERIES...] : the modules for Debian's kernels (6.1 and 6.12), and
# for each kernel installed here that has headers.

set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)

[ $# -gt 0 ] || set -- 6.1 6.12
for series; do
	"$top/selftests/qemu/build.sh" "$series" | grep ^MODULES=
done
for build in /lib/modules/*/build; do
	[ -e "$build/Makefile" ] || continue
	make -C "$top" "KDIR=$build"
done
