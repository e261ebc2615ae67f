# SPDX-License-Identifier: GPL-2.0
"""Finds the tests and reads how they want to be run."""

import fnmatch
import glob
import os
import re
from dataclasses import dataclass, field

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
FIRST = ("unit", "build", "style", "qemu")     # then the others, by name
SLOW = ("smp", "kcsan")
OWN = ("uml",) + SLOW
FOREIGN = ("arm64", "s390x")    # machines of another architecture
PASSING = ("7.3",) + FOREIGN    # in Debian's backports until the next one, or seldom whole
_HEADER = re.compile(r"^(?:#|//|\s\*)\s*([a-z-]+):\s*(.*?)\s*$")
LANES = ("", "more", "all")     # each has those before it
_MANY = ("device", "qemu", "append")
_KNOWN = _MANY + ("weft-test", "run", "kernel", "machine", "mem", "smp", "icount", "parallel", "modules",
                  "timeout", "needs", "lane", "kernel-more", "kernel-all")


@dataclass
class Test:
    name: str
    path: str
    title: str
    kernel: str = ""        # empty: runs here
    timeout: float = 300
    needs: list = field(default_factory=list)
    lane: str = ""          # the least that has it, of LANES
    options: list = field(default_factory=list)

    @property
    def room(self):
        return self.name.split("/")[0]


def _header(path):
    found = {}
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in list(f)[:40]:
            m = _HEADER.match(line)
            if m and m[1] in _KNOWN:
                if m[1] in _MANY:
                    found.setdefault(m[1], []).append(m[2])
                else:
                    found.setdefault(m[1], m[2])
    return found


def _tests_of(path):
    h = _header(path)
    if "weft-test" not in h:
        return
    name = os.path.relpath(path, os.path.join(TOP, "selftests"))[:-len(".test")]
    t = Test(name, path, h["weft-test"], timeout=float(h.get("timeout", 300)),
             needs=h.get("needs", "").split(), lane=h.get("lane", ""))
    if h.get("run", "host") != "qemu":
        yield t
        return
    for key in _MANY:
        for value in h.get(key, []):
            # "=" keeps a value that begins with a dash from being an option.
            t.options.append(f"--{key}={value}")
    for key in ("machine", "mem", "smp"):
        if key in h:
            t.options += [f"--{key}", h[key]]
    for key in ("icount", "parallel"):
        if h.get(key) == "yes":
            t.options.append(f"--{key}")
    if h.get("modules") != "no":
        t.options.append("--modules")
    lane_of = {k: lane for lane, default in zip(LANES, ("6.12", "", ""))
               for k in h.get("kernel" + (lane and f"-{lane}"), default).split()}
    for k, lane in lane_of.items():
        # Ours are built first, which takes long.
        own = k in OWN
        yield Test(name + (f"@{k}" if len(lane_of) > 1 else ""), path, t.title, k, t.timeout,
                   t.needs + (["kernel"] if own else []) + ([k] if k in FOREIGN else []),
                   max(t.lane, lane, "all" if own else "", key=LANES.index), t.options)


def _order(t):
    return (FIRST.index(t.room) if t.room in FIRST else len(FIRST), t.name)


def find(patterns, rooms, lane):
    """The tests asked for, in order; and the patterns that fit none."""
    every = [t for p in sorted(glob.glob(os.path.join(TOP, "selftests", "*", "*.test")))
             if os.access(p, os.X_OK) for t in _tests_of(p)]
    every.sort(key=_order)
    unfit = [p for p in patterns if not any(_fits(t, p) for t in every)]
    if patterns:
        wanted = [t for t in every if any(_fits(t, p) for p in patterns)]
        # Who names no kernel means those that the lane has, if it has any.
        short = {p for p in patterns if "@" not in p and
                 any(_fits(t, p) for t in every if _within(t, lane))}
        return [t for t in wanted if _within(t, lane) or
                any(_fits(t, p) for p in patterns if p not in short)], unfit
    return [t for t in every if (not rooms or t.room in rooms) and _within(t, lane)], unfit


def _within(t, lane):
    return LANES.index(t.lane) <= LANES.index(lane)


def _fits(t, pattern):
    pattern = re.sub(r"^selftests/|\.test$", "", pattern)
    base = t.name.split("@")[0]
    return t.room == pattern.rstrip("/") or fnmatch.fnmatch(t.name, pattern) \
        or fnmatch.fnmatch(base, pattern) or fnmatch.fnmatch(f"{base}@{t.kernel}", pattern)
