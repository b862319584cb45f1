# SPDX-License-Identifier: MIT
"""Features of ext4: bits that the first use turns on, features we do not have, odd and huge layouts.

Small disks by mke2fs are the machine's /dev/vdb; what the machine did to them is asked of e2fsck and dumpe2fs.
"""

import re
import subprocess
from pathlib import Path

import pytest

from harness import ON_LINUX, Result, fsck, good, small_root, static_program, tarn

MKFS, DUMP, DEBUGFS = "/sbin/mke2fs", "/sbin/dumpe2fs", "/sbin/debugfs"


def make(path: Path, size: str, *options: str) -> Path:
    subprocess.run([MKFS, "-q", "-F", *options, str(path), size], check=True)
    return path


def features(disk: Path) -> set[str]:
    text = subprocess.run([DUMP, "-h", str(disk)], check=True, text=True, capture_output=True).stdout
    found = re.search(r"^Filesystem features:\s+(.*)$", text, re.M)
    assert found
    return set(found[1].split())


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("features")
    return small_root(where, static_program("ext4_features.c", where))


def on_disk(root: Path, disk: Path, script: str, *options: str) -> Result:
    return tarn(str(root), *options, "--drive", str(disk), "--", "/bin/sh", "-c", script)


def test_attributes_turn_ext_attr_on(root: Path, tmp_path: Path) -> None:
    """Without the bit e2fsck takes the attributes away."""
    disk = make(tmp_path / "disk", "16M", "-t", "ext4", "-O", "^has_journal,^ext_attr")
    assert "ext_attr" not in features(disk)
    good(on_disk(root, disk, "mount -t ext4 /dev/vdb /mnt && ext4_features attributes /mnt && umount /mnt"))
    assert "ext_attr" in features(disk)
    fsck(disk)


def test_a_disk_without_attributes_gets_no_bit(root: Path, tmp_path: Path) -> None:
    disk = make(tmp_path / "disk", "16M", "-t", "ext4", "-O", "^has_journal,^ext_attr")
    good(on_disk(root, disk, "mount -t ext4 /dev/vdb /mnt && ext4_features plain /mnt && umount /mnt"))
    assert "ext_attr" not in features(disk)
    fsck(disk)


@pytest.mark.parametrize("kind", ["ext4", "ext3", "ext2"])
def test_a_large_file_turns_large_file_on(root: Path, tmp_path: Path, kind: str) -> None:
    disk = make(tmp_path / "disk", "16M", "-t", kind, "-b", "4096", "-O", "^large_file")
    good(on_disk(root, disk, f"mount -t {kind} /dev/vdb /mnt && ext4_features large /mnt && umount /mnt"))
    assert "large_file" in features(disk)
    fsck(disk)


def test_the_first_revision_becomes_dynamic(root: Path, tmp_path: Path) -> None:
    disk = make(tmp_path / "disk", "16M", "-t", "ext2", "-r", "0")
    good(on_disk(root, disk, "mount -t ext4 /dev/vdb /mnt && ext4_features attributes /mnt && umount /mnt"))
    assert "ext_attr" in features(disk)
    fsck(disk)


@pytest.mark.skipif(ON_LINUX, reason="Linux has these features")
@pytest.mark.parametrize("feature", ["quota", "project,quota", "verity"])
def test_what_allows_reading_only_is_not_written(root: Path, tmp_path: Path, feature: str) -> None:
    """Writing asked: refused with the feature's name, at mount as at remount; reading works."""
    disk = make(tmp_path / "disk", "16M", "-t", "ext4", "-O", feature)
    script = ("ext4_features refused /dev/vdb rw 22 && ext4_features mounts /dev/vdb ro && "
              "ext4_features remount_refused /dev/vdb 30")
    result = good(on_disk(root, disk, script))
    assert f"reading only: {' '.join(sorted(feature.split(','), reverse=True))}" in result.console
    fsck(disk)


@pytest.mark.skipif(ON_LINUX, reason="Linux has these features")
@pytest.mark.parametrize("options,said", [
    (["-t", "ext4", "-O", "bigalloc", "-C", "16384"], "bigalloc"),
    (["-t", "ext4", "-O", "inline_data"], "not supported: inline_data"),
    (["-t", "ext4", "-O", "encrypt,mmp"], "not supported: mmp encrypt"),
    (["-O", "journal_dev"], "journal_dev"),
])
def test_what_we_do_not_have_is_named(root: Path, tmp_path: Path, options: list[str], said: str) -> None:
    disk = make(tmp_path / "disk", "16M", *options)
    result = good(on_disk(root, disk, "ext4_features refused /dev/vdb rw 22 && "
                                      "ext4_features refused /dev/vdb ro 22"))
    assert said in result.console


@pytest.mark.parametrize("feature", ["dir_nlink", "^dir_nlink"])
def test_directories_too_many_to_count(root: Path, tmp_path: Path, feature: str) -> None:
    """Not even with dir_nlink while there is no index: the count was wrong from 65000 on, with no way back."""
    disk = make(tmp_path / "disk", "16M", "-t", "ext4", "-O", f"^has_journal,^metadata_csum,{feature}")
    subprocess.run([DEBUGFS, "-w", "-f", "/dev/stdin", str(disk)], check=True, text=True, capture_output=True,
                   input="mkdir full\nset_inode_field full links_count 64999\n")
    good(on_disk(root, disk, "mount -t ext4 /dev/vdb /mnt && ext4_features links /mnt && umount /mnt"))
    assert "dir_nlink" not in features(disk) or feature == "dir_nlink"


@pytest.mark.parametrize("options", [["-b", "1024", "-N", "16"], ["-b", "1024", "-N", "16", "-g", "4096"],
                                     ["-b", "4096", "-N", "16"]])
def test_few_inodes_in_a_group(root: Path, tmp_path: Path, options: list[str]) -> None:
    """The reserved inodes may lie in more groups than the first."""
    disk = make(tmp_path / "disk", "16M", "-t", "ext4", "-O", "^has_journal,^resize_inode", *options)
    good(on_disk(root, disk, "mount -t ext4 /dev/vdb /mnt && ext4_features plain /mnt && umount /mnt"))
    fsck(disk)


@pytest.mark.parametrize("size", ["7T", "15T"])
def test_a_huge_disk_on_a_small_machine(root: Path, tmp_path: Path, size: str) -> None:
    disk = tmp_path / "disk"
    with open(disk, "wb") as f:
        f.truncate(int(size[:-1]) << 40)
    make(disk, size, "-t", "ext4", "-N", "2000000", "-O", "^has_journal,^resize_inode", "-E", "nodiscard")
    good(on_disk(root, disk, "mount -t ext4 /dev/vdb /mnt && ext4_features plain /mnt && umount /mnt",
                 "--mem", "256M"))
    assert "clean" in subprocess.run([DUMP, "-h", str(disk)], check=True, text=True,
                                     capture_output=True).stdout


@pytest.mark.parametrize("place", [0, 1, 2])
def test_bitmaps_and_tables_on_the_descriptors_are_refused(root: Path, tmp_path: Path, place: int) -> None:
    """A group that says so would have them overwritten."""
    disk = make(tmp_path / "disk", "16M", "-t", "ext4", "-b", "4096", "-O",
                "^has_journal,^resize_inode,^metadata_csum,^uninit_bg,^64bit")
    with open(disk, "r+b") as f:
        f.seek(4096 + 4 * place)
        f.write((1).to_bytes(4, "little"))
    good(on_disk(root, disk, "ext4_features refused /dev/vdb rw 117"))
