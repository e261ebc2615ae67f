#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Guests on slices of one adapter: tenants.test's part in the QEMU host."""
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../peers"))

from guest import Guest, GuestError  # noqa: E402
from ktap import Ktap  # noqa: E402
from qtest import bind_adapter, create, text, vfio_pci  # noqa: E402

MIB = 1 << 20
SIZES = {"16m": 16 * MIB, "4m": 4 * MIB}
UUIDS = {"16m": "93e1c1f2-51f3-4f0b-9a0e-5b6d3c1f7a16",
         "4m": "93e1c1f2-51f3-4f0b-9a0e-5b6d3c1f7a04"}
WORDS = {"16m": "a5a5a5a5", "4m": "3c3c3c3c"}
PATIENCE = 300
SHOT = "/dev/shm/tenant.ppm"


def started(*kinds):
    guests = [Guest([vfio_pci(UUIDS[kind], "vgpu")], os.environ["WEFT_GUEST_SAVED"])
              for kind in kinds]
    for guest in guests:
        guest.start(PATIENCE)
    return guests


def modes_of(guest):
    """[(width, height)], and what else the guest said of its monitor."""
    lines = guest.do("modes", PATIENCE)
    modes = [tuple(map(int, m)) for m in re.findall(r"^mode (\d+)x(\d+)", "\n".join(lines), re.M)]
    return modes, lines


def largest(adapter, kind):
    """The max_resolution that the type promises."""
    said = text("/sys/class/mdev_bus", adapter, "mdev_supported_types", "weft_vgpu-" + kind,
                "description")
    return tuple(map(int, re.search(r"max_resolution=(\d+)x(\d+)", said).groups()))


def area(mode):
    return mode[0] * mode[1]


def adapter_and_modes(t, guest, kind, promised):
    found = guest.do("probe", PATIENCE)
    t.check(f"{kind}: bochs-drm binds it", "driver bochs-drm" in found, found)
    t.check(f"{kind}: its VRAM is the slice", any(l.endswith(f" vram {SIZES[kind]}")
                                                  for l in found), found)
    modes, lines = modes_of(guest)
    # bochs-drm takes no mode that would need more than half of the VRAM.
    t.check(f"{kind}: every mode fits the slice twice",
            modes and all(w * h * 8 <= SIZES[kind] for w, h in modes), modes)
    t.check(f"{kind}: no mode is larger than the type says",
            all(w <= promised[0] and h <= promised[1] for w, h in modes), modes)
    t.check(f"{kind}: the monitor is known by its EDID", any(
        re.match(r"edid (128|256|384) bytes", l) for l in lines), lines)
    return min(modes, key=area), max(modes, key=area)


def paints(t, guest, kind, mode):
    size = "%dx%d" % mode
    guest.do(f"paint:waves:{kind}:{size}", PATIENCE)
    guest.shot(SHOT)
    done = subprocess.run([os.environ["WEFT_CHECK_PICTURE"], "check", SHOT, "waves", kind],
                          stdout=subprocess.PIPE, text=True, check=False)
    t.check(f"{kind}: the screen shows what was painted at {size}",
            done.returncode == 0 and size in done.stdout, done.stdout)


def holds(t, guest, word, what):
    try:
        guest.do("expect:" + word, PATIENCE)
        t.check(what, True)
    except GuestError as error:
        t.check(what, False, error)


def main():
    guests = []
    with Ktap() as t:
        adapter = bind_adapter()
        promised = {kind: largest(adapter, kind) for kind in UUIDS}
        for kind, uuid in UUIDS.items():
            create(adapter, kind, uuid)
        try:
            guests += started(*UUIDS)
            big, small = guests
            for kind, guest in zip(UUIDS, guests):
                for mode in adapter_and_modes(t, guest, kind, promised[kind]):
                    paints(t, guest, kind, mode)
            for kind, guest in zip(UUIDS, guests):
                guest.do("fill:" + WORDS[kind], PATIENCE)
            for kind, guest in zip(UUIDS, guests):
                holds(t, guest, WORDS[kind], f"{kind}: its VRAM holds what it wrote, all over")
            big.end()       # as kill -9 does
            guests += started("16m")
            holds(t, guests[-1], "0", "16m: the next tenant finds nothing of the last one's")
            holds(t, small, WORDS["4m"], "4m: the neighbour noticed nothing")
        finally:
            for guest in guests:
                guest.end()


if __name__ == "__main__":
    main()
