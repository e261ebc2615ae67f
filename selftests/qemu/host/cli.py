# SPDX-License-Identifier: GPL-2.0
"""Runs a command as root in a virtual machine that shares this machine's root.

The machine boots a stock Debian kernel. It sees this machine's files through
9p, read-only, below a tmpfs that takes all its writes and is gone at the end.
The exit status is that of the command; 124 says that the time was up, 125
that the kernel in the machine died or complained, and 75 that Debian's archive
does not have a kernel that is to be fetched, or cannot be asked.
"""

import argparse
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from host import run  # noqa: E402


def arguments():
    p = argparse.ArgumentParser(
        prog="run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="run [options] -- COMMAND [ARG...]")
    p.add_argument("--kernel", default="6.12", metavar="SERIES",
                   help="Debian kernel, arm64 or s390x, or one of our own: uml, smp, kcsan (6.12)")
    p.add_argument("--smp", type=int, default=2, help="CPUs (2)")
    p.add_argument("--parallel", action="store_true",
                   help="under TCG, let its CPUs race, each in a thread; it may then die of a fault of "
                        "the emulator (see stale_breakpoint in console.py)")
    p.add_argument("--mem", type=int, default=4096, help="memory in MiB (4096)")
    p.add_argument("--timeout", type=float, default=600, metavar="SECONDS",
                   help="end it after that long, with status 124 (600)")
    p.add_argument("--results", metavar="DIR",
                   help="created if need be, and shared read-write as /results ($WEFT_RESULTS); "
                        "the kernel's console goes to console.log in it")
    p.add_argument("--device", action="append", default=[], metavar="SPEC",
                   help="a device of the machine, as for qemu -device (repeatable)")
    p.add_argument("--qemu", action="append", default=[], metavar="ARGS",
                   help="raw arguments for QEMU (repeatable)")
    p.add_argument("--append", action="append", default=[], metavar="ARGS",
                   help="for the kernel's command line (repeatable)")
    p.add_argument("--env", action="append", default=[], metavar="NAME=VALUE",
                   help="for the command's environment; all WEFT_* are passed on (repeatable)")
    p.add_argument("--machine", default="pc", help="QEMU machine type (pc)")
    p.add_argument("--icount", action="store_true",
                   help="count instructions as time: one CPU, the same in each run")
    p.add_argument("--no-kvm", action="store_true", help="emulate even where KVM works")
    p.add_argument("--modules", action="store_true",
                   help="build the modules, and load them before the command")
    p.add_argument("--monitor", metavar="PATH", help="a QMP socket of the machine's QEMU")
    p.add_argument("--tty", action="store_true", help="the command gets a terminal: ours")
    p.add_argument("--quiet", action="store_true", help="only the command's own output")
    p.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND")
    a = p.parse_args()
    if a.command[:1] == ["--"]:
        a.command = a.command[1:]
    if not a.command:
        p.error("no command given")
    for e in a.env:
        if "=" not in e:
            p.error(f"--env wants NAME=VALUE, not {e}")
    return a


if __name__ == "__main__":
    sys.exit(run.main(arguments()))
