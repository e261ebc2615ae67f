# SPDX-License-Identifier: GPL-2.0
"""virtio-pci hardware as vDPA devices that are used: by clients, the kernel, and QEMU."""
import ctypes
import glob
import json
import mmap
import os
import socket
import struct
import subprocess
import threading

import client as c
from client import IOVA
from device import frame, node, tool, wait_for
from pci_rig import (DONE, ENOTSUPP, FEW, MODULE, ONE, PCI, SINGLE, TWO, Device, add, bind, driver,
                     interrupts, lines, page, pump, since, unbind, write)



def traffic(t):
    """All of it, one way; some, with interrupts that are shared."""
    with Device("h0", ONE) as a, Device("h1", TWO) as b, a.client() as one, b.client() as two:
        one.begin()
        two.begin()
        t.equal("both run", (one.status(), two.status()), (DONE, DONE))
        t.equal("a configuration interrupt and one for each queue", len(interrupts(TWO)), 4)
        lost = pump(one, two, 10000)
        t.check("10,000 frames from one to the other, none lost", lost is None, f"frame {lost}")
        t.check("the hardware raised interrupts for that", sum(interrupts(TWO)) > 0, interrupts(TWO))
        lost = pump(two, one, 100, 10000, 1500)
        t.check("and back", lost is None, f"frame {lost}")
    with Device("h0", ONE) as a, Device("h1", TWO) as b, a.client() as one, b.client() as two:
        for client in (one, two):
            client.begin(late=True)
        t.equal("queues that are turned on after DRIVER_OK pass frames", pump(one, two, 100), None)
    with Device("h2", FEW) as a, Device("h3", SINGLE) as b, a.client() as one, b.client() as two:
        one.begin()
        two.begin()
        t.equal("with two vectors, and with one", (len(interrupts(FEW)), len(interrupts(SINGLE))),
                (2, 1))
        lost = pump(one, two, 100)
        t.check("frames pass from shared interrupts to a single one", lost is None, f"frame {lost}")
        lost = pump(two, one, 100)
        t.check("and back", lost is None, f"frame {lost}")


def doorbells(t):
    with Device("h0", ONE) as a, Device("h1", TWO) as b, a.client() as one, b.client() as two:
        one.begin()
        two.begin()
        pages = [page(one, n) for n in range(3)]
        t.check("each queue has a page of its own to be kicked by",
                all(isinstance(p, mmap.mmap) for p in pages), pages)
        for client in (one, two):
            for queue in client.queues:
                queue.doorbell = page(client, queue.index)
        lost = pump(one, two, 100)
        t.check("frames pass with no kick through the kernel", lost is None, f"frame {lost}")
        for n in (3, 4, 0xffff, 0x10000, 0x10001, 1 << 31, 1 << 39):
            t.equal(f"there is no page of queue {n}", page(one, n), 22)
        for what, options in (("two pages", {"size": 2 * mmap.PAGESIZE}),
                              ("a private page", {"flags": mmap.MAP_PRIVATE}),
                              ("a page to be read", {"prot": mmap.PROT_READ | mmap.PROT_WRITE})):
            t.equal(f"{what} cannot be had", page(one, 0, **options), 22)
        libc = ctypes.CDLL(None, use_errno=True)
        libc.mremap.restype = ctypes.c_void_p
        at = ctypes.addressof(ctypes.c_char.from_buffer(pages[2]))
        t.equal("a page does not grow to what is behind it", libc.mremap(
            ctypes.c_void_p(at), mmap.PAGESIZE, 2 * mmap.PAGESIZE, 1), ctypes.c_void_p(-1).value)
        for p in pages:
            p.close()   # each keeps the device open
    mark = lines()
    with Device("h2", FEW) as a, a.client() as client:
        said = since(mark)
        t.check("the log says why user space does not get doorbells", "3 of 3 queues" in said and
                "queue 0: queue 1 has its register in that page, too" in said, said)
        t.equal("pages that several queues share are not had",
                [page(client, n) for n in range(3)], [ENOTSUPP] * 3)


def outside(t):
    """What the driver never mapped, or took away, is out of the device's reach."""
    def faults(mark, bdf):
        return any("DMAR" in line and bdf[5:] in line and "fault addr" in line
                   for line in since(mark).splitlines())

    with Device("h0", ONE) as a, Device("h1", TWO) as b:
        with a.client() as one, b.client() as two:
            one.begin()
            two.begin()
            t.equal("before that, frames pass", pump(one, two, 32), None)
            mark = lines()
            one.queues[1].offer(IOVA + c.SIZE + 0x10000, 64, False)
            wait_for(lambda: faults(mark, ONE))
            t.check("a buffer outside of memory is a fault of the IOMMU, in the log", True)
        with a.client() as one, b.client() as two:
            one.begin()
            two.begin()
            t.equal("after a reset, frames pass", pump(one, two, 32), None)
            two.room()
            mark = lines()
            two.iotlb(c.IOTLB_INVALIDATE, IOVA, c.SIZE)
            before = two.get(0, c.SIZE)
            tx = one.queues[1]
            at = tx.buffers + 0x1000 * (tx.next % c.RING)
            one.put(at, bytes(c.HEADER) + frame(b"\x52\x54\0\0\x0a\2", b"\x52\x54\0\0\x0a\1", 9))
            tx.offer(IOVA + at, c.HEADER + 100, False)
            wait_for(lambda: faults(mark, TWO))
            t.equal("memory that was taken away is not written to", two.get(0, c.SIZE), before)
        with a.client() as one, b.client() as two:
            one.begin()
            two.begin()
            t.equal("after all that, frames pass", pump(one, two, 32), None)
        with a.client() as one:
            mark = lines()
            one.begin(memory=False)
            one.queues[1].notify()
            wait_for(lambda: faults(mark, ONE))
            t.check("so are rings of a driver that maps nothing", True)


def calls(t):
    """The eventfd of a queue is replaced all the time while its interrupts come."""
    with Device("h0", ONE) as a, Device("h1", TWO) as b, a.client() as one, b.client() as two:
        one.begin()
        two.begin()
        rx = two.queues[0]
        others = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(2)]
        rx.watched += others
        stop, swaps = threading.Event(), [0]

        def swap():
            while not stop.is_set():
                for fd in (others[0], -1, others[1], rx.call):
                    two.ioctl(c.SET_CALL, struct.pack("Ii", 0, fd))
                    swaps[0] += 1
                # None in between means an interrupt that nobody sees.
                for fd in rx.watched:
                    os.eventfd_write(fd, 1)

        thread = threading.Thread(target=swap)
        thread.start()
        try:
            lost = pump(one, two, 1000)
        finally:
            stop.set()
            thread.join()
        t.check("frames pass while the eventfd is replaced, and taken away",
                lost is None and swaps[0] > 100, (lost, swaps))
        lost = pump(one, two, 100)
        t.check("and after that", lost is None, f"frame {lost}")
        for fd in others:
            os.close(fd)


def sleeps(pid):
    """In the kernel, until what it waits for comes to pass."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "D"
    except FileNotFoundError:
        return False


def removal(t):
    """Taken away while it is open: that waits, and the user goes on till the end."""
    for what, path, text in (("unbind", f"{PCI}/drivers/{MODULE}/unbind", ONE),
                             ("removal of the function", f"{PCI}/devices/{ONE}/remove", "1"),
                             ("vdpa dev del", None, None)):
        a = Device("h0", ONE)
        with Device("h1", TWO) as b, b.client() as two:
            with a.client() as one:
                one.begin()
                two.begin()
                doorbell = page(one, 1)
                with subprocess.Popen(["vdpa", "dev", "del", "h0"] if path is None else [
                        "sh", "-c", f"echo {text} > {path}"]) as waiting:
                    wait_for(lambda: sleeps(waiting.pid))
                    lost = pump(one, two, 100)
                    t.check(f"{what}: frames pass as long as it is open", lost is None,
                            f"frame {lost}")
                    one.queues[1].doorbell = doorbell
                    t.equal(f"{what}: also by the doorbell", pump(one, two, 16), None)
                    os.close(one.fd)
                    one.fd = os.open("/dev/null", os.O_RDONLY)
                    # The doorbell is a use of it, too. What it waits for may have
                    # woken it to look once more.
                    wait_for(lambda: sleeps(waiting.pid) or waiting.poll() is not None)
                    t.check(f"{what}: a mapping holds it", waiting.poll() is None)
                    doorbell.close()
                    one.queues[1].doorbell = None
                t.equal(f"{what}: ends with the last use", waiting.returncode, 0)
        t.equal(f"{what}: it is gone", os.path.exists("/sys/bus/vdpa/devices/h0"), False)
        if text == "1":
            t.equal("there is no such function any more", os.path.exists(f"{PCI}/devices/{ONE}"),
                    False)
            write(f"{PCI}/rescan", "1")
        if path:
            t.check(f"{what}: it can be bound again", bind(ONE))


def lost(t):
    """Reset, or cut off, behind the back of who drives it."""
    with Device("h0", ONE) as a, Device("h1", TWO) as b, a.client() as one, b.client() as two:
        two.begin()
        one.begin()
        mark = lines()
        write(f"{PCI}/devices/{ONE}/reset", "1")
        t.equal("a function that was reset tells its driver so", one.status(), DONE | c.NEEDS_RESET)
        t.check("and the log says so", "has forgotten what it was told" in since(mark), since(mark))
    with Device("h0", ONE) as a, Device("h1", TWO) as b, b.client() as two:
        with a.client() as one:
            two.begin()
            one.begin()
            t.equal("a driver that begins anew can use it", pump(one, two, 32), None)
            config = f"{PCI}/devices/{ONE}/config"
            with open(config, "r+b", buffering=0) as file:
                file.seek(4)
                command = file.read(2)
                file.seek(4)
                file.write(bytes(2))
                t.equal("one whose registers do not answer needs a reset", one.status(),
                        DONE | c.NEEDS_RESET)
                one.queues[1].notify()
                size, = struct.unpack("I", one.ioctl(c.GET_CONFIG_SIZE, bytes(4)))
                t.equal("its configuration is nothing", one.ioctl(
                    c.GET_CONFIG, struct.pack("II", 0, size) + b"\xff" * size)[8:], bytes(size))
                one.set_status(0)
                file.seek(4)
                file.write(command)
        with a.client() as one:
            one.begin()
            t.equal("when they do again, it works", one.status(), DONE)


def kernel_driver(t):
    """Driven by virtio_net of this kernel, whose memory is behind the IOMMU as well."""
    subprocess.run(["modprobe", "-a", "virtio_net", "virtio_vdpa"], check=True)
    with Device("h0", ONE), Device("h1", TWO) as b, b.client() as two:
        write("/sys/bus/vdpa/devices/h0/driver/unbind", "h0")
        write("/sys/bus/vdpa/drivers/virtio_vdpa/bind", "h0")
        # Below who does its DMA.
        wait_for(lambda: glob.glob(f"{PCI}/devices/{ONE}/virtio*/net/*"))
        net = os.path.basename(glob.glob(f"{PCI}/devices/{ONE}/virtio*/net/*")[0])
        with open(f"/sys/class/net/{net}/address", encoding="ascii") as file:
            t.equal("it has the hardware's address", file.read(), "52:54:00:00:0a:01\n")
        # It would send frames of its own, where the kernel has it.
        ipv6 = f"/proc/sys/net/ipv6/conf/{net}/disable_ipv6"
        if os.path.exists(ipv6):
            write(ipv6, "1")
        subprocess.run(["ip", "link", "set", "dev", net, "up"], check=True)
        two.begin()
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x0300) as port:
            port.bind((net, 3))
            port.settimeout(c.WAIT)
            for n in range(20):
                out = frame(b"\x52\x54\0\0\x0a\2", b"\x52\x54\0\0\x0a\1", n, 60 + 70 * n)
                two.room()
                port.send(out)
                back = frame(b"\x52\x54\0\0\x0a\1", b"\x52\x54\0\0\x0a\2", n, 60 + 70 * n)
                got = two.received()
                two.send(back)
                if (got, port.recv(2048)) != (out, back):
                    t.check("virtio_net drives it: 20 frames arrive each way", False, f"frame {n}")
                    break
            else:
                t.check("virtio_net drives it: 20 frames arrive each way", True)


def qmp(path, command, arguments):
    """What QEMU answers."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(c.WAIT)
        s.connect(path)
        with s.makefile("rw", encoding="utf-8") as file:
            for what in ({"execute": "qmp_capabilities"},
                         {"execute": command, "arguments": arguments}):
                file.write(json.dumps(what) + "\n")
                file.flush()
                # There is a greeting, and there are events.
                while "return" not in (got := json.loads(file.readline())) and "error" not in got:
                    pass
    return got


def guest(t):
    """QEMU around it, whose firmware asks the network for something to boot."""
    with Device("h0", ONE), Device("h1", TWO) as b, b.client() as two:
        two.begin()
        for _ in range(c.RING):
            two.room()
        c.WAIT = 300    # an emulator inside of an emulator
        with subprocess.Popen(
                ["qemu-system-x86_64", "-nodefaults", "-m", "64", "-display", "none",
                 "-qmp", "unix:/tmp/h0.qmp,server=on,wait=off",
                 "-netdev", f"vhost-vdpa,id=net,vhostdev={node('h0')}",
                 "-device", "virtio-net-pci,netdev=net,disable-legacy=on,page-per-vq=on"],
                text=True, stderr=subprocess.PIPE) as qemu:
            try:
                for _ in range(8 * c.RING):
                    got = two.received()
                    two.room()
                    # IPv4, UDP, from port 68 to port 67
                    if got[12:14] == b"\x08\0" and got[23] == 17 and got[34:38] == b"\0\x44\0\x43":
                        t.check("a guest of QEMU asks for an address", True)
                        break
                else:
                    t.check("a guest of QEMU asks for an address", False, got.hex())
                got = qmp("/tmp/h0.qmp", "migrate", {"uri": "exec:cat >/dev/null"})
                t.check("QEMU does not migrate it, and says why",
                        "migrat" in got.get("error", {}).get("desc", "").lower(), got)
            except TimeoutError as e:
                t.check("a guest of QEMU asks for an address", False, e)
            finally:
                qemu.terminate()
                c.WAIT = 30
            t.note(qemu.stderr.read())


def again(t):
    """Many times over, and nothing stays."""
    for n in range(60):
        if add("h0", ONE).returncode or tool("dev", "del", "h0").returncode:
            t.check("60 devices are made and deleted", False, f"number {n}")
            return
    t.check("60 devices are made and deleted", True)
    for n in range(20):
        unbind(ONE)
        if not bind(ONE):
            t.check("bound and unbound 20 times", False, f"number {n}")
            return
    t.check("bound and unbound 20 times", True)
    for n in range(20):
        with Device("h0", ONE) as a, a.client() as client:
            client.begin()
            if client.status() != DONE:
                t.check("opened, begun and closed 20 times", False, f"number {n}")
                return
    t.check("opened, begun and closed 20 times", True)
    t.equal("no interrupt is left", interrupts(ONE), [])
    tool("dev", "add", "name", "h0", "mgmtdev", f"pci/{ONE}")
    got = subprocess.run(["rmmod", MODULE], text=True, capture_output=True, check=False)
    t.equal("rmmod takes devices with it that nobody has open", (got.returncode, got.stderr), (0, ""))
    t.equal("nothing of it is left", (os.listdir("/sys/bus/vdpa/devices"), interrupts(ONE)), ([], []))
    write(f"{PCI}/devices/{ONE}/driver_override", "virtio-pci")
    write(f"{PCI}/drivers_probe", ONE)
    t.equal("and its own driver takes the function back", driver(ONE), "virtio-pci")


PARTS = [traffic, doorbells, outside, calls, removal, lost, kernel_driver, guest]
LAST = [again]
