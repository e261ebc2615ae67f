#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# checkpatch.sh : makes sure the kernel's checkpatch.pl is in the cache, and
# prints its path; coccinelle/, the kernel's semantic patches, is beside it. They
# only come with the kernel's source package.

set -euo pipefail
SAY_NAME=checkpatch
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/say.sh"
. "$here/../lib/cache.sh"
. "$here/../lib/source.sh"

files=(scripts/checkpatch.pl scripts/spelling.txt scripts/const_structs.checkpatch scripts/coccinelle)
dir=$CACHE/checkpatch-6.12
mkdir -p "$dir"
exec 9>"$dir/.lock"
flock 9

if [ ! -e "$dir/.done" ] || [ ! -e "$dir/scripts/coccinelle" ]; then
	source_take "$dir" "${files[@]}"
	touch "$dir/.done"
fi
echo "$dir/scripts/checkpatch.pl"
