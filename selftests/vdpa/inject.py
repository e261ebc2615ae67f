#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Faults on demand: each does what it says and no more. inject.test's part in the machine."""
import errno
import os
import select
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../peers"))

import client as c  # noqa: E402
from client import IOVA  # noqa: E402
from device import COUNTERS, FROM, TO, Device, counters, frame, passes, wait_for  # noqa: E402
from ktap import Ktap  # noqa: E402
from manage import SET_CONFIG_CALL  # noqa: E402

KNOBS = ("drop", "duplicate", "reorder", "delay_ms", "lose_call")
LONG = 60000        # milliseconds, in which a test does not come to an end by waiting


def path(name, file):
    return f"{COUNTERS}/{name}/inject/{file}"


def knob(file, value=None, name="w0"):
    """Sets one, or reads it; the error's name if it is refused."""
    try:
        if value is None:
            with open(path(name, file), encoding="ascii") as f:
                return f.read().strip()
        with open(path(name, file), "w", encoding="ascii") as f:
            f.write(f"{value}\n")
    except OSError as e:
        return errno.errorcode[e.errno]
    return ""


def done(queue, kind, name="w0"):
    return int(counters(name, queue)[f"inject.{kind}"])


def to_driver(device, client, numbers, count):
    """What the driver receives of frames with these numbers, in order."""
    for _ in range(count):
        client.room()
    for n in numbers:
        device.port.send(frame(TO, FROM, n))
    return [number(client.received()) for _ in range(count)]


def to_host(device, client, numbers, count):
    for n in numbers:
        client.send(frame(FROM, TO, n))
    return [number(device.port.recv(2048)) for _ in range(count)]


def number(got):
    return struct.unpack(">I", got[14:18])[0]


def refusals(t):
    with Device("w0"):
        t.equal("without being asked for, there are no faults",
                [knob(f"{side}/{k}") for side in ("rx", "tx") for k in KNOBS] +
                [knob("stall"), knob("needs_reset"), knob("off")], ["0"] * 10 + ["0x0", "0", "1"])
        for file, value, error in (
                ("rx/drop", "many", "EINVAL"), ("rx/drop", "", "EINVAL"),
                ("tx/drop", "-1", "EINVAL"), ("tx/lose_call", 1 << 32, "ERANGE"),
                ("rx/reorder", 1 << 64, "ERANGE"),
                ("rx/delay_ms", LONG + 1, "ERANGE"), ("stall", 8, "ERANGE"),
                ("stall", 1 << 63, "ERANGE"), ("off", 0, "EINVAL"), ("off", 2, "EINVAL"),
                ("needs_reset", 0, "EINVAL"), ("needs_reset", 2, "EINVAL"),
                ("needs_reset", 1, "ENOTCONN")):
            t.equal(f"{value!r} to {file} is refused", knob(file, value), error)
        t.equal("and nothing came of that", knob("off"), "1")
        top = (1 << 32) - 1
        t.equal("the largest values are taken",
                [knob(f"{side}/{k}", LONG if k == "delay_ms" else top)
                 for side in ("rx", "tx") for k in KNOBS] + [knob("stall", 7)], [""] * 11)
        t.equal("and are read back",
                [knob(k) for k in ("tx/drop", "rx/delay_ms", "stall", "off")],
                [str(top), str(LONG), "0x7", "0"])
        t.equal("all are off by one write", [knob("off", 1)] +
                [knob(k) for k in ("off", "stall", "tx/drop")], ["", "1", "0x0", "0"])


SIDES = (("rx", to_driver, 0), ("tx", to_host, 1))
# One in three, of nine frames, what arrives and how often it happened.
FRAMES = (
    ("drop", [1, 2, 4, 5, 7, 8], 3),
    ("duplicate", [1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9, 9], 3),
    ("reorder", [1, 2, 4, 3, 5, 7, 6, 8], 3),
)


def frames(t):
    with Device("w0") as d, Device("w1", 1) as other:
        with d.client() as client, other.client() as calm:
            client.begin()
            calm.begin()
            d.carrier()
            for side, send, queue in SIDES:
                for kind, want, times in FRAMES:
                    what = f"{kind}, {side}"
                    t.equal(f"{what}: one in three is asked for", knob(f"{side}/{kind}", 3), "")
                    t.equal(f"{what}: one in three", send(d, client, range(1, 10), len(want)), want)
                    t.equal(f"{what}: that is counted", done(queue, kind), times)
                    passes(t, f"{what}: another device", other, calm, 0, 4)
                    t.equal(f"{what}: nothing is counted there", done(queue, kind, "w1"), 0)
                    back = SIDES[1 - queue]
                    t.equal(f"{what}: the other way", back[1](d, client, range(4), 4), [0, 1, 2, 3])
                    if kind == "reorder":
                        client.room()
                        knob(f"{side}/{kind}", 0)
                        t.equal(f"{what}: the last one comes when it is off",
                                number(client.received() if queue == 0 else d.port.recv(2048)), 9)
                    knob("off", 1)
            passes(t, "after all that", d, client)
            # Each has another count when it is set again.
            knob("tx/drop", 2)
            client.send(frame(FROM, TO, 1))
            knob("tx/drop", 2)
            t.equal("counts begin anew when it is set", to_host(d, client, (2, 3, 4), 3), [1, 2, 4])


def late(t):
    with Device("w0") as d:
        for side, send, queue in SIDES:
            with d.client() as client:
                client.begin()
                d.carrier()
                knob(f"{side}/delay_ms", 1)
                t.equal(f"{side}: a little late, all come in order",
                        send(d, client, range(20 if queue else 10), 10)[:10], list(range(10)))
                if queue:
                    t.equal("tx: and the rest", [number(d.port.recv(2048)) for _ in range(10)],
                            list(range(10, 20)))
                knob(f"{side}/delay_ms", LONG)
                for _ in range(5 if queue == 0 else 0):
                    client.room()
                before = done(queue, "delay_ms")
                for n in range(5):
                    if queue:
                        client.send(frame(FROM, TO, n))
                    else:
                        d.port.send(frame(TO, FROM, n))
                t.equal(f"{side}: five are late", done(queue, "delay_ms"), before + 5)
                t.check(f"{side}: and have not come", not select.select([d.port], [], [], 0)[0] and
                        client.queues[0].count() == client.queues[0].seen)
                knob(f"{side}/delay_ms", 0)
                t.equal(f"{side}: they come when that ends",
                        [number(d.port.recv(2048) if queue else client.received())
                         for _ in range(5)], list(range(5)))
                # Late, and one held: for the driver that goes away now.
                knob(f"{side}/delay_ms", LONG)
                knob(f"{side}/reorder", 3)
                for n in range(3):
                    if queue:
                        client.send(frame(FROM, TO, 100 + n))
                    else:
                        d.port.send(frame(TO, FROM, 100 + n))
            with d.client() as client:
                client.begin()
                d.carrier()
                t.equal(f"{side}: what is injected outlives the driver",
                        knob(f"{side}/delay_ms"), str(LONG))
                knob("off", 1)
                t.equal(f"{side}: what was late for one driver is not for the next",
                        send(d, client, (7, 8), 2), [7, 8])
                knob(f"{side}/delay_ms", LONG)
                if queue:
                    client.send(frame(FROM, TO, 1))
                else:
                    d.port.send(frame(TO, FROM, 1))
    t.check("a device goes away with frames that are late", not os.path.exists(f"{COUNTERS}/w0"))


def queues(t):
    with Device("w0") as d:
        with d.client() as client:
            client.begin()
            d.carrier()
            client.send(frame(FROM, TO, 1))
            d.port.recv(2048)
            runs = counters("w0", 1)["runs"]
            knob("stall", 2)
            tx = client.queues[1]
            at = tx.buffers + 0x1000 * (tx.next % c.RING)
            client.put(at, bytes(c.HEADER) + frame(FROM, TO, 2))
            tx.offer(IOVA + at, c.HEADER + 100, False)
            # Both are served by one thread, in the order in which they were kicked.
            t.equal("a stalled queue does not hold up the other",
                    to_driver(d, client, (5,), 1), [5])
            t.equal("and is not served", (tx.count(), counters("w0", 1)["runs"]), (1, runs))
            knob("stall", 0)
            tx.wait()
            t.equal("when it goes on, what waited is sent", number(d.port.recv(2048)), 2)
            knob("stall", 3)
        with d.client() as client:
            client.begin()
            t.equal("a reset ends it", knob("stall"), "0x0")
            passes(t, "after a queue stood still", d, client)

            rx, calls = client.queues[0], int(counters("w0", 0)["calls"])
            if select.select([rx.call], [], [], 0)[0]:
                os.eventfd_read(rx.call)
            knob("rx/lose_call", 2)
            for n in range(4):
                had = rx.count()
                client.room()
                d.port.send(frame(TO, FROM, n))
                wait_for(lambda: rx.count() != had)
                rx.seen += 1
            wait_for(lambda: done(0, "lose_call") + int(counters("w0", 0)["calls"]) - calls == 4)
            t.equal("every second call is lost", done(0, "lose_call"), 2)
            t.equal("and the others are not", os.eventfd_read(rx.call), 2)
            knob("off", 1)
            passes(t, "after that", d, client)


def needs_reset(t):
    with Device("w0") as d:
        with d.client() as client, open(os.eventfd(0), "rb") as told:
            client.begin()
            client.ioctl(SET_CONFIG_CALL, struct.pack("i", told.fileno()))
            passes(t, "before it fails", d, client)
            t.equal("a device is made to fail", knob("needs_reset", 1), "")
            t.check("its driver is told", select.select([told], [], [], c.WAIT)[0])
            t.check("and finds why", client.status() & c.NEEDS_RESET, client.status())
            t.equal("which debugfs shows", knob("needs_reset"), "1")
            t.equal("no queue runs", [counters("w0", n)["ring"] for n in range(2)], ["none"] * 2)
            client.error(c.SET_STATUS, bytes([15]))
            t.check("a driver cannot take that back", client.status() & c.NEEDS_RESET)
        with d.client() as client:
            client.begin()
            t.equal("a reset can", (client.status() & c.NEEDS_RESET, knob("needs_reset")), (0, "0"))
            passes(t, "after that", d, client)


def main():
    with Ktap() as t:
        for part in (refusals, frames, late, queues, needs_reset):
            part(t)


if __name__ == "__main__":
    main()
