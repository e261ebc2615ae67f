#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# warnings.sh SERIES... : whether the modules build without a warning for these kernels.

set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/ktap.sh

out=$(mktemp)
trap 'rm -f "$out"' EXIT

# What is not of a compiler (modpost, objtool) says "WARNING" or "warning".
warnings()
{
	# 7.3's makefile has an opinion about a pahole that is asked for nothing.
	grep -aiE '(warning|error)[: ]' "$1" | grep -av '^warning: pahole version differs'
}

[ $# -gt 0 ] || ktap_skip_all "no kernel was named"
for series; do
	# Backports go with the next one, and other architectures lag behind.
	if [[ $series != 6.* ]] && ! ktap_had selftests/qemu/kernel.sh --headers "$series"; then
		ktap_skip "W=1 on $series" "its headers cannot be had"
		continue
	fi
	rc=0
	built=$(selftests/qemu/build.sh "$series") || rc=$?
	log=$(sed -n 's/^MODULES=//p' <<<"$built")/../make.log
	if [ $rc = 0 ] && [ -s "$log" ] && ! warnings "$log" >/dev/null; then
		ktap_ok "W=1 on $series"
		continue
	fi
	# Of one that is mended since, perhaps: all anew, and nothing but what there is now.
	dir=$PWD/build/w1-$series
	rm -rf "$dir"
	rc=0
	WEFT_BUILD=$dir WEFT_BUILD_OUTPUT=$out \
		selftests/qemu/build.sh "$series" KCFLAGS=-Werror >/dev/null || rc=$?
	said=$(warnings "$out")
	if [ $rc = 0 ] && [ -z "$said" ]; then
		ktap_ok "W=1 on $series"
		[ -z "$built" ] || cp "$out" "$log"
	else
		ktap_not_ok "W=1 on $series" "${said:-$(tail -n 30 "$out")}"
	fi
	rm -rf "$dir"
done
ktap_done
