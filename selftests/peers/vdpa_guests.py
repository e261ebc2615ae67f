#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Guests on vDPA devices, on /dev/vhost-weft and on a tap: vdpa.test's part in the QEMU host.

    vdpa_guests.py [KIND...]		all kinds, or those that are named
"""
import sys

sys.dont_write_bytecode = True

from ktap import Ktap  # noqa: E402
from vdpa import VdpaNet, counted  # noqa: E402
from vhost import (EVENT_IDX, INDIRECT, MQ, MRG_RXBUF, PACKED, PATIENCE, VERSION_1)  # noqa: E402
from vhost_guests import agreed, moves_files, pings  # noqa: E402

FILE = 4 << 20
ALWAYS = {MRG_RXBUF, INDIRECT, EVENT_IDX, VERSION_1}


def start(guests):
    for guest in guests:
        guest.start(PATIENCE)
    for guest in guests:
        guest.ask("link:" + guest.address, "link")


def mixed(t):
    """A guest of each kind on one bridge."""
    with VdpaNet() as net:
        a = net.vdpa("a", "10.9.0.1")
        b = net.guest("b", "10.9.0.2")
        c = net.tap("c", "10.9.0.3")
        start((a, b, c))
        agreed(t, "mixed", a, ALWAYS)
        for x, y in ((a, b), (a, c), (b, c)):
            pings(t, "mixed", x, y)
        for other in (b, c):
            moves_files(t, "mixed", a, other)
        counted(t, "mixed", a, False, FILE)


def two(t, kind, pairs, options, more):
    """Two guests on two devices."""
    with VdpaNet() as net:
        a, b = (net.vdpa(name, f"10.9.0.{n}", pairs=pairs, options=options)
                for n, name in enumerate("ab", 1))
        start((a, b))
        for guest in (a, b):
            agreed(t, kind, guest, ALWAYS | more)
        pings(t, kind, a, b)
        moves_files(t, kind, a, b)
        for guest in (a, b):
            counted(t, kind, guest, PACKED in more, FILE)


KINDS = {
    "mixed": mixed,
    "packed": lambda t: two(t, "packed", 1, ",packed=on", {PACKED}),
    "two pairs": lambda t: two(t, "two pairs", 2, "", {MQ}),
}


def main():
    with Ktap() as t:
        for kind in sys.argv[1:] or KINDS:
            KINDS[kind](t)


if __name__ == "__main__":
    main()
