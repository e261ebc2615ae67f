# SPDX-License-Identifier: GPL-2.0
"""Rooms that only a kernel can run: tests on UML, with the modules of a tree of its own,
and what those do not miss with longer ones on a stock kernel."""
import fcntl
import fnmatch
import glob
import os
import re
import shutil
import subprocess
import sys
import time

from trees import TOP, Tree, run

# In which order tests are tried: what takes least and misses most, first
TESTS = {
    "vhost": ["vhost/ioctl", "fuzz/kernel vhost", "vhost/life", "vhost/malice"],
    "mdev": ["fuzz/kernel vgpu", "fuzz/kernel mdev", "mdev/iommufd"],
    "vdpa": ["vdpa/inject", "vdpa/manage", "fuzz/kernel vdpa", "fuzz/kernel netlink", "vdpa/device"],
}
# The same for what is not missed there: tests in QEMU, on a stock kernel
LATER = {
    "vhost": ["vhost/traffic@6.12", "vhost/seen@6.12", "vhost/load@6.12"],
    "mdev": ["mdev/state@6.12", "mdev/device@6.12", "mdev/input@6.12", "peers/qtest@6.12",
             "mdev/life@6.12", "mdev/isolation@6.12"],
    "vdpa": ["vdpa/representor@6.12", "vdpa/va@6.12", "vdpa/seen@6.12", "vdpa/stall@6.12",
             "vdpa/life@6.12", "vdpa/handover@6.12", "vdpa/malice@6.12"],
}
# In user space all of it is tried, or on no kernel of ours
NOT = ("mdev/softpci.c", "vdpa/xdp.c", "*/trace.c", "vdpa/vpci_*", "vdpa/virtio_pci.c")
PARTS = ("Kbuild", "Makefile", "include", "vhost", "mdev", "vdpa")
MACHINE = os.path.join(TOP, "selftests/qemu/run")
FAILED = "mutate: failed: "


def sources():
    """Those that are compiled into modules of ours and are not tried in user space."""
    from programs import ROOMS
    for room in TESTS:
        for path in sorted(glob.glob(os.path.join(TOP, room, "*.c"))):
            name = os.path.relpath(path, TOP)
            if name not in ROOMS and not any(fnmatch.fnmatch(name, n) for n in NOT):
                yield name


class Whole(Tree):
    """Tests and all, for what the tests' own runner does."""

    def __init__(self, path):
        super().__init__(path, [name for name in os.listdir(TOP) if name not in ("build", ".git")])
        self.sane = set()

    def later(self, path):
        for name in LATER[path.split("/")[0]]:
            status, out = run(["nice", "selftests/check", "--jobs", "1", name], self.path, 3600)
            if status == 1 and (found := re.search("^# failed: (.*)", out, re.M)):
                return found.group(1)
            # What was skipped has missed nothing.
            if status or not re.search("^[1-9][0-9]* passed, 0 failed", out, re.M):
                sys.exit(f"mutate: {name} was not run (status {status}): {out[-300:]}")
        return None

    def begin(self, path):
        """Without a change, once for each room; what fails, or nothing."""
        room = path.split("/")[0]
        said = None if room in self.sane else self.later(path)
        self.sane.add(room)
        return said

    def tests(self, path):
        return self.later(path)


class Modules(Tree):
    """With modules of its own, for UML."""

    def __init__(self, path):
        os.makedirs(path, exist_ok=True)
        self.lock = open(path + ".lock", "w", encoding="ascii")     # closed when we end
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"mutate: another run is at it in {path}")
        super().__init__(path, PARTS)
        self.whole = Whole(path + "-whole")
        subprocess.run(["make", "-s", "-C", os.path.join(TOP, "selftests")], check=True)
        said = subprocess.run([os.path.join(TOP, "selftests/qemu/kernel.sh"), "uml"], check=True,
                              stdout=subprocess.PIPE, text=True).stdout
        self.kernel = dict(line.split("=", 1) for line in said.splitlines())
        self.objects, self.seconds = {}, {}

    def build(self):
        """What it says if it fails, or nothing."""
        status, out = run(["nice", "make", "-s", "-j2", f"KDIR={self.kernel['KDIR']}",
                           f"KVER={self.kernel['KVER']}", "ARCH=um", "CONFIG_KUNIT=", "modules"],
                          self.path, 3600)
        if status:
            return f"does not build: {out[-300:]}"
        folder = os.path.join(self.path, "modules")
        os.makedirs(folder, exist_ok=True)
        for module in glob.glob(os.path.join(self.path, "*/*.ko")):
            if os.path.dirname(module) != folder:
                shutil.copy2(module, folder)
        return None

    def object(self, path):
        with open(os.path.join(self.path, path[:-1] + "o"), "rb") as file:
            return file.read()

    def machine(self, room, seconds):
        status, out = run(["nice", MACHINE, "--kernel", "uml", "--quiet",
                           "--timeout", f"{seconds:.0f}",
                           "--results", os.path.join(self.path, "results"),
                           "--env", f"WEFT_MODULES={self.path}/modules", "--",
                           "selftests/mutate/inside", *TESTS[room]], TOP, seconds + 60, FAILED)
        if not status:
            return None
        found = re.search(FAILED + "(.*)", out) or \
            re.search(r"the kernel in the machine complained: (.*)", out) or \
            re.search(r"(time is up.*|the machine went down.*)", out)
        if not found:
            # Nothing that a mutant does: it would be taken for caught.
            sys.exit(f"mutate: the machine failed with status {status}: {out[-300:]}")
        return found.group(1)

    def begin(self, path):
        """Without a change; what fails, or nothing."""
        room = path.split("/")[0]
        said = None if self.objects else self.build()
        if said:
            return said
        self.objects[path] = self.object(path)
        if room in self.seconds:
            return None
        start = time.monotonic()
        said = self.machine(room, 3600)
        self.seconds[room] = time.monotonic() - start
        return said

    def tests(self, path):
        said = self.build()
        if said:
            return said
        if self.object(path) == self.objects[path]:
            return "does not build: it is the same to the compiler"
        room = path.split("/")[0]
        busy = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
        return self.machine(room, (3 * self.seconds[room] + 60) * busy)

    def attempt(self, mutant, text):
        said = super().attempt(mutant, text)
        if said:
            return said
        if said := self.whole.begin(mutant.path):
            sys.exit(f"mutate: without a change, {said}")
        return self.whole.attempt(mutant, text)
