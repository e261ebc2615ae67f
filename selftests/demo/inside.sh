#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# inside.sh : the demo's part in the machine that has the adapter.
#
# The modules are loaded. Each step is what a user would type.

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

mib()
{
	echo "$(($1 >> 20)) MiB"
}

# The function whose ids those are, or nothing.
function_of()
{
	local f
	for f in $pci/devices/*; do
		[ "$(<"$f/vendor"):$(<"$f/device")" != "$1" ] || { echo "${f##*/}"; return; }
	done
}

declare -A parent uuid
parent[adapter]=$(function_of 0x1234:0x1111)
parent[softpci]=$(function_of 0x1234:0x7765)
mkdir -p $scratch

step "Give the adapter ${parent[adapter]} to weft_vgpu"
put weft_vgpu $pci/devices/"${parent[adapter]}"/driver_override
put "${parent[adapter]}" $pci/drivers_probe
[ -e /sys/class/mdev_bus/"${parent[adapter]}" ] ||
	{ echo "  refused: $(last_error /)"; exit 1; }
echo "  and weft_softpci's ${parent[softpci]} is bound already"

step "What the adapter offers"
for t in /sys/class/mdev_bus/"${parent[adapter]}"/mdev_supported_types/*; do
	printf '  %-16s %2s  %s\n' "${t##*/}" "$(<"$t/available_instances")" "$(<"$t/description")"
done | sort -t= -k4 -n

step "Create an instance on each"
for i in "${!guest_parent[@]}"; do
	uuid[$i]=$(</proc/sys/kernel/random/uuid)
	put "${uuid[$i]}" \
		/sys/class/mdev_bus/"${parent[${guest_parent[i]}]}"/mdev_supported_types/"${guest_type[i]}"/create
done

step "Start two guests, each with one of them"
[ "${WEFT_DEMO_BOOT-}" ] && how=--boot || how=
guests=()
for i in "${!guest_parent[@]}"; do
	device=vfio-pci,sysfsdev=$mdev/${uuid[$i]},display=on
	printf '  %s# qemu-system-x86_64 -display none -device %s ...%s\n' "$dim" "$device" "$plain"
	"$here/../guest/guest.py" ${how:+"$how"} --name "  guest $i" --timeout 200 \
		--device "$device" --log $scratch/guest-"$i".log \
		--do probe --do paint:"${guest_picture[i]}":"${guest_label[i]/ /_}" \
		--shot $scratch/guest-"$i".ppm -- sh -c "touch $scratch/done-$i; exec sleep 300" &
	guests+=($!)
done
for i in "${!guest_parent[@]}"; do
	until [ -e $scratch/done-"$i" ]; do
		kill -0 "${guests[i - 1]}" 2>/dev/null || {
			echo "guest $i said:"
			cat $scratch/guest-"$i".log
			exit 1
		}
		sleep 0.2
	done
done

step "Parents and instances"
printf '  %-14s %-18s %-8s %-8s %s\n' PARENT DRIVER VRAM FREE READY
for p in "${parent[@]}"; do
	a=$pci/devices/$p/weft
	printf '  %-14s %-18s %-8s %-8s %s\n' "$p" "$(basename "$(readlink -f $pci/devices/"$p"/driver)")" \
		"$(mib "$(<"$a/vram_total")")" "$(mib "$(<"$a/vram_free")")" "$(<"$a/ready")"
done
printf '\n  %-36s  %-14s %-14s %-7s %-9s %s\n' INSTANCE PARENT TYPE VRAM STATE MODE
for i in "${!guest_parent[@]}"; do
	a=$mdev/${uuid[$i]}/weft
	printf '  %-36s  %-14s %-14s %-7s %-9s %s\n' "${uuid[$i]}" "${parent[${guest_parent[i]}]}" \
		"$(<"$a/type")" "$(mib "$(<"$a/vram_bytes")")" "$(<"$a/state")" "$(<"$a/mode")"
done

kill "${guests[@]}"
wait "${guests[@]}" || :
for i in "${!guest_parent[@]}"; do
	echo 1 >$mdev/"${uuid[$i]}"/remove
	cp $scratch/guest-"$i".{ppm,log} "$WEFT_RESULTS"
done
