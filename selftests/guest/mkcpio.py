#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The guest's initramfs: mkcpio.py OUTPUT INIT MODDIR [MODULE...]

An uncompressed newc archive of /init, a console and the named modules of the
kernel whose modules are in MODDIR, decompressed, with all that modules.dep
says they need and in the order to load them (/modules/order). Of the same
files it always makes the same archive.
"""
import gzip
import lzma
import os
import stat
import subprocess
import sys


def open_module(path):
    with open(path, "rb") as file:
        data = file.read()
    if path.endswith(".xz"):
        return lzma.decompress(data)
    if path.endswith(".gz"):
        return gzip.decompress(data)
    if path.endswith(".zst"):
        return subprocess.run(["zstd", "-dcq"], input=data, check=True,
                              stdout=subprocess.PIPE).stdout
    return data


def name_of(path):
    return os.path.basename(path).split(".ko")[0].replace("-", "_")


def in_load_order(moddir, wanted):
    """Paths of the modules and all they need, the first needed first."""
    needs = {}
    with open(os.path.join(moddir, "modules.dep"), encoding="ascii") as file:
        for line in file:
            path, _, rest = line.partition(":")
            needs[name_of(path)] = (path, [name_of(n) for n in rest.split()])
    builtin = os.path.join(moddir, "modules.builtin")
    with open(builtin, encoding="ascii") as file:
        inside = {name_of(line.strip()) for line in file}
    order = []

    def add(name):
        if name in inside:
            return
        if name not in needs:
            sys.exit(f"mkcpio: {moddir} has no module {name}")
        path, deps = needs[name]
        if path in order:
            return
        for dep in deps:
            add(dep)
        order.append(path)

    for name in wanted:
        add(name.replace("-", "_"))
    return order


class Archive:
    """A cpio archive in the 'newc' format."""

    def __init__(self):
        self.parts = []
        self.inode = 0

    def add(self, name, mode, data=b"", device=(0, 0)):
        self.inode += 1
        path = name.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, *device,
                  len(path), 0)
        head = b"070701" + b"".join(b"%08x" % f for f in fields) + path
        self.parts += [head, bytes(-len(head) % 4), data, bytes(-len(data) % 4)]

    def finish(self):
        self.add("TRAILER!!!", 0)
        return b"".join(self.parts)


def main(argv):
    if len(argv) < 4:
        sys.stderr.write(__doc__)
        return 2
    output, init, moddir, *modules = argv[1:]
    archive = Archive()
    archive.add("dev", stat.S_IFDIR | 0o755)
    archive.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    with open(init, "rb") as file:
        archive.add("init", stat.S_IFREG | 0o755, file.read())
    archive.add("modules", stat.S_IFDIR | 0o755)
    names = []
    for path in in_load_order(moddir, modules):
        names.append(name_of(path) + ".ko")
        archive.add("modules/" + names[-1], stat.S_IFREG | 0o644,
                    open_module(os.path.join(moddir, path)))
    archive.add("modules/order", stat.S_IFREG | 0o644,
                "".join(n + "\n" for n in names).encode())
    with open(output, "wb") as file:
        file.write(archive.finish())
    print(f"{' '.join(names)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
