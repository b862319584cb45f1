# SPDX-License-Identifier: MIT
"""A small reader of ext4 images for the host: what a test compares the machine's answers with.

Neither root nor a loop device is needed, and no kernel stands between: it reads the structures as
linux-doc's "ext4 Data Structures and Algorithms" gives them.  Read-only, extents only (what
mkfs.ext4 makes), directories by their linear blocks (an htree's index blocks look like empty
entries there).  The journal is not looked at: read only disks that were unmounted.
"""

import hashlib
import os
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

ROOT_INODE = 2
EXTENT_MAGIC = 0xF30A
FL_EXTENTS, FL_INLINE = 0x80000, 0x10000000
UNWRITTEN = 0x8000  # a longer extent length means: allocated, reads as zeros


@dataclass
class Node:
    number: int
    mode: int
    uid: int
    gid: int
    size: int
    links: int
    mtime: int   # seconds
    mtime_ns: int
    rdev: tuple[int, int]
    flags: int
    block: bytes

    @property
    def kind(self) -> str:
        """As find -printf %y: f d l c b p s."""
        return {stat.S_IFREG: "f", stat.S_IFDIR: "d", stat.S_IFLNK: "l", stat.S_IFCHR: "c",
                stat.S_IFBLK: "b", stat.S_IFIFO: "p", stat.S_IFSOCK: "s"}[stat.S_IFMT(self.mode)]


class Ext4:
    def __init__(self, image: Path) -> None:
        self.file = open(image, "rb")
        sb = self.at(1024, 1024)
        if struct.unpack_from("<H", sb, 56)[0] != 0xEF53:
            raise ValueError(f"{image} is not ext4")
        self.block_size = 1024 << struct.unpack_from("<I", sb, 24)[0]
        self.inodes_per_group = struct.unpack_from("<I", sb, 40)[0]
        self.inode_size = struct.unpack_from("<H", sb, 88)[0]
        self.incompat = struct.unpack_from("<I", sb, 96)[0]
        wide = bool(self.incompat & 0x80)
        self.desc_size = struct.unpack_from("<H", sb, 254)[0] if wide else 32
        self.first_block = struct.unpack_from("<I", sb, 20)[0]
        self.wide = wide

    def at(self, offset: int, size: int) -> bytes:
        self.file.seek(offset)
        return self.file.read(size)

    def node(self, number: int) -> Node:
        group, index = divmod(number - 1, self.inodes_per_group)
        table = (self.first_block + 1) * self.block_size + group * self.desc_size
        desc = self.at(table, self.desc_size)
        start = struct.unpack_from("<I", desc, 8)[0]
        if self.wide and self.desc_size >= 64:
            start |= struct.unpack_from("<I", desc, 40)[0] << 32
        raw = self.at(start * self.block_size + index * self.inode_size, self.inode_size)
        return self._decode(number, raw)

    @staticmethod
    def _decode(number: int, raw: bytes) -> Node:
        mode, uid, size, _, _, mtime = struct.unpack_from("<HHIIIi", raw, 0)
        gid, links = struct.unpack_from("<HH", raw, 24)
        flags = struct.unpack_from("<I", raw, 32)[0]
        block = raw[40:100]
        size |= struct.unpack_from("<I", raw, 108)[0] << 32
        uid |= struct.unpack_from("<H", raw, 120)[0] << 16
        gid |= struct.unpack_from("<H", raw, 122)[0] << 16
        ns = 0
        if len(raw) > 128 and struct.unpack_from("<H", raw, 128)[0] >= 12:
            extra = struct.unpack_from("<I", raw, 136)[0]  # i_mtime_extra
            ns, mtime = extra >> 2, mtime + ((extra & 3) << 32)
        old, new = struct.unpack_from("<II", block, 0)
        rdev = (old >> 8 & 0xFF, old & 0xFF) if old else (
            new >> 8 & 0xFFF, new & 0xFF | new >> 12 & 0xFFF00)
        return Node(number, mode, uid, gid, size, links, mtime, ns, rdev, flags, block)

    def extents(self, header: bytes) -> Iterator[tuple[int, int, int | None]]:
        """(first logical block, count, first physical block or None for zeros)"""
        magic, entries, _, depth = struct.unpack_from("<HHHH", header, 0)
        if magic != EXTENT_MAGIC:
            raise ValueError("bad extent header")
        for i in range(entries):
            entry = header[12 + 12 * i:24 + 12 * i]
            if depth:
                low, high = struct.unpack_from("<IH", entry, 4)
                yield from self.extents(self.at((low | high << 32) * self.block_size,
                                                self.block_size))
            else:
                first, count, high, low = struct.unpack("<IHHI", entry)
                if count > UNWRITTEN:
                    yield first, count - UNWRITTEN, None
                else:
                    yield first, count, low | high << 32

    def chunks(self, node: Node) -> Iterator[bytes]:
        """The file's bytes in order, holes as zeros."""
        if node.flags & FL_INLINE or not node.flags & FL_EXTENTS:
            raise ValueError(f"inode {node.number}: not mapped by extents")
        done = 0
        for first, count, physical in self.extents(node.block):
            start = first * self.block_size
            if start >= node.size:
                break
            yield from zeros(start - done)
            size = min(count * self.block_size, node.size - start)
            if physical is None:
                yield from zeros(size)
            else:
                yield self.at(physical * self.block_size, size)
            done = start + size
        yield from zeros(node.size - done)

    def read(self, node: Node) -> bytes:
        return b"".join(self.chunks(node))

    def link_target(self, node: Node) -> bytes:
        if node.size < 60 and not node.flags & FL_EXTENTS:
            return node.block[:node.size]
        return self.read(node)

    def sha256(self, node: Node) -> str:
        digest = hashlib.sha256()
        for chunk in self.chunks(node):
            digest.update(chunk)
        return digest.hexdigest()

    def entries(self, node: Node) -> Iterator[tuple[bytes, int]]:
        data = self.read(node)
        for base in range(0, len(data), self.block_size):
            at = base
            while at + 8 <= base + self.block_size:
                number, step, length = struct.unpack_from("<IHB", data, at)
                if step < 8:
                    break
                name = data[at + 8:at + 8 + length]
                if number and name not in (b".", b".."):
                    yield name, number
                at += step

    def walk(self, path: bytes = b"/", node: Node | None = None) -> Iterator[tuple[bytes, Node]]:
        """Every path with its node, @path itself first."""
        node = node or self.lookup(path)
        yield path, node
        if stat.S_ISDIR(node.mode):
            for name, number in self.entries(node):
                yield from self.walk(path.rstrip(b"/") + b"/" + name, self.node(number))

    def lookup(self, path: bytes) -> Node:
        node = self.node(ROOT_INODE)
        for part in path.split(b"/"):
            if part:
                node = self.node(dict(self.entries(node))[part])
        return node

    def extract(self, where: Path) -> None:
        """Everything as files of the host; needs root for owners and devices."""
        first: dict[int, str] = {}
        folders = []
        for path, node in self.walk():
            name = os.fsdecode(os.fsencode(where) + path)
            if node.kind == "d":
                os.makedirs(name, exist_ok=True)
                folders.append((name, node))
            elif node.number in first:
                os.link(first[node.number], name)
                continue
            else:
                self._make(name, node)
                first[node.number] = name
            os.chown(name, node.uid, node.gid, follow_symlinks=False)
            if node.kind != "l":
                os.chmod(name, node.mode & 0o7777)  # after chown, which clears set-uid
            set_mtime(name, node)
        for name, node in folders:
            set_mtime(name, node)  # filling them has changed it

    def _make(self, name: str, node: Node) -> None:
        if node.kind == "l":
            os.symlink(self.link_target(node), os.fsencode(name))
        elif node.kind == "f":
            with open(name, "xb") as f:
                f.writelines(self.chunks(node))
        else:
            os.mknod(name, node.mode, os.makedev(*node.rdev))


def set_mtime(name: str, node: Node) -> None:
    ns = node.mtime * 10 ** 9 + node.mtime_ns
    os.utime(name, ns=(ns, ns), follow_symlinks=False)


def zeros(count: int) -> Iterator[bytes]:
    while count > 0:
        step = min(count, 1 << 20)
        yield bytes(step)
        count -= step
