# SPDX-License-Identifier: MIT
"""What cannot boot says why in one clear line and ends, within seconds, with a status.

These are promises of Tarn's own (Linux waits for ever), so they do not run on Linux's kernel.  The
kernel is started without tarn-init: it must find the disk and the init itself.
"""

import subprocess
import time
from pathlib import Path

import pytest

from harness import KERNEL, ON_LINUX, disk_copy, good, tarn
from tarn.machine import Machine

pytestmark = pytest.mark.skipif(ON_LINUX, reason="promises that Linux does not make")


def boot(disk: Path | None, append: str, kind: str = "q35") -> tuple[int, str]:
    """(QEMU's status, the console)"""
    machine = Machine(kernel=KERNEL, kind=kind, disk=disk, append=f"console=ttyS0 {append}",
                      mem="256M", extra=["-serial", "stdio"])
    start = time.monotonic()
    done = subprocess.run(machine.args(), stdin=subprocess.DEVNULL, text=True, errors="replace",
                          capture_output=True, timeout=60, check=False)
    assert time.monotonic() - start < 20, done.stdout
    return done.returncode, done.stdout


def fails_saying(outcome: tuple[int, str], *words: str) -> None:
    status, console = outcome
    assert status != 0, console[-3000:]
    lines = console.lower().splitlines()
    assert any(all(w in line for w in words) for line in lines), (words, console[-3000:])


def debugfs(disk: Path, *commands: str) -> None:
    subprocess.run(["/sbin/debugfs", "-w", "-f", "/dev/stdin", str(disk)], check=True,
                   input="\n".join(commands), text=True, capture_output=True)


@pytest.mark.parametrize("kind", ["q35", "microvm"])
def test_no_disk(kind: str) -> None:
    fails_saying(boot(None, "root=/dev/vda rw", kind), "root", "/dev/vda")


def test_no_root_word() -> None:
    fails_saying(boot(None, ""), "root")


def test_empty_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(16 << 20))
    fails_saying(boot(disk, "root=/dev/vda rw"), "root", "/dev/vda")


@pytest.mark.parametrize("at,what", [
    (1024 + 56, b"\0\0"),               # no magic
    (1024 + 4, b"\xff" * 4),            # more blocks than the disk has
    (1024 + 24, b"\x20\0\0\0"),         # an impossible block size
    (1024 + 32, b"\0\0\0\0"),           # no blocks in a group
    (1024 + 96, b"\xff\xff\xff\x7f"),   # features nobody knows
    (1024 + 1020, b"\x12\x34\x56\x78"), # a wrong checksum
])
def test_corrupt_superblock(alpine: Path, tmp_path: Path, at: int, what: bytes) -> None:
    disk = disk_copy(alpine, tmp_path)
    with open(disk, "r+b") as f:
        f.seek(at)
        f.write(what)
    fails_saying(boot(disk, "root=/dev/vda rw"), "vda")


def test_missing_init(alpine: Path, tmp_path: Path) -> None:
    fails_saying(boot(alpine, "root=/dev/vda rw init=/no/such/init"), "init")


def test_no_init_at_all(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    subprocess.run(["/sbin/mkfs.ext4", "-q", "-F", str(disk), "32M"], check=True)
    fails_saying(boot(disk, "root=/dev/vda rw"), "init")


@pytest.mark.parametrize("size", [0, 3, 40, 63, 64, 200, 5000])
def test_init_is_a_truncated_elf_file(alpine: Path, tmp_path: Path, size: int) -> None:
    disk = disk_copy(alpine, tmp_path)
    part = tmp_path / "part"
    part.write_bytes(Path("/bin/busybox").read_bytes()[:size])
    debugfs(disk, f"write {part} cut", "sif cut mode 0100755")
    fails_saying(boot(disk, "root=/dev/vda rw init=/cut"), "init")


def test_init_that_exits(alpine: Path) -> None:
    fails_saying(boot(alpine, "root=/dev/vda rw init=/bin/true"), "init")


@pytest.mark.parametrize("words", [
    "root=/dev/nonsense", "root=", "rootfstype=nonsense root=/dev/vda",
    "root=/dev/vda rootflags=nonsense=1", "root=/dev/vda init=",
])
def test_nonsense_on_the_command_line(alpine: Path, words: str) -> None:
    status, console = boot(alpine, words + " init=/bin/false")
    assert status != 0, console[-3000:]
    assert "root" in console.lower() or "init" in console.lower()


def test_unknown_words_do_no_harm(debian: Path) -> None:
    words = "a=b = == -- quiet quiet loglevel=zz panic= foo.bar=1 " + "x" * 300
    words = words.replace("-- ", "")
    good(tarn("debian", "--append", words, "--", "true"))


def test_tarn_says_what_happened(alpine: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(16 << 20))
    result = tarn("--disk", str(disk), "--", "true", log=False, limit=30)
    assert result.status == 125, result.explain()
    assert b"/dev/vda" in result.stderr
