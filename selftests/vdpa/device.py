#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A vDPA device through the stock tool and a plain client: device.test's part in the machine."""
import glob
import os
import socket
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../peers"))

import client as c  # noqa: E402
import limits  # noqa: E402
from client import Client, IOVA  # noqa: E402
from ktap import Ktap  # noqa: E402

COUNTERS = "/sys/kernel/debug/weft_vdpa"
TO, FROM = b"\x52\x54\0\0\0\1", b"\x52\x54\0\0\0\2"
FUNCTIONS = ["pci/" + os.path.basename(p)
             for p in sorted(glob.glob("/sys/bus/pci/drivers/weft_vdpa/*:*:*.*"))]


def tool(*args):
    return subprocess.run(["vdpa", *args], text=True, capture_output=True, check=False)


def log():
    return subprocess.run(["dmesg"], text=True, capture_output=True, check=True).stdout


def add(name, function=0, *more):
    return tool("dev", "add", "name", name, "mgmtdev", FUNCTIONS[function], *more)


def node(name):
    end = time.monotonic() + c.WAIT
    while time.monotonic() < end:
        for path in glob.glob(f"/sys/bus/vdpa/devices/{name}/vhost-vdpa-*"):
            if os.path.exists(found := "/dev/" + os.path.basename(path)):
                return found
    raise TimeoutError(f"no node of {name}")


def counters(name, queue):
    with open(f"{COUNTERS}/{name}/queue{queue}", encoding="ascii") as file:
        return dict(line.split(None, 1) for line in file.read().splitlines())


def quiet(name):
    """Has IPv6, where the kernel has it, send no frames of its own."""
    ipv6 = f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6"
    if os.path.exists(ipv6):
        with open(ipv6, "w", encoding="ascii") as file:
            file.write("1")


class Device:
    """A device with its representor up, and a packet socket on that."""

    def __init__(self, name, function=0, pairs=1):
        self.name = name
        if (got := add(name, function, "mac", "52:54:00:00:00:01",
                       "max_vqp", str(pairs))).returncode:
            raise RuntimeError(got.stderr)
        quiet(name)
        subprocess.run(["ip", "link", "set", "dev", name, "up"], check=True)
        self.port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x0300)
        self.port.bind((name, 3))
        self.port.settimeout(c.WAIT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.port.close()
        tool("dev", "del", self.name)

    def client(self):
        return Client(node(self.name))

    def carrier(self):
        carrier(self.name)


def carrier(name):
    """Waits until the host has seen that a driver drives it: not at once."""
    def seen():
        with open(f"/sys/class/net/{name}/operstate", encoding="ascii") as file:
            return file.read() == "up\n"
    wait_for(seen)
    # That takes the lock under which the queues were opened, too.
    subprocess.run(["ip", "link", "set", "dev", name, "up"], check=True)


def frame(to, frm, n, size=100):
    return to + frm + b"\x88\xb5" + struct.pack(">I", n) + bytes(k * 7 + n & 255
                                                                 for k in range(size - 18))


def passes(t, what, device, client, first=0, count=20):
    """Frames of many sizes arrive both ways, in order and byte for byte."""
    device.carrier()
    for n in range(first, first + count):
        out = frame(FROM, TO, n, 60 + 70 * (n % 20))
        client.send(out)
        got = device.port.recv(2048)
        if got != out:
            t.check(f"{what}: what the driver sends, the host receives", False, f"frame {n}")
            return
        client.room()
        back = frame(TO, FROM, n, 60 + 70 * (n % 20))
        device.port.send(back)
        got = client.received()
        if got != back:
            t.check(f"{what}: what the host sends, the driver receives", False, f"frame {n}")
            return
    t.check(f"{what}: {count} frames arrive each way", True)


def refused(t, what, got, word):
    t.check(f"{what} is refused", got.returncode != 0, got.stdout)
    t.check(f"{what}: the log says why", word in log(), log().splitlines()[-3:])


def management(t):
    devices = set(os.listdir("/sys/bus/vdpa/devices"))
    nets = set(os.listdir("/sys/class/net"))
    refused(t, "a name that no netdev can have", add("a/b"), "cannot be the name of a netdev")
    refused(t, "a name that is too long", add("sixteen-letters-"), "at most 15 characters")
    refused(t, "a name that a netdev has", add("lo"), "there is a netdev of this name")
    refused(t, "17 pairs", add("w0", 0, "max_vqp", "17"), "max_vqp 17 is not from 1 to 16")
    t.check("an mtu of 67 is refused, by the bus", add("w0", 0, "mtu", "67").returncode != 0)
    refused(t, "the address of a group", add("w0", 0, "mac", "01:00:00:00:00:01"),
            "is not the address of a single station")
    t.equal("nothing came of all that", (set(os.listdir("/sys/bus/vdpa/devices")),
                                         set(os.listdir("/sys/class/net"))), (devices, nets))
    with Device("w0") as d:
        refused(t, "a second device of a function", add("w1"), "a function has one device")
        got = tool("dev", "config", "show", d.name).stdout
        t.check("its configuration is as it was asked for",
                "mac 52:54:00:00:00:01" in got and "mtu 1500" in got and "link up" in got, got)
        with open("/sys/class/net/w0/phys_port_name", encoding="ascii") as file:
            t.equal("its representor knows its port", file.read(), "p0vf0\n")
        with open("/sys/class/net/w0/operstate", encoding="ascii") as file:
            t.equal("and has no carrier without a driver", file.read(), "down\n")
    t.equal("all is gone with it", (set(os.listdir("/sys/bus/vdpa/devices")),
                                    set(os.listdir("/sys/class/net"))), (devices, nets))
    for n in range(200):
        if add("w0").returncode or tool("dev", "del", "w0").returncode:
            t.check("200 devices are made and deleted", False, f"number {n}")
            return
    t.check("200 devices are made and deleted", True)


def numbers(t):
    """Every index at its limits; none is taken for another."""
    with Device("w0") as d, d.client() as client:
        client.ioctl(c.SET_OWNER)
        client.features(c.ALWAYS)
        limits.indices(t, client, 3)
        for n in (2, 3, 0x80000000, 0xffffffff):
            t.check(f"SET_GROUP_ASID: there is no group {n}",
                    client.error(c.SET_GROUP_ASID, struct.pack("II", n, 0)) in ("EINVAL", "ENOBUFS"))
            t.check(f"SET_GROUP_ASID: there is no address space {n}",
                    client.error(c.SET_GROUP_ASID, struct.pack("II", 1, n)) == "EINVAL")
        whole = limits.config(t, client)
        t.equal("GET_CONFIG: the address is there", whole[8:14], TO)
        client.set_status(0)
        t.equal("a feature that is not offered is refused",
                client.error(c.SET_FEATURES, struct.pack("Q", c.ALWAYS | 1 << 50)), "EINVAL")
        t.equal("features without ACCESS_PLATFORM are refused",
                client.error(c.SET_FEATURES, struct.pack("Q", 1 << c.VERSION_1)), "EINVAL")
        client.set_status(c.ACKNOWLEDGE | c.DRIVER | c.FEATURES_OK | c.DRIVER_OK)
        t.check("and a driver without them does not get FEATURES_OK",
                not client.status() & (c.FEATURES_OK | c.DRIVER_OK), client.status())


def queues_that_are_none(t):
    """What is behind the pairs is the control queue, or nothing."""
    with Device("w0", 0, 16) as d:
        for more, what in ((0, "neither MQ nor CTRL_VQ"), (1 << c.CTRL_VQ, "CTRL_VQ alone")):
            with d.client() as client:
                client.begin(c.ALWAYS | more)
                passes(t, what, d, client)
                queue = c.Queue(client, 32)
                queue.at = queue.desc = 0x60000
                queue.avail, queue.used, queue.buffers = 0x60400, 0x60800, 0x61000
                for request in (c.SET_NUM, c.SET_BASE, c.SET_ADDR):
                    # Before DRIVER_OK only; late ones are refused by the bus or by us.
                    client.error(request, struct.pack("IIQQQQ", 32, 16, IOVA + queue.desc,
                                                      IOVA + queue.used, IOVA + queue.avail, 0))
                client.error(c.SET_KICK, struct.pack("Ii", 32, queue.kick))
                client.ioctl(c.SET_ENABLE, struct.pack("II", 32, 1))
                os.eventfd_write(queue.kick, 1)
                t.equal(f"{what}: queue 32 does not run", counters("w0", 32)["ring"], "none")
                passes(t, f"{what}: the others do", d, client)
                queue.close()
        with d.client() as client:
            client.begin()
            for n in (33, 34, 4000, 0x8000):
                got = tool("dev", "vstats", "show", "w0", "qidx", str(n))
                # The tool's status does not tell.
                t.check(f"there are no counters of queue {n}, and the tool says so",
                        "packets" not in got.stdout and "no queue of this number" in got.stderr,
                        got)


def malice(t):
    with Device("w0") as d:
        # Memory that was never mapped: an address of the host's own is no address.
        with d.client() as client:
            client.begin(memory=False)
            for queue in client.queues:
                os.eventfd_write(queue.kick, 1)
            for n in range(2):
                t.equal(f"without a map, queue {n} does not run",
                        (counters("w0", n)["ring"], counters("w0", n)["fault"]),
                        ("none", "ring-unreadable"))
        with d.client() as client:
            client.begin()
            passes(t, "after that", d, client)
            client.queues[1].offer(IOVA + c.SIZE, 64, False)
            client.room()
            d.port.send(frame(TO, FROM, 7))
            t.equal("a buffer outside memory stops its queue", client.received(), frame(TO, FROM, 7))
            wait_for(lambda: counters("w0", 1)["fault"] == "buffer-no-memory")
            t.check("and is counted, and the other queue goes on", True)
        with d.client() as client:
            client.begin()
            passes(t, "after a reset", d, client)
            before = client.get(0, c.SIZE)
            client.iotlb(c.IOTLB_INVALIDATE, IOVA, c.SIZE)
            d.port.send(frame(TO, FROM, 8))
            os.eventfd_write(client.queues[0].kick, 1)
            wait_for(lambda: counters("w0", 0)["fault"] == "ring-unreadable")
            t.equal("memory that was taken away is not written to", client.get(0, c.SIZE), before)
        with d.client() as client:
            client.begin()
            passes(t, "after all that", d, client)


def wait_for(true):
    end = time.monotonic() + c.WAIT
    while not true():
        if time.monotonic() > end:
            raise TimeoutError("it did not happen")
        time.sleep(0.01)


def moves(t):
    """Suspended, moved to another device, and resumed; with frames that wait."""
    with Device("w0") as one, Device("w1", 1) as two:
        with one.client() as client:
            client.begin()
            passes(t, "on the first device", one, client)
            client.room()       # waits for a frame all the time
            client.ioctl(c.VDPA_SUSPEND)
            state = [struct.unpack("II", client.ioctl(c.GET_BASE, struct.pack("II", n, 0)))[1]
                     for n in range(2)]
            t.equal("a suspended device says where its rings are",
                    state, [client.queues[0].seen, client.queues[1].seen])
            tx = client.queues[1]
            at = tx.buffers + 0x1000 * (tx.next % c.RING)
            client.put(at, bytes(c.HEADER) + frame(FROM, TO, 99))
            tx.offer(IOVA + at, c.HEADER + 100, False)
            client.ioctl(c.VDPA_RESUME)
            tx.wait()
            t.equal("what was sent meanwhile comes when it is resumed", one.port.recv(2048),
                    frame(FROM, TO, 99))
            client.ioctl(c.VDPA_SUSPEND)
            state = [struct.unpack("II", client.ioctl(c.GET_BASE, struct.pack("II", n, 0)))[1]
                     for n in range(2)]
            with two.client() as other:
                # The same memory, with the rings as they are.
                other.memory, other.address = client.memory, client.address
                queues = client.queues
                other.begin(bases=state)
                for old, new in zip(queues, other.queues):
                    new.next, new.seen = old.next, old.seen
                two.carrier()
                two.port.send(frame(TO, FROM, 100))
                t.equal("a frame goes into the buffer that was there before",
                        other.received(), frame(TO, FROM, 100))
                passes(t, "on the second device", two, other, 101)


def main():
    with Ktap() as t:
        for part in (management, numbers, queues_that_are_none, malice, moves):
            part(t)


if __name__ == "__main__":
    main()
