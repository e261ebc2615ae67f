# SPDX-License-Identifier: GPL-2.0
"""What every vDPA device has to refuse: numbers at their limits, and beyond."""
import struct

import client as c

BEYOND = (0x7fffffff, 0x80000000, 0xffffffff)


def indices(t, client, queues, group=True):
    """No queue is taken for another. The client has negotiated, and not begun."""
    requests = [("SET_VRING_NUM", c.SET_NUM), ("SET_VRING_BASE", c.SET_BASE),
                ("SET_VRING_ENABLE", c.SET_ENABLE)]
    if group:
        requests.append(("GET_VRING_GROUP", c.GET_GROUP))
    for what, request in requests:
        value = 16 if request == c.SET_NUM else 0
        t.equal(f"{what}: the last queue is one",
                client.error(request, struct.pack("II", queues - 1, value)), "")
        for n in (queues, queues + 1, *BEYOND):
            t.equal(f"{what}: there is no queue {n}",
                    client.error(request, struct.pack("II", n, value)), "ENOBUFS")


def config(t, client):
    """Nothing is read beyond the configuration. All of it, as GET_CONFIG has it."""
    size = struct.unpack("I", client.ioctl(c.GET_CONFIG_SIZE, bytes(4)))[0]
    for off, length in ((size, 1), (size + 1, 1), (0, size + 1), (0xffffffff, 1),
                        (1, 0xffffffff), (0, 0)):
        for what, request in (("GET_CONFIG", c.GET_CONFIG), ("SET_CONFIG", c.SET_CONFIG)):
            t.equal(f"{what}: {length} bytes at {off} are refused",
                    client.error(request, struct.pack("II", off, length) + bytes(64)), "EINVAL")
    whole = client.ioctl(c.GET_CONFIG, struct.pack("II", 0, size) + bytes(size))
    for off in range(size):
        part = client.ioctl(c.GET_CONFIG, struct.pack("II", off, size - off) + bytes(size - off))
        if part[8:] != whole[8 + off:]:
            t.check("GET_CONFIG: parts of it are as the whole", False, f"at {off}")
            return whole
    t.check("GET_CONFIG: parts of it are as the whole", True)
    return whole
