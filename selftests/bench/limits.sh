# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Limits on what a packet costs the worker. Sourced, at the project's root.
#
#   bench vhost				runs it, and shows what it says
#   at_most LIMIT LAYOUT LOAD CONTENDER BESIDE

. selftests/lib/ktap.sh

bench()
{
	local out

	export WEFT_BENCH_RESULTS=$PWD/build/check/bench-$1
	rm -rf "$WEFT_BENCH_RESULTS"
	if ! out=$(selftests/bench/run "$@"); then
		ktap_not_ok "make bench" "$out"
		ktap_done
	fi
	ktap_note "$out"
	figures=$WEFT_BENCH_RESULTS/$1
}

# worker LAYOUT LOAD CONTENDER : instructions a packet
worker()
{
	awk -v a="$1" -v b="$2" -v c="$3" \
		'$1 == a && $2 == b && $3 == c && $4 == "worker" { print $5 }' "$figures"
}

# at_most LIMIT LAYOUT LOAD CONTENDER BESIDE : of what the one beside it takes
at_most()
{
	local got peer
	got=$(worker "$2" "$3" "$4")
	peer=$(worker "$2" "$3" "$5")
	if awk -v g="${got:-0}" -v p="${peer:-0}" -v l="$1" 'BEGIN { exit !(g && g <= p * l) }'; then
		ktap_ok "$2: $3: $4 at most $1 of $5"
	else
		ktap_not_ok "$2: $3: $4 at most $1 of $5" "${got:-none}, and ${peer:-none} of $5"
	fi
}
