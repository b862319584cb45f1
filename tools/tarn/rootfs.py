# SPDX-License-Identifier: MIT
"""Root file systems: where a TARGET's files come from.

A Source fills a directory.  Its `identity` names all that decides what the files are; the image
cache keys on it.  Files are unpacked as root, or as an ordinary user under fakeroot(1), which
remembers owners, modes and device nodes for mke2fs, run in the same fakeroot session.
"""

import hashlib
import os
import re
import shutil
import urllib.request
from pathlib import Path

from . import paths
from .ui import Failure, Step, run_tool

ALPINE_VERSION = "3.20.3"
ALPINE_FILE = f"alpine-minirootfs-{ALPINE_VERSION}-x86_64.tar.gz"
ALPINE_URL = ("https://dl-cdn.alpinelinux.org/alpine/"
              f"v{ALPINE_VERSION.rpartition('.')[0]}/releases/x86_64/{ALPINE_FILE}")
ALPINE_SHA512 = ("9d5405f61f8a6ebc02461ba75346fbf1a63a4eab8510a0158dd321cee0c4dafe"
                 "28c2a3d2cb7c3d75e2a8130dae0c3c92382f5b6adeea309eafc97621c5bf6400")
DEBIAN_SUITE = "bookworm"
DEBIAN_URL = "http://deb.debian.org/debian"

# The minirootfs is made for containers: its inittab starts OpenRC, which it does not contain, on
# six screens that a serial console does not have.  This one does by hand what is left to do.
ALPINE_INITTAB = """\
# Written by tarn: this root has no OpenRC, and its terminal is the serial console.
::sysinit:/bin/mount -t proc -o nosuid,noexec,nodev proc /proc
::sysinit:/bin/mount -t sysfs -o nosuid,noexec,nodev sysfs /sys
::sysinit:/bin/mkdir -p /dev/pts /dev/shm
::sysinit:/bin/mount -t devpts -o nosuid,noexec,gid=5,mode=0620,ptmxmode=0666 devpts /dev/pts
::sysinit:/bin/mount -t tmpfs -o nosuid,nodev,mode=1777 shm /dev/shm
::sysinit:/bin/mount -t tmpfs -o nosuid,nodev,mode=0755 run /run
::sysinit:/bin/hostname -F /etc/hostname
ttyS0::respawn:/bin/login -f root
::ctrlaltdel:/sbin/reboot
::shutdown:/bin/mount -o remount,ro /
"""


def sha(path: Path, kind: str) -> str:
    with open(path, "rb") as f:
        return hashlib.file_digest(f, kind).hexdigest()


class Tarball:
    """A rootfs in a tar archive, compressed or not."""

    os_name = "linux"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.identity = f"tar {sha(path, 'sha256')}"

    def commands(self, root: Path) -> list[list[str]]:
        """What to run, as root or under fakeroot, to fill the empty directory @root."""
        return [["tar", "-C", str(root), "--numeric-owner", "--xattrs", "--xattrs-include=*",
                 "-xpf", str(self.path)]]

    def prepare(self, work: Path) -> None:
        """What can be done before, as the user that runs `tarn`."""


class Alpine(Tarball):
    os_name = "alpine"

    def __init__(self, packages: list[str]) -> None:
        super().__init__(alpine_rootfs())
        self.packages = packages
        self.identity += f" alpine {' '.join(packages)} inittab {ALPINE_INITTAB}"

    def prepare(self, work: Path) -> None:
        (work / "inittab").write_text(ALPINE_INITTAB, encoding="ascii")
        if self.packages:
            if os.geteuid() != 0:
                raise Failure("--packages on Alpine runs apk in the new root: start tarn as root")
            reach("https://dl-cdn.alpinelinux.org/alpine/", "Alpine's packages come from")

    def commands(self, root: Path) -> list[list[str]]:
        out = super().commands(root)
        if self.packages:
            resolv = str(root / "etc" / "resolv.conf")
            out += [["cp", "-L", "/etc/resolv.conf", resolv],
                    ["chroot", str(root), "/sbin/apk", "add", "--no-cache", *self.packages],
                    ["rm", "-f", resolv]]
        edit = 'test -x "$1/sbin/openrc" || cat "$2" >"$1/etc/inittab"'
        out += [["sh", "-c", edit, "sh", str(root), str(root.parent / "inittab")]]
        return out


class Debian(Tarball):
    """mmdebstrap's minbase variant: packages marked required, and apt."""

    os_name = "debian"

    def __init__(self, packages: list[str]) -> None:
        self.packages = packages
        self.mirrors = debian_mirrors()
        self.identity = f"debian {DEBIAN_SUITE} minbase {' '.join(packages)} {self.mirrors}"

    def prepare(self, work: Path) -> None:
        self.path = work / "debian.tar"
        command = ["mmdebstrap", "--variant=minbase", "--quiet", "--format=tar"]
        if self.packages:
            command.append(f"--include={','.join(self.packages)}")
        command += [DEBIAN_SUITE, str(self.path), *self.mirrors]
        run_tool(command, "cannot make Debian's root file system",
                 "is the mirror within reach? TARN_DEBIAN_MIRROR=URL names another",
                 env={**os.environ, "TMPDIR": str(work)})


class Directory:
    """A directory of the host, copied as it is."""

    os_name = "linux"

    def __init__(self, path: Path) -> None:
        self.path = path
        digest = hashlib.sha256()
        for folder, names, files in os.walk(path):
            names.sort()
            for name in sorted(files) + names:
                full = os.path.join(folder, name)
                st = os.lstat(full)
                digest.update(os.fsencode(os.path.relpath(full, path)) + b"\0%o %d %d %d %d %d\n" % (
                    st.st_mode, st.st_uid, st.st_gid, st.st_size, st.st_mtime_ns, st.st_rdev))
        self.identity = f"directory {digest.hexdigest()}"

    def prepare(self, work: Path) -> None:
        pass

    def commands(self, root: Path) -> list[list[str]]:
        return [["cp", "-a", f"{self.path}/.", f"{root}/"]]


Source = Tarball | Directory


def find(target: str, packages: list[str]) -> Source:
    if target == "debian":
        return Debian(packages)
    if target == "alpine":
        return Alpine(packages)
    path = Path(target)
    if packages:
        raise Failure("--packages needs the target debian or alpine")
    if path.is_dir():
        return Directory(path.resolve())
    if path.is_file():
        return Tarball(path.resolve())
    raise Failure(f"no target '{target}': give debian, alpine, a rootfs tarball or a directory")


def reach(url: str, what: str) -> None:
    try:
        urllib.request.urlopen(url, timeout=20).close()
    except OSError as e:
        reason = getattr(e, "reason", e)
        raise Failure(f"{what} {url}, which cannot be reached ({reason})") from None


def alpine_rootfs() -> Path:
    """ALPINE_ROOTFS=FILE as given, or the pinned release from Alpine's mirror."""
    given = os.environ.get("ALPINE_ROOTFS")
    if given:
        if not Path(given).is_file():
            raise Failure(f"ALPINE_ROOTFS={given} is not a file")
        return Path(given)
    kept = paths.build_dir() / "downloads" / ALPINE_FILE
    if not kept.exists():
        download(ALPINE_URL, kept)
    return kept


def download(url: str, kept: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    fresh = kept.with_suffix(".part")
    try:
        with Step(f"downloading {url}"), urllib.request.urlopen(url, timeout=60) as net, \
                open(fresh, "wb") as out:
            shutil.copyfileobj(net, out)
    except OSError as e:
        reason = getattr(e, "reason", e)
        raise Failure(f"cannot download {url} ({reason}): "
                      f"get {kept.name} elsewhere and set ALPINE_ROOTFS=FILE") from None
    if sha(fresh, "sha512") != ALPINE_SHA512:
        fresh.unlink()
        raise Failure(f"{url} does not have the pinned sha512: not used")
    os.replace(fresh, kept)


def debian_mirrors() -> list[str]:
    """The machine's own apt sources of our suite, as one-line entries; else Debian's mirror."""
    given = os.environ.get("TARN_DEBIAN_MIRROR")
    if given:
        return [given]
    found: dict[str, None] = {}
    for path in [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        for uri, suite, components in parse_sources(text, path.suffix == ".sources"):
            if "main" in components and suite.startswith(DEBIAN_SUITE) and "backports" not in suite:
                found[f"deb {uri} {suite} main"] = None
    if not any(f" {DEBIAN_SUITE} " in line for line in found):
        return [DEBIAN_URL]
    return list(found)


def parse_sources(text: str, deb822: bool) -> list[tuple[str, str, list[str]]]:
    """(uri, suite, components) of a sources.list or .sources file; entries with odd uses left out."""
    out = []
    if not deb822:
        for m in re.finditer(r"^deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)\s+(.+)$", text, re.M):
            out.append((m[1], m[2], m[3].split()))
        return out
    text = re.sub(r"^#.*\n", "", text, flags=re.M)
    for block in re.split(r"\n\s*\n", text):
        fields = {k.lower(): v.split() for k, v in re.findall(r"^(\S+?):(.*)$", block, re.M)}
        if "deb" in fields.get("types", []) and "no" not in fields.get("enabled", []):
            out += [(u, s, fields.get("components", []))
                    for u in fields.get("uris", []) for s in fields.get("suites", [])]
    return out
