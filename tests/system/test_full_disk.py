# SPDX-License-Identifier: MIT
"""A write that returned has room on the disk, whoever takes the rest of it before it is placed; and a disk
that is full to the last block is an error for the program, not for the machine (full_disk.c)."""

import subprocess
from pathlib import Path

import pytest

from harness import fsck, good, small_root, static_program, tarn


def full_disk(tmp_path: Path, block: str, *args: str) -> None:
    root = small_root(tmp_path, static_program("full_disk.c", tmp_path))
    disk = tmp_path / "disk.ext4"
    # No blocks are kept for root: what a user may take is everything.
    subprocess.run(["/sbin/mkfs.ext4", "-q", "-b", block, "-m", "0", "-d", root, disk, "48M"], check=True)
    result = tarn("--disk", str(disk), "--", "/bin/full_disk", *args)
    assert result.text == "good\n", result.text + result.explain()
    good(result)
    fsck(disk)


@pytest.mark.parametrize("block", ["1024", "4096"])
@pytest.mark.parametrize("user", ["0", "1000"])
@pytest.mark.parametrize("by", ["fallocate", "directories", "attributes"])
def test_promised_blocks_are_not_taken(tmp_path: Path, by: str, user: str, block: str) -> None:
    full_disk(tmp_path, block, by, "/data", user)


@pytest.mark.parametrize("block", ["1024", "4096"])
def test_no_block_for_the_tree_of_promised_data(tmp_path: Path, block: str) -> None:
    """The promise is given back once."""
    full_disk(tmp_path, block, "split", "/data")
