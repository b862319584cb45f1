# SPDX-License-Identifier: MIT
"""The group `boot`: from QEMU's start to the first user instruction, and to a shell prompt.

Both kernels get the same disk (Debian's image, a throw-away overlay), the same machine and the same
small initramfs; Linux's also holds the virtio modules that Debian's kernel is built without.
"""

import os
import select
import stat
import subprocess
import tempfile
import time
from pathlib import Path

from tarn import images, initramfs, runner
from tarn.machine import Machine
from tarn.ui import Failure, run_tool

TREE = Path(__file__).resolve().parents[1]
LIMIT = 180.0
GOALS = {"first user instruction": b"first-user-instruction", "shell prompt": b"root@debian:"}


def first_initramfs(work: Path) -> bytes:
    program = work / "first"
    run_tool(["musl-gcc", "-static", "-Os", "-o", str(program), str(TREE / "bench/first.c")],
             "cannot build bench/first.c")
    cpio = initramfs.Cpio()
    cpio.add("dev", stat.S_IFDIR | 0o755)
    cpio.add("dev/console", stat.S_IFCHR | 0o600, rdev=(5, 1))
    cpio.add("init", stat.S_IFREG | 0o755, program.read_bytes())
    return cpio.finish()


def shell_initramfs(kernel: Path) -> bytes:
    orders = [("mode", "shell"), ("hostname", "debian"), ("shell", "/bin/bash"),
              *runner.environment("/bin/bash")]
    return initramfs.build(kernel, orders)


def seconds_until(machine: Machine, word: bytes) -> float:
    """From just before QEMU is started until @word has come over the serial line."""
    start = time.monotonic()
    qemu = subprocess.Popen([*machine.args(), "-serial", "stdio"], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            preexec_fn=runner.die_with_parent)
    seen = b""
    try:
        while word not in seen:
            left = start + LIMIT - time.monotonic()
            if left <= 0 or not select.select([qemu.stdout], [], [], left)[0]:
                raise Failure(f"{machine.kernel.name} did not get to {word!r} in {LIMIT:.0f} s")
            data = os.read(qemu.stdout.fileno(), 65536)
            if not data:
                raise Failure(f"{machine.kernel.name} stopped before {word!r}: {seen[-300:]!r}")
            seen += data
        return time.monotonic() - start
    finally:
        qemu.kill()
        qemu.wait()


def measure(kernel: Path, words: str, options) -> dict[str, float]:
    """One run on one side: nanoseconds until each goal."""
    disk, _ = images.image_for("debian", [])
    out = {}
    with tempfile.TemporaryDirectory(prefix="tarn-bench-") as tmp:
        initrd = Path(tmp) / "initrd"
        for goal, word in GOALS.items():
            if options.only not in goal:
                continue
            initrd.write_bytes(first_initramfs(Path(tmp)) if "first" in goal
                               else shell_initramfs(kernel))
            machine = Machine(kernel, options.machine, options.smp, options.mem, initrd=initrd,
                              disk=disk, append=f"root=/dev/vda rw console=ttyS0 quiet {words}".strip())
            out[goal] = seconds_until(machine, word) * 1e9
    return out
