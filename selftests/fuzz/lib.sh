# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Building and running fuzzers. Sourced, with $top.

fuzz_dir=$top/selftests/fuzz
fuzz_out=${WEFT_FUZZ_OUT:-$top/build/fuzz}

# Most of the time would go into stacks of allocations that nobody asks for.
export ASAN_OPTIONS=quarantine_size_mb=8:malloc_context_size=4
export UBSAN_OPTIONS=print_stacktrace=1

fuzz_build()
{
	make -s -C "$fuzz_dir" out="$fuzz_out"
}

fuzz_targets()
{
	make -s -C "$fuzz_dir" out="$fuzz_out" list
}

# Bytes of an input: as many as a target makes something of.
fuzz_max_len()
{
	case $1 in
	asked)	echo 60 ;;
	config | dispi | monitor) echo 128 ;;
	edid)	echo 540 ;;	# four blocks
	*)	echo 256 ;;
	esac
}

# fuzz_one TARGET ARG... : runs it, beginning with the committed corpus. New
# inputs go to the first folder among ARG.
fuzz_one()
{
	local t=$1
	shift
	mkdir -p "$fuzz_out/findings"
	"$fuzz_out/$t" -max_len="$(fuzz_max_len "$t")" -timeout=20 -print_final_stats=1 \
		-artifact_prefix="$fuzz_out/findings/$t-" "$@" "$fuzz_dir/corpus/$t" \
		>"$fuzz_out/$t.log" 2>&1
}

fuzz_stat()
{
	sed -n "s/^stat::$2: *//p" "$fuzz_out/$1.log" | tail -n 1
}

fuzz_coverage()
{
	sed -n 's/^#[0-9].* cov: \([0-9]*\) .*/\1/p' "$fuzz_out/$1.log" | tail -n 1
}

fuzz_findings()
{
	find "$fuzz_out/findings" -type f -name "$1-*" 2>/dev/null | sort
}

# In a line, what a sanitizer or a check of ours said.
fuzz_why()
{
	grep -m 1 -E 'not so:|runtime error|ERROR: |a room warns' "$fuzz_out/$1.log" || echo "see $fuzz_out/$1.log"
}
