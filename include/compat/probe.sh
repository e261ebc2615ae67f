#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# probe.sh SRCTREE OBJTREE OUT : asks the kernel's headers what they offer.
#
# Writes OUT with one WEFT_HAVE_... macro for each thing found, and touches it
# only when it changes. Versions are never looked at, as distributions and
# stable kernels backport. To add a question, add a line at the end:
#
#	has NAME HEADER REGEX	HEADER (below include/) matches REGEX
#
# REGEX is an extended one and sees the header with comments and line breaks
# turned into single blanks, without any next to a parenthesis or a comma.

set -eu
export LC_ALL=C

fail()
{
	echo "weft: $*" >&2
	exit 1
}

[ $# = 3 ] || fail "usage: probe.sh SRCTREE OBJTREE OUT"
out=$3

# Debian and SUSE split the headers: the configured half names the other.
trees=
add_tree()
{
	[ -d "$1/include" ] && trees="$trees $1"
	return 0
}
for t in "$1" "$2"; do
	add_tree "$t"
	if [ -e "$t/source" ]; then
		add_tree "$t/source"
	elif [ -f "$t/Makefile" ]; then
		other=$(sed -nE 's,^include +(/.*)/Makefile *$,\1,p' "$t/Makefile" | head -n 1)
		[ -z "$other" ] || add_tree "$other"
	fi
done

header()
{
	for t in $trees; do
		if [ -f "$t/include/$1" ]; then
			echo "$t/include/$1"
			return
		fi
	done
}

# The floor: what no kernel that we can serve lacks.
for h in linux/module.h linux/eventfd.h linux/vfio.h linux/mdev.h; do
	[ "$(header $h)" ] || fail "no include/$h below '$1' or '$2': are the headers of this kernel installed, and is it 6.1 or newer?"
done
grep -q 'mdev_register_parent' "$(header linux/mdev.h)" ||
	fail "this kernel's linux/mdev.h is older than 6.1, which is the oldest supported"

folded()
{
	tr '\n\t' '  ' <"$1" | sed -E 's,/\*([^*]|\*+[^*/])*\*+/, ,g; s/ +/ /g; s/ ?([(),]) ?/\1/g'
}

new=$(mktemp "${TMPDIR:-/tmp}/weft-probe.XXXXXX")
trap 'rm -f "$new"' EXIT
trap 'exit 1' HUP INT TERM

last='' text=''
has()
{
	h=$(header "$2")
	if [ "$2" != "$last" ]; then
		last=$2
		text=
		[ -z "$h" ] || text=$(folded "$h")
	fi
	if printf '%s\n' "$text" | grep -qE -e "$3"; then
		echo "#define WEFT_HAVE_$1 1" >>"$new"
	else
		echo "/* no WEFT_HAVE_$1 */" >>"$new"
	fi
}

cat >"$new" <<HEAD
/* SPDX-License-Identifier: GPL-2.0 */
/* Written by include/compat/probe.sh, not worth an edit. */
#ifndef WEFT_GENERATED_HAVE_H
#define WEFT_GENERATED_HAVE_H

HEAD

has EVENTFD_SIGNAL_1ARG		linux/eventfd.h	'eventfd_signal\(struct eventfd_ctx \*[a-z]*\)'
has VM_FLAGS_SET		linux/mm.h	'void vm_flags_set\('
has IMPORT_NS_STRING		linux/module.h	'MODULE_IMPORT_NS\(ns\)MODULE_INFO\(import_ns,ns\)'
has VFIO_FREE_DEVICE		linux/vfio.h	'void vfio_free_device\('
has VFIO_BIND_IOMMUFD		linux/vfio.h	'\(\*bind_iommufd\)\('
has VFIO_ATTACH_IOAS		linux/vfio.h	'\(\*attach_ioas\)\('
has VFIO_DETACH_IOAS		linux/vfio.h	'\(\*detach_ioas\)\('
has VFIO_REGION_INFO_CAPS	linux/vfio.h	'\(\*get_region_info_caps\)\('
has VFIO_DEVICE_INODE		linux/vfio.h	'struct vfio_device \{[^}]*struct inode \*inode;'
has VHOST_TASK			linux/sched/vhost_task.h 'bool\(\*fn\)\(void \*\),void\(\*handle_kill\)'
has TUN_XDP_HDR			linux/if_tun.h	'struct tun_xdp_hdr'
has TUN_WAKE_QUEUE		linux/if_tun.h	'void tun_wake_queue\('
has VDPA_SET_ATTR		linux/vdpa.h	'\(\*dev_set_attr\)\('
has VDPA_MAP			linux/vdpa.h	'union virtio_map vmap;'
has VDPA_GET_VQ_SIZE		linux/vdpa.h	'\(\*get_vq_size\)\('
has VDPA_BACKEND_FEATURES	linux/vdpa.h	'\(\*get_backend_features\)\('
has VDPA_COMPAT_RESET		linux/vdpa.h	'\(\*compat_reset\)\('
has VDPA_RESUME			linux/vdpa.h	'\(\*resume\)\('
has VDPA_RESET_MAP		linux/vdpa.h	'\(\*reset_map\)\('
has VDPA_BIND_MM		linux/vdpa.h	'\(\*bind_mm\)\('
has SHMEM_READ_FOLIO		linux/shmem_fs.h 'struct folio \*shmem_read_folio\('
has BPF_NET_CONTEXT		linux/filter.h	'struct bpf_net_context \*bpf_net_ctx_set\('
has XDP_GENERIC_PSKB		linux/netdevice.h 'int do_xdp_generic\((const )?struct bpf_prog \*[a-z_]*,struct sk_buff \*\*'
has XDP_FEATURES		linux/netdevice.h 'xdp_features_t[[:space:]]*xdp_features;'
has UDP_TUNNEL_GSO		uapi/linux/virtio_net.h 'VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO '

printf '\n#endif\n' >>"$new"

mkdir -p "$(dirname "$out")"
cmp -s "$new" "$out" || cp "$new" "$out"
