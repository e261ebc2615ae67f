#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Guests in the newest QEMU: vdpa-newest.test's part in the QEMU host.

    vdpa_newest.py [KIND...]		all kinds, or those that are named

A ring is shadowed when QEMU reads the guest's, and the device one of QEMU's.
That is in an address space of its own for the control queue, always where the
device has two; x-svq=on has it for all queues.
"""
import os
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../vdpa"))

import client  # noqa: E402
from device import node  # noqa: E402
from ktap import Ktap  # noqa: E402
from vdpa import COUNTERS, VdpaNet, counted, functions  # noqa: E402
from vhost import BRIDGE, PATIENCE, counters  # noqa: E402

HOST = "10.9.0.100"
# All that a device of one pair has but RING_PACKED, which QEMU does not shadow.
SHADOWABLE = 0x8000000b309fbbaf


def device(guest):
    return counters(COUNTERS, guest.device + "/device")


def echoes(t, what, guest):
    for size in (56, 8000):
        t.equal(f"{what}: {size} bytes go to the host and back",
                guest.ask(f"ping:{HOST}:10:{size}", "ping"), "ping 10 of 10 came back, 0 twice")


def starts(net, netdev="", options="", features=SHADOWABLE):
    # Else the bridge's address changes with its ports, and guests send to the former one.
    subprocess.run(["ip", "link", "set", "dev", BRIDGE, "address", "52:54:00:09:ff:fe"], check=True)
    subprocess.run(["ip", "addr", "replace", HOST + "/24", "dev", BRIDGE], check=True)
    guest = net.vdpa("a", "10.9.0.1", netdev=netdev, options=options, features=features)
    guest.start(PATIENCE)
    guest.ask("link:" + guest.address, "link")
    return guest


def control_apart(t):
    with VdpaNet() as net:
        guest = starts(net)
        echoes(t, "control queue apart", guest)
        space = device(guest)
        t.check("the control queue has an address space of its own",
                space["group.control"] != space["group.data"]
                and not space["space.1"].startswith("0 "), space)
        counted(t, "control queue apart", guest, False, 1000)
        guest.order("promisc:1")
        guest.order("promisc:0")
        t.check("and its commands are obeyed", int(guest.queue(2)["packets"]) >= 2, guest.queue(2))


def shadowed(t):
    with VdpaNet() as net:
        guest = starts(net, ",x-svq=on")
        echoes(t, "shadowed", guest)
        counted(t, "shadowed", guest, False, 1000)


def newer_tool(t):
    """What the tool of Debian 12 has no words for."""
    def tool(*args):
        return subprocess.run(["chroot", os.environ["WEFT_NEWEST"], "vdpa", *args],
                              text=True, capture_output=True, check=False)

    def add(features):
        return tool("dev", "add", "name", "w0", "mgmtdev", functions()[0],
                    "mac", "52:54:00:00:00:01", "device_features", hex(features))

    def log():
        return subprocess.run(["dmesg"], text=True, stdout=subprocess.PIPE, check=True).stdout

    for what, features, word in (
            ("what no device has", client.ALWAYS | 1 << 50, "no device of ours has features"),
            ("too little", client.ALWAYS & ~(1 << client.PLATFORM), "cannot be left out"),
            ("one without another", client.ALWAYS | 1 << client.MQ, "MQ needs CTRL_VQ")):
        got = add(features)
        t.check(f"device_features: {what} is refused, and the log says why",
                got.returncode and word in log(), got)
    got = add(client.ALWAYS)
    t.check("device_features: a device is made", not got.returncode, got)
    with client.Client(node("w0")) as c:
        t.equal("device_features: it offers those", struct.unpack(
            "Q", c.ioctl(client.GET_FEATURES, bytes(8)))[0], client.ALWAYS)
    got = tool("dev", "set", "name", "w0", "mac", "52:54:00:00:00:77")
    shown = tool("dev", "config", "show", "w0").stdout
    t.check("dev set: the device has another address", not got.returncode
            and "mac 52:54:00:00:00:77" in shown, (got, shown))
    tool("dev", "del", "w0")


KINDS = {"tool": newer_tool, "control": control_apart, "shadowed": shadowed}


def main():
    with Ktap() as t:
        for kind in sys.argv[1:] or KINDS:
            KINDS[kind](t)


if __name__ == "__main__":
    main()
