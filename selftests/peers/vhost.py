# SPDX-License-Identifier: GPL-2.0
"""Guests with a stock virtio-net on a vhost node, on one bridge of the machine.

    with Net() as net:
        a = net.guest("a", "10.9.0.1", packed=True)
        ...

$WEFT_VHOST names the node (/dev/vhost-weft). QEMU falls back to a path of its
own without a word when it cannot use vhost, and leaves a feature out that the
node does not offer: hence the worker's time, the features that driver and
device agreed on, and the node's counters.
"""
import fcntl
import glob
import os
import socket
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../guest"))

from guest import Guest, GuestError  # noqa: E402

NODE = os.environ.get("WEFT_VHOST") or "/dev/vhost-weft"
OURS = os.path.basename(NODE) != "vhost-net"
COUNTERS = "/sys/kernel/debug/weft_vhost"
PATIENCE = 300
BRIDGE = "weftbr"

# virtio features
MRG_RXBUF, MQ, INDIRECT, EVENT_IDX, VERSION_1, PACKED, RING_RESET = 15, 22, 28, 29, 32, 34, 40

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR, IFF_MULTI_QUEUE = 0x2, 0x1000, 0x4000, 0x100
SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCGIFINDEX = 0x8913, 0x8914, 0x8933
SIOCBRADDBR, SIOCBRADDIF = 0x89A0, 0x89A2


def until(what, true, seconds=PATIENCE):
    """Waits for something that tells nobody when it happens."""
    end = time.monotonic() + seconds
    while not (value := true()):
        if time.monotonic() > end:
            raise GuestError(f"{what} did not happen in {seconds} s")
        time.sleep(0.05)
    return value


def ask(request, data):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        return fcntl.ioctl(s, request, data)


def up(name):
    got = ask(SIOCGIFFLAGS, struct.pack("16sH22x", name.encode(), 0))
    flags = struct.unpack_from("16sH", got)[1]
    ask(SIOCSIFFLAGS, struct.pack("16sH22x", name.encode(), flags | 1))


def open_tap(name, many):
    """A queue of a tap, the first of which makes it."""
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (IFF_MULTI_QUEUE if many else 0)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
    return fd


def tap_count(name, what):
    with open(f"/sys/class/net/{name}/statistics/{what}", encoding="ascii") as file:
        return int(file.read())


def workers(pid):
    """The threads that work for that QEMU: {thread: nanoseconds on a CPU}."""
    found = {}
    for comm in glob.glob(f"/proc/{pid}/task/*/comm") + glob.glob("/proc/[0-9]*/comm"):
        try:
            with open(comm, encoding="ascii", errors="replace") as file:
                if file.read().strip() != f"vhost-{pid}":
                    continue
            with open(os.path.dirname(comm) + "/schedstat", encoding="ascii") as file:
                found[comm.split("/")[-2]] = int(file.read().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


class NetGuest(Guest):
    """A guest with one virtio-net, each pair of queues of which is a vhost device.

    With former= and state= it is that guest, who was saved while it ran: it has
    its tap, and its memory.
    """

    def __init__(self, name, address, node=NODE, pairs=1, options="", former=None, state=None):
        self.name, self.address, self.node = name, address, node
        self.pairs, self.options = pairs, options
        self.tap = "weft-" + name
        self.lines = former.lines if former else []
        self.taps = former.taps if former else [open_tap(self.tap, pairs > 1)
                                                for _ in range(pairs)]
        others = set(glob.glob(COUNTERS + "/*"))
        nodes = [os.open(node, os.O_RDWR) for _ in range(pairs)]
        self.folders = sorted(set(glob.glob(COUNTERS + "/*")) - others)
        number = ord(name[0]) - ord("a") + 1
        one = pairs == 1
        netdev = (f"tap,id=net,vhost=on,{'fd' if one else 'fds'}={':'.join(map(str, self.taps))},"
                  f"{'vhostfd' if one else 'vhostfds'}={':'.join(map(str, nodes))}")
        device = (f"virtio-net-pci,id=nic,netdev=net,disable-legacy=on,romfile=,"
                  f"mac=52:54:00:09:00:{number:02x}"
                  + ("" if one else f",mq=on,vectors={2 * pairs + 2}") + options)
        super().__init__([device], os.environ["WEFT_GUEST_SAVED"], state=state,
                         extra=["-netdev", netdev], fds=self.taps + nodes)
        # QEMU has it, and whether the device goes with it is up to the kernel.
        for fd in nodes:
            os.close(fd)

    @property
    def pid(self):
        return self.process.pid

    def tell(self, command):
        self.serial.send(command)

    def wait(self, *starts, timeout=PATIENCE):
        """The first line that starts so; others are kept for who waits for them."""
        end = time.monotonic() + timeout
        tried = 0
        while True:
            for at, line in enumerate(self.lines[tried:], tried):
                if line.startswith(starts):
                    return self.lines.pop(at)
            tried = len(self.lines)
            line = self.serial.read(end)
            if line is None:
                raise GuestError(f"{self.name}: waited {timeout} s for {starts}, "
                                 f"heard {self.lines}")
            if line.startswith("weft: "):
                self.lines.append(line[len("weft: "):])

    def done(self, verb, timeout=PATIENCE):
        line = self.wait(f"ok {verb} ", f"failed {verb}: ", timeout=timeout)
        if line.startswith("failed"):
            raise GuestError(f"{self.name}: {line}")

    def ask(self, command, start, timeout=PATIENCE):
        """Has it run a command, and returns the line of the answer that starts so."""
        verb = command.split(":")[0]
        self.tell(command)
        line = self.wait(start + " ", f"failed {verb}: ", timeout=timeout)
        if not line.startswith("failed"):
            self.done(verb, timeout)
            return line
        raise GuestError(f"{self.name}: {command}: {line}")

    def order(self, command, timeout=PATIENCE):
        """The same for a command that has nothing to tell."""
        self.tell(command)
        self.done(command.split(":")[0], timeout)

    def features(self):
        """The bits that driver and device agreed on."""
        bits = self.ask("features", "features").split()[1]
        return {n for n, bit in enumerate(bits) if bit == "1"}

    def workers(self):
        return workers(self.pid)

    def moved(self, node=None, path="/tmp/moved"):
        """Saves it while it runs, ends it, and goes on with it in another QEMU.

        Traffic must be flowing: it is saved for as long as it takes to find
        pages written to since they were saved, and only then stopped.
        """
        self.qmp("migrate-set-parameters", **{"downtime-limit": 1})
        self.qmp("migrate", uri=f"exec:cat >{path}")
        until("a second look at what was written to", lambda: self.saving_status(
            "ram", {}).get("dirty-sync-count", 0) > 2)
        self.qmp("migrate-set-parameters", **{"downtime-limit": 100000})
        until("the end of saving", lambda: self.saving_status("status") == "completed")
        while (line := self.serial.read(0)) is not None:
            if line.startswith("weft: "):
                self.lines.append(line[len("weft: "):])
        super().end()
        other = NetGuest(self.name, self.address, node or self.node, self.pairs, self.options,
                         self, path)
        try:
            other.start()
        except (GuestError, OSError):
            other.end()
            raise
        finally:
            os.unlink(path)
        return other

    def saving_status(self, name, default=None):
        answer = self.qmp("query-migrate")
        if answer.get("status") in ("failed", "cancelled"):
            raise GuestError(f"{self.name}: saving it: {answer}")
        return answer.get(name, default)

    def end(self):
        super().end()
        while self.taps:
            os.close(self.taps.pop())


class Net:
    """The bridge, and what is on it."""

    def __init__(self):
        for module in ("tun", "bridge", "vhost_net"):
            subprocess.run(["modprobe", module], check=True)
        if not os.path.exists(f"/sys/class/net/{BRIDGE}"):
            ask(SIOCBRADDBR, BRIDGE.encode().ljust(16, b"\0"))
            up(BRIDGE)
        self.guests = {}

    def guest(self, name, address, **options):
        self.guests[name] = guest = NetGuest(name, address, **options)
        self.plug(guest.tap)
        return guest

    def move(self, name, node=None):
        self.guests[name] = guest = self.guests[name].moved(node)
        return guest

    @staticmethod
    def plug(tap):
        index = ask(SIOCGIFINDEX, struct.pack("16si20x", tap.encode(), 0))
        index = struct.unpack_from("16si", index)[1]
        ask(SIOCBRADDIF, struct.pack("16si20x", BRIDGE.encode(), index))
        up(tap)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for guest in self.guests.values():
            guest.end()


class Stream:
    """A connection that carries bytes, all different, until it is ended."""

    def __init__(self, frm, to, port):
        to.tell(f"drain:{port}")
        to.wait(f"listening {port}")
        frm.tell(f"pump:{to.address}:{port}")
        frm.wait(f"connected {port}")
        self.tap = to.tap

    def flows(self, size=1 << 20):
        """Waits for so many bytes more."""
        begin = tap_count(self.tap, "tx_bytes")
        until(f"{size} bytes to {self.tap}",
              lambda: tap_count(self.tap, "tx_bytes") >= begin + size)

    @staticmethod
    def end(frm, to):
        """(what was sent, what came), each as 'SIZE bytes SUM'."""
        frm.order("enough")
        sent = frm.wait("pumped ", "failed pump")
        came = to.wait("drained ", "failed drain")
        frm.done("pump")
        to.done("drain")
        return sent.split(" ", 1)[1], came.split(" ", 1)[1]


def transfer(frm, to, port, size, seed, timeout=PATIENCE):
    """Moves a file by TCP: (what was sent, what came), each as 'SIZE bytes SUM'."""
    sent = frm.ask(f"file:{size}:{seed}", "file", timeout).split(" ", 1)[1]
    to.tell(f"receive:{port}")
    to.wait(f"listening {port}", timeout=timeout)
    frm.tell(f"send:{to.address}:{port}")
    came = to.wait("received ", "failed receive", timeout=timeout)
    frm.done("send", timeout)
    to.done("receive", timeout)
    return sent, came.split(" ", 1)[1]


def counters(folder, name):
    """A file of a device's: {name: value}."""
    with open(os.path.join(folder, name), encoding="ascii") as file:
        return dict(line.split(None, 1) for line in file.read().splitlines())


def frames(folder):
    """What passed both queues of a device."""
    return sum(int(counters(folder, name)["packets"]) for name in ("rx", "tx"))


def counted(t, kind, guest, packed, size=0):
    """What the node itself counted of a guest's frames, and on which ring."""
    if not OURS:
        t.skip(f"{kind}: {guest.name}'s frames are counted", f"{NODE} counts nothing")
        return
    for name in ("rx", "tx"):
        queues = [counters(folder, name) for folder in guest.folders]
        t.equal(f"{kind}: {guest.name}'s {name} is a ring of that kind",
                [q["ring"] for q in queues], ["packed" if packed else "split"] * guest.pairs)
        t.check(f"{kind}: {guest.name}'s {name} counted all bytes",
                sum(int(q["bytes"]) for q in queues) > size, queues)
        t.check(f"{kind}: {guest.name}'s {name} has no fault", all(
            q["fault"] == "none" and not any(int(v) for k, v in q.items() if k.startswith("fault."))
            for q in queues), queues)
    passed = [frames(folder) for folder in guest.folders]
    t.check(f"{kind}: {guest.name}'s frames passed all of its devices", all(passed), passed)
