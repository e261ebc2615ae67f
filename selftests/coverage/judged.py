# SPDX-License-Identifier: GPL-2.0
"""What no test runs, and why: the file "judged" beside this.

A place is a source, one function of it, or one line of that, by what is in it:

	vdpa/vpci_dev.c weft_vpci_dev_add: goto free;
		the word why, in lines that begin with a tab
"""
import functools
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "selftests/mutate"))

from mutants import Source  # noqa: E402


@functools.lru_cache(maxsize=None)
def places_of(path):
    """Of each line of a source, by its number: the function, and what is in it."""
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        text = file.read()
    lines = [(None, "")] + [(None, " ".join(line.split())) for line in text.split("\n")]
    for name, opening, closing in Source(path, text).functions:
        # The line with its name is one of it, too: gcov counts the calls there.
        head = [found.start() for found in re.finditer(rf"\b{name}\s*\(", text[:opening])][-1]
        for n in range(text.count("\n", 0, head) + 1, text.count("\n", 0, closing) + 2):
            lines[n] = (name, lines[n][1])
    return lines


def names_of(path, number):
    """How a line may be called, the nearest first."""
    lines = places_of(path)
    function, line = lines[number] if number < len(lines) else (None, "")
    if function:
        yield f"{path} {function}: {line}"
        yield f"{path} {function}"
    yield path


def is_there(name):
    """Whether there is such a place."""
    path = name.split(" ", 1)[0]
    if not os.path.isfile(os.path.join(TOP, path)):
        return False
    return any(name in names_of(path, n) for n in range(1, len(places_of(path))))


def judged():
    """Each place, with the word why."""
    found, name = {}, None
    with open(os.path.join(HERE, "judged"), encoding="utf-8") as file:
        for line in file:
            if line[:1] in ("#", "\n"):
                continue
            if line[0] == "\t":
                found[name] = f"{found[name]} {line.strip()}".strip()
            else:
                name = line.strip()
                found[name] = ""
    return found
