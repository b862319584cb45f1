# SPDX-License-Identifier: MIT
"""QEMU's command line for a machine that Tarn (or Linux, for comparison) runs on.

Three machines: q35 and pc have PCI, microvm has virtio-mmio.  microvm runs without ACPI: its
devices are then named on the kernel's command line by QEMU (virtio_mmio.device=), the only
description that needs no interpreter of AML, and powering off is a reset that -no-reboot turns
into QEMU's exit.  Debian's Linux kernel is built without that word, so a bzImage gets ACPI,
and a hint, because under emulation it finds nothing there to measure the TSC with.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

from . import initramfs

QEMU = os.environ.get("TARN_QEMU", "qemu-system-x86_64")
# Written by the kernel's panic; QEMU then exits with 2 * value + 1, which is never 0.
PANIC_PORT = "isa-debug-exit,iobase=0xf4,iosize=4"


@dataclass
class Machine:
    kernel: Path
    kind: str = "q35"
    smp: int = 1
    mem: str = "1G"
    cpu: str = "max"
    append: str = ""
    initrd: Path | None = None
    disk: Path | None = None
    throw_away: bool = True  # writes to disk go to an overlay that QEMU deletes at its end
    drives: list[Path] = field(default_factory=list)  # further disks; what is written is kept
    scratch: Path | None = None  # the last disk, only read: files to copy into the root
    net: str = "none"        # or user, or tap:NAME
    forwards: list[str] = field(default_factory=list)  # QEMU's hostfwd, for user
    mac: str = ""
    gdb: bool = False
    extra: list[str] = field(default_factory=list)

    def device(self, name: str, options: str = "") -> list[str]:
        bus = "device" if self.kind == "microvm" else "pci"
        return ["-device", f"virtio-{name}-{bus}" + (f",{options}" if options else "")]

    def args(self) -> list[str]:
        options, append = self.kind, self.append
        if self.kind == "microvm" and initramfs.is_bzimage(self.kernel):
            options, append = "microvm,acpi=on", f"tsc_early_khz={host_khz()} {append}"
        elif self.kind == "microvm":
            options = "microvm,acpi=off"
        out = [QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
               "-machine", options, "-accel", accelerator(), "-cpu", self.cpu,
               "-smp", str(self.smp), "-m", self.mem, "-device", PANIC_PORT,
               "-kernel", str(self.kernel), "-append", append]
        if self.kind == "microvm":
            out += ["-global", "virtio-mmio.force-legacy=false"]
        if self.initrd:
            out += ["-initrd", str(self.initrd)]
        out += ["-object", "rng-random,id=rng0,filename=/dev/urandom"]
        out += self.device("rng", "rng=rng0")
        if self.disk:
            mode = "snapshot=on" if self.throw_away else "cache=writeback"
            out += self._drive("root", self.disk, mode)
        for number, drive in enumerate(self.drives, 1):
            out += self._drive(f"drive{number}", drive, "cache=writeback")
        if self.scratch:
            out += self._drive("scratch", self.scratch, "readonly=on")
        if self.net != "none":
            out += self._network()
        if self.gdb:
            out += ["-s", "-S"]
        return out + self.extra

    def _network(self) -> list[str]:
        if self.net.startswith("tap:"):
            backend = f"tap,id=net0,ifname={self.net[4:]},script=no,downscript=no"
        else:
            backend = ",".join(["user,id=net0", *[f"hostfwd={f}" for f in self.forwards]])
        options = "netdev=net0" + (f",mac={self.mac}" if self.mac else "")
        if self.kind != "microvm":
            options += ",romfile="  # nothing boots from it
        return ["-netdev", backend, *self.device("net", options)]

    def _drive(self, name: str, disk: Path, mode: str) -> list[str]:
        file = str(disk).replace(",", ",,")
        kind = "qcow2" if is_qcow2(disk) else "raw"
        return ["-drive", f"file={file},format={kind},if=none,id={name},{mode}",
                *self.device("blk", f"drive={name}")]

    def ports(self, fds: dict[str, int]) -> list[str]:
        """virtio-serial ports, numbered from 1 in the order of @fds, each on a socket."""
        out = self.device("serial", f"max_ports={len(fds) + 1}")
        for number, (name, fd) in enumerate(fds.items(), 1):
            out += ["-chardev", f"socket,id={name},fd={fd}", "-device",
                    f"virtserialport,nr={number},chardev={name},name=tarn.{name}"]
        return out


def accelerator() -> str:
    """KVM only where the CPU says it can: /dev/kvm alone may open and then hang every guest."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        flags = next((line for line in f if line.startswith("flags")), "").split()
    if {"vmx", "svm"} & set(flags) and os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "kvm"
    return "tcg"


def host_khz() -> int:
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        line = next((line for line in f if line.startswith("cpu MHz")), "cpu MHz : 2000")
    return int(float(line.split(":")[1]) * 1000)


def is_qcow2(disk: Path) -> bool:
    with open(disk, "rb") as f:
        return f.read(4) == b"QFI\xfb"
