# SPDX-License-Identifier: MIT
"""Stores through shared mappings reach the disk by each trigger of writeback.

writeback.c stores, triggers, says "ready"; then QEMU is killed, which is a power cut to the disk,
and the files' bytes are read from the image.  Nobody recovers anything before.
"""

import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ext4read import Ext4
from harness import LIMIT, TARN, disk_copy, image, small_root, static_program

SIZE = 2 << 20


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("writeback")
    return image(str(small_root(where, static_program("writeback.c", where))))


def qemu_of(tarn: int) -> int:
    for pid in Path(f"/proc/{tarn}/task/{tarn}/children").read_text(encoding="ascii").split():
        if b"qemu" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return int(pid)
    raise AssertionError("no QEMU under tarn")


def run_until_ready(disk: Path, trigger: str, seconds: int, memory: str = "256M") -> None:
    """Kills QEMU at the word "ready"."""
    with subprocess.Popen([TARN, "run", "--disk", str(disk), "--smp", "2", "--mem", memory,
                           "--timeout", str(LIMIT), "--", "/bin/writeback", "/data", trigger,
                           str(seconds)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as machine:
        line = machine.stdout.readline()
        if line == "ready\n":
            os.kill(qemu_of(machine.pid), signal.SIGKILL)
        errors = machine.stderr.read()
        machine.wait(timeout=LIMIT)
    assert line == "ready\n", f"{line}{errors}"


def check(disk: Path, *names: str) -> None:
    fs = Ext4(disk)
    for name in names:
        node = fs.lookup(b"/data/" + name.encode())
        assert node.size == SIZE, name
        data = fs.read(node)
        lost = [i // 4096 for i in range(0, SIZE, 4096) if data[i:i + 4096] != b"n" * 4096]
        assert not lost, f"{name}: {len(lost)} pages are not on the disk: {lost[:8]}"


@pytest.mark.parametrize("trigger", ["msync", "fsync", "fdatasync", "sync", "busy", "syncfs"])
def test_on_demand(small_disk: Path, tmp_path: Path, trigger: str) -> None:
    disk = disk_copy(small_disk, tmp_path)
    run_until_ready(disk, trigger, 0)
    check(disk, "old", "hole")


def test_by_memory_pressure(small_disk: Path, tmp_path: Path) -> None:
    """Pages that left memory are on the disk.  The hole's blocks are then allocated, but how to find
    them is metadata, which nobody has asked for yet."""
    disk = disk_copy(small_disk, tmp_path)
    run_until_ready(disk, "pressure", 0, "96M")
    check(disk, "old")


def test_within_30_seconds_by_itself(small_disk: Path, tmp_path: Path) -> None:
    """After munmap on one machine, after exit on another, at the same time."""
    disks = {}
    for trigger in ("munmap", "exit"):
        (tmp_path / trigger).mkdir()
        disks[trigger] = disk_copy(small_disk, tmp_path / trigger)
    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(run_until_ready, disk, trigger, 30) for trigger, disk in disks.items()]
        for run in runs:
            run.result()
    for disk in disks.values():
        check(disk, "old", "hole")


def test_sooner_by_the_settings(small_disk: Path, tmp_path: Path) -> None:
    """The flusher may sleep its old five seconds once more before it looks at its settings."""
    disk = disk_copy(small_disk, tmp_path)
    run_until_ready(disk, "settings", 9)
    check(disk, "old", "hole")


def test_nothing_without_a_trigger(small_disk: Path, tmp_path: Path) -> None:
    """The test can fail: stores that nobody asked for are not on the disk at once."""
    disk = disk_copy(small_disk, tmp_path)
    run_until_ready(disk, "munmap", 0)
    with pytest.raises(AssertionError):
        check(disk, "old")
