#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A guest that QEMU moves to another vDPA device: vdpa-move.test's part in the QEMU host.

It runs on while its memory is sent, with its rings shadowed, and is stopped for
the rest. All the time the host sends it numbered echoes, which are watched where
they enter and leave each device.
"""
import concurrent.futures
import ctypes
import os
import socket
import struct
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../vdpa"))

from device import carrier  # noqa: E402
from ktap import Ktap  # noqa: E402
from vdpa import VdpaGuest, VdpaNet, counted, functions  # noqa: E402
from vdpa_newest import SHADOWABLE, echoes, starts  # noqa: E402
from vhost import PATIENCE, GuestError, tap_count, until  # noqa: E402

ECHO, ANSWER = 8, 0
ECHO_ID = 0x6d76
BETWEEN = 0.05
ETH_P_ALL, OUTGOING = 3, 4
SO_ATTACH_FILTER, SO_RCVBUFFORCE = 26, 33
# (code, jt, jf, k) of classic BPF: IPv4 with ICMP, or nothing
ONLY_ICMP = [(0x28, 0, 0, 12), (0x15, 0, 3, 0x800), (0x30, 0, 0, 23), (0x15, 0, 1, 1),
             (0x06, 0, 0, 0xffff), (0x06, 0, 0, 0)]


def internet_sum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Echoes(threading.Thread):
    """The host's echo requests to a guest, numbered from 0 on."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.address, self.sent, self.ended = address, 0, threading.Event()

    def run(self):
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as s:
            while not self.ended.wait(BETWEEN):
                head = struct.pack(">BBHHH", ECHO, 0, 0, ECHO_ID, self.sent & 0xffff)
                data = head + bytes(48)
                data = data[:2] + struct.pack(">H", internet_sum(data)) + data[4:]
                try:
                    s.sendto(data, (self.address, 0))
                except OSError:
                    continue        # The host gave up asking where the guest is.
                self.sent += 1

    def end(self):
        self.ended.set()
        self.join()


class Wire:
    """What echoes go to a device, and come from it, in the order that they do."""

    def __init__(self, name):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        code = b"".join(struct.pack("HBBI", *i) for i in ONLY_ICMP)
        code = ctypes.create_string_buffer(code, len(code))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                               struct.pack("HL", len(ONLY_ICMP), ctypes.addressof(code)))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.socket.bind((name, ETH_P_ALL))
        self.socket.setblocking(False)

    def end(self):
        """(requests that went to the device, answers that came from it)"""
        seen = {ECHO: [], ANSWER: []}
        while True:
            try:
                data, address = self.socket.recvfrom(256)
            except BlockingIOError:
                self.socket.close()
                return seen[ECHO], seen[ANSWER]
            kind, _, _, owner, number = struct.unpack_from(">BBHHH", data, 34)
            if owner == ECHO_ID and (kind == ECHO) == (address[2] == OUTGOING):
                seen[kind].append(number)


def dropped(guest):
    """What the host sent, and the device had no place for."""
    return tap_count(guest.device, "tx_dropped")


def answers(guest):
    return int(guest.queue(1)["packets"])


def move(guest):
    """Both QEMUs are there, as on two hosts; the guest in the new one."""
    pipe = "/tmp/moves"
    root = os.environ["WEFT_NEWEST"]
    os.mkfifo(root + pipe)
    before = answers(guest)
    guest.qmp("migrate-set-parameters", **{"downtime-limit": 1})
    guest.qmp("migrate", uri=f"exec:cat >{pipe}")
    other = VdpaGuest("a2", guest.address, functions()[1], features=SHADOWABLE,
                      state=root + pipe)
    os.unlink(root + pipe)
    VdpaNet.plug(other.tap)
    wire = Wire(other.tap)
    other.lines = guest.lines
    try:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            started = pool.submit(other.start, PATIENCE)
            until("answers while it moves", lambda: answers(guest) >= before + 50)
            # On an emulated CPU the rest of its memory would take minutes if it went on.
            guest.qmp("migrate-set-parameters", **{"downtime-limit": 100000})
            until("the end of saving", lambda: guest.saving_status("status") == "completed")
            started.result()
    except (GuestError, OSError):
        other.end()
        raise
    return other, wire


def judge(t, asked, wires, lost):
    """What was seen of each echo on the two devices."""
    (first, there), (second, back) = wires
    requests, replies = first + second, there + back
    t.note(f"{asked} echoes of the host: {len(first)} and {len(second)} to a device, "
           f"{len(there)} and {len(back)} answered, {lost} frames dropped")
    t.check("echoes went to both devices, and were answered there", there and back)
    t.check("no echo was answered twice, nor before an earlier one",
            all(a < b for a, b in zip(replies, replies[1:])), replies)
    t.check("no echo went to both devices", all(a < b for a, b in zip(requests, requests[1:])),
            requests)
    missing = sorted(set(requests) - set(replies))
    t.check("each that a device was given was answered, or counted as dropped",
            len(missing) <= lost, f"{missing}, {lost} dropped")


def moves(t):
    with VdpaNet() as net:
        a = starts(net)
        echoes(t, "before it moves", a)
        wire, asks = Wire(a.tap), Echoes(a.address)
        asks.start()
        other, second = move(a)
        net.guests["a2"] = other
        # Only then does the bridge forward.
        carrier(other.tap)
        until("answers of the other", lambda: answers(other) >= 20)
        asks.end()
        lost = dropped(a) + dropped(other)
        judge(t, asks.sent, [wire.end(), second.end()], lost)
        a.end()
        echoes(t, "after it moved", other)
        counted(t, "after it moved", other, False, 1000)


def main():
    with Ktap() as t:
        moves(t)


if __name__ == "__main__":
    main()
