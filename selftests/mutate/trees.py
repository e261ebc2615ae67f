# SPDX-License-Identifier: GPL-2.0
"""A copy of the sources, in which one of them at a time is changed and tested."""
import os
import re
import shutil
import signal
import subprocess
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILT = re.compile(r"\.(o|ko|cmd|mod|mod\.c|d|order|symvers)$")


def end(process):
    """All that it started, which may have something to end itself."""
    for sig, patience in ((signal.SIGTERM, 20), (signal.SIGKILL, 20)):
        try:
            os.killpg(process.pid, sig)
            process.wait(patience)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            pass


def run(command, tree, seconds, until=None, env=()):
    """Status and output; all that it started is gone then. A line that has @until ends it."""
    with subprocess.Popen(command, cwd=tree, env=dict(os.environ, **dict(env)),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, text=True, errors="replace",
                          start_new_session=True) as p:
        late = threading.Event()
        timer = threading.Timer(seconds, lambda: (late.set(), end(p)))
        timer.daemon = True
        timer.start()
        lines, found = [], False
        try:
            for line in p.stdout:
                lines.append(line)
                if until and until in line:
                    found = True
                    end(p)
            p.wait()
        finally:
            # Also for who is interrupted: a machine would run for an hour.
            timer.cancel()
            if p.poll() is None:
                end(p)
    if late.is_set():
        lines.append("time is up\n")
    return -1 if late.is_set() or found else p.returncode, "".join(lines)


class Tree:
    """A copy of @parts of the sources. One that is there is gone on with.

    What inherits it has tests(path), which says what fails first, or nothing.
    """

    def __init__(self, path, parts, adapt=lambda name, data: data):
        self.path, self.parts = path, parts
        there = set(self.files(path))
        for name in self.files(TOP):
            with open(os.path.join(TOP, name), "rb") as file:
                data = adapt(name, file.read())
            if name in there and self.has(name, data):
                there.discard(name)
                continue
            there.discard(name)
            os.makedirs(os.path.dirname(os.path.join(path, name)), exist_ok=True)
            with open(os.path.join(path, name), "wb") as file:
                file.write(data)
            shutil.copymode(os.path.join(TOP, name), os.path.join(path, name))
        for name in there:
            os.remove(os.path.join(path, name))

    def files(self, top):
        for part in self.parts:
            if os.path.isfile(os.path.join(top, part)):
                yield part
            for folder, _, names in os.walk(os.path.join(top, part)):
                for name in names:
                    if not BUILT.search(name) and "/generated" not in folder and \
                            not name.startswith("."):
                        yield os.path.relpath(os.path.join(folder, name), top)

    def has(self, name, data):
        with open(os.path.join(self.path, name), "rb") as file:
            return file.read() == data

    def write(self, path, text):
        with open(os.path.join(self.path, path), "w", encoding="utf-8") as file:
            file.write(text)

    def attempt(self, mutant, text):
        self.write(mutant.path, mutant.of(text))
        try:
            return self.tests(mutant.path)
        finally:
            self.write(mutant.path, text)
