#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Writes how often each line of our modules' sources was run, as JSON:
{"vhost/ring.c": {"12": 34}}, with the lines that can be run.

usage: lines.py OUT.json FOLDER [RUN...]

FOLDER has what gcc --coverage left behind. Of modules, a RUN has what a kernel
counted: a copy of /sys/kernel/debug/gcov.
"""
import collections
import json
import os
import re
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OURS = re.compile(r"(mdev|vdpa|vhost|include/weft)/[^/]+\.[ch]$")


def notes(folder):
    """What the compiler noted of each object, run or not."""
    for at, _, names in os.walk(folder):
        for name in sorted(names):
            if name.endswith(".gcno"):
                yield os.path.join(at, name)


def counters(note, runs):
    """The files with the counters of an object; or nothing, once, if there are none."""
    data = os.path.splitext(os.path.abspath(note))[0] + ".gcda"
    return [path for path in [data, *(run + data for run in runs)] if os.path.isfile(path)] or [None]


def said_by_gcov(note, data):
    """The records of a note and of counters, or of none."""
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(os.path.abspath(note), os.path.join(folder, "one.gcno"))
        if data:
            os.symlink(os.path.abspath(data), os.path.join(folder, "one.gcda"))
        out = subprocess.run(["gcov", "--json-format", "--stdout", "one.gcno"], cwd=folder,
                             capture_output=True, text=True, check=True)
    for line in out.stdout.splitlines():
        yield json.loads(line)


def ours(record, name):
    """The path from the top of a source of our modules, or nothing."""
    path = os.path.realpath(os.path.join(record["current_working_directory"], name))
    path = os.path.relpath(path, TOP)
    return path if OURS.match(path) else None


def lines_of(folder, runs=()):
    """Of each source, how often its lines were run: {path: {line: times}}."""
    found = collections.defaultdict(collections.Counter)
    for note in notes(folder):
        for data in counters(note, runs):
            for record in said_by_gcov(note, data):
                for file in record["files"]:
                    path = ours(record, file["file"])
                    for line in file["lines"] if path else ():
                        found[path][line["line_number"]] += line["count"]
    return found


def main():
    if len(sys.argv) < 3 or sys.argv[1].startswith("-"):
        print(__doc__.strip())
        return 0 if sys.argv[1:] in (["-h"], ["--help"]) else 2
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(lines_of(sys.argv[2], sys.argv[3:]), file, sort_keys=True, indent=0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
