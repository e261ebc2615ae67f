# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The cache folder, and Debian packages unpacked into it. Sourced; say.sh first.
#
#   cache_unpack DIR PACKAGE...	downloads and unpacks, installs nothing;
#				cache_without holds patterns of files to leave out
#   cache_depends PACKAGE	names of the packages it depends on
#   cache_apt_cache ARG...	apt-cache
#   cache_use_own_lists		from here on, package lists of our own instead of the
#				machine's: of Debian 12 and its security updates or,
#				with cache_suite=trixie, of Debian 13 and its backports;
#				with cache_arch=s390x, of that architecture
#   cache_unpack_all DIR PACKAGE...	the same with all that they depend on; of such lists

CACHE=${WEFT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/weft}
cache_apt_options=()
cache_without=()
cache_suite=bookworm
cache_arch=
cache_lists=

cache_apt_cache()
{
	apt-cache "${cache_apt_options[@]}" "$@"
}

# For machines that are no Debian 12, and for lists that are empty or stale:
# an apt state below the cache folder needs no root and changes nothing else.
cache_use_own_lists()
{
	local apt=$CACHE/apt key=/usr/share/keyrings/debian-archive-keyring.gpg mirror lock rc=0
	local arch=${cache_arch:-$(dpkg --print-architecture)}
	[ $cache_suite = bookworm ] || apt+=-$cache_suite
	apt+=${cache_arch:+-$cache_arch}
	[ "$cache_lists" != "$apt" ] || return 0
	command -v apt-get >/dev/null || die_without "apt-get is missing: packages are fetched with it"
	[ -e $key ] || die_without "$key is missing (package debian-archive-keyring)"
	mirror=${WEFT_DEBIAN_MIRROR-$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' |
		grep -m1 '/debian/*$' || :)}
	[ "$mirror" ] || die_without "no Debian archive is known here: give one as WEFT_DEBIAN_MIRROR=URL," \
		"with its security updates beside it in debian-security"
	mirror=${mirror%/}
	mkdir -p "$apt"/{lists/partial,cache/archives/partial,parts}
	# apt itself does not wait for another that reads lists.
	exec {lock}>"$apt/.lock"
	flock "$lock"
	: >"$apt/status"
	{
		echo "deb [signed-by=$key] $mirror $cache_suite main"
		case $cache_suite$cache_arch in
		# What goes beside it is often half written, for those that few have.
		trixie?*) ;;
		trixie)	echo "deb [signed-by=$key] $mirror $cache_suite-backports main" ;;
		*)	echo "deb [signed-by=$key] ${mirror%/*}/debian-security $cache_suite-security main" ;;
		esac
	} >"$apt/sources.list"
	cache_apt_options=(
		-o "Dir::Etc::sourcelist=$apt/sources.list" -o "Dir::Etc::sourceparts=$apt/parts"
		-o "Dir::State::lists=$apt/lists" -o "Dir::State::status=$apt/status"
		-o "Dir::Cache=$apt/cache" -o "Dir::Etc::preferencesparts=$apt/parts"
		-o "APT::Architecture=$arch" -o "APT::Architectures::=$arch" -o APT::Get::List-Cleanup=0
		-o "APT::Sandbox::User=$(id -un)"
	)
	say_while "reading Debian's package lists" apt-get "${cache_apt_options[@]}" -q update ||
		rc=$NOT_TO_BE_HAD
	exec {lock}>&-
	[ $rc != 0 ] || cache_lists=$apt
	return $rc
}

cache_depends()
{
	cache_apt_cache depends --no-recommends --no-suggests --no-conflicts --no-breaks \
		--no-replaces --no-enhances "$1" | sed -nE 's/^ *\|?(Pre)?Depends: ([^<]+)$/\2/p'
}

cache_download()
{
	# apt drops its privileges to a user that cannot write here: tell it not to.
	(cd "$1" && apt-get "${cache_apt_options[@]}" -q -o "APT::Sandbox::User=$(id -un)" download "$2")
}

cache_extract()
{
	dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink -C "$2" "${cache_without[@]/#/--exclude=}"
}

# 2 if it could not be downloaded, 1 if not unpacked.
cache_fetch()
(
	tmp=$(mktemp -d "$CACHE/fetch.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	say_while "downloading $2" cache_download "$tmp" "$2" || exit 2
	say_while "unpacking $2" cache_extract "$tmp"/*.deb "$1" || exit 1
)

cache_unpack()
{
	local dir=$1 p rc
	shift
	mkdir -p "$dir"
	for p; do
		rc=0
		cache_fetch "$dir" "$p" || rc=$?
		if [ $rc = 2 ]; then
			# The machine's lists name a file that is gone: use ours.
			cache_use_own_lists
			rc=0
			cache_fetch "$dir" "$p" || rc=$?
		fi
		[ $rc != 2 ] || die_without "could not download $p"
		[ $rc = 0 ] || die "could not unpack $p"
	done
}

# apt finds out what they are, for a machine that has nothing.
cache_unpack_all()
(
	dir=$1
	shift
	cache_use_own_lists
	tmp=$(mktemp -d "$CACHE/fetch.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	mkdir "$tmp/partial"
	say_while "downloading $* and what they need" apt-get "${cache_apt_options[@]}" -q -y \
		--download-only --no-install-recommends -o "Dir::Cache::archives=$tmp" install "$@" ||
		exit $NOT_TO_BE_HAD
	mkdir -p "$dir"
	for deb in "$tmp"/*.deb; do
		cache_extract "$deb" "$dir" || exit 1
	done
)
