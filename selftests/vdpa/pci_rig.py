# SPDX-License-Identifier: GPL-2.0
"""The functions of pci.test's machine, and what is done with them.

They are in the order of its header. The first two are as hardware should be, and
on one network; so are the third and the fourth, which have less of everything;
each of the others lacks what it cannot be without.
"""
import mmap
import os

import client as c
from client import Client, IOVA
from device import frame, log, node, tool

ONE, TWO, FEW, SINGLE, NO_PLATFORM, NO_VECTORS, RNG, E1000 = (
    f"0000:{n:02x}:00.0" for n in range(1, 9))
SHARED = "0000:09:00.0"
PCI = "/sys/bus/pci"
MODULE = "weft_vdpa_pci"
ENOTSUPP = 524
DRIVER = c.ACKNOWLEDGE | c.DRIVER
DONE = DRIVER | c.FEATURES_OK | c.DRIVER_OK


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def driver(bdf):
    try:
        return os.path.basename(os.readlink(f"{PCI}/devices/{bdf}/driver"))
    except FileNotFoundError:
        return None


def bind(bdf):
    """By driver_override, as people do it; whether it went well."""
    if driver(bdf):
        write(f"{PCI}/devices/{bdf}/driver/unbind", bdf)
    write(f"{PCI}/devices/{bdf}/driver_override", MODULE)
    write(f"{PCI}/drivers_probe", bdf)
    return driver(bdf) == MODULE


def unbind(bdf):
    write(f"{PCI}/drivers/{MODULE}/unbind", bdf)


def add(name, bdf, *more):
    return tool("dev", "add", "name", name, "mgmtdev", f"pci/{bdf}", *more)


def since(mark):
    """What the kernel said since there were that many lines."""
    return "\n".join(log().splitlines()[mark:])


def lines():
    return len(log().splitlines())


class Device:
    def __init__(self, name, bdf, *more):
        self.name = name
        if (got := add(name, bdf, *more)).returncode:
            raise RuntimeError(got.stderr + log()[-1000:])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        tool("dev", "del", self.name)

    def client(self):
        return Client(node(self.name))


def pump(one, two, count, first=0, size=100):
    """Frames from one to the other, 16 at a time; the first that was lost or damaged, or None."""
    tx, rx = one.queues[1], two.queues[0]
    for begin in range(first, first + count, c.RING):
        numbers = range(begin, min(begin + c.RING, first + count))
        for n in numbers:
            rx.offer(IOVA + rx.buffers + 0x1000 * (rx.next % c.RING), 0x1000, True,
                     n == numbers[-1])
        for n in numbers:
            at = tx.buffers + 0x1000 * (tx.next % c.RING)
            data = frame(b"\x52\x54\0\0\x0a\2", b"\x52\x54\0\0\x0a\1", n, size)
            one.put(at, bytes(c.HEADER) + data)
            tx.offer(IOVA + at, c.HEADER + len(data), False, n == numbers[-1])
        for n in numbers:
            tx.wait()
            if two.received() != frame(b"\x52\x54\0\0\x0a\2", b"\x52\x54\0\0\x0a\1", n, size):
                return n
    return None


def interrupts(bdf):
    with open("/proc/interrupts", encoding="ascii") as file:
        return [sum(int(n) for n in line.split()[1:] if n.isdigit()) for line in file
                if f"{MODULE}-{bdf}" in line]


def page(client, index, size=mmap.PAGESIZE, flags=mmap.MAP_SHARED, prot=mmap.PROT_WRITE):
    """A doorbell as user space has it, or the errno that says why not."""
    try:
        return mmap.mmap(client.fd, size, flags, prot, offset=index * mmap.PAGESIZE)
    except OSError as e:
        return e.errno
