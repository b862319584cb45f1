# SPDX-License-Identifier: MIT
"""What a machine wrote is on the disk, whole, after poweroff; and the disk is clean."""

import stat
from pathlib import Path

import pytest

from ext4read import Ext4, Node
from harness import disk_copy, fsck, good, tarn


def tree(fs: Ext4, top: bytes, without: bytes) -> dict[bytes, tuple]:
    """What cp -a must keep, by path below @top."""
    out = {}
    for path, node in fs.walk(top):
        if path == without or path.startswith(without + b"/"):
            continue
        out[path[len(top):]] = (node.kind, node.mode, node.uid, node.gid,
                                0 if node.kind == "d" else node.size, node.mtime, node.mtime_ns,
                                node.rdev if node.kind in "cb" else None, content(fs, node))
    return out


def content(fs: Ext4, node: Node) -> bytes | str:
    if node.kind == "f":
        return fs.sha256(node)
    return fs.link_target(node) if node.kind == "l" else b""


def test_copy_of_usr(debian: Path, tmp_path: Path) -> None:
    disk = disk_copy(debian, tmp_path)
    script = "cp -a /usr /root/copy && rm -rf /root/copy/share && sync"
    good(tarn("--disk", str(disk), "--smp", "2", "--", "sh", "-c", script, limit=300))
    fsck(disk)
    fs = Ext4(disk)
    assert b"share" not in dict(fs.entries(fs.lookup(b"/root/copy")))
    ours, theirs = tree(fs, b"/usr", b"/usr/share"), tree(fs, b"/root/copy", b"/root/copy/share")
    del ours[b""], theirs[b""]  # removing share changed the copy's own mtime
    assert ours == theirs
    assert len(ours) > 1000


CHANGES = r"""
set -e
cd /root
for i in $(seq 400); do echo "file $i" >f$i; done
for i in $(seq 1 2 400); do rm f$i; done
mkdir -p d/e/g; ln f2 hard; ln -s d/e soft; ln -s /$(printf 'x%.0s' $(seq 200)) long
mv f4 d/e/moved; mv d/e d/h; chmod 4711 f6; chown 12:345678 f8
truncate -s 3000000000 sparse; echo end >>sparse
dd if=/dev/urandom of=big bs=1M count=40 2>/dev/null; truncate -s 20000001 big
dd if=/dev/zero of=big bs=1k count=3 seek=1000 conv=notrunc 2>/dev/null
mknod node c 7 300000; mkfifo pipe
mkdir many; cd many; for i in $(seq 3000); do : >a-name-that-fills-directory-blocks-$i; done
cd ..; for i in $(seq 1 3 3000); do rm many/a-name-that-fills-directory-blocks-$i; done
sha256sum big; ls many | wc -l
"""


@pytest.mark.parametrize("smp", ["1", "2"])
def test_changes_of_every_kind(debian: Path, tmp_path: Path, smp: str) -> None:
    disk = disk_copy(debian, tmp_path)
    result = good(tarn("--disk", str(disk), "--smp", smp, "--", "bash", "-c", CHANGES, limit=300))
    fsck(disk)
    fs = Ext4(disk)
    there = {path[6:]: node for path, node in fs.walk(b"/root") if path != b"/root"}
    digest, _, count = result.text.split()
    assert fs.sha256(there[b"big"]) == digest and there[b"big"].size == 20000001
    assert fs.read(there[b"big"])[1024000:1027072] == bytes(3072)
    assert sum(p.startswith(b"many/") for p in there) == int(count) == 2000
    assert sorted(p for p in there if p[:1] == b"f") == sorted(
        b"f%d" % i for i in range(2, 401, 2) if i != 4)
    assert fs.read(there[b"f398"]) == b"file 398\n"
    assert there[b"hard"].number == there[b"f2"].number and there[b"f2"].links == 2
    assert fs.link_target(there[b"soft"]) == b"d/e"
    assert fs.link_target(there[b"long"]) == b"/" + b"x" * 200
    assert fs.read(there[b"d/h/moved"]) == b"file 4\n"
    assert there[b"f6"].mode & 0o7777 == 0o4711
    assert (there[b"f8"].uid, there[b"f8"].gid) == (12, 345678)
    assert there[b"sparse"].size == 3000000004
    assert there[b"node"].rdev == (7, 300000) and stat.S_ISFIFO(there[b"pipe"].mode)


def test_a_disk_is_kept_across_runs(debian: Path, tmp_path: Path) -> None:
    disk = disk_copy(debian, tmp_path)
    good(tarn("--disk", str(disk), "--", "sh", "-c", "echo kept >/root/a; chmod 640 /root/a"))
    fsck(disk)
    result = good(tarn("--disk", str(disk), "--", "sh", "-c", "cat /root/a; stat -c %a /root/a"))
    assert result.text == "kept\n640\n"


def test_an_image_is_never_written(debian: Path) -> None:
    before = debian.stat().st_mtime_ns
    good(tarn("debian", "--", "sh", "-c", "echo x >/root/x; sync"))
    good(tarn("debian", "--", "test", "!", "-e", "/root/x"))
    assert debian.stat().st_mtime_ns == before


def test_a_full_disk(debian: Path, tmp_path: Path) -> None:
    """ENOSPC, then the space comes back, and the disk is clean."""
    disk = disk_copy(debian, tmp_path)
    script = """cd /root; dd if=/dev/zero of=all bs=1M 2>&1 | grep -c 'No space left'; rm all; sync
        dd if=/dev/zero of=some bs=1M count=100 2>/dev/null && stat -c %s some"""
    result = good(tarn("--disk", str(disk), "--", "sh", "-c", script, limit=400))
    assert result.text == "1\n104857600\n"
    fsck(disk)
