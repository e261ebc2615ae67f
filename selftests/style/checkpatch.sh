#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# checkpatch.sh : makes sure the kernel's checkpatch.pl is in the cache, and
# prints its path. It only comes with the kernel's source package.

set -euo pipefail
SAY_NAME=checkpatch
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/say.sh"
. "$here/../lib/cache.sh"

package=linux-source-6.12
files=(scripts/checkpatch.pl scripts/spelling.txt scripts/const_structs.checkpatch)
dir=$CACHE/checkpatch-6.12
mkdir -p "$dir"
exec 9>"$dir/.lock"
flock 9

if [ ! -e "$dir/.done" ]; then
	tar=/usr/src/$package.tar.xz
	tmp=
	if [ ! -e $tar ]; then
		tmp=$(mktemp -d "$CACHE/fetch.XXXXXX")
		trap 'rm -rf "$tmp"' EXIT
		cache_unpack "$tmp" "$package"
		tar=$tmp$tar
	fi
	say_while "taking checkpatch.pl out of the kernel's source" \
		tar -C "$dir" --strip-components=1 --wildcards -xJf "$tar" "${files[@]/#/*/}"
	touch "$dir/.done"
fi
echo "$dir/scripts/checkpatch.pl"
