# SPDX-License-Identifier: GPL-2.0
"""XDP programs on a netdev, by bpf(2): of a few instructions, without a compiler.

    with Program("vm0", verdict(DROP)):
        ...                     # the driver of vm0 runs it meanwhile

Numbers are those of <linux/bpf.h> and <linux/if_link.h>.
"""
import ctypes
import os
import socket
import struct

ABORTED, DROP, PASS, TX, REDIRECT = range(5)
SYS_BPF = 321
PROG_LOAD, LINK_CREATE = 5, 28
PROG_TYPE_XDP, ATTACH_XDP, DRIVER_MODE = 6, 37, 4
CALL_REDIRECT, CALL_ADJUST_HEAD = 23, 44

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


EXIT = _insn(0x95)


def verdict(number):
    return _mov(0, number) + EXIT


def redirect(name):
    return _mov(1, socket.if_nametoindex(name)) + _mov(2, 0) + _call(CALL_REDIRECT) + EXIT


def grow(by):
    """Makes room of that many bytes before the frame, and passes it."""
    return _mov(2, -by) + _call(CALL_ADJUST_HEAD) + verdict(PASS)


class Program:
    def __init__(self, netdev, code):
        code, licence = ctypes.create_string_buffer(code), ctypes.create_string_buffer(b"GPL")
        self.prog = _bpf(PROG_LOAD, struct.pack(
            "<IIQQ40x", PROG_TYPE_XDP, (len(code) - 1) // 8, ctypes.addressof(code),
            ctypes.addressof(licence)))
        self.link = _bpf(LINK_CREATE, struct.pack(
            "<IIII", self.prog, socket.if_nametoindex(netdev), ATTACH_XDP, DRIVER_MODE))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.link)
        os.close(self.prog)
