#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What a guest on a vDPA device lets in: vdpa-filters.test's part in the QEMU host.

The other guest is on /dev/vhost-weft. Frames that must not arrive are followed
by one that must, on the same way: that it came says that no other will.
"""
import os
import socket
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../vdpa"))

from device import frame  # noqa: E402
from ktap import Ktap  # noqa: E402
from vdpa import VdpaNet  # noqa: E402
from vdpa_guests import start  # noqa: E402
from vhost import BRIDGE  # noqa: E402

HOST = b"\x52\x54\0\x09\xff\1"
OTHER = b"\x52\x54\0\x09\xee\1"
GROUP = b"\x01\0\x5e\0\x11\x22"
LAST = 0xffffffff


def run(*args):
    subprocess.run(args, check=True)


def bytes_of(mac):
    return bytes.fromhex(mac.replace(":", ""))


class Port:
    """Sends frames out of a guest's representor, which is: to the guest."""

    def __init__(self, guest):
        self.guest = guest
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.bind((guest.tap, 0))

    def send(self, to, n, vlan=None):
        data = frame(to, HOST, n)
        if vlan is not None:
            data = data[:12] + struct.pack(">HH", 0x8100, vlan) + data[12:]
        self.socket.send(data)

    def heard(self, *frames):
        """Sends (to, number[, vlan]) each, and returns the numbers that came."""
        self.guest.tell("hear")
        self.guest.wait("hearing")
        for one in frames:
            self.send(*one)
        self.send(b"\xff" * 6, LAST)
        numbers = []
        while True:
            n = int(self.guest.wait("heard ").split()[1])
            if n == LAST:
                self.guest.done("hear")
                return numbers
            numbers.append(n)


def filtered(guest):
    return int(guest.queue(0)["filtered"])


def addresses(t, guest, port, mac):
    before = filtered(guest)
    t.equal("frames to the guest and to all arrive, to another and to a group do not",
            port.heard((mac, 1), (OTHER, 2), (GROUP, 3), (b"\xff" * 6, 4)), [1, 4])
    t.check("the device has counted the others", filtered(guest) >= before + 2, guest.queue(0))
    guest.order("group:" + GROUP.hex("-"))
    t.equal("frames to a group arrive once the guest joined",
            port.heard((OTHER, 1), (GROUP, 2), (GROUP[:5] + b"\x23", 3)), [2])
    guest.order("promisc:1")
    t.equal("all frames arrive when the guest wants all",
            port.heard((mac, 1), (OTHER, 2), (GROUP[:5] + b"\x23", 3)), [1, 2, 3])
    guest.order("promisc:0")
    t.equal("and no longer when it does not", port.heard((mac, 1), (OTHER, 2)), [1])


def tags(t, guest, port, mac):
    """The guest has an interface of VLAN 10."""
    t.equal("frames of the guest's VLAN arrive, those of another do not",
            port.heard((mac, 1, 20), (mac, 2, 10), (mac, 3), (mac, 4, 4094), (mac, 5, 11)),
            [2, 3])
    guest.order("vlan:20:10.20.0.1")
    t.equal("those of another do once it has that too",
            port.heard((mac, 1, 20), (mac, 2, 10), (mac, 3, 11)), [1, 2])
    guest.order("novlan:20")
    t.equal("and no longer when it has not", port.heard((mac, 1, 20), (mac, 2, 10)), [2])


def on_bridge(t, a, b):
    """A bridge that knows VLANs, whose two ports have the same one."""
    run("ip", "link", "set", "dev", BRIDGE, "type", "bridge", "vlan_filtering", "1")
    for guest in (a, b):
        run("bridge", "vlan", "add", "dev", guest.tap, "vid", "10")
    a.order("vlan:10:10.10.0.1")
    b.order("vlan:10:10.10.0.2")
    for frm, to in ((a, "10.10.0.2"), (b, "10.10.0.1")):
        t.equal(f"{frm.name} pings the other in their VLAN",
                frm.ask(f"ping:{to}:5:1000", "ping"), "ping 5 of 5 came back, 0 twice")
    t.equal("and without one", a.ask("ping:10.9.0.2:5:1000", "ping"),
            "ping 5 of 5 came back, 0 twice")
    run("bridge", "vlan", "del", "dev", b.tap, "vid", "10")
    a.tell("ping:10.10.0.2:1:56")
    t.equal("not in a VLAN that the other's port has not", a.wait("ping "),
            "ping 0 of 1 came back, 0 twice")
    a.wait("failed ping")


def main():
    with Ktap() as t, VdpaNet() as net:
        a = net.vdpa("a", "10.9.0.1")
        b = net.guest("b", "10.9.0.2")
        start((a, b))
        mac = bytes_of(a.ask("link:10.9.0.1", "link").split()[2])
        port = Port(a)
        addresses(t, a, port, mac)
        on_bridge(t, a, b)
        tags(t, a, port, mac)


if __name__ == "__main__":
    main()
