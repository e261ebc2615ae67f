#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Prints the shell commands of a document, as one script.

Those are the fenced blocks of a Markdown file that are marked "sh", and the
"code-block:: sh" directives of a reStructuredText file.
"""

import re
import sys
import textwrap


def markdown(text):
    for m in re.finditer(r"^```sh\n(.*?)^```$", text, re.M | re.S):
        yield m[1]


def rst(text):
    lines = text.expandtabs(8).split("\n")
    for i, line in enumerate(lines):
        if line.strip() != ".. code-block:: sh":
            continue
        depth = len(line) - len(line.lstrip())
        body = []
        for rest in lines[i + 1:]:
            if rest.strip() and len(rest) - len(rest.lstrip()) <= depth:
                break
            body.append(rest)
        yield textwrap.dedent("\n".join(body)).strip() + "\n"


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__.strip() + "\n\nusage: blocks.py DOCUMENT")
        return 0 if sys.argv[1:] in (["-h"], ["--help"]) else 2
    path = sys.argv[1]
    with open(path, encoding="utf-8") as f:
        text = f.read()
    blocks = list(rst(text) if path.endswith(".rst") else markdown(text))
    if not blocks:
        print(f"blocks.py: no shell block in {path}", file=sys.stderr)
        return 1
    print("".join(blocks), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
