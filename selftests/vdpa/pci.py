#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""virtio-pci hardware as vDPA devices: pci.test's part in the machine."""
import os
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../peers"))

import client as c  # noqa: E402
import genl  # noqa: E402
import limits  # noqa: E402
import pci_use  # noqa: E402
from client import Client, IOVA  # noqa: E402
from device import log, node, tool  # noqa: E402
from ktap import Ktap  # noqa: E402
from pci_rig import (  # noqa: E402
    DONE, DRIVER, E1000, FEW, NO_PLATFORM, NO_VECTORS, ONE, RNG, SHARED, SINGLE, TWO, Device, add,
    bind, driver, interrupts, lines, since)


def binding(t):
    for bdf, what, word in (
            (NO_PLATFORM, "a function whose accesses pass by the IOMMU", "ACCESS_PLATFORM"),
            (NO_VECTORS, "a function without MSI-X", "no MSI-X interrupts"),
            (RNG, "a function that is no network device", "virtio device of type 4"),
            (E1000, "a function that is no virtio device", "it is no virtio device"),
            (SHARED, "a function that shares its IOMMU group", "shares its IOMMU group with 1")):
        mark = lines()
        t.check(f"{what} is not bound", not bind(bdf), driver(bdf))
        t.check(f"{what}: the log says why", word in since(mark), since(mark))
    for bdf in (ONE, TWO, FEW, SINGLE):
        t.check(f"{bdf} is bound", bind(bdf), log()[-500:])
    got = tool("mgmtdev", "show").stdout
    t.check("the tool shows what they can do", f"pci/{ONE}" in got and "max_supported_vqs 3" in got
            and "ACCESS_PLATFORM" in got, got)


def refused(t, what, got, mark, word):
    t.check(f"{what} is refused", got.returncode != 0, got.stdout)
    t.check(f"{what}: the log says why", word in since(mark), since(mark))


def management(t):
    for what, word, more in (
            ("another address than the hardware's", "its address is 52:54:00:00:0a:01",
             ("mac", "52:54:00:00:0a:77")),
            ("more pairs than the hardware's", "max_vqp 2 cannot be, but 1", ("max_vqp", "2"))):
        mark = lines()
        refused(t, what, add("h0", ONE, *more), mark, word)
    for name in ("", ".", "..", "a/b"):
        mark = lines()
        refused(t, f"the name '{name}'", add(name, ONE), mark, "cannot be the name of a device")
    t.check("an mtu is refused, by the bus", add("h0", ONE, "mtu", "1400").returncode != 0)
    with Device("h0", ONE, "mac", "52:54:00:00:0a:01", "max_vqp", "1"):
        mark = lines()
        refused(t, "a second device of a function", add("h1", ONE), mark, "a function is one device")
        mark = lines()
        refused(t, "a name that there is", add("h0", TWO), mark, "there is one of this name")
        got = tool("dev", "config", "show", "h0").stdout
        t.check("the configuration is the hardware's",
                "mac 52:54:00:00:0a:01" in got and "link up" in got, got)
        got = tool("dev", "show", "h0").stdout
        t.check("so are the queues", "max_vqs 3" in got and "max_vq_size 256" in got, got)
        got = tool("dev", "vstats", "show", "h0", "qidx", "0")
        t.check("and there are no counters of them", "not supported" in got.stderr.lower(), got)
    need, many = 1 << 32 | 1 << 33, 1 << c.MQ | 1 << c.CTRL_VQ
    with genl.Family() as vdpa:
        def ask(bdf, *attributes):
            return vdpa.call(genl.DEV_NEW, genl.name("h0"), genl.parent(f"pci/{bdf}"), *attributes)[0]

        for what, features, word in (
                ("features that the hardware has not", need | 1 << 50, "has no features 0x4000000000000"),
                ("features without ACCESS_PLATFORM", 1 << 32, "0x200000000 cannot be left out"),
                ("MQ without CTRL_VQ", need | 1 << c.MQ, "MQ needs CTRL_VQ"),
                ("CTRL_RX without CTRL_VQ", need | 1 << 18, "CTRL_RX needs CTRL_VQ"),
                ("CTRL_MAC_ADDR without CTRL_VQ", need | 1 << 23, "CTRL_MAC_ADDR needs CTRL_VQ")):
            mark = lines()
            t.equal(f"{what} are refused", ask(FEW, genl.features(features)), "EINVAL")
            t.check(f"{what}: the log says why", word in since(mark), since(mark))
        for what, bdf, attributes, features, queues in (
                ("features that are left out", ONE, (genl.features(need | 1 << c.MAC),),
                 need | 1 << c.MAC, 2),
                ("MQ of a single pair", FEW, (genl.features(need | many), genl.u16(genl.MAX_VQP, 1)),
                 need | 1 << c.CTRL_VQ, 3)):
            t.equal(f"{what}: taken", ask(bdf, *attributes), "")
            with Client(node("h0")) as client:
                got, = struct.unpack("Q", client.ioctl(c.GET_FEATURES, bytes(8)))
                nvqs, = struct.unpack("I", client.ioctl(c.GET_VQS, bytes(4)))
                t.equal(f"{what}: the driver does not see them", (got, nvqs), (features, queues))
                if bdf == ONE:
                    size, = struct.unpack("I", client.ioctl(c.GET_CONFIG_SIZE, bytes(4)))
                    t.equal(f"{what}: nor their fields of the configuration", size, 6)
                    client.ioctl(c.SET_OWNER)
                    client.features(need | 1 << c.MAC)
                    t.equal(f"{what}: a driver works without", client.status(),
                            DRIVER | c.FEATURES_OK)
                    client.set_status(0)
                    t.equal(f"{what}: and cannot have them", client.error(
                        c.SET_FEATURES, struct.pack("Q", c.ALWAYS)), "EINVAL")
            tool("dev", "del", "h0")
    t.equal("nothing is left of it", os.listdir("/sys/bus/vdpa/devices"), [])
    t.equal("nor of its interrupts", interrupts(ONE), [])


def late(t, a):
    """A driver that runs is told of it by an interrupt, if a queue cannot be had."""
    with a.client() as client:
        call = os.eventfd(0, os.EFD_NONBLOCK)
        client.ioctl(c.SET_OWNER)
        client.features(c.ALWAYS | 1 << c.CTRL_VQ)
        client.map()
        client.ioctl(c.SET_CONFIG_CALL, struct.pack("i", call))
        client.ioctl(c.SET_NUM, struct.pack("II", 2, 128))
        client.ioctl(c.SET_ADDR, struct.pack("IIQQQQ", 2, 0, IOVA + 0x60000, IOVA + 0x62000,
                                             IOVA + 0x61000, 0))
        client.begin_rings()
        t.equal("nothing is told as long as all is well", (told(call), client.status()), (0, DONE))
        client.ioctl(c.SET_ENABLE, struct.pack("II", 2, 1))
        t.equal("a queue that is turned on late, and cannot be, is told by an interrupt",
                (told(call), client.status()), (1, DONE | c.NEEDS_RESET))
        client.ioctl(c.SET_ENABLE, struct.pack("II", 2, 1))
        t.equal("once", told(call), 0)
        os.close(call)


def told(call):
    try:
        return os.eventfd_read(call)
    except BlockingIOError:
        return 0


def negotiation(t):
    with Device("h0", ONE) as a:
        with a.client() as client:
            client.ioctl(c.SET_OWNER)
            client.features(c.ALWAYS)
            limits.indices(t, client, 3, group=False)
            whole = limits.config(t, client)
            t.equal("the configuration is what the hardware has of it, not a page",
                    (len(whole) - 8, whole[8:14].hex(":")), (8, "52:54:00:00:0a:01"))
            t.equal("SET_VRING_NUM: more than the hardware takes is refused",
                    client.error(c.SET_NUM, struct.pack("II", 0, 512)), "EINVAL")
            t.equal("features cannot be changed any more",
                    client.error(c.SET_FEATURES, struct.pack("Q", c.ALWAYS)), "EBUSY")
            client.set_status(0)
            for what, features in (("that are not offered", c.ALWAYS | 1 << 50),
                                   ("without ACCESS_PLATFORM", 1 << c.VERSION_1),
                                   ("with a dirty log, for a live migration", c.ALWAYS | 1 << 26)):
                t.equal(f"features {what} are refused",
                        client.error(c.SET_FEATURES, struct.pack("Q", features)), "EINVAL")
            offered, = struct.unpack("Q", client.ioctl(c.GET_FEATURES, bytes(8)))
            t.equal("what cannot be passed on is not offered",
                    [n for n in (37, 38, 39, 40, 41) if offered >> n & 1], [])
            client.set_status(DONE)
            t.equal("a driver without features does not get DRIVER_OK", client.status(), DRIVER)
            # No bypass of its interrupts is begun then, which nothing would end.
            call = os.eventfd(0, os.EFD_NONBLOCK)
            for fd in (call, -1):
                client.ioctl(c.SET_CALL, struct.pack("Ii", 0, fd))
                client.set_status(DONE)
            os.close(call)
        with a.client() as client:
            client.begin()
            client.set_status(DONE)
            t.equal("DRIVER_OK twice is once", client.status(), DONE)
            t.equal("no status is taken back", client.error(c.SET_STATUS, bytes([DRIVER])), "EINVAL")
            mark = lines()
            client.ioctl(c.SET_ENABLE, struct.pack("II", 0, 0))
            t.check("a queue is not turned off while the device runs, and the log says so",
                    "cannot be turned off" in since(mark), since(mark))
        late(t, a)
        for what, queue, address, size, word in (
                ("more descriptors than the control queue has", 2, 0x60000, 128, "up to 64"),
                ("areas that are not aligned", 2, 0x60008, 16, "not aligned")):
            with a.client() as client:
                client.ioctl(c.SET_OWNER)
                client.features(c.ALWAYS | 1 << c.CTRL_VQ)
                client.map()
                mark = lines()
                client.ioctl(c.SET_NUM, struct.pack("II", queue, size))
                error = client.error(c.SET_ADDR, struct.pack(
                    "IIQQQQ", queue, 0, IOVA + address, IOVA + 0x62000, IOVA + 0x61000, 0))
                client.ioctl(c.SET_ENABLE, struct.pack("II", queue, 1))
                client.set_status(DONE)
                t.check(f"{what}: refused", error == "EINVAL" or client.status() & c.NEEDS_RESET
                        and not client.status() & c.DRIVER_OK, client.status())
                t.check(f"{what}: the log says so", word in since(mark), since(mark))


def migration(t):
    """What hardware cannot be asked is refused, in words."""
    with Device("h0", ONE) as a, a.client() as client:
        backend, = struct.unpack("Q", client.ioctl(c.GET_BACKEND, bytes(8)))
        t.equal("neither suspend nor resume is offered",
                [n for n in (c.SUSPEND, c.RESUME, c.LATE_ENABLE) if backend >> n & 1], [])
        client.ioctl(c.SET_OWNER)
        client.features(c.ALWAYS)
        mark = lines()
        t.equal("where a ring begins is known", struct.unpack("II", client.ioctl(
            c.GET_BASE, struct.pack("II", 0, 7))), (0, 0))
        t.equal("nothing is said of that", since(mark), "")
        t.equal("a ring does not begin in the middle",
                client.error(c.SET_BASE, struct.pack("II", 0, 5)), "ENOTSUP")
        t.check("and the log says what that means",
                "can be neither migrated live nor resumed" in since(mark), since(mark))
    with Device("h0", ONE) as a, a.client() as client:
        client.begin()
        mark = lines()
        t.equal("a device that runs is not suspended", client.error(c.VDPA_SUSPEND), "ENOTSUP")
        for n in range(2):
            t.equal(f"where ring {n} is, is not told",
                    client.error(c.GET_BASE, struct.pack("II", n, 0)), "ENOTSUP")
        t.equal("the log says it once", since(mark).count("migrated live"), 1)


def document(t):
    """The commands of vdpa.rst's section about hardware, as typed."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../Documentation/vdpa.rst")
    with open(path, encoding="ascii") as file:
        text = file.read()
    section = text[text.index("\nHardware\n==="):text.index("\nWhat cannot be\n===")]
    commands = [line.strip() for line in section.splitlines()
                if line.startswith(("\techo ", "\tvdpa "))]
    got = subprocess.run(["bash", "-euxo", "pipefail", "-c", "\n".join(commands)], text=True,
                         env=dict(os.environ, ADDRESS=ONE), capture_output=True, check=False)
    t.check(f"{len(commands)} commands of the document do what they say",
            len(commands) > 8 and not got.returncode, got.stderr)
    t.equal("at its end, the function is its own driver's again", driver(ONE), "virtio-pci")
    t.check("and can be bound again", bind(ONE))


PARTS = [binding, management, negotiation, migration, *pci_use.PARTS, document, *pci_use.LAST]


def main():
    with Ktap() as t:
        # Names of parts on the command line: those alone, all of which need the first.
        for part in PARTS:
            if part == binding or part.__name__ in sys.argv[1:] or not sys.argv[1:]:
                part(t)


if __name__ == "__main__":
    main()
