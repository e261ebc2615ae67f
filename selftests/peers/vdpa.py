# SPDX-License-Identifier: GPL-2.0
"""Guests with a stock virtio-net on vDPA devices, beside guests on other things.

    with VdpaNet() as net:
        a = net.vdpa("a", "10.9.0.1", options=",packed=on")
        b = net.guest("b", "10.9.0.2")          # on /dev/vhost-weft
        c = net.tap("c", "10.9.0.3")            # without vhost

All are on one bridge: a vDPA device by its representor, which has its name.
"""
import glob
import os
import subprocess
import sys

sys.dont_write_bytecode = True

from vhost import Net, NetGuest, counters, open_tap, until  # noqa: E402

COUNTERS = "/sys/kernel/debug/weft_vdpa"


def tool(*args):
    """What the stock tool says; its error, if it fails. See newest.sh for the newest one."""
    root = os.environ.get("WEFT_NEWEST")
    return subprocess.run([*(("chroot", root) if root else ()), "vdpa", *args], check=True,
                          text=True, stdout=subprocess.PIPE).stdout


def functions():
    """The management devices of ours, as the tool names them."""
    found = []
    for path in sorted(glob.glob("/sys/bus/pci/drivers/weft_vdpa/*:*:*.*")):
        found.append("pci/" + os.path.basename(path))
    return found


class OtherGuest(NetGuest):
    """A guest with any -netdev; its port on the bridge is self.tap."""

    def __init__(self, name, address, port, netdev, fds=(), pairs=1, options="",
                 state=None):
        self.name, self.address, self.pairs, self.options = name, address, pairs, options
        self.tap, self.taps, self.lines, self.folders = port, list(fds), [], []
        number = ord(name[0]) - ord("a") + 1
        device = (f"virtio-net-pci,id=nic,netdev=net,disable-legacy=on,romfile=,"
                  f"mac=52:54:00:09:00:{number:02x}"
                  + ("" if pairs == 1 else f",mq=on,vectors={2 * pairs + 2}") + options)
        super(NetGuest, self).__init__([device], os.environ["WEFT_GUEST_SAVED"], state=state,
                                       extra=["-netdev", netdev], fds=list(fds))


class VdpaGuest(OtherGuest):
    """A guest on a device of weft_vdpa, which is deleted with it."""

    def __init__(self, name, address, function, pairs=1, options="", netdev="",
                 features=None, state=None):
        self.device = "weft-" + name
        number = ord(name[0]) - ord("a") + 1
        tool("dev", "add", "name", self.device, "mgmtdev", function,
             "mac", f"52:54:00:09:00:{number:02x}", *(("max_vqp", str(pairs)) if pairs > 1 else ()),
             *(("device_features", hex(features)) if features else ()))
        try:
            super().__init__(name, address, self.device,
                             f"vhost-vdpa,id=net,vhostdev={self.node_of()}"
                             + (f",queues={pairs}" if pairs > 1 else "") + netdev,
                             pairs=pairs, options=options, state=state)
        except BaseException:
            tool("dev", "del", self.device)
            raise

    def node_of(self):
        """The character device; the driver of the bus is to be vhost_vdpa."""
        folder = f"/sys/bus/vdpa/devices/{self.device}"
        bound = os.path.basename(os.path.realpath(folder + "/driver"))
        if bound != "vhost_vdpa":
            raise RuntimeError(f"{self.device} is driven by {bound}")
        return until(f"a node of {self.device}", lambda: [
            node for path in glob.glob(folder + "/vhost-vdpa-*")
            if os.path.exists(node := "/dev/" + os.path.basename(path))])[0]

    def queue(self, number):
        return counters(os.path.join(COUNTERS, self.device), f"queue{number}")

    def end(self):
        super().end()
        if self.device:
            tool("dev", "del", self.device)
        self.device = None


class VdpaNet(Net):
    def __init__(self):
        # Before any device is made: the first driver gets it.
        subprocess.run(["modprobe", "-a", "vdpa", "vhost_vdpa"], check=True)
        super().__init__()

    def vdpa(self, name, address, **options):
        taken = os.listdir(COUNTERS)
        function = functions()[len(taken)]
        self.guests[name] = guest = VdpaGuest(name, address, function, **options)
        self.plug(guest.tap)
        return guest

    def tap(self, name, address):
        fd = open_tap("weft-" + name, False)
        self.guests[name] = guest = OtherGuest(
            name, address, "weft-" + name, f"tap,id=net,vhost=off,fd={fd}", fds=[fd])
        self.plug(guest.tap)
        return guest


def counted(t, kind, guest, packed, size=0):
    """What the device itself counted of a guest's frames, and on which ring."""
    queues = [guest.queue(n) for n in range(2 * guest.pairs)]
    t.equal(f"{kind}: {guest.name}'s rings are of that kind", [q["ring"] for q in queues],
            ["packed" if packed else "split"] * len(queues))
    for name, first in (("rx", 0), ("tx", 1)):
        total = sum(int(q["bytes"]) for q in queues[first::2])
        t.check(f"{kind}: {guest.name}'s {name} counted all bytes", total > size, queues)
    t.check(f"{kind}: {guest.name}'s rings have no fault", all(
        q["fault"] == "none" and not any(int(v) for k, v in q.items() if k.startswith("fault."))
        for q in queues), queues)
