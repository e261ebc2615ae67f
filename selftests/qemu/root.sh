#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# root.sh ARCH : a small Debian of another architecture, in the cache.
#
# The machine has it for a root where it cannot run the programs of this one: what
# the scripts of tests call, unpacked and not configured. Prints ROOT=. Made once
# for each version of this file.

set -euo pipefail
SAY_NAME=root
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/say.sh"
. "$here/../lib/cache.sh"

cache_arch=${1:?usage: root.sh ARCH}
packages=(base-files bash busybox-static coreutils dash findutils grep iproute2 kmod mawk procps
	python3 sed util-linux)
# Nobody reads these in there.
cache_without=("./usr/share/doc/*" "./usr/share/man/*" "./usr/share/locale/*" "./usr/share/info/*")

key=$(sha256sum <"$here/root.sh")
root=$CACHE/roots/$cache_arch-${key:0:12}
mkdir -p "$CACHE/roots"

exec 9>"$CACHE/roots/.lock"
flock -n 9 || { say "waiting for another run that makes a root"; flock 9; }

if [ ! -e "$root" ]; then
	rm -rf "$root.part"
	mkdir -p "$root.part"/{proc,sys,dev,run,tmp,root,results,usr/bin,usr/sbin,usr/lib}
	# Scripts want either path, and who installs packages would have seen to that.
	for d in bin sbin lib; do
		ln -s usr/$d "$root.part/$d"
	done
	cache_unpack_all "$root.part" "${packages[@]}"
	ln -sf mawk "$root.part/usr/bin/awk"
	mv "$root.part" "$root"
fi
touch "$CACHE/roots/.used-${root##*/}"
# Those of other versions, once nobody has used them for a week.
find "$CACHE/roots" -maxdepth 1 -name ".used-$cache_arch-*" -mtime +7 -printf '%f\n' |
while read -r old; do
	rm -rf "$CACHE/roots/${old#.used-}" "$CACHE/roots/$old"
done
echo "ROOT=$root"
