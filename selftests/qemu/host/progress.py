# SPDX-License-Identifier: GPL-2.0
"""Tells people what goes on: one line kept up to date on a terminal, few elsewhere."""

import sys
import time


class Progress:
    def __init__(self, name, quiet=False):
        self.name = name
        self.quiet = quiet
        self.live = sys.stderr.isatty() and not quiet
        self.start = time.monotonic()
        self._what = ""
        self._shown = False
        self._next = 30.0

    def elapsed(self):
        return time.monotonic() - self.start

    def say(self, text):
        """A line that stays."""
        if not self.quiet:
            self.clear()
            print(f"{self.name}: {text}", file=sys.stderr, flush=True)

    def complain(self, text):
        """A line that stays, and that quiet does not suppress."""
        self.clear()
        print(f"{self.name}: {text}", file=sys.stderr, flush=True)

    def doing(self, what):
        """From now on it is this that takes time."""
        self._what = what
        self.tick()

    def tick(self):
        if self.quiet or not self._what:
            return
        if self.live:
            print(f"\r{self.name}: {self._what}, {self.elapsed():.0f} s \033[K",
                  end="", file=sys.stderr, flush=True)
            self._shown = True
        elif self.elapsed() >= self._next:
            self._next += 60.0
            print(f"{self.name}: {self._what}, {self.elapsed():.0f} s so far",
                  file=sys.stderr, flush=True)

    def clear(self):
        """Takes the line away, before somebody else writes."""
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
            self._shown = False
