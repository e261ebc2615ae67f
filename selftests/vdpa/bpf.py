# SPDX-License-Identifier: GPL-2.0
"""Programs on a netdev, by bpf(2): of a few instructions, without a compiler.

    with Program("vm0", verdict(DROP)):
        ...                     # the driver of vm0 runs it meanwhile, by XDP
    with Ingress("vm0", wants_note()):
        ...                     # the stack runs it on what vm0 receives, by tc

Numbers are those of <linux/bpf.h> and <linux/if_link.h>.
"""
import ctypes
import os
import socket
import struct

ABORTED, DROP, PASS, TX, REDIRECT = range(5)
SYS_BPF = 321
PROG_LOAD, LINK_CREATE = 5, 28
PROG_TYPE_CLS, PROG_TYPE_XDP, ATTACH_XDP, ATTACH_TCX_INGRESS = 3, 6, 37, 46
SKB_MODE, DRIVER_MODE = 2, 4
CALL_REDIRECT, CALL_ADJUST_HEAD, CALL_ADJUST_META = 23, 44, 54
# Where a program finds the frame: struct xdp_md, and struct __sk_buff
XDP_DATA, XDP_META, SKB_DATA, SKB_META = 0, 8, 76, 140
NOTE = 0x77656674

_libc = ctypes.CDLL(None, use_errno=True)


def _bpf(command, attributes):
    buf = ctypes.create_string_buffer(attributes, 128)
    fd = _libc.syscall(SYS_BPF, command, buf, len(attributes))
    if fd < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return fd


def _insn(code, dst=0, src=0, off=0, imm=0):
    return struct.pack("<BBhi", code, src << 4 | dst, off, imm)


def _call(function):
    return _insn(0x85, imm=function)


def _mov(register, value):
    return _insn(0xb7, register, imm=value)


def _copy(register, other):
    return _insn(0xbf, register, other)


def _load(register, other, offset):
    return _insn(0x61, register, other, offset)


EXIT = _insn(0x95)


def verdict(number):
    return _mov(0, number) + EXIT


def redirect(name):
    return _mov(1, socket.if_nametoindex(name)) + _mov(2, 0) + _call(CALL_REDIRECT) + EXIT


def grow(by):
    """Makes room of that many bytes before the frame, and passes it."""
    return _mov(2, -by) + _call(CALL_ADJUST_HEAD) + verdict(PASS)


def _note_or(instructions):
    """Skips these unless there is room for a note between registers 2 and 3."""
    return (_copy(4, 2) + _insn(0x07, 4, imm=4) +
            _insn(0x2d, 4, 3, len(instructions) // 8) + instructions)


def notes():
    """Puts a note before the frame, as its metadata, and passes it."""
    return (_copy(6, 1) + _mov(2, -4) + _call(CALL_ADJUST_META) +
            _load(2, 6, XDP_META) + _load(3, 6, XDP_DATA) +
            _note_or(_insn(0x62, 2, imm=NOTE)) + verdict(PASS))


def wants_note():
    """Of tc: drops what comes without the note."""
    return (_load(2, 1, SKB_META) + _load(3, 1, SKB_DATA) + _mov(0, 2) +
            _note_or(_load(2, 2, 0) + _insn(0x55, 2, off=1, imm=NOTE) + _mov(0, 0)) + EXIT)


class Program:
    kind, place = PROG_TYPE_XDP, ATTACH_XDP

    def __init__(self, netdev, code, flags=DRIVER_MODE):
        code, licence = ctypes.create_string_buffer(code), ctypes.create_string_buffer(b"GPL")
        self.prog = _bpf(PROG_LOAD, struct.pack(
            "<IIQQ40x", self.kind, (len(code) - 1) // 8, ctypes.addressof(code),
            ctypes.addressof(licence)))
        self.link = _bpf(LINK_CREATE, struct.pack(
            "<IIII", self.prog, socket.if_nametoindex(netdev), self.place, flags))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.link)
        os.close(self.prog)


class Ingress(Program):
    kind, place = PROG_TYPE_CLS, ATTACH_TCX_INGRESS

    def __init__(self, netdev, code):
        super().__init__(netdev, code, 0)
