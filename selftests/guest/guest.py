#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A guest with a display adapter, driven over its serial console and QMP.

    guest.py [options] [--do COMMAND]... [--shot FILE.ppm] [--hold FILE]

COMMANDs are those of init.c; a failing one ends the run with status 1. With
--hold, "done" (or "failed") is written to FILE at the end of that, and the
guest stays until somebody ends us. The files of the guest are those that
guest.sh prints, taken from the environment.

A guest is resumed from a saved one (--save makes it) that booted without an
adapter: it finds the adapter on the PCI bus as if it were plugged in then.
On an emulated CPU a boot would take a minute more. --boot boots it from the
start, with the adapter in place.
"""
import argparse
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time

MEMORY = 96     # MiB
# No ACPI, no calibration against clocks that an emulator cannot keep, and no
# mitigations: all of that costs an emulator time.
CMDLINE = ("console=ttyS0 quiet panic=-1 acpi=off no_timer_check lpj=1000000 "
           "mitigations=off")


class GuestError(Exception):
    """The guest or its QEMU did not do what it was told."""


def accelerator():
    """How QEMU is to run the guest.

    On an emulated AMD CPU, KVM: the outer emulator translates the guest's code
    itself then, which is ten times as fast as an emulator inside an emulator
    whose freshly written code it must translate again and again. Everywhere
    else QEMU's emulator, which is fast enough on a real CPU, and by which a
    saved guest was saved.
    """
    wanted = os.environ.get("WEFT_GUEST_ACCEL")
    if wanted:
        return wanted
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        cpu = file.read().split("\n\n", 1)[0]
    if "QEMU TCG CPU" in cpu and " svm " in cpu:
        if not os.path.exists("/dev/kvm"):
            subprocess.run(["modprobe", "kvm_amd"], check=False)
        if os.access("/dev/kvm", os.R_OK | os.W_OK):
            return "kvm"
    return "tcg,thread=single"


class Lines:
    """A socket that speaks in lines."""

    def __init__(self, sock):
        self.sock = sock
        self.got = b""

    def send(self, line, fds=()):
        data = line.encode() + b"\n"
        if fds:
            socket.send_fds(self.sock, [data], fds)
        else:
            self.sock.sendall(data)

    def read(self, until):
        """The next line, or None when the time is up."""
        while b"\n" not in self.got:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                return None
            data = self.sock.recv(65536)
            if not data:
                raise GuestError("QEMU ended")
            self.got += data
        line, self.got = self.got.split(b"\n", 1)
        return line.decode(errors="replace").rstrip("\r")


class Guest:
    """One QEMU with one guest in it.

    A saved guest is two files: its memory, which each guest resumed from it
    maps privately, and beside it the state of the machine. A state saved of
    such a guest while it ran holds its memory, too.
    """

    def __init__(self, devices=(), saved=None, save=None, command="", log=None,
                 extra=(), fds=(), state=None):
        self.log = log
        self.begin = time.monotonic()
        accel = accelerator()
        # A saved guest goes on with the CPU it was saved on, and in the machine.
        machine = os.environ.get("WEFT_GUEST_MACHINE", "pc")
        boots_kvm = accel == "kvm" and not saved and not save
        ours, theirs = zip(*(socket.socketpair() for _ in range(2)))
        args = [os.environ.get("WEFT_QEMU", "qemu-system-x86_64"),
                "-name", "weft-guest", "-nodefaults", "-display", "none",
                "-no-reboot", "-no-user-config", "-machine", machine,
                "-accel", accel, "-cpu", "host" if boots_kvm else "qemu64",
                "-m", str(MEMORY)]
        if saved or save:
            args += ["-object", f"memory-backend-file,id=ram,size={MEMORY}M,"
                     f"mem-path={saved or save},share={'on' if save else 'off'}"]
            args[args.index("-machine") + 1] += ",memory-backend=ram"
        for name, sock in zip(("serial", "qmp"), theirs):
            args += ["-chardev", f"socket,id={name},fd={sock.fileno()}"]
        args += ["-serial", "chardev:serial", "-mon", "qmp,mode=control"]
        keep = [sock.fileno() for sock in theirs] + list(fds)
        self.feeder = None
        if saved:
            # By a pipe: of files, newer QEMUs want the path, and may be elsewhere.
            with open(state or saved + ".state", "rb") as file:
                self.feeder = subprocess.Popen(["cat"], stdin=file, stdout=subprocess.PIPE)
            stream = self.feeder.stdout.fileno()
            keep.append(stream)
            args += ["-incoming", "defer"]
        else:
            do = f" weft.do={command}" if command else ""
            args += ["-kernel", os.environ["WEFT_GUEST_VMLINUX"],
                     "-initrd", os.environ["WEFT_GUEST_INITRD"],
                     "-append", CMDLINE + do]
        for device in devices:
            args += ["-device", device]
        self.process = subprocess.Popen(
            args + list(extra), stdin=subprocess.DEVNULL, pass_fds=keep,
            stdout=subprocess.DEVNULL)
        for sock in theirs:
            sock.close()
        self.stream = None
        if self.feeder:
            self.stream = stream
            self.feeder.stdout.close()
        self.serial, self.monitor = (Lines(sock) for sock in ours)
        self.saving = bool(save)

    def seconds(self):
        return time.monotonic() - self.begin

    def qmp(self, command, fds=(), timeout=120, **arguments):
        """Runs a QMP command and returns its answer."""
        self.monitor.send(json.dumps({"execute": command,
                                      "arguments": arguments}), fds)
        until = time.monotonic() + timeout
        while True:
            line = self.monitor.read(until)
            if line is None:
                raise GuestError(f"QEMU did not answer '{command}' "
                                 f"in {timeout} s")
            answer = json.loads(line)
            if "error" in answer:
                raise GuestError(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def hear(self, timeout, last):
        """The guest's lines up to one for which last() holds."""
        until = time.monotonic() + timeout
        lines = []
        while True:
            line = self.serial.read(until)
            if line is None:
                raise GuestError(f"the guest was silent for {timeout} s; "
                                 f"last words: {lines[-5:]}")
            if self.log:
                self.log.write(f"{self.seconds():8.2f} {line}\n")
                self.log.flush()
            if line.startswith("weft: "):
                line = line[len("weft: "):]
                lines.append(line)
                if last(line):
                    return lines

    def start(self, timeout=300):
        """Waits until the guest takes commands."""
        if self.monitor.read(time.monotonic() + timeout) is None:
            raise GuestError(f"QEMU did not start in {timeout} s")
        self.qmp("qmp_capabilities")
        if self.saving or self.stream is not None:
            # What is in the memory's file need not be in the state.
            self.qmp("migrate-set-capabilities", capabilities=[
                {"capability": "x-ignore-shared", "state": True}])
        if self.stream is None:
            self.hear(timeout, lambda line: line.startswith("READY"))
            return
        self.qmp("migrate-incoming", uri=f"fd:{self.stream}")
        until = time.monotonic() + timeout
        while self.qmp("query-status")["status"] == "inmigrate":
            if time.monotonic() > until:
                raise GuestError("the saved guest does not resume")
            time.sleep(0.05)
        self.qmp("cont")        # it was saved while stopped

    def do(self, command, timeout=120):
        """Has the guest run a command; what it reported."""
        self.serial.send(command)
        verb = command.split(":")[0]
        lines = self.hear(timeout, lambda line: line.startswith(
            (f"ok {verb} ", f"failed {verb}: ")))
        if lines[-1].startswith("failed"):
            raise GuestError(f"{command}: {lines[-1].split(': ', 1)[1]}")
        return lines[:-1]

    def shot(self, path):
        self.qmp("screendump", filename=os.path.abspath(path))

    def save(self, path):
        """Stops the guest for good, and writes its state beside its memory."""
        self.qmp("stop")
        with open(path + ".state", "wb") as file:
            self.qmp("getfd", fds=[file.fileno()], fdname="state")
        self.qmp("migrate", uri="fd:state")
        while True:
            status = self.qmp("query-migrate").get("status")
            if status == "completed":
                return
            if status in ("failed", "cancelled"):
                raise GuestError("QEMU could not save the guest")
            time.sleep(0.05)

    def end(self):
        """Ends QEMU, however it is."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.feeder:
            self.feeder.wait()
        self.serial.sock.close()
        self.monitor.sock.close()


def options(argv):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--device", action="append", default=[],
                        help="as for QEMU's -device (repeatable)")
    parser.add_argument("--qemu", action="append", default=[],
                        help="one more argument for QEMU (repeatable)")
    parser.add_argument("--name", default="guest", help="for messages")
    parser.add_argument("--boot", action="store_true",
                        help="boot, do not resume")
    parser.add_argument("--log", help="file for the serial console")
    parser.add_argument("--do", action="append", default=[], metavar="COMMAND")
    parser.add_argument("--shot", help="screendump at the end, as PPM")
    parser.add_argument("--save", metavar="FILE",
                        help="save the guest, ready for commands")
    parser.add_argument("--hold", metavar="FILE",
                        help="tell this file when done, and stay")
    parser.add_argument("--timeout", type=int, default=300)
    return parser.parse_args(argv)


def main(argv):
    opts = options(argv)
    saved = None if opts.boot or opts.save else os.environ["WEFT_GUEST_SAVED"]
    log = open(opts.log, "w", encoding="utf-8") if opts.log else None
    # Whoever ends us ends the guest, by way of the finally below.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    guest = Guest(opts.device, saved, opts.save, log=log, extra=opts.qemu)

    def tell(text):
        print(f"{opts.name}: {guest.seconds():6.1f} s  {text}", flush=True)

    def say(word):
        with open(opts.hold, "w", encoding="utf-8") as file:
            file.write(word + "\n")

    try:
        guest.start(opts.timeout)
        tell("resumed" if saved else "booted")
        for command in opts.do:
            for line in guest.do(command, opts.timeout):
                tell(line)
        if opts.shot:
            guest.shot(opts.shot)
            tell(f"screendump {os.path.basename(opts.shot)}")
        if opts.save:
            guest.save(opts.save)
        if opts.hold:
            say("done")
            while True:
                signal.pause()
    except (GuestError, OSError) as error:
        tell(f"FAILED: {error}")
        if opts.hold:
            say("failed")
        return 1
    finally:
        guest.end()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
