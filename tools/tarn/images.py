# SPDX-License-Identifier: MIT
"""Disk images: ext4 as a stock mkfs.ext4 makes it, cached by what it holds.

build/images/NAME-HASH.ext4 is sparse and never written after it was made: runs use throw-away
overlays.  NAME-HASH.json beside it says what the tool must know without opening the image (see
describe()).  A lock file lets several `tarn` wait for one that builds.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

from . import paths, rootfs
from .ui import Failure, Step, run_tool

FORMAT = 1           # part of the key: change it when images must be made again
FREE_BYTES = 1 << 30  # room for the machine's own files
KEPT = 8


def image_for(target: str, packages: list[str]) -> tuple[Path, dict]:
    """The image of @target and its description; built if it is not there."""
    source = rootfs.find(target, packages)
    key = hashlib.sha256(f"{FORMAT}\n{FREE_BYTES}\n{source.identity}".encode()).hexdigest()[:16]
    image = paths.images_dir() / f"{source.os_name}-{key}.ext4"
    with open(image.with_suffix(".lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not image.exists():
            with Step(f"building the {source.os_name} image {image.name}"):
                build(source, image)
            if source.os_name == "linux":
                forget_old(image.parent)
    return image, json.loads(image.with_suffix(".json").read_text(encoding="utf-8"))


def forget_old(where: Path) -> None:
    """Directories and tarballs change with every test: keep the latest images of them only."""
    found = sorted(where.glob("linux-*.ext4"), key=lambda p: p.stat().st_mtime)
    for image in found[:-KEPT]:
        for path in (image, image.with_suffix(".json"), image.with_suffix(".lock")):
            path.unlink(missing_ok=True)  # a machine that runs from it has it open


def build(source: rootfs.Source, image: Path) -> None:
    work = Path(tempfile.mkdtemp(prefix=".work-", dir=image.parent))
    try:
        work.chmod(0o755)  # mmdebstrap's user namespace must get in
        root = work / "root"
        root.mkdir()
        source.prepare(work)
        fresh = work / "image"
        fill_and_make(source, root, fresh)
        about = describe(root, source.os_name) | {"packages": source.packages}
        image.with_suffix(".json").write_text(json.dumps(about), encoding="utf-8")
        os.replace(fresh, image)
    finally:
        remove_tree(work)


def fill_and_make(source: rootfs.Source, root: Path, fresh: Path) -> None:
    """Unpack and make the file system in one go: fakeroot's memory lasts one session."""
    size = 'kb=$(du -s --apparent-size -k "$1" | cut -f1); du=$(du -sk "$1" | cut -f1); ' \
           '[ "$du" -gt "$kb" ] && kb=$du; ' \
           f'truncate -s $((kb * 1024 * 21 / 20 + {FREE_BYTES})) "$2"; ' \
           'mkfs.ext4 -q -F -d "$1" "$2"'
    steps = source.commands(root)
    steps.append(["sh", "-ec", size, "sh", str(root), str(fresh)])
    script = "set -e\n" + "\n".join(" ".join(map(quote, step)) for step in steps)
    # mkfs.ext4 and chroot are in sbin, which a user's PATH may not have.
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    command = ["sh", "-c", script]
    if os.geteuid() != 0:
        command = ["fakeroot", "--", *command]
    run_tool(command, "cannot build the image", env={**os.environ, "PATH": path})


def quote(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


def remove_tree(work: Path) -> None:
    """Also what a distribution made unreadable to its owner."""
    if os.geteuid() != 0:
        subprocess.run(["chmod", "-R", "u+rwX", str(work)], stderr=subprocess.DEVNULL, check=False)
    shutil.rmtree(work, ignore_errors=True)


def describe(root: Path, os_name: str) -> dict:
    """os: its name.  shell: the best one.  own_init: its init brings up a console by itself."""
    release = inside(root, "/etc/os-release")
    if os_name == "linux" and release:
        lines = release.read_text(errors="replace").splitlines()
        ids = [line[3:].strip('"') for line in lines if line.startswith("ID=")]
        os_name = ids[0] if ids else os_name
    shell = next((s for s in ("/bin/bash", "/bin/sh") if inside(root, s)), "/bin/sh")
    inittab = inside(root, "/etc/inittab")
    own = bool(inittab and inside(root, "/sbin/init"))
    if own and "/sbin/openrc" in inittab.read_text(errors="replace"):
        own = inside(root, "/sbin/openrc") is not None
    return {"os": os_name, "shell": shell, "own_init": own}


def inside(root: Path, path: str) -> Path | None:
    """@path as a file below @root, symlinks followed as the machine will; None if not there."""
    left, here, hops = path.strip("/").split("/"), root, 0
    while left:
        part = left.pop(0)
        here = here.parent if part == ".." and here != root else here / part
        with contextlib.suppress(OSError):
            if stat.S_ISLNK(os.lstat(here).st_mode):
                link = os.readlink(here)
                hops += 1
                if hops > 40:
                    return None
                here = root if link.startswith("/") else here.parent
                left = [p for p in link.split("/") if p] + left
    return here if here.is_file() else None


def has_ext4(disk: Path) -> bool:
    """ext2, 3 or 4 by its magic number; what cannot be looked into (qcow2) may have one."""
    magic_at, magic = 1024 + 56, b"\x53\xef"
    with open(disk, "rb") as f:
        if f.read(4) == b"QFI\xfb":
            return True
        f.seek(magic_at)
        return f.read(2) == magic


def describe_disk(disk: Path) -> dict:
    """The same for an existing disk, which only debugfs(8) can look into without root."""
    def there(path: str) -> bool:
        try:
            done = subprocess.run(["/sbin/debugfs", "-R", f"stat {path}", str(disk)], text=True,
                                  stdin=subprocess.DEVNULL, capture_output=True, check=False)
        except FileNotFoundError:
            raise Failure("debugfs is not installed: run `make deps`") from None
        return "Inode:" in done.stdout

    alpine = there("/etc/alpine-release")
    return {"os": "alpine" if alpine else "linux", "own_init": alpine,
            "shell": "/bin/bash" if there("/bin/bash") or there("/usr/bin/bash") else "/bin/sh"}
