#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Guests that are stopped, and saved and resumed, under traffic: for vhost-move.test."""
import sys

sys.dont_write_bytecode = True

from ktap import Ktap  # noqa: E402
from vhost import NODE, OURS, PACKED, Net, Stream, counted  # noqa: E402
from vhost_guests import pair  # noqa: E402

IN_TREE = "/dev/vhost-net"


def works(t, what, guest, stream):
    before = guest.workers()
    stream.flows()
    after = guest.workers()
    t.check(f"{what}: its worker works, and the connection goes on",
            before and all(after[thread] > before[thread] for thread in before),
            f"{before} {after}")


def stops(t, kind, a, b, stream):
    for guest in (a, b):
        guest.qmp("stop")
        before = guest.workers()
        guest.qmp("query-status")
        guest.qmp("cont")
        works(t, f"{kind}: {guest.name} was stopped ({len(before)} worker)", guest, stream)


def run(t, kind, options, nodes):
    with Net() as net:
        a, b = pair(net, 1, options)
        t.equal(f"{kind}: both have the ring that was asked for",
                [PACKED in guest.features() for guest in (a, b)], ["packed" in options] * 2)
        stream = Stream(a, b, 6000)
        stream.flows()
        stops(t, kind, a, b, stream)
        # The one that receives, whose memory the worker writes to all the time.
        for node in nodes:
            b = net.move("b", node)
            works(t, f"{kind}: b was saved and resumed on {node}", b, stream)
        a = net.move("a")
        works(t, f"{kind}: a was saved and resumed on {NODE}", a, stream)
        sent, came = stream.end(a, b)
        t.equal(f"{kind}: what was sent in all that time has come, and is the same", came, sent)
        for guest in (a, b):
            counted(t, kind, guest, "packed" in options)


def main():
    with Ktap() as t:
        # There and back: a guest need not notice which node it is on.
        run(t, "split", "", [IN_TREE, NODE])
        if OURS:
            run(t, "packed", ",packed=on", [NODE])


if __name__ == "__main__":
    main()
