# SPDX-License-Identifier: GPL-2.0
"""One run of the machine, from the kernel's package to the exit status."""

import ctypes
import os
import resource
import selectors
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import time
import tty

from . import console, initramfs, machine
from .progress import Progress
from .qmp import Bridge

QEMU_DIR = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOP = os.path.dirname(os.path.dirname(QEMU_DIR))
NOT_TO_BE_HAD = 75      # as say.sh has it
TIME_UP = 124
DIED = 125
PR_SET_PDEATHSIG = 1


class Failed(Exception):
    """With a text for the user; the run ends with status 125."""


class NotToBeHad(Exception):
    """What is fetched for the machine; who tried to has said so."""


class Interrupted(Exception):
    """By a signal, whose number it holds."""


def helper(*argv):
    """Runs one of the scripts beside us; its KEY=VALUE lines as a dict."""
    p = subprocess.Popen([os.path.join(QEMU_DIR, argv[0]), *argv[1:]], stdout=subprocess.PIPE,
                         stdin=subprocess.DEVNULL, text=True, start_new_session=True)
    try:
        out = p.communicate()[0]
    except Interrupted:
        os.killpg(p.pid, signal.SIGTERM)
        p.wait(10)
        raise
    if p.returncode == NOT_TO_BE_HAD:
        raise NotToBeHad
    if p.returncode:
        raise Failed(f"{argv[0]} failed, see above")
    return dict(line.split("=", 1) for line in out.splitlines() if "=" in line)


def cache_dir():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.realpath(os.environ.get("WEFT_CACHE") or os.path.join(base, "weft"))


def memfile(name, data):
    """A file with no name in any folder: nothing to clean up."""
    fd = os.memfd_create(name, 0)
    with os.fdopen(os.dup(fd), "wb") as f:
        f.write(data)
    return fd


def environment(args, kernel, modules):
    env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
           "HOME": os.path.expanduser("~"), "USER": "root", "LOGNAME": "root",
           "TERM": os.environ.get("TERM", "dumb") if args.tty else "dumb",
           "LANG": "C.UTF-8", "TMPDIR": "/tmp"}
    env.update({k: v for k, v in os.environ.items() if k.startswith("WEFT_")})
    env.update({"WEFT_RESULTS": "/results", "WEFT_MODULES": modules, "WEFT_TOP": TOP,
                "WEFT_CACHE": cache_dir(), "WEFT_HOST": "1"})
    if "FOREIGN" in kernel:
        env["WEFT_PROGRAMS"] = os.path.join(TOP, "build", "selftests-" + kernel["FOREIGN"])
    env.update(e.split("=", 1) for e in args.env)
    return "".join(f"export {k}={shlex.quote(v)}\n" for k, v in env.items())


def job(args, kernel, modules, results):
    covered = ("/tmp/", "/run/", "/dev/shm/")
    root = kernel.get("ROOT", "")
    shared = [TOP, cache_dir()] if root else []
    keep = [] if root else [d for d in {TOP, cache_dir()} if (d + "/").startswith(covered)]
    if any(c.isspace() for d in keep + shared for c in d):
        raise Failed("folders with blanks in their names do not work here")
    with open(os.path.join(QEMU_DIR, "host", "main"), encoding="utf-8") as f:
        main = f.read()
    command = f"cd {shlex.quote(TOP)} || exit 125\n"
    if args.tty:
        size = shutil.get_terminal_size()
        command += f"stty sane rows {size.lines} cols {size.columns}\n"
    if args.modules:
        command += f"{shlex.quote(os.path.join(QEMU_DIR, 'load'))} || exit 125\n"
    command += "exec " + " ".join(shlex.quote(c) for c in args.command) + "\n"
    files = {
        "conf": f"KVER={shlex.quote(kernel['KVER'])}\nMODDIR={shlex.quote(kernel['MODDIR'])}\n"
                f"KEEP={shlex.quote(' '.join(sorted(keep)))}\n"
                f"RESULTS={shlex.quote(results)}\n"
                f"ROOT={shlex.quote(root)}\nSHARED={shlex.quote(' '.join(shared))}\n",
        "env": environment(args, kernel, modules),
        "command": command,
        "main": main,
    }
    if args.tty:
        files["tty"] = ""
    return files


class Machine:
    """QEMU and the sockets to it. Use with 'with': the end of it ends QEMU."""

    def __init__(self, args, kernel, modules, results, log, tmp, progress):
        self._log = None
        self.progress = progress
        self.args = args
        self.status = None
        self.up = False
        self.output = b""
        self._raw = None
        self._stdin_open = False
        uml = kernel.get("ARCH") == "um"
        names = ["out", "err", "verdict"] + (["console"] if uml else ["outer", "qmp"]) + \
            (["tty"] if args.tty else [])
        self.ends = {}
        theirs = {}
        for n in names:
            self.ends[n], theirs[n] = socket.socketpair()
        files = job(args, kernel, modules, results)
        kvm = not (uml or "QEMU" in kernel or args.no_kvm or args.icount) and \
            machine.kvm_works(kernel["VMLINUZ"], cache_dir())
        self.accel = "UML" if uml else "KVM" if kvm else "TCG"
        initrd = memfile("initrd", initramfs.base(kernel["MODDIR"], cache_dir(), kernel.get("ROOT", "")) +
                         initramfs.job(files))
        ports = {n: s.fileno() for n, s in theirs.items()}
        if uml:
            cmd = machine.uml_arguments(args, kernel["VMLINUZ"], f"/proc/self/fd/{initrd}", tmp, ports)
            self._log = open(log, "wb")
        else:
            cmd = machine.qemu_arguments(args, kvm, kernel, f"/proc/self/fd/{initrd}", log, results, ports)
        libc = ctypes.CDLL(None, use_errno=True)

        def with_us():
            # Should we be killed outright, QEMU goes too.
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

        progress.doing(f"booting {kernel['KVER']} ({self.accel})")
        try:
            self.qemu = subprocess.Popen(
                cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                start_new_session=True, preexec_fn=with_us,
                pass_fds=[initrd] + [s.fileno() for s in theirs.values()])
        except OSError as e:
            raise Failed(f"cannot start {cmd[0]}: {e}") from e
        finally:
            os.close(initrd)
            for s in theirs.values():
                s.close()
        self.bridge = None if uml else Bridge(self.ends["qmp"], self.ends["outer"], results)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.end()
        return False

    def end(self):
        """Ends the whole process group, whatever state it is in."""
        if self._raw is not None:
            termios.tcsetattr(0, termios.TCSADRAIN, self._raw)
            self._raw = None
        for sig, patience in ((signal.SIGTERM, 2), (signal.SIGKILL, 10)):
            try:
                os.killpg(self.qemu.pid, sig)
            except ProcessLookupError:
                break
            try:
                self.qemu.wait(patience)
            except subprocess.TimeoutExpired:
                continue
        for s in self.ends.values():
            s.close()
        if self._log:
            self._log.close()

    def _verdict(self, data):
        for word in data.decode(errors="replace").splitlines():
            if word == "up":
                self.up = True
                self.progress.say(f"up after {self.progress.elapsed():.1f} s ({self.accel})")
                self.progress.doing("running")
                if self.args.tty:
                    self._take_terminal()
            elif word.startswith("exit "):
                self.status = int(word[5:])

    def _take_terminal(self):
        self.progress.clear()
        self.progress.quiet = True
        if os.isatty(0):
            self._raw = termios.tcgetattr(0)
            tty.setraw(0)
        self._selector.register(0, selectors.EVENT_READ, "stdin")

    def _from(self, name, data):
        if name in ("out", "tty", "err"):
            self.progress.clear()
            os_write(2 if name == "err" else 1, data)
        elif name == "verdict":
            self._verdict(data)
        elif name == "console":
            self._log.write(data)
            self._log.flush()
        elif name == "qmp":
            self.bridge.from_qemu(data)
        elif name == "outer":
            self.bridge.from_machine(data)
        elif name == "qemu":
            self.output += data

    def _stdin(self):
        data = os.read(0, 4096)
        if not data:
            self._selector.unregister(0)
            data = b"\x04"
        try:
            self.ends["tty"].sendall(data)
        except OSError:
            pass

    def watch(self, until):
        """Carries data until QEMU ended; True if it did so in time."""
        self._selector = selectors.DefaultSelector()
        for n, s in self.ends.items():
            self._selector.register(s, selectors.EVENT_READ, n)
        self._selector.register(self.qemu.stdout, selectors.EVENT_READ, "qemu")
        open_ends = len(self.ends) + 1
        patience = None
        while open_ends:
            now = time.monotonic()
            if now > until:
                return False
            if self.status is not None:
                # Power-off takes a moment, but not for ever.
                patience = patience or now + 30
                if now > patience:
                    self.progress.complain("the machine did not power off")
                    return True
            for key, _ in self._selector.select(min(0.5, until - now)):
                if key.data == "stdin":
                    self._stdin()
                    continue
                try:
                    data = os.read(key.fd, 65536)
                except ConnectionResetError:
                    data = b""
                if data:
                    self._from(key.data, data)
                else:
                    self._selector.unregister(key.fileobj)
                    open_ends -= 1
            if self.bridge:
                self.bridge.tick()
            self.progress.tick()
        self.qemu.wait(max(0.1, until - time.monotonic()))
        return True


def os_write(fd, data):
    while data:
        data = data[os.write(fd, data):]


def verdict(m, in_time, log, progress, args):
    """The exit status, with a word about it where it is not the command's."""
    text = console.read(log)
    bad = console.complaint(text)
    if m.status is not None and not bad:
        return m.status
    if bad:
        progress.complain(f"the kernel in the machine complained: {bad}")
    elif not in_time:
        progress.complain(f"time is up: {args.timeout:g} s, "
                          + ("still running" if m.up else "not even up"))
    elif not m.up and not text:
        progress.complain(f"QEMU ended with status {m.qemu.returncode}")
    else:
        progress.complain("the machine went down without a verdict")
    if m.output:
        progress.complain("QEMU says: " + m.output.decode(errors="replace").strip())
    if text and (bad or in_time or not m.up):
        progress.complain("on its console")
        for line in console.excerpt(text):
            print("  | " + line, file=sys.stderr)
    return TIME_UP if not in_time and not bad else DIED


def on_signal(number, _frame):
    raise Interrupted(number)


def once(args, tmp, progress):
    kernel = helper("kernel.sh", args.kernel)
    modules = os.path.join(TOP, "build", kernel["KVER"], "modules")
    if args.modules:
        modules = helper("build.sh", args.kernel)["MODULES"]
    args.append += kernel.get("APPEND", "").split()
    args.parallel = args.parallel or bool(kernel.get("PARALLEL"))
    if kernel.get("ARCH") == "um" and (args.device or args.qemu or args.icount or args.monitor):
        raise Failed("a kernel that is a process has no devices, no monitor and no counted instructions")
    results = os.path.realpath(args.results or os.path.join(tmp, "results"))
    os.makedirs(results, exist_ok=True)
    log = os.path.join(results, "console.log")
    progress.start = time.monotonic()
    until = progress.start + args.timeout
    with Machine(args, kernel, modules, results, log, tmp, progress) as m:
        try:
            in_time = m.watch(until)
        except subprocess.TimeoutExpired:
            in_time = False
        m.end()
        progress.clear()
        return verdict(m, in_time, log, progress, args)


def main(args):
    progress = Progress("host", args.quiet)
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, on_signal)
    tmp = tempfile.mkdtemp(prefix="weft-run.")
    try:
        return once(args, tmp, progress)
    except Failed as e:
        progress.complain(str(e))
        return DIED
    except NotToBeHad:
        return NOT_TO_BE_HAD
    except Interrupted as e:
        progress.clear()
        return 128 + e.args[0]
    finally:
        for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(s, signal.SIG_IGN)
        shutil.rmtree(tmp, ignore_errors=True)
        if args.monitor and os.path.exists(args.monitor):
            os.unlink(args.monitor)
