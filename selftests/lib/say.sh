# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Progress for people: sourced by the shell scripts, writes to stderr only.
#
#   say TEXT...              one line
#   say_while TEXT CMD...    runs CMD with its output kept back, tells how long
#                            it has been at it, shows the output if it fails
#
# On a terminal one line is updated in place; elsewhere a line at the start
# and one more each 30 s, so that a log stays short.

SAY_NAME=${SAY_NAME:-${0##*/}}

say()
{
	printf '%s: %s\n' "$SAY_NAME" "$*" >&2
}

die()
{
	say "$@"
	exit 1
}

# Where something is not to be had from Debian's archive: apt has failed, for whatever
# reason. Tests may be skipped for it; for what else scripts end with, they fail.
NOT_TO_BE_HAD=75

die_without()
{
	say "$@"
	exit $NOT_TO_BE_HAD
}

say_while()
{
	local text=$1 out pid t0=$SECONDS rc=0 next=30 status=
	shift
	out=$(mktemp "${TMPDIR:-/tmp}/weft-say.XXXXXX")
	# A process group of its own, so that all of it can be ended.
	set -m
	"$@" </dev/null >"$out" 2>&1 &
	pid=$!
	set +m
	# shellcheck disable=SC2064 # the values of now are meant
	trap "kill -- -$pid 2>/dev/null; rm -f '$out'; trap - INT TERM; kill -INT \$BASHPID" INT TERM
	[ -t 2 ] || say "$text"
	while kill -0 "$pid" 2>/dev/null; do
		if [ -t 2 ]; then
			printf '\r%s: %s, %d s \e[K' "$SAY_NAME" "$text" $((SECONDS - t0)) >&2
		elif [ $((SECONDS - t0)) -ge $next ]; then
			say "$text: still at it after $((SECONDS - t0)) s"
			next=$((next + 30))
		fi
		sleep 0.2
	done
	wait "$pid" || rc=$?
	trap - INT TERM
	if [ -t 2 ]; then
		printf '\r\e[K' >&2
	fi
	[ $rc = 0 ] || status="failed with status $rc after"
	if [ $rc != 0 ] || [ $((SECONDS - t0)) -ge 3 ]; then
		say "$text: ${status:-done in} $((SECONDS - t0)) s"
	fi
	[ $rc = 0 ] || cat "$out" >&2
	rm -f "$out"
	return $rc
}
