# SPDX-License-Identifier: MIT
"""Root file systems: where a TARGET's files come from.

A Source fills a directory.  Its `identity` names all that decides what the files are; the image
cache keys on it.  Files are unpacked as root, or as an ordinary user under fakeroot(1), which
remembers owners, modes and device nodes for mke2fs, run in the same fakeroot session.
"""

import hashlib
import os
import re
import shlex
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

# sysvinit's inittab starts login programs on six screens that the machine does not have and none
# on the serial console that it has.  The root user of these images has no password: log in as root.
DEBIAN_INITTAB = r"""
test -f "$1/etc/inittab" || exit 0
sed -i -e 's/^[1-6]:.*getty/#&/' -e '/^#T[01]:/d' "$1/etc/inittab"
echo 'T0:2345:respawn:/sbin/agetty --autologin root --noclear 115200 ttyS0 linux' >>"$1/etc/inittab"
"""
# A machine must know its own name without asking the network.
HOSTS = """\
127.0.0.1\tlocalhost
127.0.1.1\t{name}
::1\t\tlocalhost ip6-localhost ip6-loopback
"""
# Packages for a root that came as files: by whichever package manager it has.
ADD_PACKAGES = r"""
root=$1; shift
if [ -x "$root/sbin/apk" ]; then add='exec /sbin/apk add --no-cache "$@"'
elif [ -x "$root/usr/bin/apt-get" ]; then
	add='export DEBIAN_FRONTEND=noninteractive
		apt-get -q update && exec apt-get -q -y --no-install-recommends install "$@"'
else echo 'E: --packages: this root has neither apk nor apt-get'; exit 1; fi
resolv=$root/etc/resolv.conf; kept=
if [ -e "$resolv" ] || [ -L "$resolv" ]; then kept=$resolv.tarn; mv "$resolv" "$kept"; fi
cp -L /etc/resolv.conf "$resolv"
status=0; chroot "$root" /bin/sh -c "$add" sh "$@" || status=$?
rm -f "$resolv"; [ -z "$kept" ] || mv "$kept" "$resolv"
exit $status
"""


def sha(path: Path, kind: str) -> str:
    with open(path, "rb") as f:
        return hashlib.file_digest(f, kind).hexdigest()


def add_packages(root: Path, packages: list[str]) -> list[list[str]]:
    return [["sh", "-c", ADD_PACKAGES, "sh", str(root), *packages]] if packages else []


def own_mounts() -> list[str]:
    """What mmdebstrap as root mounts in the new root (proc, sys, dev) goes with its last process, even if
    it was killed: a mount namespace of its own.  An ordinary user's mmdebstrap makes one by itself."""
    return ["unshare", "--mount", "--propagation", "private"] if os.geteuid() == 0 else []


def need_root_for(packages: list[str]) -> None:
    if packages and os.geteuid() != 0:
        raise Failure("--packages runs the package manager in the new root: start tarn as root")


class Tarball:
    """A rootfs in a tar archive, compressed or not."""

    os_name = "linux"

    def __init__(self, path: Path, packages: list[str]) -> None:
        self.path = path
        self.packages = packages
        self.identity = f"tar {sha(path, 'sha256')} {' '.join(packages)}"

    def commands(self, root: Path) -> list[list[str]]:
        """What to run, as root or under fakeroot, to fill the empty directory @root."""
        return [["tar", "-C", str(root), "--numeric-owner", "--xattrs", "--xattrs-include=*",
                 "-xpf", str(self.path)], *add_packages(root, self.packages)]

    def prepare(self, work: Path) -> None:
        """What can be done before, as the user that runs `tarn`."""
        need_root_for(self.packages)
        run_tool(["tar", "-tf", str(self.path)], f"{self.path} is no tar archive")


class Alpine(Tarball):
    os_name = "alpine"

    def __init__(self, packages: list[str]) -> None:
        super().__init__(alpine_rootfs(), packages)
        self.identity += f" alpine {ALPINE_INITTAB} {HOSTS}"

    def prepare(self, work: Path) -> None:
        super().prepare(work)
        (work / "inittab").write_text(ALPINE_INITTAB, encoding="ascii")
        (work / "hosts").write_text(HOSTS.format(name="alpine"), encoding="ascii")
        if self.packages:
            reach("https://dl-cdn.alpinelinux.org/alpine/", "Alpine's packages come from")

    def commands(self, root: Path) -> list[list[str]]:
        edit = 'test -x "$1/sbin/openrc" || cat "$2/inittab" >"$1/etc/inittab"; ' \
               'cat "$2/hosts" >"$1/etc/hosts"'
        return [*super().commands(root), ["sh", "-c", edit, "sh", str(root), str(root.parent)]]


class Debian(Tarball):
    """mmdebstrap's minbase variant: packages marked required, apt, and what a person misses first."""

    os_name = "debian"
    ALWAYS = ("procps", "less", "nano")

    def __init__(self, packages: list[str]) -> None:
        self.packages = packages
        self.mirrors = debian_mirrors()
        self.identity = f"debian {DEBIAN_SUITE} minbase {self.ALWAYS} {' '.join(packages)} " \
                        f"{self.mirrors} {DEBIAN_INITTAB} {HOSTS}"

    def prepare(self, work: Path) -> None:
        self.path = work / "debian.tar"
        (work / "hosts").write_text(HOSTS.format(name="debian"), encoding="ascii")
        (work / "hostname").write_text("debian\n", encoding="ascii")
        wanted = [*self.ALWAYS, *self.packages]
        command = ["mmdebstrap", "--variant=minbase", "--verbose", "--format=tar",
                   f"--include={','.join(wanted)}"]
        if self.packages:
            command.append(f"--setup-hook={self.check_names()}")
        command += [DEBIAN_SUITE, str(self.path), *self.mirrors]
        try:
            run_tool([*own_mounts(), *command], "cannot make Debian's root file system",
                     env={**os.environ, "TMPDIR": str(work)})
        except Failure as e:
            if "Unable to locate" in str(e):
                raise
            raise Failure(f"{e} (is the mirror within reach? TARN_DEBIAN_MIRROR=URL names "
                          "another)") from None

    def check_names(self) -> str:
        """A hook that fails within seconds, not after the base system is there, if a name is wrong."""
        names = " ".join(shlex.quote(name) for name in self.packages)
        return 'export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"; apt-get -qq update && ' \
               f"apt-get -qq --simulate install {names} >/dev/null"

    def commands(self, root: Path) -> list[list[str]]:
        names = 'cat "$2/hosts" >"$1/etc/hosts"; cat "$2/hostname" >"$1/etc/hostname"'
        return [*super().commands(root),
                ["sh", "-c", names, "sh", str(root), str(root.parent)],
                ["sh", "-c", DEBIAN_INITTAB, "sh", str(root)]]


class Directory:
    """A directory of the host, copied as it is."""

    os_name = "linux"

    def __init__(self, path: Path, packages: list[str]) -> None:
        self.path = path
        self.packages = packages
        digest = hashlib.sha256()
        for folder, names, files in os.walk(path):
            names.sort()
            for name in sorted(files) + names:
                full = os.path.join(folder, name)
                st = os.lstat(full)
                digest.update(os.fsencode(os.path.relpath(full, path)) + b"\0%o %d %d %d %d %d\n" % (
                    st.st_mode, st.st_uid, st.st_gid, st.st_size, st.st_mtime_ns, st.st_rdev))
        self.identity = f"directory {digest.hexdigest()} {' '.join(packages)}"

    def prepare(self, work: Path) -> None:
        need_root_for(self.packages)

    def commands(self, root: Path) -> list[list[str]]:
        return [["cp", "-a", f"{self.path}/.", f"{root}/"], *add_packages(root, self.packages)]


Source = Tarball | Directory


def find(target: str, packages: list[str]) -> Source:
    if target == "debian":
        return Debian(packages)
    if target == "alpine":
        return Alpine(packages)
    path = Path(target)
    if path.is_dir():
        return Directory(path.resolve(), packages)
    if path.is_file():
        return Tarball(path.resolve(), packages)
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
