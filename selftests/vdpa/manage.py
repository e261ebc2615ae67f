#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What the user may ask of a vDPA device, and what is refused: manage.test's part in the machine."""
import os
import select
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../peers"))

import client as c  # noqa: E402
import genl  # noqa: E402
from device import COUNTERS, FROM, FUNCTIONS, TO, Device, counters, frame, log  # noqa: E402
from ktap import Ktap  # noqa: E402

MAC, CSUM, MQ, CTRL_VQ, CTRL_RX = 1 << 5, 1 << 0, 1 << 22, 1 << 17, 1 << 18
NEED = 1 << 32 | 1 << 33
SET_CONFIG_CALL = 0x4004AF77

# What is refused, in what words, by us or by the bus itself.
REFUSED = (
    ("the address of a group", (genl.mac("01:00:00:00:00:01"),), "EINVAL",
     "01:00:00:00:00:01 is not the address of a single station"),
    ("the address 0", (genl.mac("00:00:00:00:00:00"),), "EINVAL",
     "00:00:00:00:00:00 is not the address of a single station"),
    ("17 pairs", (genl.u16(genl.MAX_VQP, 17),), "EINVAL", "max_vqp 17 is not from 1 to 16"),
    ("65535 pairs", (genl.u16(genl.MAX_VQP, 65535),), "EINVAL", "max_vqp 65535 is not from 1 to 16"),
    ("a feature that no device has", (genl.features(NEED | 1 << 50),), "EINVAL",
     "no device of ours has features 0x4000000000000"),
    ("no VERSION_1", (genl.features(1 << 33),), "EINVAL",
     "features 0x100000000 cannot be left out: VERSION_1 and ACCESS_PLATFORM"),
    ("no ACCESS_PLATFORM", (genl.features(1 << 32),), "EINVAL",
     "features 0x200000000 cannot be left out: VERSION_1 and ACCESS_PLATFORM"),
    ("no features at all", (genl.features(0),), "EINVAL", "features 0x300000000 cannot be left out"),
    ("MQ without CTRL_VQ", (genl.features(NEED | MQ), genl.u16(genl.MAX_VQP, 2)), "EINVAL",
     "MQ needs CTRL_VQ"),
    ("CTRL_RX without CTRL_VQ", (genl.features(NEED | CTRL_RX),), "EINVAL", "CTRL_RX needs CTRL_VQ"),
    ("GUEST_TSO4 without GUEST_CSUM", (genl.features(NEED | 1 << 7),), "EINVAL",
     "GUEST_TSO4 needs GUEST_CSUM"),
    ("GUEST_ECN without GUEST_TSO", (genl.features(NEED | 1 << 1 | 1 << 9),), "EINVAL",
     "GUEST_ECN needs GUEST_TSO4 or GUEST_TSO6"),
    ("HOST_TSO6 without CSUM", (genl.features(NEED | 1 << 12),), "EINVAL", "HOST_TSO6 needs CSUM"),
)
BY_THE_BUS = (
    ("0 pairs", (genl.u16(genl.MAX_VQP, 0),)),
    ("an mtu of 67", (genl.u16(genl.MTU, 67),)),
    ("pairs without MQ", (genl.features(NEED), genl.u16(genl.MAX_VQP, 2))),
    ("a mac without MAC", (genl.features(NEED), genl.mac("52:54:00:00:00:01"))),
)
NAMES = (
    ("a name with a slash", "a/b", "EINVAL", "\"a/b\" cannot be the name of a netdev"),
    ("a name of 16 letters", "sixteen-letters-", "EINVAL", "at most 15 characters"),
    ("an empty name", "", "EINVAL", "\"\" cannot be the name of a netdev"),
    ("a name that a netdev has", "lo", "EEXIST", "there is a netdev of this name"),
)


def there():
    return set(os.listdir("/sys/bus/vdpa/devices")), set(os.listdir("/sys/class/net"))


def ours():
    return [line for line in log().splitlines() if "weft_vdpa " in line]


def asked(vdpa, name, *attrs):
    """The error, the bus's word, and the new lines of our own in the log."""
    before = len(ours())
    error, word = vdpa.call(genl.DEV_NEW, genl.name(name), genl.parent(FUNCTIONS[0]), *attrs)
    return error, word, ours()[before:]


def says(t, what, got, want, word):
    error, _, lines = got
    t.equal(f"{what} is refused", error, want)
    t.check(f"{what}: one line of the log says why",
            len(lines) == 1 and word in lines[0], f"wanted {word!r}, got {lines}")


def refusals(t, vdpa):
    before = there()
    for what, attrs, error, word in REFUSED:
        says(t, what, asked(vdpa, "w0", *attrs), error, word)
    for what, name, error, word in NAMES:
        says(t, what, asked(vdpa, name), error, word)
    for what, attrs in BY_THE_BUS:
        error, word, _ = asked(vdpa, "w0", *attrs)
        t.check(f"{what} is refused by the bus, with a word",
                error in ("EINVAL", "ERANGE") and word, (error, word))
    t.equal("nothing came of all that", there(), before)
    with Device("w0"):
        says(t, "a second device of a function", asked(vdpa, "w1"), "ENOSPC",
             "w0 is here already, and a function has one device")


def limits(t, vdpa):
    for what, attrs, key, want in (
            ("16 pairs", (genl.u16(genl.MAX_VQP, 16),), "pairs", "16"),
            ("the least features", (genl.features(NEED),), "offered", hex(NEED))):
        error, word, lines = asked(vdpa, "w0", *attrs)
        t.equal(f"{what} are granted, without a line", (error, word, lines), ("", "", []))
        t.equal(f"{what}: the device has them", state("w0")[key], want)
        vdpa.call(genl.DEV_DEL, genl.name("w0"))
    for mtu in (68, 65535):
        asked(vdpa, "w0", genl.u16(genl.MTU, mtu))
        with open("/sys/class/net/w0/mtu", encoding="ascii") as file:
            t.equal(f"an mtu of {mtu} is granted", file.read(), f"{mtu}\n")
        more = subprocess.run(["ip", "link", "set", "dev", "w0", "mtu", str(mtu + 1)], check=False,
                              capture_output=True)
        t.check("and a larger one is refused to the representor", more.returncode, more)
        vdpa.call(genl.DEV_DEL, genl.name("w0"))


def state(name):
    with open(f"{COUNTERS}/{name}/device", encoding="ascii") as file:
        return dict(line.split(None, 1) for line in file.read().splitlines())


def address(client):
    return client.ioctl(c.GET_CONFIG, struct.pack("II", 0, 6) + bytes(6))[8:]


def change(t, vdpa):
    """The address, while a driver drives the device."""
    other = b"\x52\x54\0\0\0\x77"
    with Device("w0") as d, d.client() as client, open(os.eventfd(0), "rb") as told:
        client.begin(c.ALWAYS | CTRL_VQ | CTRL_RX)
        client.ioctl(SET_CONFIG_CALL, struct.pack("i", told.fileno()))
        d.carrier()
        before = int(state("w0")["generation"])
        lines = len(ours())
        t.equal("the address of a device is set",
                vdpa.call(genl.DEV_ATTR_SET, genl.name("w0"), genl.mac(other.hex())), ("", ""))
        t.check("its driver is told", select.select([told], [], [], c.WAIT)[0])
        t.equal("once", os.eventfd_read(told.fileno()), 1)
        t.equal("its configuration has another generation",
                int(state("w0")["generation"]), before + 1)
        t.equal("and the new address", address(client), other)
        t.equal("the log says nothing of it", len(ours()), lines)
        for n, to in enumerate((TO, other)):
            d.port.send(frame(to, FROM, n))
        client.room()
        t.equal("what is for the new address is what the driver receives",
                client.received(), frame(other, FROM, 1))
        t.equal("and what is for the old one is not", counters("w0", 0)["filtered"], "1")

        # By the bus itself, which knows of the address alone.
        for what, attrs, word in (
                ("the address of a group", genl.mac("01:00:00:00:00:01"), "Invalid MAC"),
                ("the address 0", genl.mac("00:00:00:00:00:00"), "Invalid MAC"),
                ("another mtu", genl.u16(genl.MTU, 1400), ""), ("nothing", b"", "")):
            got = vdpa.call(genl.DEV_ATTR_SET, genl.name("w0"), attrs)
            t.check(f"to set {what} is refused", got[0] and word in got[1], got)
        t.equal("that changed nothing", (address(client), int(state("w0")["generation"])),
                (other, before + 1))
        t.check("nor was anybody told", not select.select([told], [], [], 0)[0])
        client.set_status(0)
        t.equal("a reset keeps the address", address(client), other)
    asked(vdpa, "w0", genl.features(NEED))
    lines = len(ours())
    t.equal("the address of a device without MAC is not set",
            vdpa.call(genl.DEV_ATTR_SET, genl.name("w0"), genl.mac(other.hex()))[0], "ENOTSUP")
    t.check("and the log says why", [line for line in ours()[lines:] if "without the feature MAC" in line])
    t.equal("of a device that is not there, neither",
            vdpa.call(genl.DEV_ATTR_SET, genl.name("w9"), genl.mac(other.hex()))[0], "ENODEV")
    vdpa.call(genl.DEV_DEL, genl.name("w0"))


def main():
    with Ktap() as t, genl.Family() as vdpa:
        for part in (refusals, limits, change):
            part(t, vdpa)


if __name__ == "__main__":
    main()
