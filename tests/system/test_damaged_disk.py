# SPDX-License-Identifier: MIT
"""What a damaged ext4 may do to the machine: give an error, be read-only, and nothing else.

The images have no checksums of metadata, so that the damage is not noticed by those.  They are made
by mke2fs and a few pokes, and are the machine's /dev/vdb.
"""

import errno
import os
import random
import random
import re
import struct
import subprocess
from pathlib import Path

import pytest

from harness import ON_LINUX, Result, good, small_root, static_program, tarn

pytestmark = pytest.mark.skipif(ON_LINUX, reason="Linux forgives other things")

DEBUGFS = "/sbin/debugfs"
LONG = "%0255d"                 # 15 such names fill a directory block of 4096 bytes
INDEX_FLAG, EXTENTS_FLAG = 0x1000, 0x80000


class Image:
    """A small ext4 with one group, to poke into."""

    def __init__(self, path: Path, files: Path, *options: str, block: int = 4096, kib: int = 4096):
        self.path, self.block = path, block
        subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", "-b", str(block), "-d", str(files), "-O",
                        ",".join(["^metadata_csum", "^uninit_bg", "^has_journal", "^resize_inode",
                                  *options]),
                        "-I", "128", str(path), f"{kib}k"], check=True)

    def ask(self, question: str) -> str:
        return subprocess.run([DEBUGFS, "-R", question, str(self.path)], check=True, text=True,
                              capture_output=True).stdout

    def command(self, *lines: str) -> None:
        subprocess.run([DEBUGFS, "-w", "-f", "/dev/stdin", str(self.path)], check=True, text=True,
                       input="\n".join(lines), capture_output=True)

    def where(self, name: str, lblk: int) -> int:
        return int(self.ask(f"bmap {name} {lblk}"))

    def node(self, name: str) -> int:
        """The first block of the file's tree."""
        found = re.search(r"\((?:ETB0|IND|DIND)\):(\d+)", self.ask(f"stat {name}"))
        assert found
        return int(found[1])

    def peek(self, block: int) -> bytearray:
        with open(self.path, "rb") as f:
            f.seek(block * self.block)
            return bytearray(f.read(self.block))

    def poke(self, block: int, at: int, what: bytes) -> None:
        with open(self.path, "r+b") as f:
            f.seek(block * self.block + at)
            f.write(what)

    def set_block_field(self, name: str, at: int, what: bytes) -> None:
        """Into the inode's i_block."""
        found = re.search(r"located at block (\d+), offset 0x(\w+)", self.ask(f"imap {name}"))
        assert found
        self.poke(int(found[1]), int(found[2], 16) + 40 + at, what)

    def only_free(self, *blocks: int) -> None:
        """
        Every other block is marked used; the counts agree with that.  But for some at a low place, where
        nobody looks who finds one behind his goal: so many are free that no margin is touched.
        """
        blocks = (*blocks, *range(400, 440))
        first = 1 if self.block == 1024 else 0
        bitmap = int(re.search(r"block bitmap at (\d+)", self.ask("stats"))[1])
        bits = bytearray(b"\xff" * self.block)
        for b in blocks:
            bits[(b - first) // 8] &= ~(1 << (b - first) % 8)
        self.poke(bitmap, 0, bytes(bits))
        self.poke(first + 1, 12, struct.pack("<H", len(blocks)))
        with open(self.path, "r+b") as f:
            f.seek(1024 + 12)
            f.write(struct.pack("<I", len(blocks)))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("damaged")
    return small_root(where, static_program("damaged.c", where))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    where = tmp_path / "files"
    where.mkdir()
    return where


def run(root: Path, image: Image, *steps: str) -> Result:
    script = ["mount -t ext4 /dev/vdb /mnt", *(f"damaged {s}" for s in steps), "umount /mnt"]
    return good(tarn(str(root), "--drive", str(image.path), "--smp", "2", "--mem", "256M", "--", "/bin/sh",
                     "-c", "; ".join(script)))


def finds(root: Path, image: Image, step: str, *more: str) -> None:
    """The step meets the damage and says so; the machine goes on."""
    result = run(root, image, step, *more)
    assert result.text.splitlines()[0] == f"{step.split()[0]} {errno.EUCLEAN}", result.explain()


# ---- directories ----

def indexed(tmp_path: Path, files: Path, *options: str) -> tuple[Image, bytearray]:
    """A directory of three blocks whose second is full, with an index over that one alone."""
    (files / "d").mkdir()
    for i in range(1000, 1040):
        (files / "d" / (LONG % i)).touch()
    image = Image(tmp_path / "disk", files, *options)
    image.command(f"set_inode_field /d flags {INDEX_FLAG | EXTENTS_FLAG:#x}")
    block = image.peek(image.where("/d", 0))
    struct.pack_into("<H", block, 12 + 4, 4096 - 12)
    struct.pack_into("<IBBBB", block, 0x18, 0, 1, 8, 0, 0)
    struct.pack_into("<HHI", block, 0x20, (4096 - 0x20) // 8, 1, 1)
    return image, block


def test_index_is_sound_without_damage(root: Path, tmp_path: Path, files: Path) -> None:
    image, block = indexed(tmp_path, files)
    image.poke(image.where("/d", 0), 0, bytes(block))
    assert run(root, image, "create /mnt/d 10").text == "create 0\n"


def test_index_root_that_looks_like_a_node(root: Path, tmp_path: Path, files: Path) -> None:
    """Its counts were checked where a node has them, and used where a root has them."""
    image, block = indexed(tmp_path, files)
    struct.pack_into("<IHBB", block, 0, 0, 4096, 0, 0)
    struct.pack_into("<HH", block, 8, (4096 - 8) // 8, 1)
    struct.pack_into("<H", block, 0x22, 600)
    block[0x28:] = b"\xff" * len(block[0x28:])
    image.poke(image.where("/d", 0), 0, bytes(block))
    finds(root, image, "create /mnt/d 10")


def test_index_block_that_is_marked_free(root: Path, tmp_path: Path, files: Path) -> None:
    """The new leaf was the root, which was zeroed under the hand that held it."""
    image, block = indexed(tmp_path, files)
    for lblk in (1, 2):
        image.poke(997 + lblk, 0, bytes(image.peek(image.where("/d", lblk))))
    image.poke(1000, 0, bytes(block))
    extents = struct.pack("<IHHI", 0, 1, 0, 1000) + struct.pack("<IHHI", 1, 2, 0, 998)
    image.set_block_field("/d", 2, struct.pack("<H", 2))
    image.set_block_field("/d", 12, extents)
    image.only_free(1000)
    finds(root, image, "create /mnt/d 10")


# ---- trees of blocks ----

def holes(tmp_path: Path, files: Path, *options: str, blocks: int = 12, first: int = 0) -> Image:
    """A file of which every second block is there."""
    with open(files / "f", "wb") as f:
        for i in range(blocks):
            f.seek((first + 2 * i) * 1024)
            f.write(b"x" * 1024)
    return Image(tmp_path / "disk", files, *options, block=1024)


def test_extent_node_with_room_for_one(root: Path, tmp_path: Path, files: Path) -> None:
    """Half of one is none: the left half of the split was left without an entry."""
    image = holes(tmp_path, files)
    image.poke(image.node("/f"), 2, struct.pack("<HH", 1, 1))
    finds(root, image, "place /mnt/f 1 40")


def test_extent_node_that_is_marked_free(root: Path, tmp_path: Path, files: Path) -> None:
    """The new node was the full one."""
    image = holes(tmp_path, files)
    node = image.peek(image.node("/f"))
    struct.pack_into("<H", node, 4, 14)
    struct.pack_into("<I", node, 12 * 12 + 8, 2960)  # where the last extent lies, and so the goal
    image.poke(3000, 0, bytes(node))
    image.set_block_field("/f", 12 + 4, struct.pack("<I", 3000))
    image.only_free(2990, 2992, 2994, 3000)
    finds(root, image, "place /mnt/f 41 10")


def test_indirect_block_in_itself(root: Path, tmp_path: Path, files: Path) -> None:
    """It was freed below, and then dirtied above."""
    image = holes(tmp_path, files, "^extents", "^64bit", blocks=1, first=12 + 256)
    found = re.search(r"\(DIND\):(\d+)", image.ask("stat /f"))
    image.poke(int(found[1]), 0, struct.pack("<I", int(found[1])))
    finds(root, image, "truncate /mnt/f 0")


# ---- attributes ----

def test_attribute_values_that_overlap(root: Path, tmp_path: Path, files: Path) -> None:
    """Removing one moved the other past the block's end."""
    (files / "f").touch()
    image = Image(tmp_path / "disk", files)
    for name, size in (("a", 96), ("b", 100)):
        (tmp_path / name).write_bytes(b"v" * size)
        image.command(f"ea_set -f {tmp_path / name} /f user.{name}")
    block = int(re.search(r"File ACL: (\d+)", image.ask("stat /f"))[1])
    entries = image.peek(block)
    at = entries.index(struct.pack("<I", 100)) - 8
    assert entries[at + 16:at + 17] == b"b"
    image.poke(block, at + 2, struct.pack("<H", 3996))
    finds(root, image, "removexattr /mnt/f user.a", "getxattr /mnt/f user.b",
          "removexattr /mnt/f user.b")


# ---- anywhere ----

KIB = 2048
KINDS = {"extents": (1024, []), "big_blocks": (4096, ["large_dir"]), "block_map": (1024, ["^extents", "^64bit"])}


def some_of_everything(files: Path) -> None:
    """Its data is all "x", which tells it from metadata."""
    for name, n in (("many", 60), ("few", 5), ("many/deep", 3)):
        (files / name).mkdir()
        for i in range(n):
            (files / name / f"{i:0160d}").write_bytes(b"x" * 1024 * (i % 3))
    for name, step, n in (("holes", 2, 60), ("far", 90, 8)):
        with open(files / name, "wb") as f:
            for i in range(n):
                f.seek(i * step * 1024)
                f.write(b"x" * 1024)
    (files / "few/short").symlink_to("holes")
    (files / "few/long").symlink_to("y" * 200)
    for name in ("few", "holes", "many"):
        os.setxattr(files / name, "user.small", b"x" * 20)
        os.setxattr(files / name, "user.large", b"x" * 300)


def whole(tmp_path: Path, files: Path, kind: str) -> Image:
    block, options = KINDS[kind]
    image = Image(tmp_path / "disk", files, *options, block=block, kib=KIB)
    subprocess.run(["/sbin/e2fsck", "-fyD", str(image.path)], check=False, capture_output=True)
    return image


def damage(sound: bytes, block: int, seed: int) -> bytes:
    """A few bytes of metadata become others: most often they were used, or are near some that are."""
    rng = random.Random(seed)
    data = bytearray(sound)
    blocks = [n for n in range(len(data) // block)
              if data[n * block:(n + 1) * block].strip(b"\0").strip(b"x")]
    # Trees, indexes and attributes are few among tables and leaves.
    blocks += 4 * [n for n in blocks if sound[n * block:n * block + 2] in (b"\x0a\xf3", b"\0\0") or
                   sound[n * block + 12 + 4:n * block + 12 + 6] == struct.pack("<H", block - 12)]
    for _ in range(rng.randint(1, 8)):
        n = rng.choice(blocks)
        if n <= 2 and rng.random() < 0.8:  # those that mount looks at
            n = rng.choice(blocks)
        used = [i for i in range(n * block, (n + 1) * block) if data[i]]
        at = min(rng.choice(used or [n * block]) + rng.choice((0, 0, 0, 1, 2, 4)), len(data) - 4)
        how = rng.randrange(4)
        if how == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif how == 1:
            data[at] = rng.choice((0, 1, 2, 0x7f, 0x80, 0xff, rng.randrange(256)))
        elif how == 2:
            struct.pack_into("<I", data, at & ~3, rng.choice(blocks))
        else:
            struct.pack_into("<H", data, at & ~1, rng.choice((0, 1, 8, 12, block - 12, block, 0xffff)))
    return bytes(data)


@pytest.mark.parametrize("kind", KINDS)
def test_damage_anywhere(root: Path, tmp_path: Path, files: Path, kind: str) -> None:
    """Whatever is done to it afterwards: the machine is there at the end, and has all of its images seen."""
    images = int(os.environ.get("DAMAGED_IMAGES", "20"))
    first = int(os.environ.get("DAMAGED_FIRST", "0"))
    some_of_everything(files)
    image = whole(tmp_path, files, kind)
    sound = image.path.read_bytes()
    pack = tmp_path / "pack"
    pack.write_bytes(sound + b"".join(damage(sound, image.block, first + i) for i in range(images)))
    script = f"""
i=0
while [ $i -le {images} ]; do
    echo image $i
    busybox dd if=/dev/vdc of=/dev/vdb bs={KIB}k skip=$i count=1 2>/dev/null
    mount -t ext4 /dev/vdb /mnt && {{ damaged all /mnt; umount /mnt || echo busy; }}
    i=$((i+1))
done; echo end"""
    result = good(tarn(str(root), "--drive", str(image.path), "--drive", str(pack), "--smp", "2", "--mem", "256M",
                       "--", "/bin/sh", "-c", script, limit=300))
    assert result.text.endswith("end\n") and "busy" not in result.text, result.explain() + result.text
    assert result.text.count("all 0") > images // 2, result.text
