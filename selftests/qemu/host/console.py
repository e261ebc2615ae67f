# SPDX-License-Identifier: GPL-2.0
"""Reads the kernel's console for what must not be there."""

import re

_BAD = re.compile(
    rb"BUG: |WARNING: CPU: |WARNING: possible |WARNING: suspicious |Oops: |KASAN: |KCSAN: |UBSAN: |"
    rb"general protection fault|Call Trace:|Kernel panic|INFO: task .* blocked for more|"
    rb"unreferenced object|refcount_t: |weft-host: ")


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return b""


def complaint(log):
    """The first line that tells of trouble, or None."""
    for line in log.splitlines():
        if _BAD.search(line):
            return line.decode(errors="replace").strip()
    return None


def last_lines(log, n=40):
    return [li.decode(errors="replace").rstrip() for li in log.splitlines()[-n:]]
