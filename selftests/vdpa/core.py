#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A vDPA device on a kernel whose vDPA bus is that of make vdpa-core: core.test's part in it."""
import glob
import os
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../peers"))

from device import FROM, TO, Device, frame, passes, wait_for  # noqa: E402
from ktap import Ktap  # noqa: E402


def by_client(t):
    with Device("w0") as d:
        for what in ("a client of vhost_vdpa", "the next one"):
            with d.client() as client:
                client.begin()
                passes(t, what, d, client)
        with open("/sys/kernel/debug/weft_vdpa/w0/device", encoding="ascii") as file:
            t.check("nothing that it mapped is left", "space.0 0 maps" in file.read())


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def by_kernel(t):
    """As virtio_net drives it by virtio_vdpa."""
    with Device("w0") as d:
        device = "/sys/bus/vdpa/devices/w0"
        write(device + "/driver/unbind", "w0")
        write("/sys/bus/vdpa/drivers/virtio_vdpa/bind", "w0")
        wait_for(lambda: glob.glob(device + "/virtio*/net/*"))
        name = os.path.basename(glob.glob(device + "/virtio*/net/*")[0])
        subprocess.run(["ip", "link", "set", "dev", name, "promisc", "on", "up"], check=True)
        d.carrier()
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0xb588) as port:
            port.bind((name, 0x88b5))
            port.settimeout(30)
            for n in range(20):
                port.send(frame(FROM, TO, n))
                while (got := d.port.recv(2048))[12:14] != b"\x88\xb5":
                    pass
                if not same(t, got, frame(FROM, TO, n), n):
                    return
                d.port.send(frame(TO, FROM, n))
                if not same(t, port.recv(2048), frame(TO, FROM, n), n):
                    return
        t.check("20 frames go each way by virtio_vdpa", True)


def same(t, got, want, n):
    return got == want or t.check("frames go each way by virtio_vdpa", False, f"frame {n}: {got}")


def main():
    with Ktap() as t:
        by_client(t)
        by_kernel(t)


if __name__ == "__main__":
    main()
