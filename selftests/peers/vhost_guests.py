#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Two guests with a stock virtio-net: vhost.test's part in the QEMU host.

    vhost_guests.py [KIND...]		all kinds, or those that are named
"""
import sys

sys.dont_write_bytecode = True

from ktap import Ktap  # noqa: E402
from vhost import (EVENT_IDX, INDIRECT, MQ, MRG_RXBUF, NODE, OURS, PACKED, PATIENCE,  # noqa: E402
                   RING_RESET, VERSION_1, Net, Stream, counted, frames, transfer)

FILE = 4 << 20
SMALL = 1 << 18
ALWAYS = {MRG_RXBUF, INDIRECT, EVENT_IDX, VERSION_1, RING_RESET}
# name: (pairs of queues, options of the device, features beyond those)
KINDS = {
    "split": (1, "", set()),
    "packed": (1, ",packed=on", {PACKED}),
    "two pairs": (2, "", {MQ}),
    "two packed pairs": (2, ",packed=on", {MQ, PACKED}),
}


def pair(net, pairs, options):
    guests = [net.guest(name, f"10.9.0.{n}", pairs=pairs, options=options)
              for n, name in enumerate("ab", 1)]
    for guest in guests:
        guest.start(PATIENCE)
    for guest in guests:
        guest.ask("link:" + guest.address, "link")
    return guests


def agreed(t, kind, guest, wanted):
    has = guest.features()
    for bit in (PACKED, MQ):
        if bit not in wanted and bit in has:
            t.check(f"{kind}: {guest.name} has no feature that was not asked for", False, has)
    t.check(f"{kind}: {guest.name}'s driver and device agreed on all that was asked for",
            wanted <= has, f"missing: {sorted(wanted - has)}")


def pings(t, kind, a, b):
    for size in (56, 8000):
        for frm, to in ((a, b), (b, a)):
            line = frm.ask(f"ping:{to.address}:10:{size}", "ping")
            t.equal(f"{kind}: {frm.name} pings {to.name} with {size} bytes", line,
                    "ping 10 of 10 came back, 0 twice")


def moves_files(t, kind, a, b):
    for n, (frm, to) in enumerate(((a, b), (b, a))):
        sent, came = transfer(frm, to, 5000 + n, FILE, n)
        t.equal(f"{kind}: a file moves from {frm.name} to {to.name}, and is the same", came, sent)


def idle(before, after):
    return [thread for thread in after if after[thread] <= before.get(thread, 0)]


def uses_all_pairs(t, kind, a, b, before):
    """Which pair a connection takes, its ports decide: more of them use all."""
    for guest in (a, b):
        guest.order("queues:2")
    for n in range(24):
        transfer(a, b, 5100 + n, SMALL, n)
        transfer(b, a, 5200 + n, SMALL, n)
        if all(all(map(frames, g.folders)) and not idle(before[g], g.workers()) for g in (a, b)):
            break
    t.note(f"{2 * (n + 1)} connections more")


def resizes(t, kind, a, b):
    """ethtool -G resets each ring while the others go on."""
    stream = Stream(a, b, 5900)
    stream.flows()
    for guest in (a, b):
        for rx, tx in ((128, 64), (256, 256)):
            line = guest.ask(f"rings:{rx}:{tx}", "rings")
            t.check(f"{kind}: {guest.name} resets its rings under traffic, to {rx} and {tx}",
                    line.startswith(f"rings {rx} {tx} "), line)
            stream.flows()
    sent, came = stream.end(a, b)
    t.equal(f"{kind}: what was sent meanwhile has come, and is the same", came, sent)


def run(t, kind, pairs, options, more):
    with Net() as net:
        a, b = pair(net, pairs, options)
        before = {guest: guest.workers() for guest in (a, b)}
        for guest in (a, b):
            t.equal(f"{kind}: {guest.name} has a worker for each pair of queues",
                    len(before[guest]), pairs)
            agreed(t, kind, guest, ALWAYS | more)
        pings(t, kind, a, b)
        moves_files(t, kind, a, b)
        if pairs > 1:
            uses_all_pairs(t, kind, a, b, before)
        for guest in (a, b):
            t.equal(f"{kind}: {guest.name}'s workers have all worked",
                    idle(before[guest], guest.workers()), [])
        for guest in (a, b):
            counted(t, kind, guest, PACKED in more, FILE)
        resizes(t, kind, a, b)


def main():
    with Ktap() as t:
        t.note(f"on {NODE}")
        for kind in sys.argv[1:] or KINDS:
            pairs, options, more = KINDS[kind]
            if PACKED in more and not OURS:
                t.skip(f"{kind}: all of it", f"{NODE} has no packed rings")
                continue
            run(t, kind, pairs, options, more)


if __name__ == "__main__":
    main()
