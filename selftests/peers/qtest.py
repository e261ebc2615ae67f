# SPDX-License-Identifier: GPL-2.0
"""An unmodified QEMU whose guest is this program.

The virtual CPU never runs (-S); instead QEMU's qtest port makes the accesses
that a guest would make, and QMP is the person at the machine. What a guest and
its VMM see of a device can so be told in seconds, also in a machine that is
itself emulated.
"""
import base64
import json
import os
import select
import socket
import struct
import subprocess
import time

PCI_COMMAND = 0x04
PCI_BAR0 = 0x10
PCI_CAPABILITIES = 0x34
CAP_MSI, CAP_MSIX = 0x05, 0x11

# Of a bochs-display: where BAR 2 has what, and numbers of VBE registers.
VBE, QEXT = 0x500, 0x600
XRES, YRES, BPP, ENABLE, VIRT_WIDTH, X_OFFSET, Y_OFFSET = 1, 2, 3, 4, 6, 8, 9

# ACPI's PCI hotplug of the "pc" machine: slots that are asked to leave, and
# the register by which a guest lets one go.
PCIHP_DOWN, PCIHP_EJECT, PCIHP_BUS = 0xAE04, 0xAE08, 0xAE10


class QemuError(Exception):
    """QEMU is gone, silent, or refused a command."""


class Lines:
    def __init__(self, sock):
        self.sock = sock
        self.got = b""

    def next(self, seconds):
        until = time.monotonic() + seconds
        while b"\n" not in self.got:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                return None
            data = self.sock.recv(1 << 20)
            if not data:
                raise QemuError("QEMU went away")
            self.got += data
        line, _, self.got = self.got.partition(b"\n")
        return line.decode().rstrip("\r")


class Qemu:
    """One QEMU; with 'with', gone at the end. stderr is kept in a file."""

    def __init__(self, devices, log, extra=(), memory=64, seconds=60):
        self.log = log
        self.seconds = seconds
        self.events = []
        ours, theirs = zip(*(socket.socketpair() for _ in range(2)))
        args = ["qemu-system-x86_64", "-no-user-config", "-nodefaults", "-display", "none",
                "-machine", "pc", "-accel", "tcg", "-m", str(memory), "-S",
                "-chardev", f"socket,id=qtest,fd={theirs[0].fileno()}", "-qtest", "chardev:qtest",
                "-qtest-log", "none",
                "-chardev", f"socket,id=qmp,fd={theirs[1].fileno()}", "-mon", "qmp,mode=control"]
        for d in devices:
            args += ["-device", d]
        with open(log, "wb") as stderr:
            self.process = subprocess.Popen(
                args + list(extra), stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr,
                pass_fds=[s.fileno() for s in theirs], start_new_session=True)
        for s in theirs:
            s.close()
        self._qtest, self._qmp = (Lines(s) for s in ours)

    def __enter__(self):
        try:
            if self._qmp.next(self.seconds) is None:
                raise QemuError(f"QEMU said nothing for {self.seconds} s")
            self.qmp("qmp_capabilities")
        except (QemuError, OSError) as error:
            self.end()
            raise QemuError(f"{error}: {self.words()}") from error
        return self

    def __exit__(self, *exc):
        self.end()
        return False

    def end(self):
        """As by kill -9."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for lines in (self._qtest, self._qmp):
            lines.sock.close()

    def reset(self):
        """As by its reset button."""
        self.qmp("system_reset")
        if not self.event("RESET", self.seconds):
            raise QemuError("QEMU does not reset")

    def quit(self):
        """As its user would."""
        self._qmp.sock.sendall(b'{"execute": "quit"}\n')
        self.process.wait(self.seconds)

    def words(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    # QMP

    def qmp(self, command, **arguments):
        line = json.dumps({"execute": command, "arguments": arguments})
        self._qmp.sock.sendall(line.encode() + b"\n")
        while True:
            line = self._qmp.next(self.seconds)
            if line is None:
                raise QemuError(f"no answer to {command} in {self.seconds} s")
            answer = json.loads(line)
            if "event" in answer:
                self.events.append(answer)
            elif "error" in answer:
                raise QemuError(f"{command}: {answer['error']['desc']}")
            else:
                return answer["return"]

    def event(self, name, seconds, **data):
        """Waits for an event with these data; None when it does not come."""
        until = time.monotonic() + seconds
        while True:
            for i, e in enumerate(self.events):
                if e["event"] == name and data.items() <= e.get("data", {}).items():
                    return self.events.pop(i)
            line = self._qmp.next(max(0, until - time.monotonic()))
            if line is None:
                return None
            answer = json.loads(line)
            if "event" in answer:
                self.events.append(answer)

    def screen(self, device, path):
        """What the user sees on a display: (width, height, RGB bytes)."""
        self.qmp("screendump", filename=path, device=device)
        with open(path, "rb") as f:
            data = f.read()
        magic, size, depth, pixels = data.split(b"\n", 3)
        if magic != b"P6" or depth != b"255":
            raise QemuError(f"{path} is no PPM")
        width, height = map(int, size.split())
        return width, height, pixels

    # qtest

    def ask(self, command):
        self._qtest.sock.sendall(command.encode() + b"\n")
        while True:
            line = self._qtest.next(self.seconds)
            if line is None:
                raise QemuError(f"no answer to {command:.40} in {self.seconds} s")
            if line.startswith("OK"):
                return line[3:]
            if not line.startswith("IRQ"):
                raise QemuError(f"{command:.40}: {line}")

    def inl(self, port):
        return int(self.ask(f"inl {port:#x}"), 0)

    def outl(self, port, val):
        self.ask(f"outl {port:#x} {val:#x}")

    def read(self, address, size):
        return base64.b64decode(self.ask(f"b64read {address:#x} {size:#x}"))

    def write(self, address, data):
        self.ask(f"b64write {address:#x} {len(data):#x} {base64.b64encode(data).decode()}")

    def fill(self, address, size, byte):
        self.ask(f"memset {address:#x} {size:#x} {byte:#x}")


class Function:
    """A PCI function on the root bus, as a guest programs it."""

    def __init__(self, qemu, slot):
        self.qemu = qemu
        self.slot = slot
        self.bars = {}

    def get(self, offset, size=4):
        self.qemu.outl(0xCF8, 0x80000000 | self.slot << 11 | offset & 0xFC)
        word = self.qemu.inl(0xCFC) >> offset % 4 * 8
        return word & ((1 << size * 8) - 1)

    def set(self, offset, val, size=4):
        self.qemu.outl(0xCF8, 0x80000000 | self.slot << 11 | offset & 0xFC)
        verb = {1: "outb", 2: "outw", 4: "outl"}[size]
        self.qemu.ask(f"{verb} {0xCFC + offset % 4:#x} {val:#x}")

    def bar_size(self, n):
        """(size, type bits) of a 32-bit BAR."""
        self.set(PCI_BAR0 + 4 * n, 0xFFFFFFFF)
        got = self.get(PCI_BAR0 + 4 * n)
        return ((got & ~0xF) ^ 0xFFFFFFFF) + 1 & 0xFFFFFFFF, got & 0xF

    def enable(self, addresses):
        """Puts BARs where it is told, {number: address}, and decodes memory."""
        for n, address in addresses.items():
            self.set(PCI_BAR0 + 4 * n, address)
        self.bars = addresses
        self.set(PCI_COMMAND, 0x6, 2)

    def capabilities(self):
        """{id: offset}"""
        found, at = {}, self.get(PCI_CAPABILITIES, 1)
        while at and len(found) < 48:
            found[self.get(at, 1)] = at
            at = self.get(at + 1, 1)
        return found


def functions(qemu, ident):
    """Those on the root bus with this (vendor, device)."""
    every = (Function(qemu, slot) for slot in range(32))
    return [f for f in every if f.get(0) == ident[1] << 16 | ident[0]]


class Display(Function):
    """A bochs-display with BARs 0 (VRAM) and 2 (registers) in place."""

    def __init__(self, function, vram, mmio):
        super().__init__(function.qemu, function.slot)
        self.vram = vram
        self.mmio = mmio
        self.enable({0: vram, 2: mmio})

    def vbe(self, n):
        return int(self.qemu.ask(f"readw {self.mmio + VBE + 2 * n:#x}"), 0)

    def set_vbe(self, n, val):
        self.qemu.ask(f"writew {self.mmio + VBE + 2 * n:#x} {val:#x}")

    def mode(self, width, height):
        """As bochs-drm sets one, with 32 bits a pixel."""
        self.set_vbe(ENABLE, 0)
        self.qemu.ask(f"writel {self.mmio + QEXT + 4:#x} 0x1e1e1e1e")
        for n, val in ((BPP, 32), (XRES, width), (YRES, height), (VIRT_WIDTH, width),
                       (X_OFFSET, 0), (Y_OFFSET, 0), (ENABLE, 0x41)):
            self.set_vbe(n, val)


class Picture:
    """Pixels that differ from their neighbours, and from other seeds' pictures."""

    def __init__(self, width, height, seed):
        self.width, self.height = width, height
        line = b"".join(struct.pack("<I", (seed * 0x10F0F1 + x * 0x35B5) & 0xFFFFFF)
                        for x in range(width + 64))
        self.rows = [line[4 * (y % 64):4 * (y % 64 + width)] for y in range(height)]

    def memory(self):
        return b"".join(self.rows)

    def rgb(self):
        """As a screendump has it."""
        out = bytearray(self.width * self.height * 3)
        mem = self.memory()
        out[0::3], out[1::3], out[2::3] = mem[2::4], mem[1::4], mem[0::4]
        return bytes(out)

    def screen(self):
        return self.width, self.height, self.rgb()


# The machine outside, for use in the QEMU host.

def text(*path):
    with open(os.path.join(*path), encoding="utf-8") as f:
        return f.read().strip()


def put(value, *path):
    fd = os.open(os.path.join(*path), os.O_WRONLY)
    try:
        os.write(fd, value.encode())
    finally:
        os.close(fd)


MDEVS = "/sys/bus/mdev/devices"
PCI = "/sys/bus/pci/devices"


def pci_find(ident):
    """Addresses of the PCI functions with this (vendor, device)."""
    want = [f"{n:#06x}" for n in ident]
    return [d for d in sorted(os.listdir(PCI))
            if [text(PCI, d, "vendor"), text(PCI, d, "device")] == want]


def bind_adapter():
    """The machine's bochs-display, given to weft_vgpu as an administrator does."""
    bdf = pci_find((0x1234, 0x1111))[0]
    put("weft_vgpu", PCI, bdf, "driver_override")
    put(bdf, "/sys/bus/pci/drivers_probe")
    return bdf


def create(parent, kind, uuid):
    put(uuid, PCI, parent, "mdev_supported_types", "weft_vgpu-" + kind, "create")
    return uuid


def weft(uuid, attribute):
    return text(MDEVS, uuid, "weft", attribute)


def wait_for(seconds, ready):
    until = time.monotonic() + seconds
    while not (got := ready()):
        if time.monotonic() > until:
            return got
        time.sleep(0.05)
    return got


def vfio_pci(uuid, name, display="on"):
    return f"vfio-pci,sysfsdev={MDEVS}/{uuid},id={name},display={display}"


def outer(command, **arguments):
    """A QMP command for the QEMU around this machine."""
    done = subprocess.run([os.path.join(os.environ["WEFT_TOP"], "selftests/qemu/outer"),
                           command, json.dumps(arguments)],
                          stdout=subprocess.PIPE, check=False, text=True)
    if done.returncode:
        raise QemuError(f"outer {command}: {done.stdout}")
    return json.loads(done.stdout)


def vram_from_outside(bdf, at=0, size=None, bar=0):
    """The bytes in an adapter's BAR, as the machine around this one has them."""
    start, end, _ = (int(n, 16) for n in
                     text(PCI, bdf, "resource").splitlines()[bar].split())
    path = os.path.join(os.environ["WEFT_RESULTS"], "vram")
    outer("pmemsave", val=start + at, size=size or end - start + 1 - at, filename=path)
    try:
        with open(path, "rb") as f:
            return f.read()
    finally:
        os.unlink(path)
