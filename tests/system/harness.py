# SPDX-License-Identifier: MIT
"""What the system tests share: starting machines through `./tarn`, and the host's own answers.

Every machine has a time limit.  A run that does not give what was expected shows the end of its
console.  The kernel is TARN_KERNEL's, or the release build; with tools/linux-kernel's vmlinuz there
the same tests run on Linux, which is how they were made: a test that fails on Linux is wrong.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "tools"))

from ext4read import Ext4  # noqa: E402
from tarn import images, initramfs, paths, runner  # noqa: E402

TARN = str(TREE / "tarn")
KERNEL = Path(os.environ.get("TARN_KERNEL") or paths.default_kernel())
ON_LINUX = KERNEL.exists() and initramfs.is_bzimage(KERNEL)
# Linux under emulation needs seconds to boot, and the two may share a busy machine.
LIMIT = 120

# One image for all tests that need programs: building one takes a minute or two.
TOOLS = ("file,gcc,git,libc6-dev,openssl,curl,perl,python3,sqlite3,xz-utils,make,"
         "busybox-static,bc,procps,openrc,stress-ng,trinity,nginx-light,redis-server,postgresql,psmisc")


@dataclass
class Result:
    status: int
    stdout: bytes
    stderr: bytes
    console: str

    @property
    def text(self) -> str:
        return self.stdout.decode(errors="replace")

    def explain(self) -> str:
        tail = "\n".join(self.console.splitlines()[-40:])
        errors = self.stderr.decode(errors="replace")[-3000:]
        return f"status {self.status}\n-- stderr:\n{errors}\n-- console:\n{tail}"


def tarn(*args: str, input: bytes = b"", limit: int = LIMIT, log: bool = True) -> Result:
    """./tarn run ARGS with a time limit; the console is kept for explain()."""
    with tempfile.TemporaryDirectory(prefix="tarn-test-") as work:
        console = Path(work) / "console"
        options = ["--timeout", str(limit)] + (["--log", str(console)] if log else [])
        done = subprocess.run([TARN, "run", *options, *args], input=input, capture_output=True,
                              timeout=limit + 600, check=False)
        shown = console.read_text(errors="replace") if console.exists() else ""
        return Result(done.returncode, done.stdout, done.stderr, shown)


def good(result: Result, status: int = 0) -> Result:
    assert result.status == status, result.explain()
    return result


def image(target: str, packages: str = "") -> Path:
    """The image `./tarn run TARGET --packages PACKAGES` uses, built if need be."""
    names = sorted(set(packages.split(",")) - {""})
    return images.image_for(target, names)[0]


def disk_copy(source: Path, where: Path) -> Path:
    """A disk of our own to write to; sparse, as the image is."""
    copy = where / "disk.ext4"
    subprocess.run(["cp", "--sparse=always", str(source), str(copy)], check=True)
    return copy


def fsck(disk: Path) -> None:
    done = subprocess.run(["/sbin/e2fsck", "-fn", str(disk)], text=True, capture_output=True,
                          check=False)
    assert done.returncode == 0, f"e2fsck -fn:\n{done.stdout}{done.stderr}"


def need_alpine() -> None:
    if not os.environ.get("ALPINE_ROOTFS"):
        beside = TREE.parent / "shared/alpine/alpine-minirootfs-3.20.3-x86_64.tar.gz"
        if beside.exists():
            os.environ["ALPINE_ROOTFS"] = str(beside)


def host_root(disk: Path) -> Path:
    """The image's files as a directory of the host, for chroot.  Kept beside the image."""
    root = disk.with_suffix(".root")
    with open(disk.with_suffix(".root.lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            fresh = disk.with_suffix(".root.new")
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir()
            Ext4(disk).extract(fresh)
            fresh.rename(root)
    return root


CHROOT = r"""
root=$1; shift
mount -t tmpfs -o mode=0755 dev "$root/dev"
for n in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0"; do
    set -- "$n" "$@"; name=${1%% *}; mknod -m 0666 "$root/dev/$name" c ${1#* }; shift
done
ln -s /proc/self/fd "$root/dev/fd"; ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"; ln -s /proc/self/fd/2 "$root/dev/stderr"
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=0755 run "$root/run"
exec setsid chroot "$root" "$@"
"""


def in_chroot(root: Path, shell: str, *command: str, limit: int = 300) -> subprocess.CompletedProcess:
    """The same command on the host's Linux, in the same files, with the same environment."""
    if os.geteuid() != 0:
        pytest.fail("comparing with a chroot needs root: run the system tests as root")
    env = [word for key, word in runner.environment(shell) if key == "env"]
    env = [w if not w.startswith("TERM=") else "TERM=linux" for w in env]
    inside = ["/usr/bin/env", "-i", *env, "/bin/sh", "-c", 'cd /root && exec "$@"', "sh", *command]
    return subprocess.run(["unshare", "--mount", "--pid", "--fork", "--uts", "--ipc", "sh", "-eC",
                           "-c", CHROOT, "sh", str(root), *inside],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=limit, check=False)


def static_program(source: str, where: Path) -> Path:
    """A program of tests/system, built for any Linux: for a root directory or a disk."""
    program = where / Path(source).stem
    subprocess.run(["musl-gcc", "-std=gnu17", "-static", "-O1", "-Wall", "-Werror", "-idirafter",
                    "/usr/include", "-idirafter", "/usr/include/x86_64-linux-gnu", "-o", program,
                    Path(__file__).with_name(source)], check=True)
    return program


def small_root(where: Path, *programs: Path) -> Path:
    """A root directory with busybox and @programs: the smallest machine that runs them."""
    root = where / "root"
    for name in ("bin", "dev", "proc", "sys", "tmp", "root", "etc", "mnt", "data"):
        (root / name).mkdir(parents=True)
    for program in (Path("/bin/busybox"), *programs):
        shutil.copy(program, root / "bin" / program.name)
    for applet in ("sh", "cat", "echo", "mount", "umount", "mkdir", "rm", "true"):
        (root / "bin" / applet).symlink_to("busybox")
    return root
