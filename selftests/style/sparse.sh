#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# sparse.sh SERIES : what sparse finds in the modules, built for that kernel.

set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/ktap.sh

ktap_had selftests/qemu/deps.sh style || ktap_skip_all "sparse cannot be had"

out=$(mktemp)
trap 'rm -f "$out"' EXIT

# check_on SERIES [FLAG]: one result a file.
check_on()
{
	local dir said mine rest f rc=0
	# The modules are built by then, so that sparse is all that runs.
	dir=$(selftests/qemu/build.sh "$1" | sed -n 's,^MODULES=\(.*\)/modules$,\1,p')
	[ "$dir" ] || rc=1
	WEFT_BUILD_OUTPUT=$out selftests/qemu/build.sh "$1" C=2 "CF=-D__CHECK_ENDIAN__ ${2-}" >/dev/null ||
		rc=$?
	[ $rc = 0 ] || ktap_note "the build failed: $(tail -n 20 "$out")"
	# Some kbuilds print whole paths. (A basic expression: there is a plus sign in them.)
	sed -i "s,$dir/,," "$out"
	grep -q '^  CHECK ' "$out" || rc=1

	# Sparse has things to say about kernel headers, too.
	said=$(grep -E '(warning|error): ' "$out" | grep -v '^/' | sort -u | excuse "$1")
	for f in $(sed -n "s,^  CHECK *,,p" "$out" | sort -u); do
		mine=$(grep -F "$f:" <<<"$said")
		# It does not know that guard() unlocks at the end of the scope.
		! grep -qE '(^|[^a-z_])(scoped_)?guard\(' "$f" ||
			mine=$(grep -v 'warning: context imbalance' <<<"$mine")
		if [ -z "$mine" ]; then
			ktap_ok "$f on $1"
		else
			ktap_not_ok "$f on $1" "$mine"
		fi
	done
	rest=$(grep -E '^(include|[a-z]+/[^:]*\.h)' <<<"$said")
	if [ -z "$rest" ] && [ $rc = 0 ]; then
		ktap_ok "headers on $1"
	else
		ktap_not_ok "headers on $1" "${rest:-sparse did not run}"
	fi
}

# 7.3 has its compiler look for a NUL in what MODULE_...() is told; sparse cannot.
excuse()
{
	local line f n
	while IFS= read -r line; do
		IFS=: read -r f n _ <<<"$line"
		if [ "$1" = 7.3 ] && [[ $line == *": error: bad constant expression" ]] &&
		   sed -n "${n}p" "$f" | grep -qE '^(MODULE_|WEFT_IMPORT_NS|module_param)'; then
			continue
		fi
		printf '%s\n' "$line"
	done
}

case ${1?} in
7.3)
	# Backports go with the next one.
	ktap_had selftests/qemu/kernel.sh --headers 7.3 || ktap_skip_all "its headers cannot be had"
	# C23's word for a type without its qualifiers, which sparse does not know.
	check_on 7.3 -D__typeof_unqual__=__typeof__
	;;
*)	check_on "$1" ;;
esac
ktap_done
