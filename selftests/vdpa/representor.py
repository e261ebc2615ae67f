#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""XDP and GRO on a representor: representor.test's part in the machine."""
import array
import fcntl
import os
import re
import socket
import struct
import subprocess
import sys

sys.dont_write_bytecode = True

import bpf  # noqa: E402
import client as c  # noqa: E402
from client import ALWAYS, HEADER, IOVA  # noqa: E402
from device import (FROM, FUNCTIONS, TO, Device, Ktap, counters, frame, quiet,  # noqa: E402
                    tool)

SIOCETHTOOL, ETHTOOL_GDRVINFO, ETHTOOL_GGRO, ETHTOOL_SGRO = 0x8946, 3, 0x2b, 0x2c
CSUM, GUEST_CSUM, GUEST_TSO4, HOST_TSO4, CTRL_RX = (1 << n for n in (0, 1, 7, 11, 18))
LINE = 512          # frames that wait for a driver at most


def taken(name):
    return int(counters(name, 1)["xdp"])


def seen(device, client, mark):
    """What the host receives of all that was sent until now; mark is sent behind it."""
    client.send(mark)
    got = []
    while (f := device.port.recv(65536)) != mark:
        got.append(f)
    return got


def verdicts(t, device, client):
    small, large = frame(FROM, TO, 1), frame(FROM, TO, 2, 3900)
    mark = frame(FROM, TO, 99)
    with bpf.Program(device.name, bpf.verdict(bpf.PASS)):
        client.send(small)
        client.send(large)
        t.equal("XDP_PASS: small and large frames arrive", seen(device, client, mark),
                [small, large])
    t.equal("XDP_PASS: none is counted as taken", taken(device.name), 0)
    with bpf.Program(device.name, bpf.verdict(bpf.DROP)):
        client.send(small)
        client.send(large)
    t.equal("XDP_DROP: none arrives", seen(device, client, mark), [])
    t.equal("XDP_DROP: both are counted as taken", taken(device.name), 2)
    with bpf.Program(device.name, bpf.verdict(bpf.ABORTED)):
        client.send(small)
    with bpf.Program(device.name, bpf.verdict(1000)):
        client.send(small)
    t.equal("no verdict at all, or ABORTED: none arrives", seen(device, client, mark), [])
    with bpf.Program(device.name, bpf.grow(16)):
        client.send(small)
        client.send(large)
        # What is in the room is the program's, which wrote nothing to it.
        t.equal("a program makes frames longer",
                [device.port.recv(65536)[16:] for _ in range(2)], [small, large])


def metadata(t, device, client):
    """What a program puts before a frame, the host's own programs find there."""
    without = [frame(FROM, TO, 6), frame(FROM, TO, 7, 3900)]
    noted = [frame(FROM, TO, 8), frame(FROM, TO, 9, 3900)]
    mark = frame(FROM, TO, 92)
    # A socket for all that comes looks before tc does, and one of a protocol behind it.
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as behind:
        behind.bind((device.name, 0x88b5))
        behind.settimeout(c.WAIT)
        with bpf.Ingress(device.name, bpf.wants_note()):
            for f in without:
                client.send(f)
            with bpf.Program(device.name, bpf.notes()):
                for f in noted:
                    client.send(f)
        t.check("metadata: frames arrive as they were",
                seen(device, client, mark) == without + noted)
        got = []
        while (f := behind.recv(65536)) != mark:
            got.append(f)
        t.check("metadata: it is with small and large frames of the program, and no others",
                got == noted, [f[14:18] for f in got])


def transmit(t, device, client):
    small, large = frame(FROM, TO, 3), frame(FROM, TO, 4, 3900)
    with bpf.Program(device.name, bpf.verdict(bpf.TX)):
        for what, f in ("small", small), ("large", large):
            client.room()
            client.send(f)
            t.equal(f"XDP_TX: a {what} frame comes back", client.received(), f)
    t.equal("XDP_TX: the host sees none", seen(device, client, frame(FROM, TO, 98)), [])


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def udp(payload):
    """An IPv4/UDP frame, with the sum of the pseudo header where its checksum will be."""
    length = 8 + len(payload)
    addresses = bytes((10, 0, 0, 1, 10, 0, 0, 2))
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + length, 0, 0, 64, 17, 0) + addresses
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
    pseudo = ~checksum(addresses + struct.pack(">HH", 17, length)) & 0xffff
    return FROM + TO + b"\x08\0" + ip + struct.pack(">HHHH", 1, 2, length, pseudo) + payload


def redirects(t, device, client, other, far):
    small = frame(FROM, TO, 5)
    with bpf.Program(device.name, bpf.redirect(other.name)):
        far.room()
        client.send(small)
        t.equal("XDP_REDIRECT: the other device's driver receives it", far.received(), small)
        # The checksum is left to the device: the other driver did not say that it can.
        f = udp(b"weft" * 8)
        far.room()
        tx = client.queues[1]
        at = tx.buffers + 0x1000 * (tx.next % 16)
        client.put(at, struct.pack("<BBHHHHH", 1, 0, 0, 0, 34, 6, 0) + f)
        tx.offer(IOVA + at, HEADER + len(f), False)
        tx.wait()
        got = far.received()
        t.equal("XDP_REDIRECT: a frame without its checksum arrives whole", len(got), len(f))
        pseudo = got[26:34] + struct.pack(">HH", 17, len(got) - 34)
        t.equal("XDP_REDIRECT: ... and with it", checksum(pseudo + got[34:]), 0)
    t.equal("XDP_REDIRECT: the host sees none", seen(device, client, frame(FROM, TO, 97)), [])
    t.equal("XDP_REDIRECT: the other device counts them", counters(other.name, 0)["packets"], "2")


def send_all(client, frames):
    """Sends frames, as many at a time as the ring holds."""
    tx = client.queues[1]
    for first in range(0, len(frames), c.RING):
        some = frames[first:first + c.RING]
        for f in some:
            at = tx.buffers + 0x1000 * (tx.next % c.RING)
            client.put(at, bytes(HEADER) + f)
            tx.offer(IOVA + at, HEADER + len(f), False, kick=False)
        tx.notify()
        for _ in some:
            tx.wait()


def numbered(count):
    """Frames as large as may be redirected."""
    return [FROM + TO + b"\x88\xb5" + struct.pack(">I", n) + bytes([n & 255]) * 1496
            for n in range(count)]


class Pages:
    """What becomes of the pages that frames are put into, by the kernel's own word."""
    path = "/sys/kernel/tracing/instances/pages"

    def write(self, name, text):
        with open(f"{self.path}/{name}", "w", encoding="ascii") as file:
            file.write(text)

    def __enter__(self):
        os.mkdir(self.path)
        self.write("buffer_size_kb", "4096")
        self.write("options/stacktrace", "1")
        for event in "alloc", "free":
            # Pages of eight, as weft_frag_refill() takes them
            self.write(f"events/kmem/mm_page_{event}/filter", "order == 3")
            self.write(f"events/kmem/mm_page_{event}/enable", "1")
        return self

    def __exit__(self, *_):
        with open(f"{self.path}/trace", encoding="ascii") as file:
            text = file.read()
        os.rmdir(self.path)
        kept, written = re.search(r"entries-written: (\d+)/(\d+)", text).groups()
        self.whole = kept == written
        self.taken, self.left, last = 0, set(), {}
        for line in text.splitlines():
            who = line.split("]")[0]
            if "mm_page_" in line and (pfn := re.search(r" pfn=(\S+)", line)):
                last[who] = pfn.group(1) if "mm_page_alloc" in line else ""
                self.left.discard(pfn.group(1))
            elif "<stack trace>" in line:
                whose = last.get(who, "")
            elif " => weft_frag_refill" in line and whose:
                self.left.add(whose)
                self.taken += 1


def waiting(t):
    """Frames that were redirected to a driver that does not take them."""
    more = 18
    frames = numbered(LINE + more)
    with Device("r1", 1) as other:
        with Pages() as pages:
            with Device("r0", 0) as device, device.client() as client:
                client.begin()
                device.carrier()
                with bpf.Program(device.name, bpf.redirect(other.name)):
                    with other.client() as far:
                        far.begin()
                        send_all(client, frames)
                    with other.client() as far:
                        # To FROM, which is not its address
                        far.begin(ALWAYS | 1 << c.CTRL_VQ | CTRL_RX)
                        send_all(client, frames)
        names = ("drop.line-full", "drop.down", "filtered", "packets")
        t.equal("frames that wait for a driver that ends, and that it does not want, are counted",
                [int(counters(other.name, 0)[name]) for name in names],
                [more, LINE, LINE + more, 0])
        t.check("the kernel tells of all pages", pages.whole)
        # There are 15 frames in each, and all that wait do so at once.
        t.check("many are taken", pages.taken >= LINE // 15, pages.taken)
        t.equal("and all of them are free again", pages.left, set())
        with other.client() as far:
            far.begin()
            sent = frames[:100]
            with Device("r0", 0) as device, device.client() as client:
                client.begin()
                device.carrier()
                with bpf.Program(device.name, bpf.redirect(other.name)):
                    send_all(client, sent)
            # Pages that were freed would be used again.
            with Device("r0", 0) as device, device.client() as client:
                client.begin()
                device.carrier()
                send_all(client, [bytes(1514)] * 100)
            got = []
            for _ in sent:
                far.room()
                got.append(far.received())
            t.check("frames outlive the device that they come from", got == sent,
                    [n for n in range(100) if got[n] != sent[n]])


def tagged(t):
    """A frame whose VLAN tag is beside it, as a netdev that takes tags off has it."""
    ip("link", "add", "name", "v0", "type", "veth", "peer", "name", "v1")
    ip("link", "add", "link", "v0", "name", "v0.7", "type", "vlan", "id", "7")
    for name in "v0", "v1", "v0.7":
        quiet(name)
        ip("link", "set", "dev", name, "up")
    f = frame(FROM, TO, 10)
    with (Device("r0", 0) as device, device.client() as client,
          socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as port):
        client.begin()
        device.carrier()
        client.room()
        port.bind(("v0.7", 0))
        with bpf.Program("v1", bpf.redirect(device.name), bpf.SKB_MODE):
            port.send(f)
            t.equal("XDP_REDIRECT: a tag beside a frame comes into it",
                    client.received(), f[:12] + b"\x81\0\0\7" + f[12:])
    ip("link", "del", "dev", "v0")


def headers(t, device, client):
    """Frames to be cut into segments, of which nobody can say where those begin."""
    def send(header, f):
        tx = client.queues[1]
        at = tx.buffers + 0x1000 * (tx.next % 16)
        client.put(at, struct.pack("<BBHHHHH", *header, 0) + f)
        tx.offer(IOVA + at, HEADER + len(f), False)
        tx.wait()

    for what, header, f in (
            ("TCP segments of what is no IP", (0, 1, 0, 8, 0, 0), frame(FROM, TO, 1, 200)),
            ("TCP segments of an IP packet that ends before TCP begins", (0, 1, 0, 8, 0, 0),
             FROM + TO + b"\x08\0" + segment(1, b"")[14:34]),
            ("UDP fragments, which are not offered", (1, 3, 0, 1, 34, 6), udp(b"weft" * 8)),
            ("segments of a kind that there is not", (0, 99, 0, 8, 0, 0), segment(1, b"a" * 98))):
        before = int(counters(device.name, 1)["drop.header"])
        send(header, f)
        t.equal(f"{what}: dropped", seen(device, client, frame(FROM, TO, 94)), [])
        t.equal(f"{what}: counted", int(counters(device.name, 1)["drop.header"]), before + 1)
    for gro in 0, 1:
        ethtool(device.name, ETHTOOL_SGRO, gro)
        f = segment(1, b"a" * 2000)
        send((1, 1, 54, 500, 34, 16), f)
        t.equal(f"a frame of four segments arrives as one, with GRO {'on' if gro else 'off'}",
                [len(x) for x in seen(device, client, frame(FROM, TO, 93))], [len(f)])
    ethtool(device.name, ETHTOOL_SGRO, 0)


def bridged(t, tso):
    """A frame of nearly 64 KiB, from one guest to another over a bridge."""
    payload = bytes(n * 31 >> 3 & 255 for n in range(60000))
    with (Device("r0", 0) as device, Device("r1", 1) as other,
          device.client() as client, other.client() as far):
        ip("link", "add", "name", "br0", "type", "bridge", "mcast_snooping", "0")
        for port in device.name, other.name:
            ip("link", "set", "dev", port, "master", "br0")
        quiet("br0")
        ip("link", "set", "dev", "br0", "up")
        client.begin(ALWAYS | CSUM | HOST_TSO4)
        far.begin(ALWAYS | GUEST_CSUM | (GUEST_TSO4 if tso else 0))
        device.carrier()
        other.carrier()
        rx, tx = far.queues[0], client.queues[1]
        f = segment(1, payload)
        client.put(tx.buffers, struct.pack("<BBHHHHH", 1, 1, 54, 1448, 34, 16, 0) + f)
        if tso:
            rx.offer(IOVA + rx.buffers, 0x10000, True)
        else:
            for _ in range(16):
                far.room()
        tx.offer(IOVA + tx.buffers, HEADER + len(f), False)
        tx.wait()
        if tso:
            size = rx.wait()[1]
            flags, kind, _, each = struct.unpack("<BBHH", far.get(rx.buffers, 6))
            t.equal("a large frame is sent to a guest that takes them: as one",
                    (size - HEADER, flags & 1, kind, each), (len(f), 1, 1, 1448))
            t.check("and as it was", far.get(rx.buffers + HEADER + 54, 60000) == payload)
        else:
            got = []
            while sum(map(len, got)) < len(payload):
                f = far.received()
                t.check(f"to one that does not: segment {len(got)} is small",
                        len(f) <= 1502, len(f))
                got.append(f[54:])
                far.room()
            t.equal("and all of them are what it was",
                    [n for n, part in enumerate(got) if part != payload[1448 * n:1448 * (n + 1)]],
                    [])
        ip("link", "del", "dev", "br0")


def ip(*args):
    subprocess.run(["ip", *args], check=True)


def pairs_set(client, pairs):
    """Has the driver use so many pairs; the device's answer, 0 for good."""
    ctrl = client.queues[-1]
    client.put(ctrl.buffers, struct.pack("<BBH", 4, 0, pairs))
    client.put(ctrl.desc, struct.pack("<QIHHQIHH", IOVA + ctrl.buffers, 4, 1, 1,
                                      IOVA + ctrl.buffers + 0x100, 1, 2, 0))
    client.put(ctrl.avail + 4 + 2 * (ctrl.next % 16), struct.pack("<H", 0))
    ctrl.next += 1
    client.put(ctrl.avail + 2, struct.pack("<H", ctrl.next))
    ctrl.notify()
    ctrl.wait()
    return client.get(ctrl.buffers + 0x100, 1)[0]


def send_by(name, queue):
    """Has the host send all by one queue of the representor, whatever CPU sends."""
    every = f"{(1 << os.cpu_count()) - 1:x}"
    for n in range(16):
        with open(f"/sys/class/net/{name}/queues/tx-{n}/xps_cpus", "w", encoding="ascii") as file:
            file.write(every if n == queue else "0")


def sixteen_pairs(t):
    """A frame each way by each of all pairs that there may be."""
    with Device("r0", 0, 16) as device, device.client() as client:
        client.ioctl(c.SET_OWNER)
        client.features(ALWAYS | 1 << c.CTRL_VQ | 1 << c.MQ)
        client.map()
        client.queues = [c.Queue(client, n, n * 0x7000) for n in range(33)]
        for queue in client.queues:
            queue.setup()
        client.enable()
        client.go()
        device.carrier()
        t.equal("16 pairs are used", pairs_set(client, 16), 0)
        got = []
        for n in range(16):
            rx, tx = client.queues[2 * n:2 * n + 2]
            client.put(tx.buffers, bytes(HEADER) + frame(FROM, TO, n))
            tx.offer(IOVA + tx.buffers, HEADER + 100, False)
            tx.wait()
            got.append(device.port.recv(2048) == frame(FROM, TO, n))
            send_by("r0", n)
            rx.offer(IOVA + rx.buffers, 0x1000, True)
            device.port.send(frame(TO, FROM, n))
            size = rx.wait()[1]
            got.append(client.get(rx.buffers + HEADER, size - HEADER) == frame(TO, FROM, n))
        t.equal("by each queue, its frame passes", got, [True] * 32)
        t.equal("and no other", [counters("r0", n)["packets"] for n in range(32)], ["1"] * 32)
        t.equal("one pair is used", pairs_set(client, 1), 0)
        rx = client.queues[0]
        rx.offer(IOVA + rx.buffers, 0x1000, True)
        device.port.send(frame(TO, FROM, 16))
        rx.wait()
        t.equal("and has what the host sends by the last", counters("r0", 0)["packets"], "2")
        t.equal("17 are refused", pairs_set(client, 17), 1)


def no_driver(t, device, client, other):
    """With nobody behind the other one, frames are dropped, and nothing else happens."""
    with bpf.Program(device.name, bpf.redirect(other.name)):
        for n in range(100):
            client.send(frame(FROM, TO, n))
    mark = frame(FROM, TO, 96)
    t.equal("redirected to a device without a driver, frames are gone",
            seen(device, client, mark), [])
    t.equal("and counted", counters(other.name, 0)["drop.down"], "100")


def ethtool(name, command, value=0):
    buf = array.array("B", struct.pack("II", command, value))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, SIOCETHTOOL, struct.pack("16sP", name.encode(), buf.buffer_info()[0]))
    return struct.unpack("II", buf.tobytes())[1]


def driver_info(name):
    """What "ethtool -i" shows: the driver, and where the device is."""
    buf = array.array("B", struct.pack("I192x", ETHTOOL_GDRVINFO))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, SIOCETHTOOL, struct.pack("16sP", name.encode(), buf.buffer_info()[0]))
    fields = struct.unpack("4x32s32s32s32s64x", buf.tobytes())
    return fields[0].rstrip(b"\0").decode(), fields[3].rstrip(b"\0").decode()


def segment(sequence, payload):
    addresses = bytes((10, 0, 0, 1, 10, 0, 0, 2))
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(payload), 0, 0x4000, 64, 6, 0) + addresses
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
    tcp = struct.pack(">HHIIBBHHH", 1, 2, sequence, 1, 0x50, 0x10, 1000, 0, 0) + payload
    pseudo = addresses + struct.pack(">HH", 6, len(tcp))
    tcp = tcp[:16] + struct.pack(">H", checksum(pseudo + tcp)) + tcp[18:]
    return FROM + TO + b"\x08\0" + ip + tcp


def merging(t, device, client):
    def both():
        """Two segments that follow each other, made available before there is a kick."""
        tx = client.queues[1]
        parts = [segment(1, b"a" * 1000), segment(1001, b"b" * 1000)]
        for n, f in enumerate(parts):
            slot = (tx.next + n) % 16
            at = tx.buffers + 0x1000 * slot
            client.put(at, bytes(HEADER) + f)
            client.put(tx.desc + 16 * slot, struct.pack("<QIHH", IOVA + at, HEADER + len(f), 0, 0))
            client.put(tx.avail + 4 + 2 * slot, struct.pack("<H", slot))
        tx.next += 2
        client.put(tx.avail + 2, struct.pack("<H", tx.next & 0xffff))
        os.eventfd_write(tx.kick, 1)
        tx.wait()
        tx.wait()
        return [len(f) for f in seen(device, client, frame(FROM, TO, 95))]

    t.equal("GRO is off at first", ethtool(device.name, ETHTOOL_GGRO), 0)
    t.equal("without GRO, two segments arrive as two", both(), [1054, 1054])
    ethtool(device.name, ETHTOOL_SGRO, 1)
    t.equal("ethtool turns GRO on", ethtool(device.name, ETHTOOL_GGRO), 1)
    t.equal("with GRO, they arrive as one", both(), [2054])
    ethtool(device.name, ETHTOOL_SGRO, 0)
    t.equal("without it again, as two", both(), [1054, 1054])


def main():
    with Ktap() as t:
        with Device("r0", 0) as device, Device("r1", 1) as other, device.client() as client:
            client.begin()
            device.carrier()
            t.equal("ethtool tells the driver, and the function",
                    driver_info(device.name), ("weft_vdpa", os.path.basename(FUNCTIONS[0])))
            with other.client() as far:
                far.begin()
                other.carrier()
                verdicts(t, device, client)
                metadata(t, device, client)
                transmit(t, device, client)
                redirects(t, device, client, other, far)
                merging(t, device, client)
                headers(t, device, client)
            no_driver(t, device, client, other)
            program = bpf.Program(device.name, bpf.verdict(bpf.DROP))
        with program:
            t.equal("a device goes away with a program on it", tool("dev", "show").stdout, "")
        waiting(t)
        tagged(t)
        sixteen_pairs(t)
        bridged(t, True)
        bridged(t, False)


if __name__ == "__main__":
    main()
