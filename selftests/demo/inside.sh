#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# inside.sh : the demo's part in the machine that has the adapter.
#
# Each step is what a user would type.

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/guests.sh"
mdev=/sys/bus/mdev/devices
pci=/sys/bus/pci
scratch=/dev/shm/demo

if [ "${WEFT_COLOUR-}" ]; then
	bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'
else
	bold='' dim='' plain=''
fi

step()
{
	printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}

# Shows a write to sysfs as one would type it, and does it.
put()
{
	printf '  %s# echo %s > %s%s\n' "$dim" "$1" "$2" "$plain"
	echo "$1" >"$2" || { echo "  refused: $(last_error "$2")"; exit 1; }
}

last_error()
{
	local parent=${1%/mdev_supported_types/*}
	cat "$parent/weft/last_error" $pci/drivers/weft_vgpu/last_error 2>/dev/null | grep . | head -n 1
}

# Programs are slow to start on an emulated CPU: what follows does without.

# get VAR FILE: the first line of a file.
get()
{
	read -r "$1" <"$2" || :
}

# get_mib VAR FILE: the same, of bytes.
get_mib()
{
	local got
	get got "$2"
	printf -v "$1" '%d MiB' $((got >> 20))
}

# find_function VAR VENDOR DEVICE: the address of the first such PCI function.
find_function()
{
	local f vendor device
	for f in "$pci"/devices/*; do
		get vendor "$f/vendor"
		get device "$f/device"
		if [ "$vendor:$device" = "$2:$3" ]; then
			printf -v "$1" %s "${f##*/}"
			return
		fi
	done
	echo "  there is no PCI function $2:$3"
	exit 1
}

# What the guests need first is read while the modules are loaded: KVM, and
# their memory, of which the machine makes a copy once somebody opens it to write.
(
	modprobe kvm_amd || :
	qemu-system-x86_64 --version || :
	exec 3<>"$WEFT_GUEST_SAVED"
) >/dev/null 2>&1 &
warm=$!
mkdir -p $scratch
mkfifo $scratch/told

step "Load the modules"
printf '  %s# modprobe -a mdev vfio_iommu_type1; insmod weft_softpci.ko; insmod weft_vgpu.ko%s\n' "$dim" "$plain"
"$here/../qemu/load" weft_softpci weft_vgpu vfio_iommu_type1

declare -A parent uuid
find_function 'parent[adapter]' 0x1234 0x1111
find_function 'parent[softpci]' 0x1234 0x7765

step "Give the adapter ${parent[adapter]} to weft_vgpu"
put weft_vgpu $pci/devices/"${parent[adapter]}"/driver_override
put "${parent[adapter]}" $pci/drivers_probe
[ -e /sys/class/mdev_bus/"${parent[adapter]}" ] ||
	{ echo "  refused: $(last_error /)"; exit 1; }
echo "  and weft_softpci's ${parent[softpci]} is bound already"

step "What the adapter offers"
for size in full 512m 256m 128m 64m 32m 16m 8m 4m; do
	t=/sys/class/mdev_bus/${parent[adapter]}/mdev_supported_types/weft_vgpu-$size
	[ -d "$t" ] || continue
	get available "$t/available_instances"
	get description "$t/description"
	printf '  %-16s %2s  %s\n' "weft_vgpu-$size" "$available" "$description"
done

step "Create an instance on each"
for i in "${!guest_parent[@]}"; do
	get "uuid[$i]" /proc/sys/kernel/random/uuid
	put "${uuid[$i]}" \
		/sys/class/mdev_bus/"${parent[${guest_parent[i]}]}"/mdev_supported_types/"${guest_type[i]}"/create
done

step "Start two guests, each with one of them"
guests=()
wait $warm
for i in "${!guest_parent[@]}"; do
	device=vfio-pci,sysfsdev=$mdev/${uuid[$i]},display=on
	printf '  %s# qemu-system-x86_64 -display none -device %s ...%s\n' "$dim" "$device" "$plain"
	"$here/../guest/guest.py" --name "  guest $i" --timeout 200 \
		--device "$device" --log $scratch/guest-"$i".log \
		--do probe --do paint:"${guest_picture[i]}":"${guest_label[i]/ /_}" \
		--shot $scratch/guest-"$i".ppm --hold $scratch/told &
	guests+=($!)
done
exec 4<>$scratch/told
for i in "${!guest_parent[@]}"; do
	told=
	read -r -t 300 told <&4 || :
	if [ "$told" != "done" ]; then
		for log in $scratch/*.log; do
			echo "  ${log##*/} ends with"
			tail -n 20 "$log"
		done
		kill "${guests[@]}" 2>/dev/null
		exit 1
	fi
done

step "Parents and instances"
declare -A kind=([0x1111]=bochs-display [0x7765]=weft_softpci)
printf '  %-14s %-18s %-8s %-8s %s\n' PARENT ADAPTER VRAM FREE READY
for p in "${parent[@]}"; do
	a=$pci/devices/$p/weft
	get_mib total "$a/vram_total"
	get_mib free "$a/vram_free"
	get ready "$a/ready"
	get class "$pci/devices/$p/device"
	printf '  %-14s %-18s %-8s %-8s %s\n' "$p" "${kind[$class]}" "$total" "$free" "$ready"
done
printf '\n  %-36s  %-14s %-14s %-7s %-9s %s\n' INSTANCE PARENT TYPE VRAM STATE MODE
for i in "${!guest_parent[@]}"; do
	a=$mdev/${uuid[$i]}/weft
	get type "$a/type"
	get_mib bytes "$a/vram_bytes"
	get state "$a/state"
	get mode "$a/mode"
	printf '  %-36s  %-14s %-14s %-7s %-9s %s\n' "${uuid[$i]}" \
		"${parent[${guest_parent[i]}]}" "$type" "$bytes" "$state" "$mode"
done

kill "${guests[@]}"
wait "${guests[@]}" || :
for i in "${!guest_parent[@]}"; do
	echo 1 >$mdev/"${uuid[$i]}"/remove
	cp $scratch/guest-"$i".{ppm,log} "$WEFT_RESULTS"
done
