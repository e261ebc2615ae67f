# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The kernel's source, as Debian packs it. Sourced; say.sh and cache.sh first.
#
#   source_take DIR [PATTERN...]	unpacks the files that fit, or all but
#					those in source_without, into DIR

SOURCE_PACKAGE=linux-source-6.12
source_without=()

# One that is installed will do.
source_take()
(
	dir=$1 tar=/usr/src/$SOURCE_PACKAGE.tar.xz
	shift
	if [ ! -e $tar ]; then
		tmp=$(mktemp -d "$CACHE/fetch.XXXXXX")
		trap 'rm -rf "$tmp"' EXIT
		cache_unpack "$tmp" "$SOURCE_PACKAGE" || exit
		tar=$tmp$tar
	fi
	say_while "unpacking the kernel's source" tar -C "$dir" --strip-components=1 --wildcards \
		"${source_without[@]/#/--exclude=}" -xJf "$tar" "${@/#/*/}"
)
