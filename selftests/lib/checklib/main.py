# SPDX-License-Identifier: GPL-2.0
"""Runs tests and prints one stream of results."""

import concurrent.futures
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time

from . import ktap, listing
from .listing import TOP

sys.path.insert(0, os.path.join(TOP, "selftests/qemu"))
from host import console  # noqa: E402

OUT = os.path.join(TOP, "build", "check")
SKIPPED = 4
NOT_TO_BE_HAD = 75      # as our scripts have it that fetch from Debian's archive
TIME_UP = 124
DIED = 125
# Modules that count their lines are asked for: what they counted is kept.
COUNTED = os.environ.get("GCOV_PROFILE") == "y"
SLOWER = 4      # kernels with sanitizers in QEMU


class Stopped(Exception):
    pass


class Stream:
    """The merged list on stdout, and on stderr where it has got to."""

    def __init__(self, total):
        self.total = total
        self.done = 0
        self.n = {"ok": 0, "not ok": 0, "skip": 0}
        self.failed = []
        self.running = {}
        self.start = time.monotonic()
        self._live = sys.stderr.isatty()
        self._shown = False
        self._next = 60.0
        self._lock = threading.RLock()
        print("TAP version 13", flush=True)

    def _clear(self):
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
            self._shown = False

    def tick(self):
        with self._lock:
            now = time.monotonic()
            at = ", ".join(f"{n} {now - t:.0f} s" for n, t in sorted(self.running.items()))
            text = f"check: {self.done} of {self.total} done, {self.n['not ok']} failed; {at}; " \
                   f"{now - self.start:.0f} s in all"
            if self._live:
                width = shutil.get_terminal_size().columns - 1
                print(f"\r{text[:width]}\033[K", end="", file=sys.stderr, flush=True)
                self._shown = True
            elif now - self.start > self._next:
                self._next += 60.0
                print(text, file=sys.stderr, flush=True)

    def begin(self, name):
        with self._lock:
            self.running[name] = time.monotonic()

    def end(self, name, title, results, cpu=0.0):
        with self._lock:
            self._clear()
            took = time.monotonic() - self.running.pop(name)
            print(f"# {name}: {title} ({took:.1f} s, {cpu:.1f} s of CPUs)")
            for r in results:
                self.n[r.verdict] += 1
                number = sum(self.n.values())
                desc = f"{name}: {r.name}" if r.name else name
                desc = desc.replace("#", "\\#")
                if r.verdict == "not ok":
                    self.failed.append(desc)
                    for note in r.notes[-60:]:
                        print(f"# {note}")
                    if r.why:
                        print(f"# {r.why}")
                    print(f"not ok {number} {desc}")
                elif r.verdict == "skip":
                    print(f"ok {number} {desc} # SKIP {r.why}")
                else:
                    print(f"ok {number} {desc}")
            sys.stdout.flush()
            self.done += 1

    def finish(self):
        self._clear()
        print(f"1..{sum(self.n.values())}")
        for f in self.failed:
            print(f"# failed: {f}")
        print(f"# {time.monotonic() - self.start:.0f} s")
        summary = f"{self.n['ok']} passed, {self.n['not ok']} failed, {self.n['skip']} skipped"
        with open(os.path.join(OUT, "summary"), "w", encoding="ascii") as f:
            print(summary, file=f)
        print(summary, flush=True)


def ended(p, seconds):
    """Waits for a process as Popen.wait() does; CPU seconds that it and its own took."""
    try:
        fd = os.pidfd_open(p.pid)
    except OSError:     # some containers forbid it
        p.wait(seconds)
        return 0.0
    try:
        if not select.select([fd], [], [], seconds)[0]:
            raise subprocess.TimeoutExpired(p.args, seconds)
    finally:
        os.close(fd)
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def helper(*argv):
    """One of our scripts; (status, what it said)."""
    p = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    return p.returncode, p.stdout


def last_of(path, n):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read().splitlines()[-n:]


def patience():
    """By how much to stretch time limits, on a machine that does other things too."""
    return min(8.0, max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)))


def emulator_failed(results, died):
    """What of a test's failure is the emulator's, and no reason to believe it; or nothing."""
    log = console.read(os.path.join(results, "console.log"))
    if died and console.stale_breakpoint(log):
        return "the emulator broke its kernel (see stale_breakpoint in selftests/qemu/host/console.py)"
    # Time alone makes no kernel complain of memory or locks.
    if console.clock_jumped(log) and not console.complaint(log):
        return "the machine's clock jumped (see clock_jumped in selftests/qemu/host/console.py)"
    return None


def judge(t, log, status, timeout):
    """What a test's output and its end come to."""
    with open(log, encoding="utf-8", errors="replace") as f:
        found, wrong = ktap.parse(f.read())
    failed = [r for r in found if r.verdict == "not ok"]
    if status == TIME_UP:
        wrong = f"time is up: {timeout:.0f} s"
    elif status == DIED and t.kernel:
        wrong = "the machine died, or its kernel complained"
    elif status == SKIPPED and not failed:
        if not found:
            found, wrong = [ktap.Result("skip", "", "it said so")], None
    elif status == NOT_TO_BE_HAD and t.kernel in listing.PASSING and not found and not os.path.getsize(log):
        why = last_of(log + ".err", 1) or ["it did not say what"]
        found, wrong = [ktap.Result("skip", "", f"what it needs cannot be had: {why[0]}")], None
    elif status and not failed:
        wrong = f"it ended with status {status}"
    if wrong:
        found.append(ktap.Result("not ok", "runs to its end", wrong, last_of(log + ".err", 50)))
    elif failed:
        failed[-1].notes += last_of(log + ".err", 20)
    return found


class Runner:
    def __init__(self, stream):
        self.stream = stream
        self.children = set()
        self.stopping = False
        self._lock = threading.Lock()
        self._needs = {}

    def stop(self):
        """Ends what still runs; the machines' runner ends its own machine."""
        self.stopping = True
        with self._lock:
            for p in self.children:
                try:
                    os.killpg(p.pid, signal.SIGTERM)
                except ProcessLookupError:
                    pass

    def _run(self, cmd, log, seconds, env):
        """(status, CPU seconds)"""
        cpu = 0.0
        with open(log, "wb") as f, open(log + ".err", "wb") as e:
            with self._lock:
                if self.stopping:
                    return DIED, cpu
                p = subprocess.Popen(cmd, stdin=subprocess.DEVNULL, stdout=f, stderr=e, cwd=TOP,
                                     env=env, start_new_session=True)
                self.children.add(p)
            try:
                cpu = ended(p, seconds)
                status = p.returncode
            except subprocess.TimeoutExpired:
                status = TIME_UP
            for sig, patience in ((signal.SIGTERM, 15), (signal.SIGKILL, 15)):
                try:
                    os.killpg(p.pid, sig)
                    p.wait(patience)
                except (ProcessLookupError, PermissionError):
                    break
                except subprocess.TimeoutExpired:
                    continue
            with self._lock:
                self.children.discard(p)
        return (status if status >= 0 else 128 - status), cpu

    def _without(self, groups):
        """The result of a test that has not the packages of these groups, or None."""
        with self._lock:
            for g in groups:
                if g not in self._needs:
                    self._needs[g] = helper(os.path.join(TOP, "selftests/qemu/deps.sh"), g)
                rc, said = self._needs[g]
                said = said.strip().splitlines()
                if rc == NOT_TO_BE_HAD:
                    return ktap.Result("skip", "", said[-1])
                if rc:
                    return ktap.Result("not ok", "has its packages", f"deps.sh {g} ended with status {rc}",
                                       said[-50:])
        return None

    def run(self, t):
        if self.stopping:
            return
        self.stream.begin(t.name)
        cpu = 0.0
        try:
            results, cpu = self._results(t)
        except OSError as e:
            results = [ktap.Result("not ok", "can be run", str(e))]
        if not self.stopping:
            self.stream.end(t.name, t.title, results, cpu)

    def _results(self, t):
        if without := self._without(t.needs):
            return [without], 0.0
        slug = t.name.replace("/", "-")
        log, results = os.path.join(OUT, slug + ".log"), os.path.join(OUT, slug)
        first = log + ".first"
        shutil.rmtree(results, ignore_errors=True)
        os.makedirs(results)
        if os.path.exists(first):
            os.remove(first)
        factor = patience()
        if t.kernel in listing.SLOW:
            factor *= SLOWER
        timeout = t.timeout * factor
        env = dict(os.environ, WEFT_RESULTS=results, WEFT_TOP=TOP, WEFT_PATIENCE=f"{factor:.1f}")
        env.pop("TESTS", None)
        env.pop("MAKEFLAGS", None)
        env.pop("MFLAGS", None)
        if t.kernel:
            cmd = [os.path.join(TOP, "selftests/qemu/run"), "--kernel", t.kernel, "--quiet",
                   "--timeout", f"{timeout:.0f}", "--results", results, *t.options, "--",
                   *([os.path.join(TOP, "selftests/coverage/inside")] if COUNTED else []), t.path]
            # It bounds itself, once kernel and modules are there.
            most = timeout + (3600 if t.kernel in listing.OWN else 900) * factor
            status, cpu = self._run(cmd, log, most, env)
            found = judge(t, log, status, timeout)
            why = emulator_failed(results, status == DIED)
            if why and any(r.verdict == "not ok" for r in found):
                print(f"# {t.name}: {why}, so it runs again; see {first}", flush=True)
                for path in log, os.path.join(results, "console.log"):
                    os.replace(path, path + ".first")
                status, cpu = self._run(cmd, log, most, env)
                found = judge(t, log, status, timeout)
        else:
            status, cpu = self._run([t.path], log, timeout, env)
            found = judge(t, log, status, timeout)
        return found, cpu


def prepare(tests):
    """What several tests need, made once and before the clock of any runs."""
    deps = os.path.join(TOP, "selftests/qemu/deps.sh")
    groups = {"build"} | ({"qemu"} if any(t.kernel for t in tests) else set())
    # All packages at once. Where that fails, a test may still have its own.
    if helper(deps, *sorted(groups.union(*(t.needs for t in tests))))[0]:
        rc, said = helper(deps, *sorted(groups))
        if rc:
            return said
    make = ("make", "-s", "-k", "-C", os.path.join(TOP, "selftests"))
    rc, said = helper(*make)
    for k in listing.FOREIGN:
        # Where there is no compiler for it, its tests are skipped, with that reason.
        if any(t.kernel == k for t in tests) and not helper(deps, k)[0]:
            failed, more = helper(*make, f"FOR={k}")
            rc, said = rc or failed, said + more
    return said if rc else ""


def main(args):
    patterns = args.tests + os.environ.get("TESTS", "").split()
    tests, unfit = listing.find(patterns, args.lane, "all" if args.all else "more" if args.more else "")
    if args.list:
        for t in tests:
            print(f"{t.name:32} {t.title}")
        return 0
    if unfit:
        print(f"check: no test is called {' or '.join(unfit)}; see selftests/check --list", file=sys.stderr)
        return 2

    os.makedirs(OUT, exist_ok=True)
    stream = Stream(len(tests))
    runner = Runner(stream)

    def on_signal(*_):
        raise Stopped

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    stream.begin("preparing")
    try:
        said = prepare(tests)
        del stream.running["preparing"]
        if said:
            stream.begin("prepare")
            stream.end("prepare", "what the tests need",
                       [ktap.Result("not ok", "", "", said.splitlines()[-60:])])
        with concurrent.futures.ThreadPoolExecutor(max(1, args.jobs)) as pool:
            try:
                todo = [pool.submit(runner.run, t) for t in tests]
                while todo:
                    finished, rest = concurrent.futures.wait(todo, 0.5, "FIRST_COMPLETED")
                    for f in finished:
                        f.result()
                    todo = list(rest)
                    stream.tick()
            except Stopped:
                runner.stop()
                raise
    except Stopped:
        print("\ncheck: stopped", file=sys.stderr)
        stream.finish()
        return 130
    stream.finish()
    return 1 if stream.n["not ok"] else 0
