# SPDX-License-Identifier: MIT
"""Free memory comes back: after processes, after mounts of tmpfs and ext4 (leaks.c).

The demand is 1 % of free memory after 10,000 processes or 1,000 mounts.  In the short runs of
`make test` the loss of a round may not be larger than would make that 1 % in the long ones.
"""

import subprocess
from pathlib import Path

import pytest

from harness import fsck, good, small_root, static_program, tarn

FULL = {"exec": 10000, "tmpfs": 1000, "ext4": 1000}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("leaks")
    return small_root(where, static_program("leaks.c", where))


@pytest.fixture
def second_disk(tmp_path: Path) -> Path:
    """An empty ext4: the machine's /dev/vdb."""
    disk = tmp_path / "second.ext4"
    with open(disk, "wb") as f:
        f.truncate(64 << 20)
    subprocess.run(["/sbin/mkfs.ext4", "-q", str(disk)], check=True)
    return disk


def lost_kib(root: Path, disk: Path, what: str, rounds: int, limit: int) -> tuple[int, int]:
    """Free KiB before, and how many fewer there were after."""
    result = good(tarn(str(root), "--drive", str(disk), "--smp", "2", "--mem", "256M", "--",
                       "/bin/leaks", what, str(rounds), limit=limit))
    fsck(disk)
    before, after = map(int, result.text.split())
    print(f"{what}: {rounds} rounds, {before} KiB free before, {after} after")
    return before, before - after


@pytest.mark.parametrize("what,rounds", [("exec", 1000), ("tmpfs", 200), ("ext4", 100)])
def test_little_is_lost(root: Path, second_disk: Path, what: str, rounds: int) -> None:
    before, lost = lost_kib(root, second_disk, what, rounds, 120)
    noise = 256  # KiB: magazines of the CPUs, a partly filled slab of each kind
    assert lost <= noise + before // 100 * rounds // FULL[what]


@pytest.mark.soak
@pytest.mark.parametrize("what", FULL)
def test_nothing_is_lost(root: Path, second_disk: Path, what: str) -> None:
    before, lost = lost_kib(root, second_disk, what, FULL[what], 1800)
    assert lost <= before // 100
