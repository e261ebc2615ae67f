# SPDX-License-Identifier: GPL-2.0
"""The command line of QEMU, and whether KVM can be had."""

import os
import shlex
import subprocess

QEMU = {"x86_64": "qemu-system-x86_64"}.get(os.uname().machine, "qemu-system-" + os.uname().machine)

# Of machines of another architecture: the type, CPU and console. Theirs are all that
# it takes to emulate well, where what Debian's kernel needs is less than "max".
FOREIGN = {
    "aarch64": ("virt", "cortex-a72", "ttyAMA0"),
    "s390x": ("s390-ccw-virtio", "max", "ttysclp0"),
}


def kvm_works(vmlinuz, cache):
    """Tries it: /dev/kvm may be there, and still be unable to boot a kernel.

    The answer is remembered until this machine boots again.
    """
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as f:
        boot = f.read().strip()
    kept = os.path.join(cache, "kvm")
    try:
        with open(kept, encoding="ascii") as f:
            if (words := f.read().split()) and words[0] == boot:
                return words[1] == "works"
    except (OSError, IndexError):
        pass
    # With no root to mount, a kernel that boots ends in a panic, soon.
    cmd = [QEMU, "-accel", "kvm", "-cpu", "host", "-m", "512", "-nodefaults", "-no-user-config",
           "-display", "none", "-serial", "stdio", "-no-reboot", "-kernel", vmlinuz,
           "-append", "console=ttyS0 panic=-1 no_timer_check"]
    try:
        out = subprocess.run(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, timeout=15, check=False).stdout
    except (subprocess.TimeoutExpired, OSError):
        out = b""
    works = b"Unable to mount root fs" in out
    os.makedirs(cache, exist_ok=True)
    with open(kept, "w", encoding="ascii") as f:
        f.write(f"{boot} {'works' if works else 'fails'}\n")
    return works


def kernel_arguments(args, console="ttyS0"):
    words = [f"console={console}", "loglevel=5", "panic=-1", "panic_on_warn=1", "oops=panic",
             "no_timer_check", "mitigations=off", "watchdog_thresh=60",
             "rcupdate.rcu_cpu_stall_timeout=120"]
    if args.icount:
        words.append("nokaslr")
    return " ".join(words + args.append)


def uml_arguments(args, vmlinuz, initrd, files, ports):
    """The same for a kernel that is a process (see ../kernels).

    ports: as below, and 'console'. They are its serial lines, in this order.
    files: a folder for those that it makes.
    """
    cmd = [vmlinuz, f"mem={args.mem}M", f"initrd={initrd}", f"uml_dir={files}", "umid=weft",
           "con=null", "con0=fd:{0},fd:{0}".format(ports["console"]), "console=tty0", "ssl=null"]
    lines = [p for p in ports if p != "console"]
    cmd += [f"ssl{i}=fd:{ports[name]},fd:{ports[name]}" for i, name in enumerate(lines)]
    leaks = [] if any("kmemleak=" in a for a in args.append) else ["kmemleak=on"]
    return cmd + [f"weft.lines={','.join(lines)}"] + leaks + \
        kernel_arguments(args).replace("console=ttyS0 ", "").split()


def _quoted(path):
    """As QEMU wants a path among options that commas separate."""
    return path.replace(",", ",,")


def qemu_arguments(args, kvm, kernel, initrd, console, results, ports):
    """ports: {name: file descriptor} of virtio ports, with 'qmp' and 'tty' beside them."""
    foreign = kernel.get("QEMU")
    bus = "ccw" if foreign == "s390x" else "pci"
    tty = "ttyS0"
    cmd = ["qemu-system-" + foreign if foreign else QEMU, "-no-user-config", "-nodefaults",
           "-display", "none", "-no-reboot", "-name", "weft-host", "-m", str(args.mem)]
    threads = "multi" if args.parallel else "single"
    if foreign:
        kind, cpu, tty = FOREIGN[foreign]
        cmd += ["-machine", kind, "-accel", f"tcg,thread={threads}", "-cpu", cpu, "-smp", str(args.smp)]
    elif args.icount:
        cmd += ["-machine", args.machine, "-accel", "tcg", "-icount", "shift=0,sleep=off",
                "-cpu", "max,la57=off,-erms,-fsrm", "-smp", "1",
                "-rtc", "clock=vm,base=2026-01-01"]
    elif kvm:
        cmd += ["-machine", args.machine, "-accel", "kvm", "-cpu", "host", "-smp", str(args.smp)]
    else:
        # la57: a fifth level of page tables would only cost an emulator time.
        # One thread takes turns as all CPUs, unless races are wanted: with a
        # thread for each, a CPU may meet a breakpoint that code patching on
        # another has already taken away, and the kernel dies of it (QEMU 7.2).
        cmd += ["-machine", args.machine, "-accel", f"tcg,thread={threads}",
                "-cpu", "max,la57=off", "-smp", str(args.smp)]
    cmd += ["-kernel", kernel["VMLINUZ"], "-initrd", initrd, "-append", kernel_arguments(args, tty),
            "-chardev", f"file,id=console,path={_quoted(console)}", "-serial", "chardev:console"]
    # multidevs=remap: without it, inodes of different mounts collide in the machine.
    for tag, path, more in ("root", "/", ",readonly=on"), ("results", _quoted(results), ""):
        cmd += ["-fsdev", f"local,id={tag},path={path},security_model=none,multidevs=remap{more}",
                "-device", f"virtio-9p-{bus},fsdev={tag},mount_tag={tag}"]
    cmd += ["-device", f"virtio-serial-{bus},max_ports=16"]
    for name, fd in ports.items():
        cmd += ["-chardev", f"socket,id={name},fd={fd}"]
        if name == "qmp":
            cmd += ["-mon", "chardev=qmp,mode=control"]
        elif name == "tty":
            cmd += ["-device", "virtconsole,chardev=tty"]
        else:
            cmd += ["-device", f"virtserialport,chardev={name},name=weft.{name}"]
    if args.monitor:
        cmd += ["-qmp", f"unix:{_quoted(args.monitor)},server=on,wait=off"]
    for d in args.device:
        cmd += ["-device", d]
    for raw in args.qemu:
        cmd += shlex.split(raw)
    return cmd
