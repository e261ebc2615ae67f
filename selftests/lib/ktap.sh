# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Results of a shell test, in KTAP. Sourced.
#
#   ktap_plan N			how many there will be; may be left out
#   ktap_ok DESC		passed
#   ktap_not_ok DESC WHY...	failed
#   ktap_skip DESC REASON...	could not be tried
#   ktap_check DESC CMD...	passed if the command succeeds; its output is
#				shown where it does not
#   ktap_refuses DESC CMD...	passed if the command fails
#   ktap_is DESC GOT WANT	passed if they are the same
#   ktap_had CMD...		whether what a script of ours fetches is to be had; if it
#				fails for another reason, so does the test, and ends here
#   ktap_skip_all REASON...	ends here: nothing could be tried
#   ktap_done			ends here, with the exit status of it all
#
# A test that ends without ktap_done is not one that passed.

ktap_n=0 ktap_failed=0 ktap_skipped=0 ktap_planned=

echo "KTAP version 1"

ktap_plan()
{
	ktap_planned=$1
	echo "1..$1"
}

ktap_note()
{
	local line
	while IFS= read -r line; do
		printf '# %s\n' "$line"
	done <<<"$*"
}

ktap_ok()
{
	ktap_n=$((ktap_n + 1))
	echo "ok $ktap_n $1"
}

ktap_not_ok()
{
	local desc=$1
	shift
	ktap_n=$((ktap_n + 1))
	ktap_failed=$((ktap_failed + 1))
	[ $# = 0 ] || ktap_note "$@"
	echo "not ok $ktap_n $desc"
}

ktap_skip()
{
	local desc=$1
	shift
	ktap_n=$((ktap_n + 1))
	ktap_skipped=$((ktap_skipped + 1))
	echo "ok $ktap_n $desc # SKIP $*"
}

ktap_check()
{
	local desc=$1 out rc=0
	shift
	out=$("$@" 2>&1) || rc=$?
	if [ $rc = 0 ]; then
		ktap_ok "$desc"
	else
		ktap_not_ok "$desc" "$* gave status $rc: $out"
	fi
}

ktap_refuses()
{
	local desc=$1 out
	shift
	if out=$("$@" 2>&1); then
		ktap_not_ok "$desc" "$* succeeded: $out"
	else
		ktap_ok "$desc"
	fi
}

ktap_is()
{
	if [ "$2" = "$3" ]; then
		ktap_ok "$1"
	else
		ktap_not_ok "$1" "got: $2
wanted: $3"
	fi
}

ktap_had()
{
	local said rc=0
	said=$("$@" 2>&1 >/dev/null) || rc=$?
	# As NOT_TO_BE_HAD of say.sh
	case $rc in
	0)	return 0 ;;
	75)	ktap_note "$(tail -n 1 <<<"$said")"; return 1 ;;
	*)	ktap_not_ok "$*" "status $rc: $said"; ktap_done ;;
	esac
}

ktap_skip_all()
{
	echo "1..0 # SKIP $*"
	exit 4
}

ktap_done()
{
	if [ -z "$ktap_planned" ]; then
		echo "1..$ktap_n"
	elif [ "$ktap_planned" != "$ktap_n" ]; then
		ktap_note "planned $ktap_planned results, gave $ktap_n"
		exit 1
	fi
	[ $ktap_failed = 0 ] || exit 1
	[ $ktap_n = 0 ] || [ $ktap_skipped != $ktap_n ] || exit 4
	exit 0
}
