# SPDX-License-Identifier: MIT
"""`--copy HOST:GUEST`: files for the machine, as a cpio archive on a disk of its own.

tarn-init unpacks it (tools/init/copy.c).  Owners become root; modes, times and symbolic links
stay; what is neither file, directory nor link is refused.
"""

import os
import shutil
import stat
from pathlib import Path

from .initramfs import header
from .ui import Failure

SECTOR = 512
LARGEST = (1 << 32) - 1  # newc's size field


def parse(text: str) -> tuple[Path, str]:
    """HOST and the name it gets in the machine, without the first slash."""
    host, colon, guest = text.rpartition(":")
    if not colon or not host or not guest.startswith("/"):
        raise Failure(f"--copy {text}: give HOST:GUEST, GUEST beginning with a slash", 2)
    source = Path(host)
    if not os.path.lexists(source):
        raise Failure(f"--copy {text}: no {host} here")
    name = os.path.normpath(guest.lstrip("/") + (f"/{source.resolve().name}" if guest.endswith("/")
                                                 else ""))
    if name.split("/")[0] in ("..", "."):
        raise Failure(f"--copy {text}: not a name in the machine", 2)
    return source, name


def write(copies: list[tuple[Path, str]], disk: Path) -> None:
    with open(disk, "wb") as out:
        for source, name in copies:
            add_tree(out, source, name)
        out.write(header("TRAILER!!!", 0, 0))
        out.truncate(-(-out.tell() // SECTOR) * SECTOR)


def add_tree(out: object, source: Path, name: str) -> None:
    # The one that was named is followed, links below it are copied as links.
    add(out, source, name, os.stat(source) if source.exists() else os.lstat(source))
    if not source.is_dir():
        return
    for folder, names, files in os.walk(source):
        names.sort()
        for file in sorted(files) + names:
            path = Path(folder) / file
            add(out, path, f"{name}/{path.relative_to(source)}", os.lstat(path))


def add(out: object, path: Path, name: str, st: os.stat_result) -> None:
    if stat.S_ISLNK(st.st_mode):
        body = os.fsencode(os.readlink(path))
        out.write(header(name, st.st_mode, len(body), int(st.st_mtime)) + body)
    elif stat.S_ISDIR(st.st_mode):
        out.write(header(name, st.st_mode, 0, int(st.st_mtime)))
    elif stat.S_ISREG(st.st_mode):
        add_file(out, path, name, st)
    else:
        raise Failure(f"--copy: {path} is neither a file, a directory nor a link")
    out.write(b"\0" * (-out.tell() % 4))


def add_file(out: object, path: Path, name: str, st: os.stat_result) -> None:
    if st.st_size > LARGEST:
        raise Failure(f"--copy: {path} is larger than 4 GiB: give it as a --drive")
    out.write(header(name, st.st_mode, st.st_size, int(st.st_mtime)))
    start = out.tell()
    with open(path, "rb") as body:
        shutil.copyfileobj(body, out, 1 << 20)
    if out.tell() - start != st.st_size:
        raise Failure(f"--copy: {path} changes while it is copied")
