#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Are the tests that selftests/REGRESSIONS.md names there, and enough of them?"""
import functools
import glob
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
os.chdir(TOP)
sys.path.insert(0, "selftests/peers")

from ktap import Ktap  # noqa: E402

TABLE = "selftests/REGRESSIONS.md"
LEAST = 60
TEST = re.compile(r"`([^`]+)`: (.*?)(?: \((?:race|san)\))?$")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def rows():
    """Of each table that has tests: what went wrong, what it is known as, the test."""
    tests = False
    for line in read(TABLE).splitlines():
        cells = [c.strip() for c in line.strip("|").split("|")] if line[:1] == "|" else []
        if cells[:2] == ["what went wrong", "known as"]:
            tests = cells[2] == "test"
        elif cells and tests and cells[0] != "---":
            yield cells


@functools.lru_cache(maxsize=None)
def names(path):
    """Of the tests of a program in C, as the preprocessor makes them."""
    rooms = ("lib", "mdev", "vhost", "vdpa")
    got = subprocess.run(["cc", "-E", "-P", "-D_GNU_SOURCE", "-Iinclude/uapi",
                          *(f"-Iselftests/{room}" for room in rooms), path],
                         text=True, capture_output=True, check=True)
    return set(re.findall(r"\bksft_add_(\w+)\(void\)", got.stdout))


def wrong(cells):
    """What is wrong with a row, or nothing."""
    found = TEST.match(cells[2]) if len(cells) == 3 else None
    if not found or not cells[0] or not cells[1]:
        return "it is no row of three, or its test is not `file`: name"
    path, name = found.groups()
    if not os.path.isfile(path):
        return f"there is no {path}"
    if path.endswith("_kunit.c"):
        there = re.search(rf"KUNIT_CASE(?:_PARAM)?\({re.escape(name)}[,)]", read(path))
    elif path.endswith(".c"):
        there = name in names(path)
        program = os.path.basename(path)[:-2]
        room = os.path.dirname(path)
        if not any(re.search(rf"\b{program}\b", read(t)) for t in glob.glob(f"{room}/*.test")):
            return f"no test of {room} runs {program}"
    else:
        there = f'"{name}"' in read(path)
    return "" if there else f"{path} has no {name}"


with Ktap() as t:
    every = list(rows())
    for row in every:
        t.check(f"{row[1] if len(row) > 1 else row}: {row[-1]}", not wrong(row), wrong(row))
    t.check(f"there are {LEAST} bugs at least", len(every) >= LEAST, len(every))
    t.check("no bug is there twice", len({tuple(row[:2]) for row in every}) == len(every))
