# SPDX-License-Identifier: MIT
"""The small initramfs that starts a machine: tarn-init, its orders, a Linux kernel's modules.

Format: cpio "newc" (070701), what Linux and Tarn unpack.  tarn-init reads its orders from
/tarn.cfg; the keys are listed in tools/init/init.h.
"""

import fcntl
import os
import stat
from pathlib import Path

from . import paths
from .ui import run_tool


def header(name: str, mode: int, size: int, mtime: int = 0, inode: int = 0, links: int = 1,
           rdev: tuple[int, int] = (0, 0)) -> bytes:
    """The header of a newc entry with its name, padded to where the content begins."""
    raw = os.fsencode(name) + b"\0"
    fields = (inode, mode, 0, 0, links, mtime, size, 0, 0, *rdev, len(raw), 0)
    out = b"070701" + b"".join(b"%08x" % f for f in fields) + raw
    return out + b"\0" * (-len(out) % 4)


class Cpio:
    """A newc archive in memory."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.inode = 0

    def add(self, name: str, mode: int, body: bytes = b"", rdev: tuple[int, int] = (0, 0)) -> None:
        self.inode += 1
        links = 2 if stat.S_ISDIR(mode) else 1
        self.data += header(name, mode, len(body), 0, self.inode, links, rdev) + body
        self.data += b"\0" * (-len(self.data) % 4)

    def finish(self) -> bytes:
        self.inode = -1
        self.add("TRAILER!!!", 0)
        return bytes(self.data)


def init_program() -> Path:
    """tarn-init, compiled when it is missing or older than its sources."""
    sources = sorted((paths.TREE / "tools" / "init").glob("*.[ch]"))
    program = paths.build_dir() / "tools" / "tarn-init"
    program.parent.mkdir(parents=True, exist_ok=True)
    with open(program.with_suffix(".lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists() or program.stat().st_mtime < max(
                s.stat().st_mtime for s in sources):
            fresh = program.with_suffix(".new")
            run_tool(["musl-gcc", "-static", "-Os", "-Wall", "-Wextra", "-Werror",
                      "-o", str(fresh), *(str(s) for s in sources if s.suffix == ".c")],
                     "cannot build tarn-init")
            os.replace(fresh, program)
    return program


def module_files(kernel: Path) -> list[Path]:
    """A Linux kernel's modules, as tools/linux-kernel leaves them beside it.  Tarn has none."""
    return sorted((kernel.parent / "modules").glob("*.ko")) if is_bzimage(kernel) else []


def is_bzimage(kernel: Path) -> bool:
    with open(kernel, "rb") as f:
        f.seek(0x202)
        return f.read(4) == b"HdrS"


def build(kernel: Path, orders: list[tuple[str, str]]) -> bytes:
    cpio = Cpio()
    for name in ("dev", "proc", "sys", "newroot"):
        cpio.add(name, stat.S_IFDIR | 0o755)
    cpio.add("dev/console", stat.S_IFCHR | 0o600, rdev=(5, 1))
    cpio.add("init", stat.S_IFREG | 0o755, init_program().read_bytes())
    text = b"".join(f"{key}={value}".encode(errors="surrogateescape") + b"\0"
                    for key, value in orders)
    cpio.add("tarn.cfg", stat.S_IFREG | 0o600, text)
    modules = module_files(kernel)
    if modules:
        cpio.add("modules", stat.S_IFDIR | 0o755)
    for module in modules:
        cpio.add(f"modules/{module.name}", stat.S_IFREG | 0o644, module.read_bytes())
    return cpio.finish()
