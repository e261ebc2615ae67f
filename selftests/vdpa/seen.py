#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The tracepoints of weft_vdpa: as many as were counted, of the device and queue that it was."""
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../peers"))

import client as c  # noqa: E402
from client import IOVA  # noqa: E402
from device import FROM, TO, Device, counters, frame, passes, wait_for  # noqa: E402
from ktap import Ktap  # noqa: E402
from manage import state  # noqa: E402

TRACING = "/sys/kernel/tracing"
EVENTS = ("kick", "batch", "signal", "lost", "error")


class Buffer:
    """A buffer of traces that is nobody else's, with some of the events."""

    def __init__(self, name, *events):
        self.path = f"{TRACING}/instances/{name}"
        os.mkdir(self.path)
        self.write("buffer_size_kb", "1024")
        for event in events:
            self.write(f"events/weft_vdpa/weft_vdpa_{event}/enable", "1")

    def write(self, file, text):
        with open(f"{self.path}/{file}", "w", encoding="ascii") as out:
            out.write(text)

    def lines(self, event, fields=""):
        with open(f"{self.path}/trace", encoding="ascii") as file:
            return len(re.findall(f": weft_vdpa_{event}: {fields}", file.read()))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.rmdir(self.path)


def traffic(t, what, device, client):
    passes(t, what, device, client, 0, 5)
    # What is to be sent is not written to.
    tx = client.queues[1]
    tx.offer(IOVA + tx.buffers, 64, True)
    wait_for(lambda: counters(device.name, 1)["fault"] == "buffer-direction")


def together(t):
    with Buffer("on", *EVENTS) as on, Buffer("off") as off, \
            Device("w0") as one, Device("w1", 1) as two:
        with one.client() as client, two.client() as other:
            client.begin()
            other.begin()
            traffic(t, "with events", one, client)
            passes(t, "with events, the other device", two, other, 0, 5)
            index = {d: state(d.name)["index"] for d in (one, two)}
            # From here on, nothing is counted.
            client.ioctl(c.VDPA_SUSPEND)
            other.ioctl(c.VDPA_SUSPEND)
            for d in (one, two):
                for queue in range(2):
                    seen = counters(d.name, queue)
                    fields = f"device={index[d]} queue={queue} "
                    what = f"{d.name}, queue {queue}"
                    t.equal(f"{what}: a line for each run", on.lines("kick", fields),
                            int(seen["runs"]))
                    t.equal(f"{what}: for each call", on.lines("signal", fields), int(seen["calls"]))
                    t.equal(f"{what}: for each batch", on.lines("batch", fields + "buffers=1 "), 5)
                    t.equal(f"{what}: for each fault", on.lines("error", fields),
                            int(d is one and queue == 1))
                    t.equal(f"{what}: no call was lost", on.lines("lost", fields), 0)
            t.equal("where nobody asked, there is none", [off.lines(e) for e in EVENTS], [0] * 5)
            for event in EVENTS:
                on.write(f"events/weft_vdpa/weft_vdpa_{event}/enable", "0")
            on.write("trace", "\n")
        with one.client() as client:
            client.begin()
            traffic(t, "without events", one, client)
            t.equal("off again, there are no more", [on.lines(e) for e in EVENTS], [0] * 5)


def alone(t):
    """Each by itself: to have one does not take another."""
    for event, fields in (("kick", "avail=0"), ("batch", "buffers=1 used=1"), ("signal", "used=1"),
                          ("error", "fault=[0-9]+ avail=")):
        with Device("w0") as d, Buffer(event, event) as mine, d.client() as client:
            client.begin()
            d.carrier()
            client.send(frame(FROM, TO, 1))
            tx = client.queues[1]
            tx.offer(IOVA + tx.buffers, 64, True)
            wait_for(lambda: counters("w0", 1)["fault"] != "none")
            t.check(f"{event} alone: it is there, with its fields",
                    mine.lines(event, f"device=[0-9]+ queue=1 {fields}"))
            t.equal(f"{event} alone: the others are not",
                    [mine.lines(e) for e in EVENTS if e != event], [0] * 4)
            mine.write(f"events/weft_vdpa/weft_vdpa_{event}/enable", "0")


def main():
    with Ktap() as t:
        if not os.path.isdir(f"{TRACING}/instances"):
            subprocess.run(["mount", "-t", "tracefs", "none", TRACING], check=True)
        together(t)
        alone(t)


if __name__ == "__main__":
    main()
