#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""virtio-pci hardware with four pairs of queues: pairs.test's part in the machine."""
import os
import resource
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../peers"))

import client as c  # noqa: E402
from client import IOVA  # noqa: E402
from device import tool  # noqa: E402
from ktap import Ktap  # noqa: E402
from pci_rig import DONE, ONE, Device, add, bind, lines, page, since, unbind  # noqa: E402

CTRL, MQ = 1 << c.CTRL_VQ, 1 << c.MQ
GET_VRING_SIZE = 0xC008AF82


def size(client, queue):
    return struct.unpack("II", client.ioctl(GET_VRING_SIZE, struct.pack("II", queue, 0)))[1]


def queues(client):
    return struct.unpack("I", client.ioctl(c.GET_VQS, bytes(4)))[0]


def begin(client, features, queue, descriptors):
    """With one queue, of so many descriptors; what the log says of it."""
    client.ioctl(c.SET_OWNER)
    client.features(c.ALWAYS | features)
    client.map()
    mark = lines()
    if descriptors:
        client.ioctl(c.SET_NUM, struct.pack("II", queue, descriptors))
    client.ioctl(c.SET_ADDR, struct.pack("IIQQQQ", queue, 0, IOVA, IOVA + 0x8000, IOVA + 0x4000, 0))
    client.ioctl(c.SET_ENABLE, struct.pack("II", queue, 1))
    client.set_status(DONE)
    return since(mark)


def control(t, a, features, queue):
    """The control queue is a small one, wherever it is."""
    what = "with MQ" if features & MQ else "without MQ"
    with a.client() as client:
        begin(client, features, queue, 64)
        t.equal(f"{what}, queue {queue} is for control, and works with 64 descriptors",
                (client.status(), size(client, queue)), (DONE, 64))
    for descriptors in (128, 256):
        with a.client() as client:
            said = begin(client, features, queue, descriptors)
            t.check(f"{what}, it has no {descriptors}, and the driver is told",
                    client.status() & c.NEEDS_RESET and not client.status() & c.DRIVER_OK,
                    client.status())
            t.check(f"{what}: the log says how many", "up to 64" in said, said)
    with a.client() as client:
        client.ioctl(c.SET_OWNER)
        client.features(c.ALWAYS | features)
        t.equal(f"{what}: so its size is, if none is given", size(client, queue), 64)
        t.equal(f"{what}: others have more", size(client, 0), 256)
    with a.client() as client:
        begin(client, features, queue, 0)
        t.equal(f"{what}: with no size given, it works", client.status(), DONE)


def all_pairs(t):
    got = tool("mgmtdev", "show").stdout
    t.check("the tool shows that there can be nine queues", "max_supported_vqs 9" in got, got)
    with Device("h0", ONE) as a:
        got = tool("dev", "show", "h0").stdout + tool("dev", "config", "show", "h0").stdout
        t.check("four pairs, and a control queue", "max_vqs 9" in got and "max_vq_pairs 4" in got, got)
        control(t, a, CTRL | MQ, 8)
        control(t, a, CTRL, 2)
        with a.client() as client:
            said = begin(client, CTRL, 5, 64)
            t.check("without MQ, there is no sixth queue", client.status() & c.NEEDS_RESET
                    and "queue 5" in said, (client.status(), said))
        with a.client() as client:
            begin(client, CTRL | MQ, 5, 256)
            t.equal("with MQ there is, again", client.status(), DONE)
            got = [page(client, n) for n in range(9)]
            t.equal("each has a doorbell of its own", [p for p in got if isinstance(p, int)], [])
            for p in got:
                p.close()
        with a.client() as client:
            begin(client, CTRL, 2, 64)
    # The function has three queues now, until it is told otherwise.
    unbind(ONE)
    bind(ONE)
    got = tool("mgmtdev", "show").stdout
    t.check("after a driver without MQ, there can be nine, still", "max_supported_vqs 9" in got, got)
    got = add("h0", ONE)
    t.equal("after a driver without MQ, the next device has all pairs", got.returncode, 0)
    with a.client() as client:
        t.equal("and nine queues", queues(client), 9)
    tool("dev", "del", "h0")


def one_pair(t):
    with Device("h0", ONE, "max_vqp", "1") as a:
        with a.client() as client:
            t.equal("of one pair, there are three queues", queues(client), 3)
            n, = struct.unpack("I", client.ioctl(c.GET_CONFIG_SIZE, bytes(4)))
            t.equal("and the number of pairs is no field of the configuration", n, 8)
            t.equal("the pages of others are not its", page(client, 3), 22)
            doorbell = page(client, 2)
            t.check("its third has a doorbell", not isinstance(doorbell, int), doorbell)
            doorbell.close()
        control(t, a, CTRL, 2)
    for n in (2, 3, 5):
        mark = lines()
        t.check(f"a number in between, or beyond, is refused: {n}",
                add("h0", ONE, "max_vqp", str(n)).returncode
                and f"max_vqp {n} cannot be, but 4, which the hardware has, or 1" in since(mark),
                since(mark))


def main():
    subprocess.run(["modprobe", "-a", "vdpa", "vhost_vdpa"], check=True)
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY,) * 2)
    with Ktap() as t:
        t.check("the function is bound", bind(ONE), since(0)[-500:])
        all_pairs(t)
        one_pair(t)


if __name__ == "__main__":
    main()
