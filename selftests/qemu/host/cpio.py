# SPDX-License-Identifier: GPL-2.0
"""Writes the one archive format that the kernel unpacks at boot (newc)."""


class Archive:
    """Collects entries; bytes() is an archive that others may follow."""

    def __init__(self):
        self._parts = []
        self._ino = 0
        self._dirs = set()

    def _entry(self, name, mode, data=b""):
        self._ino += 1
        name = name.encode() + b"\0"
        fields = (self._ino, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
        head = b"070701" + b"".join(b"%08X" % f for f in fields) + name
        self._parts.append(head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4))

    def folder(self, name):
        if name and name not in self._dirs:
            self.folder(name.rpartition("/")[0])
            self._dirs.add(name)
            self._entry(name, 0o040755)

    def file(self, name, data, mode=0o644):
        self.folder(name.rpartition("/")[0])
        self._entry(name, 0o100000 | mode, data)

    def bytes(self):
        self._entry("TRAILER!!!", 0)
        data = b"".join(self._parts)
        return data + b"\0" * (-len(data) % 512)
