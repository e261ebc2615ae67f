# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Several test programs in one boot, as one list of results. Sourced.
#
#   run_programs [VAR=VALUE...] NAME[:TEST,TEST...] ...
#
# NAME is a program of this room (or of $PROGRAMS_ROOM); what it prints becomes a nested
# list, named after it and the variables before it, which hold for it alone.

run_programs()
{
	local out=${WEFT_PROGRAMS:-$WEFT_TOP/build/selftests}/${PROGRAMS_ROOM:-mdev}
	local arg n=0 total=0 rc=0 failed=0 skipped=0 st tests title
	local -a vars=()
	local -
	set -o pipefail
	for arg; do
		[[ $arg == *=* ]] || total=$((total + 1))
	done
	echo "KTAP version 1"
	echo "1..$total"
	for arg; do
		if [[ $arg == *=* ]]; then
			vars+=("$arg")
			continue
		fi
		tests=${arg#"${arg%%:*}"}
		tests=${tests#:}
		arg=${arg%%:*}
		title=$arg${vars[*]:+"(${vars[*]})"}
		n=$((n + 1))
		st=0
		# shellcheck disable=SC2086 # one word each
		env "${vars[@]}" "$out/$arg" ${tests//,/ } | sed -u 's/^/    /' || st=${PIPESTATUS[0]}
		case $st in
		0) echo "ok $n $title" ;;
		4) echo "ok $n $title # SKIP nothing could be tried"
		   skipped=$((skipped + 1)) ;;
		*) echo "not ok $n $title"
		   failed=1 ;;
		esac
		vars=()
	done
	[ $failed = 0 ] || rc=1
	[ $rc != 0 ] || [ $skipped != "$total" ] || rc=4
	return $rc
}
