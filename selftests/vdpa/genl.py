# SPDX-License-Identifier: GPL-2.0
"""The vDPA bus's netlink family, for what the stock tool does not know yet.

    with Family() as vdpa:
        error, text = vdpa.call(DEV_ATTR_SET, name("w0"), mac("52:54:00:00:00:01"))

Numbers are those of <linux/netlink.h>, <linux/genetlink.h> and <linux/vdpa.h>.
"""
import errno
import socket
import struct

REQUEST, WANT_ACK = 1, 4
ERROR, CTRL, GETFAMILY = 2, 16, 3
CAPPED, TLVS = 0x100, 0x200
SOL, CAP_ACK, EXT_ACK = 270, 10, 11

DEV_NEW, DEV_DEL, DEV_ATTR_SET = 3, 4, 8
BUS_NAME, MGMT_NAME, NAME, MAC, MAX_VQP, MTU, FEATURES = 1, 2, 4, 10, 12, 13, 20


def attribute(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def text(kind, value):
    return attribute(kind, value.encode() + b"\0")


def name(value):
    return text(NAME, value)


def parent(function):
    bus, device = function.split("/")
    return text(BUS_NAME, bus) + text(MGMT_NAME, device)


def mac(value):
    return attribute(MAC, bytes.fromhex(value.replace(":", "")))


def u16(kind, value):
    return attribute(kind, struct.pack("=H", value))


def features(value):
    return attribute(FEATURES, struct.pack("=Q", value))


def attributes(data):
    while len(data) >= 4:
        size, kind = struct.unpack_from("=HH", data)
        yield kind & 0x3fff, data[4:size]
        data = data[size + 3 & ~3:]


class Family:
    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        self.socket.bind((0, 0))
        self.socket.setsockopt(SOL, EXT_ACK, 1)
        self.socket.setsockopt(SOL, CAP_ACK, 1)
        self.sequence = 0
        self.family = CTRL
        self.send(GETFAMILY, text(2, "vdpa"))
        reply = self.socket.recv(65536)
        self.family = next(struct.unpack("=H", value)[0]
                           for kind, value in attributes(reply[20:]) if kind == 1)
        self.answer()

    def send(self, command, payload):
        self.sequence += 1
        body = struct.pack("=BBxx", command, 1) + payload
        self.socket.send(struct.pack("=IHHII", 16 + len(body), self.family,
                                     REQUEST | WANT_ACK, self.sequence, 0) + body)

    def answer(self):
        """What the kernel says of it: an error's name or '', and its word."""
        reply = self.socket.recv(65536)
        _, kind, flags, sequence, _ = struct.unpack_from("=IHHII", reply)
        assert (kind, sequence) == (ERROR, self.sequence), (kind, sequence)
        error = -struct.unpack_from("=i", reply, 16)[0]
        word = ""
        if flags & TLVS:
            # Behind the header of our own message, or all of it.
            size = 16 if flags & CAPPED else struct.unpack_from("=I", reply, 20)[0] + 3 & ~3
            for attr, value in attributes(reply[20 + size:]):
                if attr == 1:
                    word = value.rstrip(b"\0").decode()
        return errno.errorcode[error] if error else "", word

    def call(self, command, *attrs):
        self.send(command, b"".join(attrs))
        return self.answer()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
