#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Devices with use_va=1, for clients that share their memory: va.test's part in the machine."""
import errno
import fcntl
import mmap
import os
import resource
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../peers"))

import client as c  # noqa: E402
from client import IOVA, SIZE  # noqa: E402
from device import FROM, TO, Device, counters, frame, log, passes, wait_for  # noqa: E402
from ktap import Ktap  # noqa: E402

ADD_SEALS, SEAL_FUTURE_WRITE, SEAL_WRITE = 1033, 0x10, 0x8


def memfd(size=SIZE):
    fd = os.memfd_create("weft", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    os.ftruncate(fd, size)
    return fd


def pinned():
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmPin"))


def refused(t, client, what, error):
    """vhost_vdpa has one error for all that is refused; the log says which it was."""
    lines = len(log().splitlines())
    try:
        client.map()
        t.check(f"{what} is refused", False)
    except OSError as e:
        t.equal(f"{what} is refused", e.errno, errno.EFAULT)
    last = [line for line in log().splitlines()[lines:] if "with use_va" in line]
    t.check(f"{what}: the log says why", len(last) == 1 and
            f"(error -{error}): with use_va it has to be shared memory" in last[0], last)


def shares(t):
    for what, fd in (("a memfd", memfd()),
                     ("a file of /dev/shm", os.open("/dev/shm", os.O_TMPFILE | os.O_RDWR))):
        os.ftruncate(fd, SIZE)
        before = pinned()
        with Device("w0") as d, d.client() as client:
            client.share(fd)
            client.begin()
            passes(t, f"in {what}", d, client)
            t.equal(f"{what} counts as locked memory", pinned() - before, SIZE >> 10)
            rx = client.queues[0]
            at = rx.buffers + c.HEADER + 0x1000 * ((rx.seen - 1) % c.RING)
            t.equal(f"{what} itself has what came", os.pread(fd, 14, at), TO + FROM + b"\x88\xb5")
            size = client.queues[0].count()
            client.iotlb(c.IOTLB_INVALIDATE, IOVA, SIZE)
            d.port.send(frame(TO, FROM, 8))
            os.eventfd_write(client.queues[0].kick, 1)
            wait_for(lambda: counters("w0", 0)["fault"] == "ring-unreadable")
            t.equal(f"{what}: when it is taken away, it is not written to",
                    client.queues[0].count(), size)
            t.equal(f"{what}: nor counted", pinned(), before)
        os.close(fd)


def pieces(t):
    """Two files, mapped side by side and within a batch, at odd places."""
    with Device("w0") as d, d.client() as client:
        one, two = memfd(), memfd()
        client.ioctl(c.SET_OWNER)
        client.features(c.ALWAYS)
        client.share(one)
        half = SIZE // 2
        other = mmap.mmap(two, half, mmap.MAP_SHARED, offset=half)
        client.iotlb(c.BATCH_BEGIN)
        client.iotlb(c.IOTLB_UPDATE, IOVA, half, client.address)
        client.iotlb(c.IOTLB_UPDATE, IOVA + half, half, client.address_of(other))
        client.iotlb(c.BATCH_END)
        client.begin_rings()
        d.carrier()
        tx = client.queues[1]
        # Half of the frame is at the end of one file, half in the midst of another.
        sent = bytes(c.HEADER) + frame(FROM, TO, 1, 1000)
        at = half - 500
        client.put(at, sent[:500])
        other[:len(sent) - 500] = sent[500:]
        tx.offer(IOVA + at, len(sent), False)
        tx.wait()
        t.equal("a frame of two files is sent in one piece", d.port.recv(2048), sent[c.HEADER:])
        # While it is mapped, a file may be cut.
        os.ftruncate(two, 0)
        os.ftruncate(one, half)
        passes(t, "after the end of a file was cut", d, client)
        os.close(one)
        os.close(two)


def sealing(fd):
    try:
        fcntl.fcntl(fd, ADD_SEALS, SEAL_WRITE)
    except OSError as e:
        return errno.errorcode[e.errno]
    return ""


def often(t):
    """One file at three addresses: to be read at the first, and to be written to at the others."""
    first, third = IOVA - SIZE, IOVA + SIZE
    before, fd = pinned(), memfd()
    with Device("w0") as d, d.client() as client:
        client.ioctl(c.SET_OWNER)
        client.features(c.ALWAYS)
        mine = mmap.mmap(fd, SIZE, mmap.MAP_SHARED)
        client.address = client.address_of(mine)
        client.iotlb(c.IOTLB_UPDATE, first, SIZE, client.address, access=c.RO)
        t.equal("a file that is to be read counts as locked memory", pinned() - before, SIZE >> 10)
        client.map()
        client.iotlb(c.IOTLB_UPDATE, third, SIZE, client.address)
        t.equal("mapped twice more, it counts once", pinned() - before, SIZE >> 10)
        client.begin_rings()
        passes(t, "in a file that is mapped often", d, client)
        tx, rx = client.queues[1], client.queues[0]
        at, sent = tx.buffers + 0x1000 * (tx.next % c.RING), frame(FROM, TO, 30)
        client.put(at, bytes(c.HEADER) + sent)
        tx.offer(first + at, c.HEADER + len(sent), False)
        tx.wait()
        t.equal("what is at the first address is sent", d.port.recv(2048), sent)
        rx.offer(third + rx.buffers + 0x1000 * (rx.next % c.RING), 0x1000, True)
        d.port.send(frame(TO, FROM, 31))
        t.equal("what is received is written to the third", client.received(), frame(TO, FROM, 31))
        at = rx.buffers + 0x1000 * (rx.next % c.RING)
        client.put(at, bytes(0x1000))
        rx.offer(first + at, 0x1000, True)
        d.port.send(frame(TO, FROM, 32))
        wait_for(lambda: counters("w0", 0)["fault"] == "buffer-no-memory")
        t.equal("and never to the first", client.get(at, 0x1000), bytes(0x1000))
        client.iotlb(c.IOTLB_INVALIDATE, IOVA, 2 * SIZE)
        t.equal("given up twice, it still counts once", pinned() - before, SIZE >> 10)
        client.iotlb(c.IOTLB_INVALIDATE, first, SIZE)
        t.equal("given up for good, it does not count", pinned(), before)
        mine.close()
    # Not so while anybody may write to it, or holds one of its pages.
    t.equal("and can be sealed", sealing(fd), "")
    os.close(fd)


def no_shares(t):
    before = pinned()
    with Device("w0") as d, d.client() as client:
        client.begin()
        for queue in client.queues:
            os.eventfd_write(queue.kick, 1)
        t.equal("memory that is not shared is not mapped",
                [counters("w0", n)["fault"] for n in range(2)], ["ring-unreadable"] * 2)
    sealed, late = memfd(), memfd()
    fcntl.fcntl(sealed, ADD_SEALS, SEAL_FUTURE_WRITE)
    subprocess.run(["mount", "-t", "ramfs", "none", "/mnt"], check=True)
    other = os.open("/mnt/memory", os.O_CREAT | os.O_RDWR)
    os.ftruncate(other, SIZE)
    subprocess.run(["umount", "-l", "/mnt"], check=True)
    with Device("w0") as d:
        for what, fd, prot, error in (
                ("a file that is sealed", sealed, mmap.PROT_READ, errno.EACCES),
                ("a file of another kind", other, mmap.PROT_READ | mmap.PROT_WRITE,
                 errno.EOPNOTSUPP)):
            with d.client() as client:
                client.ioctl(c.SET_OWNER)
                client.features(c.ALWAYS)
                client.share(fd, prot)
                refused(t, client, what, error)
        with d.client() as client:
            client.share(late)
            client.begin()
            passes(t, "after all that", d, client)
        with d.client() as client:
            client.ioctl(c.SET_OWNER)
            client.features(c.ALWAYS)
            mine = mmap.mmap(late2 := memfd(), SIZE, mmap.MAP_SHARED)
            client.iotlb(c.IOTLB_UPDATE, IOVA, SIZE, client.address_of(mine))
            mine.close()
            t.equal("what the device may write to cannot be sealed", sealing(late2), "EBUSY")
            client.iotlb(c.IOTLB_INVALIDATE, IOVA, SIZE)
            t.equal("when it may not any more, it can", sealing(late2), "")
        limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (SIZE - 4096, limit[1]))
        with d.client() as client:
            client.ioctl(c.SET_OWNER)
            client.features(c.ALWAYS)
            client.share(late)
            refused(t, client, "more than ulimit -l", errno.ENOMEM)
        resource.setrlimit(resource.RLIMIT_MEMLOCK, limit)
    t.equal("nothing stays locked", pinned(), before)


def odd(t):
    """User addresses that are odd where those of the driver are even."""
    for where, at in (("in a page", 0), ("over two pages", 0xf80)):
        with Device("w0") as d, d.client() as client:
            client.ioctl(c.SET_OWNER)
            client.features(c.ALWAYS)
            client.share(memfd())
            client.iotlb(c.IOTLB_UPDATE, IOVA, SIZE - 4096, client.address + 3)
            client.queues = [c.Queue(client, n) for n in range(2)]
            for queue in client.queues:
                queue.desc = queue.at + at
                queue.setup()
            client.enable()
            client.go()
            t.equal(f"descriptors at odd addresses {where} are not used",
                    [counters("w0", n)["fault"] for n in range(2)], ["ring-unreadable"] * 2)


def own_driver(t):
    """virtio_vdpa has addresses of the kernel, whatever the device wants of clients."""
    subprocess.run(["modprobe", "-a", "virtio_net", "virtio_vdpa"], check=True)
    with Device("w0") as d:
        bus = "/sys/bus/vdpa"
        with open(f"{bus}/devices/w0/driver/unbind", "w", encoding="ascii") as file:
            file.write("w0")
        with open(f"{bus}/drivers/virtio_vdpa/bind", "w", encoding="ascii") as file:
            file.write("w0")
        there = next(p for p in os.listdir(f"{bus}/devices/w0") if p.startswith("virtio"))
        name = os.listdir(f"{bus}/devices/w0/{there}/net")[0]
        subprocess.run(["ip", "link", "set", "dev", name, "up"], check=True)
        d.carrier()
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x0300) as port:
            port.bind((name, 0x88b5))
            port.settimeout(c.WAIT)
            wait_for(lambda: sending(port))
            for sender, receiver, one in ((port, d.port, frame(FROM, TO, 3)),
                                          (d.port, port, frame(TO, FROM, 4))):
                sender.send(one)
                while (got := receiver.recv(2048)) != one:
                    pass
                t.equal("a driver of the kernel passes frames", got, one)


def sending(port):
    try:
        return bool(port.send(frame(FROM, TO, 0)))
    except OSError:
        return False


def main():
    with Ktap() as t:
        for part in (shares, pieces, often, no_shares, odd, own_driver):
            part(t)


if __name__ == "__main__":
    main()
