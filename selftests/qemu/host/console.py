# SPDX-License-Identifier: GPL-2.0
"""Reads the kernel's console for what must not be there."""

import re

_BAD = re.compile(
    rb"BUG: |WARNING: CPU: |WARNING: possible |WARNING: suspicious |Oops: |KASAN: |KCSAN: |UBSAN: |"
    rb"general protection fault|Call Trace:|Kernel panic|INFO: task .* blocked for more|"
    rb"unreferenced object|suspected memory leaks|ODEBUG: |refcount_t: |weft-host: ")


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return b""


def _trouble(line):
    """Whether a line tells of it. A data race does if it is in one of our modules:
    the rest of the kernel has many that it has made its peace with."""
    return bool(_BAD.search(line)) and (b"KCSAN: " not in line or b"weft_" in line)


def complaint(log):
    """The first line that tells of trouble, or None."""
    for line in log.splitlines():
        if _trouble(line):
            return line.decode(errors="replace").strip()
    return None


def stale_breakpoint(log):
    """Whether the machine died of QEMU's fault, and not of ours.

    Emulating CPUs in parallel, QEMU 7.2 can let one run a breakpoint which
    the kernel put there while it patched its own code, and has since removed.
    The kernel, finding no reason for the breakpoint, gives up. The place is
    never in a module of ours, as those patch nothing while they run.
    """
    dead = re.search(rb"Oops: int3|int3: 0000", log)
    place = dead and re.search(rb"RIP: 0010:(\S+)(.*)", log[dead.start():])
    return bool(place) and b"weft_" not in place[0]


def clock_jumped(log):
    """Whether the machine's clock went on by much while that of its host did not.

    An emulated TSC is the host's. Where the host is itself a virtual machine that is
    stopped, copied and gone on with elsewhere, it jumps by minutes or hours, and all that
    the machine waits for is late at once. The kernel compares it with another clock.
    """
    return any(int(jump) > 2 * int(passed) + 10 ** 9 for jump, passed in
               re.findall(rb"clocksource: Long readout interval.* cs_nsec: (\d+) wd_nsec: (\d+)", log))


def excerpt(log, before=8, after=50, last=12):
    """What to show: from a little before the first trouble, and how it ended."""
    lines = log.splitlines()
    first = next((i for i, li in enumerate(lines) if _trouble(li)), len(lines))
    start, end = max(0, first - before), min(len(lines), first + after)
    tail = max(end, len(lines) - last)
    shown = lines[start:end] + ([b"..."] if tail > end else []) + lines[tail:]
    if first == len(lines):
        shown = lines[-40:]
    return [li.decode(errors="replace").rstrip() for li in shown]
