# SPDX-License-Identifier: MIT
"""Disks that cannot write some blocks: whom the error is told, and how often.

The flusher and sync(2) met errors that fsync, msync, O_SYNC and syncfs then never told.  QEMU's blkdebug
makes the disks; what is expected is what Linux answers.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness import ON_LINUX, good, image, small_root, static_program, tarn

SECTORS = 8  # of a block of 4 KiB

EXPECTED = """\
flusher: EIO ok EIO ok
sync: EIO ok EIO ok
opened_later: EIO ok
dup: EIO ok
fsync_itself: EIO ok EIO
fdatasync: EIO ok
msync: EIO ok
o_sync: EIO ok
o_dsync: EIO ok
rwf_dsync: EIO ok
range_wait: EIO ok
range_write: ok EIO
syncfs: EIO ok EIO ok ok EIO
syncfs_itself: EIO ok EIO EIO
device_flusher: EIO ok EIO ok
device_sync: EIO ok EIO ok
device_opened_later: EIO ok
device_o_sync: EIO ok ok
device_o_dsync: EIO ok ok
"""
# The block of another file's inode was lost before.  Linux tells syncfs only; here fsync is of all metadata there
# is, because no journal would bring it back.
EXPECTED += "metadata: EIO ok ok ok EIO\n" if ON_LINUX else "metadata: EIO ok EIO ok EIO\n"

# Starts QEMU; drives that have a list of bad sectors beside them go through blkdebug.
WRAPPER = """#!{python}
import os, re, sys
def through_blkdebug(word):
    m = re.match(r"file=(.*?),format=raw,(.*)", word)
    if not m or not os.path.exists(m[1] + ".bad"):
        return word
    return f"format=raw,file.driver=blkdebug,file.config={{m[1]}}.bad,file.image.driver=file,file.image.filename={{m[1]}},{{m[2]}}"
os.execv("{qemu}", ["{qemu}", *map(through_blkdebug, sys.argv[1:])])
"""


def qemu_with_bad_disks(where: Path) -> Path:
    wrapper = where / "qemu"
    found = subprocess.run(["which", os.environ.get("TARN_QEMU", "qemu-system-x86_64")], text=True,
                           capture_output=True, check=True)
    wrapper.write_text(WRAPPER.format(python=sys.executable, qemu=found.stdout.strip()), encoding="ascii")
    wrapper.chmod(0o755)
    return wrapper


def spoil(disk: Path, *blocks: int) -> None:
    """Writes that touch one of @blocks give EIO, always."""
    rule = '[inject-error]\nevent = "none"\niotype = "write"\nerrno = "5"\nonce = "off"\nsector = "{}"\n'
    text = "".join(rule.format(block * SECTORS + i) for block in blocks for i in range(SECTORS))
    Path(f"{disk}.bad").write_text(text, encoding="ascii")


def ask(disk: Path, request: str, answer: str) -> int:
    done = subprocess.run(["/sbin/debugfs", "-R", request, str(disk)], text=True, capture_output=True, check=True)
    return int(re.search(answer, done.stdout)[1])


@pytest.fixture
def bad_disks(tmp_path: Path) -> list[str]:
    """An ext4 and a bare one, as words for tarn()."""
    page = tmp_path / "page"
    page.write_bytes(b"o" * 8192)
    # In this order, so that "worse" does not share its block of inodes with the others.
    names = ["bad", "good", *(f"between{i}" for i in range(16)), "worse"]
    disk, bare = tmp_path / "vdb", tmp_path / "vdc"
    subprocess.run(["/sbin/mkfs.ext4", "-q", "-b", "4096", "-O", "^has_journal", disk, "32M"], check=True)
    subprocess.run(["/sbin/debugfs", "-w", "-f", "-", disk], input="".join(f"write {page} {name}\n" for name in names),
                   text=True, capture_output=True, check=True)
    bare.write_bytes(bytes(1 << 20))
    inodes = {name: ask(disk, f"imap /{name}", r"located at block (\d+)") for name in ("bad", "good", "worse")}
    assert inodes["worse"] not in (inodes["bad"], inodes["good"])
    spoil(disk, ask(disk, "bmap /bad 0", r"^(\d+)"), inodes["worse"])
    spoil(bare, 0)
    return ["--drive", str(disk), "--drive", str(bare)]


def test_each_open_file_is_told_once(bad_disks: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = image(str(small_root(tmp_path, static_program("writeback_errors.c", tmp_path))))
    monkeypatch.setenv("TARN_QEMU", str(qemu_with_bad_disks(tmp_path)))
    result = tarn("--disk", str(root), *bad_disks, "--smp", "2", "--", "/bin/sh", "-c",
                  "mount -t ext4 /dev/vdb /mnt && writeback_errors /mnt /dev/vdc && umount /mnt")
    assert result.text == EXPECTED, result.explain()
    good(result)
    # The super block tells e2fsck that metadata was lost.  Linux notes it at the next change only, and there is none.
    state = "clean" if ON_LINUX else "clean with errors"
    shown = subprocess.run(["/sbin/dumpe2fs", "-h", tmp_path / "vdb"], text=True, capture_output=True, check=True)
    assert re.search(rf"^Filesystem state: +{state}$", shown.stdout, re.M), shown.stdout
