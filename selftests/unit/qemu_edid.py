#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Fetch the EDIDs that QEMU itself generates.

usage: qemu_edid.py DIR XMAX YMAX [XPREF YPREF] [-- XMAX YMAX ...]...

Starts a QEMU whose processor never runs, with one bochs-display for each set
of limits, and reads the EDID from the registers of each. Writes DIR/N.bin and
prints "N XMAX YMAX XPREF YPREF" for the N-th set.
"""
import os
import subprocess
import sys

BASE = 0xE0000000
FIRST_SLOT = 3


class QTest:
    """QEMU's test protocol: one line there, one line back."""

    def __init__(self, args):
        self.proc = subprocess.Popen(
            ["timeout", "60", "qemu-system-x86_64", "-M", "pc", "-m", "16",
             "-nodefaults", "-display", "none", "-accel", "tcg", "-S",
             "-qtest", "stdio", "-qtest-log", "/dev/null"] + args,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)

    def ask(self, line):
        self.proc.stdin.write(line + "\n")
        self.proc.stdin.flush()
        for answer in self.proc.stdout:
            if answer.startswith("IRQ "):
                continue
            if not answer.startswith("OK"):
                break
            return answer[2:].strip()
        self.proc.kill()
        sys.exit(f"qemu_edid.py: QEMU did not answer '{line}':\n"
                 f"{self.proc.stderr.read()}")

    def config_write(self, slot, reg, value):
        self.ask(f"outl 0xcf8 {0x80000000 | slot << 11 | reg:#x}")
        self.ask(f"outl 0xcfc {value:#x}")

    def close(self):
        self.proc.stdin.close()
        self.proc.terminate()
        self.proc.wait()


def sets(words):
    current = []
    for word in words + ["--"]:
        if word == "--":
            if len(current) not in (2, 4):
                sys.exit(__doc__)
            yield (current + [0, 0])[:4]
            current = []
        else:
            current.append(int(word))


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    out, limits = sys.argv[1], list(sets(sys.argv[2:]))
    args = []
    for i, (xmax, ymax, xres, yres) in enumerate(limits):
        args += ["-device", f"bochs-display,addr={FIRST_SLOT + i:02x}.0,"
                 f"xmax={xmax},ymax={ymax},xres={xres},yres={yres}"]
    qtest = QTest(args)
    try:
        for i, limit in enumerate(limits):
            slot, base = FIRST_SLOT + i, BASE + i * 0x1000
            qtest.config_write(slot, 0x18, base)    # BAR 2, the registers
            qtest.config_write(slot, 0x04, 0x0002)  # decode memory
            data = bytes.fromhex(qtest.ask(f"read {base:#x} 0x400")[2:])
            data = data[:128 * (data[126] + 1)]
            with open(os.path.join(out, f"{i}.bin"), "wb") as file:
                file.write(data)
            print(i, *limit)
    finally:
        qtest.close()


if __name__ == "__main__":
    main()
