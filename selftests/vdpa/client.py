# SPDX-License-Identifier: GPL-2.0
"""A client of /dev/vhost-vdpa-N that is driver and VMM at once, with split rings.

    with Client("/dev/vhost-vdpa-0") as c:
        c.begin()               # owner, features, memory, all rings, DRIVER_OK
        c.send(frame)
        frame = c.receive(1)

Memory is one piece that the device sees at IOVA. Numbers are those of
<linux/vhost.h>, <linux/vhost_types.h> and <linux/virtio_net.h>.
"""
import ctypes
import errno
import fcntl
import mmap
import os
import select
import struct

IOVA = 0x40000000
SIZE = 1 << 20
RING = 16           # descriptors
HEADER = 12         # bytes before each frame
WAIT = 30 * float(os.environ.get("WEFT_PATIENCE") or 1)  # seconds for what has to come

ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK, NEEDS_RESET = 1, 2, 4, 8, 64
MAC, STATUS, CTRL_VQ, MQ, VERSION_1, PLATFORM, PACKED = 5, 16, 17, 22, 32, 33, 34
ALWAYS = 1 << VERSION_1 | 1 << PLATFORM | 1 << MAC | 1 << STATUS

# Backend features
MSG_V2, BATCH, ASID, SUSPEND, RESUME, LATE_ENABLE = 1, 2, 3, 4, 5, 6

SET_OWNER, VDPA_SUSPEND, VDPA_RESUME = 0xAF01, 0xAF7D, 0xAF7E
GET_FEATURES, SET_FEATURES = 0x8008AF00, 0x4008AF00
SET_NUM, SET_ADDR, SET_BASE, GET_BASE = 0x4008AF10, 0x4028AF11, 0x4008AF12, 0xC008AF12
SET_KICK, SET_CALL = 0x4008AF20, 0x4008AF21
SET_BACKEND, GET_BACKEND = 0x4008AF25, 0x8008AF26
GET_ID, GET_STATUS, SET_STATUS = 0x8004AF70, 0x8001AF71, 0x4001AF72
GET_CONFIG, SET_CONFIG = 0x8008AF73, 0x4008AF74
SET_ENABLE, GET_NUM_MAX, SET_CONFIG_CALL = 0x4008AF75, 0x8002AF76, 0x4004AF77
GET_CONFIG_SIZE, GET_AS_NUM, GET_VQS = 0x8004AF79, 0x8004AF7A, 0x8004AF80
GET_GROUP, SET_GROUP_ASID = 0xC008AF7B, 0x4008AF7C

DESC_WRITE = 2
IOTLB_UPDATE, IOTLB_INVALIDATE, BATCH_BEGIN, BATCH_END = 2, 3, 5, 6
RO, RW = 1, 3       # how the device may access what is mapped


class Queue:
    """A split ring of 16 descriptors, with a buffer of 4 KiB for each."""

    def __init__(self, client, index, at=None):
        self.client, self.index = client, index
        self.at = index % 2 * 0x20000 if at is None else at
        self.desc, self.avail, self.used = self.at, self.at + 0x400, self.at + 0x800
        self.buffers = self.at + 0x1000
        self.next, self.seen = 0, 0
        self.kick, self.call = os.eventfd(0, os.EFD_NONBLOCK), os.eventfd(0, os.EFD_NONBLOCK)
        self.watched = [self.call]
        self.doorbell = None    # a page of the device that is written to instead of the eventfd

    def setup(self, base=0):
        c = self.client
        c.ioctl(SET_NUM, struct.pack("II", self.index, RING))
        c.ioctl(SET_BASE, struct.pack("II", self.index, base))
        c.ioctl(SET_ADDR, struct.pack("IIQQQQ", self.index, 0, IOVA + self.desc,
                                      IOVA + self.used, IOVA + self.avail, 0))
        c.ioctl(SET_KICK, struct.pack("Ii", self.index, self.kick))
        c.ioctl(SET_CALL, struct.pack("Ii", self.index, self.call))

    def notify(self):
        if self.doorbell:
            ctypes.c_uint16.from_buffer(self.doorbell).value = self.index
        else:
            os.eventfd_write(self.kick, 1)

    def offer(self, address, size, write, kick=True):
        """Makes one buffer available, and kicks."""
        slot = self.next % RING
        self.client.put(self.desc + 16 * slot,
                        struct.pack("<QIHH", address, size, DESC_WRITE if write else 0, 0))
        self.client.put(self.avail + 4 + 2 * slot, struct.pack("<H", slot))
        self.next += 1
        self.client.put(self.avail + 2, struct.pack("<H", self.next & 0xffff))
        if kick:
            self.notify()
        return slot

    def count(self):
        return struct.unpack("<H", self.client.get(self.used + 2, 2))[0]

    def wait(self):
        """The next used buffer: (slot, bytes); raises TimeoutError if there is none."""
        while self.count() == self.seen & 0xffff:
            ready = select.select(self.watched, [], [], WAIT)[0]
            if not ready:
                raise TimeoutError(f"queue {self.index}: nothing was used in {WAIT} s")
            for fd in ready:
                os.eventfd_read(fd)
        got = struct.unpack("<II", self.client.get(self.used + 4 + 8 * (self.seen % RING), 8))
        self.seen += 1
        return got

    def close(self):
        if self.doorbell:
            self.doorbell.close()   # a mapping of the device keeps it open
        os.close(self.kick)
        os.close(self.call)


class Client:
    def __init__(self, node):
        self.fd = os.open(node, os.O_RDWR)
        self.memory = mmap.mmap(-1, SIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.address = self.address_of(self.memory)
        self.queues = []

    @staticmethod
    def address_of(memory):
        return ctypes.addressof(ctypes.c_char.from_buffer(memory))

    def share(self, fd, prot=mmap.PROT_READ | mmap.PROT_WRITE):
        """Has a file as its memory, which may be one that it cannot write to."""
        libc = ctypes.CDLL(None, use_errno=True)
        libc.mmap.restype = ctypes.c_void_p
        libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int,
                              ctypes.c_int, ctypes.c_long)
        self.address = libc.mmap(None, SIZE, prot, mmap.MAP_SHARED, fd, 0)
        if self.address == ctypes.c_void_p(-1).value:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def ioctl(self, request, data=b"", mutate=False):
        buf = bytearray(data)
        fcntl.ioctl(self.fd, request, buf, True) if buf else fcntl.ioctl(self.fd, request)
        return bytes(buf)

    def error(self, request, data=b""):
        """The name of the error that an ioctl ends with; '' if it succeeds."""
        try:
            self.ioctl(request, data)
        except OSError as e:
            return errno.errorcode[e.errno]
        return ""

    def get(self, at, size):
        return ctypes.string_at(self.address + at, size)

    def put(self, at, data):
        ctypes.memmove(self.address + at, data, len(data))

    def iotlb(self, kind, iova=0, size=0, address=0, asid=0, access=RW):
        os.write(self.fd, struct.pack("<IIQQQBB6x32x", 2, asid, iova, size, address, access, kind))

    def map(self):
        self.iotlb(IOTLB_UPDATE, IOVA, SIZE, self.address)

    def status(self):
        return self.ioctl(GET_STATUS, b"\0")[0]

    def set_status(self, value):
        self.ioctl(SET_STATUS, bytes([value]))

    def features(self, wanted):
        offered, = struct.unpack("Q", self.ioctl(GET_BACKEND, bytes(8)))
        self.ioctl(SET_BACKEND, struct.pack("Q", offered & sum(
            1 << n for n in (MSG_V2, BATCH, ASID, SUSPEND, RESUME, LATE_ENABLE))))
        self.set_status(0)
        self.set_status(ACKNOWLEDGE | DRIVER)
        self.ioctl(SET_FEATURES, struct.pack("Q", wanted))
        self.set_status(ACKNOWLEDGE | DRIVER | FEATURES_OK)

    def begin(self, wanted=ALWAYS, memory=True, bases=(0, 0), late=False):
        self.ioctl(SET_OWNER)
        self.features(wanted)
        if memory:
            self.map()
        self.begin_rings(bases, late)

    def begin_rings(self, bases=(0, 0), late=False):
        self.queues = [Queue(self, n) for n in range(2)]
        for queue, base in zip(self.queues, bases):
            queue.setup(base)
        order = (self.enable, self.go) if not late else (self.go, self.enable)
        for step in order:
            step()

    def enable(self):
        for queue in self.queues:
            self.ioctl(SET_ENABLE, struct.pack("II", queue.index, 1))

    def go(self):
        self.set_status(ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK)

    def send(self, frame):
        tx = self.queues[1]
        at = tx.buffers + 0x1000 * (tx.next % RING)
        self.put(at, bytes(HEADER) + frame)
        tx.offer(IOVA + at, HEADER + len(frame), False)
        tx.wait()

    def room(self):
        rx = self.queues[0]
        rx.offer(IOVA + rx.buffers + 0x1000 * (rx.next % RING), 0x1000, True)

    def received(self):
        rx = self.queues[0]
        slot, size = rx.wait()
        return self.get(rx.buffers + 0x1000 * slot + HEADER, size - HEADER)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.fd)
        for queue in self.queues:
            queue.close()
