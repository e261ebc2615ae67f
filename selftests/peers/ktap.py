# SPDX-License-Identifier: GPL-2.0
"""Results of a test in Python, in KTAP.

    with Ktap() as t:
        t.check("it has a name", name != "")
        t.equal("and that is", name, "weft")

What raises within it is a failure, and the test ends there. Status 1 if
anything failed.
"""
import sys
import traceback


class Ktap:
    def __init__(self):
        self.n = self.failed = 0
        print("KTAP version 1", flush=True)

    def note(self, text):
        for line in str(text).splitlines():
            print(f"# {line}", flush=True)

    def check(self, what, good, why=""):
        self.n += 1
        if not good:
            self.failed += 1
            self.note(why)
        print(f"{'ok' if good else 'not ok'} {self.n} {what}", flush=True)
        return good

    def skip(self, what, why):
        self.n += 1
        print(f"ok {self.n} {what} # SKIP {why}", flush=True)

    def equal(self, what, got, want):
        return self.check(what, got == want, f"got {got!r}, wanted {want!r}")

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is not None and not isinstance(error, SystemExit):
            self.check("goes on to its end", False,
                       "".join(traceback.format_exception(kind, error, trace)))
        print(f"1..{self.n}", flush=True)
        sys.exit(1 if self.failed else 0)
