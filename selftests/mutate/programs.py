# SPDX-License-Identifier: GPL-2.0
"""Rooms that run in user space: their KUnit suites as programs, and the corpora of fuzzers."""
import os
import re

from trees import Tree, run

BOTH = (["barrier", "ring", "split", "split_notify", "packed", "model"], ["split", "packed"])
SPLIT = (["barrier", "split", "split_notify", "ring", "model"], ["split"])
PACKED = (["barrier", "packed", "ring", "model"], ["packed"])

# Each room, with the suites and the fuzzers that it is in
ROOMS = {
    "include/weft/mem.h": (["mem"], ["mem"]),
    "include/weft/ring.h": BOTH,
    "mdev/config.c": (["config"], ["config"]),
    "mdev/dispi.c": (["dispi"], ["dispi"]),
    "mdev/edid.c": (["edid", "monitor", "types"], ["edid"]),
    "mdev/edid_check.c": (["edid", "monitor"], ["edid"]),
    "mdev/monitor.c": (["monitor"], ["monitor"]),
    "mdev/parent.c": (["parent", "types"], []),
    "mdev/types.c": (["types"], []),
    "vdpa/config.c": (["mgmt"], ["asked"]),
    "vdpa/ctrl_cmd.c": (["ctrl"], ["ctrl"]),
    "vdpa/vpci_config.c": (["vpci"], ["asked"]),
    "vdpa/vpci_fields.c": ([], ["hw"]),
    "vdpa/vpci_hw.c": ([], ["hw"]),
    "vdpa/vpci_layout.c": (["vpci"], ["hw"]),
    "vhost/mem.c": (["mem"], ["mem"]),
    "vhost/packed.c": PACKED,
    "vhost/ring.c": BOTH,
    "vhost/ring_inner.h": BOTH,
    "vhost/split.c": SPLIT,
}
PARTS = ("include", "mdev", "vdpa", "vhost", "selftests/unit", "selftests/fuzz")
CASE_SECONDS, SECONDS = 30, 120


def adapt(name, data):
    """What is left out leaves things behind that nobody uses."""
    return data.replace(b"-Werror", b"") if name.endswith("/Makefile") else data


class Programs(Tree):
    """With programs of its own."""

    def __init__(self, path):
        super().__init__(path, PARTS, adapt)

    def run(self, command, seconds=SECONDS):
        return run(command, self.path, seconds,
                   env={"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0"})

    def make(self, part, name):
        out = os.path.join(self.path, "build", part)
        return self.run(["make", "-s", "-C", f"selftests/{part}", f"out={out}", f"{out}/{name}"],
                        600)

    def begin(self, path):
        return self.tests(path)

    def tests(self, path):
        suites, fuzzers = ROOMS[path]
        for name in suites:
            status, out = self.make("unit", name)
            if status:
                return f"does not build: {out[-300:]}"
            status, out = self.run([f"build/unit/{name}", "--timeout", str(CASE_SECONDS)])
            if status:
                found = re.search(r"^ *not ok \d+ (\S+)", out, re.M)
                return f"{name}: {found.group(1) if found else out[-200:]}"
        for name in fuzzers:
            status, out = self.make("fuzz", name)
            if status:
                return f"does not build: {out[-300:]}"
            status, out = self.run([f"build/fuzz/{name}", "-runs=0", "-timeout=20",
                                    f"selftests/fuzz/corpus/{name}"])
            if status:
                return f"fuzz: {name}"
        return None
