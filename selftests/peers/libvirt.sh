# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# libvirt in the peers' root. Sourced after inside.sh.
#
#   libvirt_up		starts it, and udev before it
#   virsh ARG...	talks to it

virsh() { peers virsh -q -c qemu:///system "$@"; }

# A host boots with these up; here libvirt comes first in a fresh root.
libvirt_up()
{
	mkdir -p "$R/run/dbus"
	peers dbus-daemon --system --fork
	peers_spawn /lib/systemd/systemd-udevd
	until_true 20 test -e "$R/run/udev/control"
	peers udevadm trigger --action=add --subsystem-match=pci --subsystem-match=mdev \
		--subsystem-match=mdev_bus --subsystem-match=vfio --subsystem-match=vdpa
	peers udevadm settle --timeout=60
	# This machine is the container: no need for one in it.
	cat >>"$R/etc/libvirt/qemu.conf" <<-END
	user = "root"
	group = "root"
	security_driver = "none"
	namespaces = []
	cgroup_controllers = []
	stdio_handler = "file"
	remember_owner = 0
	END
	peers_spawn libvirtd
	until_true 120 virsh version
}
