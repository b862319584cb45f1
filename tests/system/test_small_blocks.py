# SPDX-License-Identifier: MIT
"""Blocks smaller than a page, and block maps instead of extents: the ABI cases that are about a file's
blocks on disks of each kind, with e2fsck's word afterwards.

The stress against a model leaves its files for e2fsck; its operations are random writes, stores, holes,
fallocate, fsync and changes of size.
"""

import subprocess
from pathlib import Path

import pytest

from harness import ON_LINUX, TREE, fsck, good, small_root, tarn

pytestmark = pytest.mark.skipif(ON_LINUX, reason="Linux 6.1 shows what a mapping stored behind the end")

KINDS = {"ext4-1k": ["-t", "ext4", "-b", "1024"], "ext4-2k": ["-t", "ext4", "-b", "2048"],
         "ext4-4k": ["-t", "ext4", "-b", "4096"], "ext3-1k": ["-t", "ext3", "-b", "1024"]}


def run_on(tmp_path: Path, kind: str, script: str, *programs: str) -> None:
    subprocess.run([TREE / "tests/abi/run", "--build", *programs], check=True)
    root = small_root(tmp_path, *(TREE / "build/abi" / name for name in programs))
    disk = tmp_path / "disk.ext4"
    subprocess.run(["/sbin/mkfs.ext4", "-q", *KINDS[kind], "-d", root, disk, "512M"], check=True)
    result = tarn("--disk", str(disk), "--smp", "2", "--", "/bin/sh", "-c", f"cd /data; {script}")
    assert "not ok" not in result.text, result.text + result.explain()
    good(result)
    fsck(disk)


@pytest.mark.parametrize("kind", KINDS)
def test_tails_and_holes_in_pages(tmp_path: Path, kind: str) -> None:
    run_on(tmp_path, kind, "mem_tail", "mem_tail")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith("ext4")])
def test_extents(tmp_path: Path, kind: str) -> None:
    run_on(tmp_path, kind, "fs_extents", "fs_extents")


@pytest.mark.parametrize("kind", KINDS)
def test_random_operations(tmp_path: Path, kind: str) -> None:
    script = ("export FS_STRESS_KEEP=/data/kept FS_STRESS_OPS=2000; "
              "fs_stress bytes_of_files ranges_of_a_large_file")
    run_on(tmp_path, kind, script, "fs_stress")
