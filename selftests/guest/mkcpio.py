#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The guest's initramfs: mkcpio.py OUTPUT INIT MODDIR [MODULE...]

An uncompressed archive of /init and the named modules of the kernel whose
modules are in MODDIR, decompressed, with all that modules.dep says they need
and the order to load them in (/modules/order). Of the same files it always
makes the same archive.
"""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../qemu"))

from host import initramfs  # noqa: E402
from host.cpio import Archive  # noqa: E402


def main(argv):
    if len(argv) < 4:
        sys.stderr.write(__doc__)
        return 2
    output, init, moddir, *modules = argv[1:]
    archive = Archive()
    with open(init, "rb") as file:
        archive.file("init", file.read(), 0o755)
    names = []
    for path in initramfs._closure(moddir, modules):
        names.append(os.path.basename(path).split(".ko")[0] + ".ko")
        archive.file("modules/" + names[-1],
                     initramfs._plain(os.path.join(moddir, path)))
    archive.file("modules/order", "".join(n + "\n" for n in names).encode())
    with open(output, "wb") as file:
        file.write(archive.bytes())
    print(" ".join(names))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
