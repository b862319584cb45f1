# SPDX-License-Identifier: MIT
"""Each allocation of a mixed workload fails in turn (fail_sweep.c, on the debug kernel).  None of them may
panic, hang, give a wrong errno, kill a program or change a file; the disk is clean afterwards."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import ON_LINUX, TREE, fsck, good, tarn

pytestmark = pytest.mark.skipif(ON_LINUX, reason="the injector is Tarn's")

KERNEL = TREE / "build/debug/tarn.elf"
CFLAGS = ["-std=gnu17", "-static", "-O1", "-pthread", "-idirafter", "/usr/include", "-idirafter",
          "/usr/include/x86_64-linux-gnu"]


@pytest.fixture(scope="module")
def kernel() -> Path:
    subprocess.run(["make", "--no-print-directory", "-s", "-j2", "BUILD=debug", "kernel"], cwd=TREE,
                   timeout=900, check=True)
    return KERNEL


@pytest.fixture()
def disk(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for name in ("bin", "dev", "proc", "sys", "tmp", "root", "etc", "run"):
        (root / name).mkdir(parents=True)
    for program in ("fail_sweep", "fsync_without_memory"):
        source = Path(__file__).with_name(program + ".c")
        subprocess.run(["musl-gcc", *CFLAGS, "-o", root / "bin" / program, source], check=True)
    shutil.copy("/bin/busybox", root / "bin/busybox")
    for applet in ("sh", "cat", "ls"):
        (root / "bin" / applet).symlink_to("busybox")
    image = tmp_path / "disk.ext4"
    subprocess.run(["/sbin/mkfs.ext4", "-q", "-d", root, image, "96M"], check=True)
    return image


def sweep(kernel: Path, disk: Path, points: tuple[int, int, int], limit: int) -> None:
    result = tarn("--kernel", str(kernel), "--disk", str(disk), "--smp", "2", "--mem", "512M", "--",
                  "/bin/fail_sweep", *map(str, points), limit=limit)
    assert "not ok" not in result.text, result.text[-3000:]
    good(result)
    count = len(range(points[0], points[1] + 1, points[2]))
    assert f"{count} points, 0 bad" in result.text
    refused = re.findall(r"fail: .* gets no \d+ bytes", result.console)
    assert len(refused) == count, f"{len(refused)} of {count} allocations were refused"
    fsck(disk)


def test_two_hundred_failing_allocations(kernel: Path, disk: Path) -> None:
    sweep(kernel, disk, (1, 2000, 10), 600)


@pytest.mark.soak
def test_two_thousand_failing_allocations(kernel: Path, disk: Path) -> None:
    sweep(kernel, disk, (1, 2000, 1), 5400)


def test_injector_on_the_command_line(kernel: Path, disk: Path) -> None:
    """tarn.fail=N,M: from the first program on, every thread's, again and again."""
    result = tarn("--kernel", str(kernel), "--disk", str(disk), "--append", "tarn.fail=3000,100", "--",
                  "/bin/sh", "-c",  # without fork, whose failure would end the shell
                  "i=0; while [ $i -lt 1500 ]; do true >/tmp/f$i; i=$((i+1)); done 2>/dev/null; true")
    assert "Kernel panic" not in result.console, result.explain()
    assert len(re.findall(r"fail: .* gets no \d+ bytes", result.console)) >= 2, result.explain()
    fsck(disk)


def test_fsync_without_memory_loses_nothing(kernel: Path, disk: Path) -> None:
    result = good(tarn("--kernel", str(kernel), "--disk", str(disk), "--", "/bin/fsync_without_memory", "20"))
    assert int(re.match(r"(\d+) were refused\n", result.text)[1]) > 0, result.text
    assert len(re.findall(r"gets no .* < ext4_fsync", result.console)) >= 3, result.explain()
    fsck(disk)
