#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# planted.sh KERNEL : whether bugs that were made on purpose are told of, each
# by what it is there for, and end the run. One KTAP document.

set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/ktap.sh

kernel=${1?}
ktap_had selftests/qemu/kernel.sh "$kernel" || ktap_skip_all "the kernel $kernel cannot be had"
said=$(selftests/qemu/kernel.sh "$kernel")
value()
{
	sed -n "s/^$1=//p" <<<"$said"
}

seconds=300
[ "$kernel" = uml ] || seconds=1200

dir=$PWD/build/planted-$(value KVER)
mkdir -p "$dir"
cp selftests/kernels/planted/* "$dir"
ktap_check "the module builds" make -s -C "$(value KDIR)" ARCH="$(value ARCH)" M="$dir" modules

# plant BUG [WHAT-IT-HAS-TO-SAY]
plant()
{
	local bug=$1 what=${2-} out rc=0 results=$WEFT_RESULTS/$1
	out=$(selftests/qemu/run --kernel "$kernel" --quiet --timeout "$seconds" --results "$results" \
		--append "kmemleak=${3-off}" -- insmod "$dir/planted.ko" bug="$bug" 2>&1) || rc=$?
	if [ -z "$what" ]; then
		ktap_is "$bug: a run without a bug is fine" "$rc" 0
	elif [ $rc = 125 ] && grep -q -- "$what" "$results/console.log"; then
		ktap_ok "$bug: $what"
	else
		ktap_not_ok "$bug: $what" "status $rc, wanted 125, and that on the console: $out"
	fi
}

if [ "$kernel" = kcsan ]; then
	plant none
	plant data_race "KCSAN: data-race in weft_planted_race"
	ktap_done
fi
plant none "" on
plant use_after_free "KASAN: slab-use-after-free"
plant beyond_vmalloc "KASAN: vmalloc-out-of-bounds"
plant lock_order "possible circular locking dependency"
plant sleeps_in_atomic "sleeping function called from invalid context"
plant shift_too_far "UBSAN: shift-out-of-bounds"
plant init_of_active_timer "ODEBUG: init active"
plant forgets_memory "unreferenced object" on
ktap_done
