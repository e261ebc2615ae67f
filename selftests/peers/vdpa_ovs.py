#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Representors as ports of Open vSwitch: vdpa-ovs.test's part in the QEMU host.

The drivers are plain clients of /dev/vhost-vdpa-N, one for each of vm0, vm1 and
vm2, which are ports of the bridge ovs0 already, vm2 with the tag 10. A frame
that must not arrive is followed by one that must.
"""
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../vdpa"))

from client import Client  # noqa: E402
from device import carrier, frame, node, wait_for  # noqa: E402
from ktap import Ktap  # noqa: E402

NAMES = ["vm0", "vm1", "vm2"]
ALL = b"\xff" * 6
ROOM = 8


def mac(n):
    return bytes([0x52, 0x54, 0, 9, 1, n])


def ovs(*args):
    return subprocess.run(args, check=True, text=True, stdout=subprocess.PIPE).stdout


def tagged(data, vlan):
    return data[:12] + b"\x81\0" + vlan.to_bytes(2, "big") + data[12:]


class Station(Client):
    def __init__(self, name):
        super().__init__(node(name))
        self.name = name
        self.begin()
        for _ in range(ROOM):
            self.room()
        carrier(name)

    def next(self):
        """The next frame of the tests: hosts send some of their own."""
        while True:
            got = self.received()
            self.room()
            if b"\x88\xb5" in (got[12:14], got[16:18]):
                return got


def reach(t, what, frm, to, sent, got=None):
    frm.send(sent)
    t.equal(f"{frm.name} reaches {to.name} {what}", to.next(), got or sent)


def ports():
    """Packets that came in and went out, by port."""
    found = {}
    for name in NAMES:
        text = ovs("ovs-ofctl", "dump-ports", "ovs0", name)
        found[name] = tuple(int(n) for n in re.findall(r"pkts=(\d+)", text))
    return found


def main():
    with Ktap() as t:
        t.equal("the representors are ports", ovs("ovs-vsctl", "list-ports", "ovs0").split(), NAMES)
        a, b, c = stations = [Station(name) for name in NAMES]
        first = ports()
        # All ports of a VLAN, until it is known who is where.
        reach(t, "with a frame for all", a, b, frame(ALL, mac(1), 1))
        reach(t, "by its address", b, a, frame(mac(1), mac(2), 2))
        for n in range(3, 23):
            a.send(frame(mac(2), mac(1), n, 60 + 60 * n))
            if b.next() != frame(mac(2), mac(1), n, 60 + 60 * n):
                t.check("20 frames of many sizes arrive in order", False, n)
                break
        else:
            t.check("20 frames of many sizes arrive in order", True)
        # A trunk, vm0, and an access port, vm2: the tag is the port's to take off.
        a.send(frame(ALL, mac(1), 30))
        a.send(tagged(frame(ALL, mac(1), 31), 20))
        reach(t, "in its VLAN, and only so", a, c, tagged(frame(ALL, mac(1), 32), 10),
              frame(ALL, mac(1), 32))
        t.equal("what the others of that VLAN get has the tag",
                [b.next() for _ in range(3)],
                [frame(ALL, mac(1), 30), tagged(frame(ALL, mac(1), 31), 20),
                 tagged(frame(ALL, mac(1), 32), 10)])
        c.send(frame(ALL, mac(3), 40))
        t.equal("what an access port sends gets its tag", [a.next(), b.next()],
                [tagged(frame(ALL, mac(3), 40), 10)] * 2)
        reach(t, "by its address, in its VLAN", a, c, tagged(frame(mac(3), mac(1), 41), 10),
              frame(mac(3), mac(1), 41))
        last = ports()
        t.check("the ports' counters have counted them", all(
            last[name][0] >= first[name][0] + n and last[name][1] > first[name][1]
            for name, n in (("vm0", 25), ("vm1", 1), ("vm2", 1))), (first, last))
        flows = ovs("ovs-appctl", "dpctl/dump-flows")
        t.check("the kernel's switch has a flow of them", "eth_type(0x88b5)" in flows, flows)
        # A rule of the switch holds for a guest as for any port.
        ovs("ovs-ofctl", "add-flow", "ovs0",
            f"priority=9,dl_type=0x88b5,dl_src={mac(2).hex(':')},actions=drop")
        # The kernel's switch follows in its own time.
        ovs("ovs-appctl", "revalidator/wait")
        b.send(frame(mac(1), mac(2), 50))
        wait_for(lambda: re.search(r"n_packets=[1-9].*priority=9",
                                   ovs("ovs-ofctl", "dump-flows", "ovs0")))
        ovs("ovs-ofctl", "del-flows", "ovs0", "dl_type=0x88b5")
        ovs("ovs-appctl", "revalidator/wait")
        reach(t, "again, when a rule is gone that stopped it", b, a, frame(mac(1), mac(2), 51))
        for station in stations:
            with station:
                pass


if __name__ == "__main__":
    main()
