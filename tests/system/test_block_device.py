# SPDX-License-Identifier: MIT
"""A disk without Tarn's file system on it: /dev/vdb written, zeroed, discarded, made into an ext4 by mkfs itself."""

import hashlib
import re
import subprocess
from pathlib import Path

import pytest

from harness import Result, fsck, good, tarn

MIB = 1 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """Eight MiB that say where they are."""
    path = tmp_path / "disk.img"
    path.write_bytes(b"".join(hashlib.shake_128(str(i).encode()).digest(MIB) for i in range(8)))
    return path


def run(script: str, disk: Path, *options: str, limit: int = 120) -> Result:
    return good(tarn("debian", "--drive", str(disk), "--smp", "2", *options, "--", "sh", "-c", script, limit=limit))


def test_zeroing_ends_where_it_should(disk: Path) -> None:
    """The request's length was read from behind its end."""
    want = bytearray(disk.read_bytes())
    result = run("""
cksum /dev/vdb >/dev/null   # all of it is cached now
for i in 1 2 3 4 5; do blkdiscard -f -z -o 1048576 -l 524288 /dev/vdb; done
blkdiscard -f -z -o 5243392 -l 512 /dev/vdb
sha256sum </dev/vdb""", disk)
    want[MIB:MIB + MIB // 2] = bytes(MIB // 2)
    want[5243392:5243392 + 512] = bytes(512)
    assert disk.read_bytes() == want
    assert result.text.split()[0] == hashlib.sha256(want).hexdigest()


def test_discarding_spares_the_rest(disk: Path) -> None:
    want = disk.read_bytes()
    run("for i in 1 2 3 4 5; do blkdiscard -f -o 2097152 -l 4096 /dev/vdb; done", disk)
    data = disk.read_bytes()
    assert data[:2 * MIB] == want[:2 * MIB] and data[2 * MIB + 4096:] == want[2 * MIB + 4096:]


def test_mkfs_mount_write(tmp_path: Path) -> None:
    disk = tmp_path / "empty.img"
    with open(disk, "wb") as f:
        f.truncate(200 * MIB)
    result = run("""
mkfs.ext4 -q /dev/vdb && mount /dev/vdb /mnt && cp -a /etc /usr/bin /mnt && umount /mnt &&
mount /dev/vdb /mnt && diff -r --no-dereference /etc /mnt/etc && diff -r --no-dereference /usr/bin /mnt/bin && echo same""", disk)
    assert result.text == "same\n"
    fsck(disk)


def test_writing_more_than_fits_memory(tmp_path: Path) -> None:
    """Its pages are in no file system, and yet they are written: when they are many, and when they are old."""
    disk = tmp_path / "disk.img"
    with open(disk, "wb") as f:
        f.truncate(512 * MIB)
    script = r"""
dd if=/dev/zero bs=1M count=100 2>/dev/null | tr '\0' x >/dev/vdb && cksum </dev/vdb
echo 50 >/proc/sys/vm/dirty_writeback_centisecs; echo 300 >/proc/sys/vm/dirty_expire_centisecs
sleep 6; dd if=/dev/zero of=/dev/vdb bs=4k count=8 conv=notrunc 2>/dev/null
grep Dirty /proc/meminfo; sleep 6; grep Dirty /proc/meminfo; grep oom_kill /proc/vmstat
"""
    result = run(script, disk, "--mem", "64M")
    data = disk.read_bytes()
    expected = subprocess.run(["cksum"], input=data.replace(b"\0", b"x", 8 * 4096), capture_output=True, check=True)
    assert data[:8 * 4096 + 1] == b"\0" * 8 * 4096 + b"x"
    before, after = re.findall(r"Dirty: +(\d+)", result.text)
    assert expected.stdout.decode().strip() in result.text
    assert int(before) >= 32 > int(after), result.text  # a page of metadata may be on its way
    assert "oom_kill 0" in result.text
