# SPDX-License-Identifier: GPL-2.0
"""The initramfs: busybox, the modules that mounting a root takes, and the job."""

import hashlib
import lzma
import os
import shutil
import subprocess
import tempfile

from .cpio import Archive

HERE = os.path.dirname(os.path.abspath(__file__))
BUSYBOX = "/bin/busybox"
SIGNED = b"~Module signature appended~\n"
MODULES = ("virtio_pci", "virtio_ccw", "virtio_console", "9p", "9pnet_virtio", "overlay")


def _closure(moddir, wanted):
    """Paths below moddir of the wanted modules, dependencies first."""
    deps, path_of = {}, {}
    with open(os.path.join(moddir, "modules.dep"), encoding="utf-8") as f:
        for line in f:
            path, _, rest = line.partition(":")
            deps[path] = rest.split()
            path_of[os.path.basename(path).split(".")[0].replace("-", "_")] = path
    order = []
    for name in wanted:
        path = path_of.get(name)
        if path is None:
            continue  # built in
        # modules.dep lists the nearest dependency first.
        for p in list(reversed(deps[path])) + [path]:
            if p not in order:
                order.append(p)
    return order


def _without_btf(data):
    """The same with its type data under a name that the kernel does not know.

    It would read that at load: a sixth of all that an emulated boot takes. The
    signature, which it would not fit any more, goes too; it need not be there.
    """
    if data.endswith(SIGNED):
        end = len(data) - len(SIGNED)
        data = data[:end - 12 - int.from_bytes(data[end - 4:end], "big")]
    return data.replace(b"\0.BTF\0", b"\0.btf\0")


def _plain(path):
    """The module as the kernel wants it, with no compression."""
    with open(path, "rb") as f:
        data = f.read()
    if path.endswith(".xz"):
        return lzma.decompress(data)
    if path.endswith(".zst"):
        return subprocess.run(["zstd", "-dqc", path], check=True, stdout=subprocess.PIPE).stdout
    return data


def base(moddir, cache, root=""):
    """The part that is the same for every job, made once and kept in the cache."""
    kver = os.path.basename(moddir)
    with open(os.path.join(HERE, "init"), "rb") as f:
        init = f.read()
    with open(__file__, "rb") as f:
        ours = f.read()
    busybox = root + BUSYBOX if root else \
        shutil.which("busybox", path="/bin:/usr/bin:/usr/local/bin") or BUSYBOX
    st = os.stat(busybox)
    key = hashlib.sha256(b"%s %r %d %d " % (kver.encode(), MODULES, st.st_size, st.st_mtime_ns) + init + ours)
    kept = os.path.join(cache, f"initramfs-{kver}-{key.hexdigest()[:16]}")
    try:
        with open(kept, "rb") as f:
            return f.read()
    except FileNotFoundError:
        pass

    a = Archive()
    for d in ("proc", "sys", "dev", "mnt"):
        a.folder(d)
    with open(busybox, "rb") as f:
        a.file("bin/busybox", f.read(), 0o755)
    a.file("init", init, 0o755)
    order = _closure(moddir, MODULES)
    names = []
    for path in order:
        name = os.path.basename(path).split(".")[0] + ".ko"
        a.file("modules/" + name, _without_btf(_plain(os.path.join(moddir, path))))
        names.append(name)
    a.file("modules/order", ("\n".join(names) + "\n").encode())
    data = a.bytes()

    os.makedirs(cache, exist_ok=True)
    fd, tmp = tempfile.mkstemp(dir=cache, prefix="initramfs.")
    with os.fdopen(fd, "wb") as f:
        f.write(data)
    os.replace(tmp, kept)
    # Those of older kernels and older init scripts are of no use any more.
    for name in os.listdir(cache):
        if name.startswith(f"initramfs-{kver}-") and os.path.join(cache, name) != kept:
            try:
                os.unlink(os.path.join(cache, name))
            except FileNotFoundError:
                pass
    return data


def job(files):
    """A second archive, unpacked over the first: what this run is about."""
    a = Archive()
    for name, text in files.items():
        a.file("job/" + name, text.encode(), 0o755)
    return a.bytes()
