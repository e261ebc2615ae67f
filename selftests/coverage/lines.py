#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Writes how often each line of our modules' sources was run, as JSON:
{"vhost/ring.c": {"12": 34}}, with the lines that can be run.

usage: lines.py OUT.json FOLDER, where FOLDER has what gcc's --coverage left behind.
"""
import collections
import json
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OURS = re.compile(r"(mdev|vdpa|vhost|include/weft)/[^/]+\.[ch]$")


def notes(folder):
    """What the compiler noted of each object, run or not."""
    for at, _, names in os.walk(folder):
        for name in sorted(names):
            if name.endswith(".gcno"):
                yield os.path.join(at, name)


def said_by_gcov(note):
    """The records of a note and of the counters beside it."""
    out = subprocess.run(["gcov", "--json-format", "--stdout", os.path.basename(note)],
                         cwd=os.path.dirname(note), capture_output=True, text=True, check=True)
    for line in out.stdout.splitlines():
        yield json.loads(line)


def ours(record, name):
    """The path from the top of a source of our modules, or nothing."""
    path = os.path.realpath(os.path.join(record["current_working_directory"], name))
    path = os.path.relpath(path, TOP)
    return path if OURS.match(path) else None


def lines_of(folder):
    """Of each source, how often its lines were run: {path: {line: times}}."""
    found = collections.defaultdict(collections.Counter)
    for note in notes(folder):
        for record in said_by_gcov(note):
            for file in record["files"]:
                path = ours(record, file["file"])
                for line in file["lines"] if path else ():
                    found[path][line["line_number"]] += line["count"]
    return found


def main():
    if len(sys.argv) != 3 or sys.argv[1].startswith("-"):
        print(__doc__.strip())
        return 0 if sys.argv[1:] in (["-h"], ["--help"]) else 2
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(lines_of(sys.argv[2]), file, sort_keys=True, indent=0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
