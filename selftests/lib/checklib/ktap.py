# SPDX-License-Identifier: GPL-2.0
"""Reads what a test printed."""

import re
from dataclasses import dataclass, field

_RESULT = re.compile(r"^(\s*)(not )?ok\s+(\d+)?\s*(?:- )?(.*)$")
_PLAN = re.compile(r"^(\s*)1\.\.(\d+)\s*(?:#\s*SKIP\b\s*(.*))?$", re.I)
_SUBTEST = re.compile(r"^\s*#\s*Subtest:\s*(.*)$")
_SKIP = re.compile(r"\s*#\s*SKIP\b\s*(.*)$", re.I)
_TODO = re.compile(r"\s*#\s*TODO\b\s*(.*)$", re.I)


@dataclass
class Result:
    verdict: str        # "ok", "not ok", "skip"
    name: str
    why: str = ""
    notes: list = field(default_factory=list)


def parse(text):
    """The results in KTAP or TAP, without those that only sum up nested ones.

    Returns them, and what is wrong with the document (None if nothing).
    """
    results = []
    depth_of = []       # the depth of each result that no summary has covered yet
    notes, plan, given, skipped = [], None, 0, None
    for line in text.splitlines():
        if m := _PLAN.match(line):
            if not m[1]:
                plan = int(m[2])
                if plan == 0 and m[3] is not None:
                    skipped = m[3] or "nothing to do"
            continue
        m = _RESULT.match(line)
        if not m:
            s = line.strip()
            if s.startswith("#") and not _SUBTEST.match(s):
                notes.append(s.lstrip("# "))
            continue
        depth, bad, name = len(m[1].expandtabs()), bool(m[2]), m[4].strip()
        why, verdict = "", "not ok" if bad else "ok"
        if s := _SKIP.search(name):
            verdict, why, name = "skip", s[1], name[:s.start()]
        elif s := _TODO.search(name):
            verdict, why, name = "skip", "to do: " + s[1], name[:s.start()]
        if depth == 0:
            given += 1
        nested = []
        while depth_of and depth_of[-1][0] > depth:
            nested.append(depth_of.pop()[1])
        for r in nested:
            r.name = f"{name}.{r.name}"
        r = Result(verdict, name, why, notes)
        notes = []
        if nested and (verdict != "not ok" or any(n.verdict == "not ok" for n in nested)):
            # A summary; those below it have been told, but may be nested again.
            for n in reversed(nested):
                depth_of.append((depth, n))
            continue
        results.append(r)
        depth_of.append((depth, r))
    if skipped is not None and not results:
        return [Result("skip", "", skipped, notes)], None
    if plan is None:
        return results, "it gave no plan" if results else "it gave no results"
    if plan != given:
        return results, f"it planned {plan} results and gave {given}"
    if not results:
        return results, "it gave no results"
    return results, None
