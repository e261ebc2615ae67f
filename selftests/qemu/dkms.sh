# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What tests of DKMS have in common: they begin again on a root that is thrown
# away, where kernels appear and go. Sourced, with the test's arguments; say.sh and
# ktap.sh come with it. $dkms_packages are fetched before.
#
#   kernel_of SERIES		the name of a kernel, and its headers' folder as $kdir
#   kernel_appears SERIES	it is in /lib/modules from here on, as $kver
#   modules_of KVER		names of those that it can have
#   status_of KVER		one word of dkms status
#   ours			all files of ours that there are

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
SAY_NAME=dkms
. selftests/lib/say.sh
. selftests/lib/cache.sh

# Ends here, if what is fetched is not to be had; what else fails ends it with that status.
dkms_had()
{
	local what=$1 rc=0
	shift
	"$@" >/dev/null || rc=$?
	[ $rc != $NOT_TO_BE_HAD ] || { echo "1..0 # SKIP $what cannot be had"; exit 4; }
	[ $rc = 0 ] || exit $rc
}

# Three tests want it, maybe at once: it is there as a whole or not at all.
dkms_fetch()
(
	exec 9>"$CACHE/.dkms-lock"
	flock 9
	[ -e "$CACHE/dkms/usr/sbin/dkms" ] || {
		rm -rf "$CACHE/dkms" "$CACHE/dkms.part"
		cache_unpack "$CACHE/dkms.part" dkms && mv "$CACHE/dkms.part" "$CACHE/dkms"
	}
)

if [ "${1-}" != --inside ]; then
	why=$(selftests/qemu/overlay.sh -- true 2>&1) ||
		{ echo "1..0 # SKIP no throw-away root: $why"; exit 4; }
	for series in $dkms_kernels; do
		# The image, too: some of the kernel's own modules are wanted.
		dkms_had "the kernel $series" selftests/qemu/kernel.sh "$series"
	done
	dkms_had "the dkms package" dkms_fetch
	if [ "${dkms_packages-}" ]; then
		mkdir -p "$CACHE/debs/partial"
		dkms_download()
		{
			# shellcheck disable=SC2086 # several
			say_while "downloading $dkms_packages" apt-get install -y -q --download-only \
				--no-install-recommends -o "Dir::Cache::archives=$CACHE/debs" \
				-o APT::Sandbox::User=root -o DPkg::Lock::Timeout=300 $dkms_packages
		}
		dkms_download || {
			say_while "reading the package lists" apt-get update -q -o DPkg::Lock::Timeout=300
			dkms_download
		} || { echo "1..0 # SKIP $dkms_packages cannot be had"; exit 4; }
	fi
	exec selftests/qemu/overlay.sh -- "$(realpath "$0")" --inside
fi

. selftests/lib/ktap.sh

# Whatever this machine itself has of these is out of sight.
for dir in /lib/modules /var/lib/dkms; do
	mkdir -p "$dir"
	mount -t tmpfs tmpfs "$dir"
done

kernel_of()
{
	local found
	found=$(selftests/qemu/kernel.sh --headers "$1")
	kdir=$(sed -n 's/^KDIR=//p' <<<"$found")
	kver=$(sed -n 's/^KVER=//p' <<<"$found")
}

# A few of the kernel's own come, too: dkms compresses ours if those are.
kernel_appears()
{
	kernel_of "$1"
	local drivers=/lib/modules/$kver/kernel/drivers
	mkdir -p "$drivers"
	cp -a "$CACHE/kernels/$kver/lib/modules/$kver/kernel/drivers/vfio" "$drivers"
	ln -sfn "$kdir" "/lib/modules/$kver/build"
}

# conf KDIR EXPRESSION: what dkms.conf says for a kernel.
conf()
{
	bash -c 'kernelver=some kernel_source_dir=$1; . "$2"; eval "echo \"$3\""' conf "$1" "$PWD/dkms.conf" "$2"
}
version=$(conf /none '$PACKAGE_VERSION')
all="weft/$version"

modules_of()
{
	conf "$CACHE/kernels/$1/usr/src/linux-headers-$1" '${BUILT_MODULE_NAME[*]}' 2>/dev/null
}

status_of()
{
	dkms status "$all" -k "$1" | sed 's/.*: //'
}

ours()
{
	find /lib/modules /usr/src /var/lib/dkms /usr/share/man /usr/share/doc -name 'weft*' 2>/dev/null
}

# check_installed SERIES: each module is there, is for this kernel, and modprobe would find it.
check_installed()
{
	local m dest=/lib/modules/$kver/updates/dkms
	ktap_is "dkms status on $1" "$(status_of "$kver")" installed
	for m in $(modules_of "$kver"); do
		ktap_is "$m is there on $1, and for it" \
			"$(modinfo -F vermagic "$dest/$m".ko* | cut -d' ' -f1)" "$kver"
		ktap_check "modprobe would find $m on $1" grep -q "/$m.ko" "/lib/modules/$kver/modules.dep"
	done
	ktap_is "and no other is on $1" "$(cd $dest && printf '%s\n' ./* | sed 's/\.ko.*//;s,^\./,,' | sort)" \
		"$(modules_of "$kver" | tr ' ' '\n' | sort)"
}

# What make said, where a build failed.
build_log()
{
	[ "$(status_of "$kver")" != "" ] ||
		ktap_note "$(tail -n 30 "/var/lib/dkms/weft/$version/build/make.log")"
}
