# SPDX-License-Identifier: MIT
"""`./tarn run TARGET -- CMD`: streams, status, time limits, and the other ways to say what to boot."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pexpect
import pytest

from harness import TARN, TREE, good, tarn


def test_exit_status(debian: Path) -> None:
    good(tarn("debian", "--", "sh", "-c", "exit 7"), 7)


def test_nothing_but_the_output(debian: Path) -> None:
    result = good(tarn("debian", "--", "tr", "a-z", "A-Z", input=b"hi\n", log=False))
    assert result.stdout == b"HI\n"
    assert result.stderr == b""


def test_status_of_a_signal(debian: Path) -> None:
    good(tarn("debian", "--", "sh", "-c", "kill -SEGV $$"), 139)


def test_streams_stay_apart(debian: Path) -> None:
    result = good(tarn("debian", "--", "sh", "-c", "echo out; echo err >&2; echo 2 >/dev/stderr"))
    assert (result.stdout, result.stderr) == (b"out\n", b"err\n2\n")


def test_unknown_command(debian: Path) -> None:
    result = good(tarn("debian", "--", "no-such-program"), 127)
    assert b"no-such-program" in result.stderr


def test_environment(debian: Path) -> None:
    result = good(tarn("debian", "--", "sh", "-c", "echo $HOME $PATH; pwd; id -u; hostname"))
    assert result.text.split() == [
        "/root", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "/root", "0",
        "debian"]


def test_arguments_arrive_as_given(debian: Path) -> None:
    words = ["", " ", "a b", "*", "$HOME", "'", '"', "\\", "ü", "new\nline", "-n", "--", "="]
    result = good(tarn("debian", "--", "printf", "%s\\0", *words))
    assert result.stdout == b"".join(w.encode() + b"\0" for w in words)


def test_binary_input_and_output(debian: Path) -> None:
    data = random.Random(2).randbytes(8 << 20)
    result = good(tarn("debian", "--", "cat", input=data))
    assert hashlib.sha256(result.stdout).hexdigest() == hashlib.sha256(data).hexdigest()


def test_much_output_is_not_lost(debian: Path) -> None:
    script = "head -c 64000000 /dev/zero | tee /dev/stderr | cat"
    result = good(tarn("debian", "--", "sh", "-c", script, log=False))
    assert (len(result.stdout), len(result.stderr)) == (64000000, 64000000)


def test_a_reader_that_stops(debian: Path) -> None:
    """`tarn run ... | head` ends as a program in a pipeline does."""
    with subprocess.Popen([TARN, "run", "--timeout", "100", "--", "yes"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE) as run:
        assert run.stdout.read(4) == b"y\ny\n"
        run.stdout.close()
        assert run.wait(60) == 141


def test_leftovers_do_not_hold_the_machine(debian: Path) -> None:
    good(tarn("debian", "--", "sh", "-c", "sleep 1000 & exit 3"), 3)


def test_time_limit(debian: Path) -> None:
    start = time.monotonic()
    result = tarn("debian", "--", "sleep", "1000", limit=15)
    assert result.status == 124, result.explain()
    assert time.monotonic() - start < 30
    assert b"15 s" in result.stderr


def test_kernel_messages_go_to_the_log(debian: Path) -> None:
    result = good(tarn("debian", "--", "true"))
    assert "ext4" in result.console.lower(), result.explain()


def test_directory_and_tarball(tmp_path: Path) -> None:
    """One static program, busybox, as a directory, then packed; owners and hard links kept."""
    root = tmp_path / "root"
    for name in ("bin", "root", "proc", "sys", "dev", "run", "data"):
        (root / name).mkdir(parents=True)
    subprocess.run(["cp", "/bin/busybox", str(root / "bin/busybox")], check=True)
    (root / "bin/sh").symlink_to("busybox")
    (root / "data/one").write_text("content")
    os.link(root / "data/one", root / "data/two")
    if os.geteuid() == 0:
        os.chown(root / "data/one", 123, 70000)
        os.mknod(root / "data/null", 0o020640, os.makedev(1, 3))
        os.setxattr(root / "data/one", "user.mood", b"calm")
    script = "stat -c '%h %u %g' /data/two; cat /data/one; busybox stat -c '%F %t %T' /data/*"
    busybox = ["--", "/bin/busybox", "sh", "-c", "PATH=/bin; stat() { busybox stat \"$@\"; }; "
               "cat() { busybox cat \"$@\"; }; " + script]
    first = good(tarn(str(root), *busybox))
    assert first.text.startswith("2 123 70000\ncontent"), first.text
    assert "character special file 1 3" in first.text
    archive = tmp_path / "root.tar.gz"
    subprocess.run(["tar", "-C", str(root), "--xattrs", "-czf", str(archive), "."], check=True)
    assert good(tarn(str(archive), *busybox)).stdout == first.stdout


@pytest.mark.parametrize("args,words", [
    (["no-such-target"], "no target"),
    (["--machine", "vax"], "vax"),
    (["--mem", "lots"], "lots"),
    (["--disk", "/no/such/disk"], "/no/such/disk"),
    (["--kernel", "/no/such/kernel"], "/no/such/kernel"),
    (["debian", "--"], "--"),
    (["debian", "true"], "`--`"),
    (["--disk", "/tmp"], "directory"),
    (["--drive", "/tmp"], "directory"),
    (["--disk", "/etc/passwd"], "no ext4"),
    (["--kernel", "/etc/passwd"], "no kernel"),
    (["--smp", "65"], "65"),
    (["--log", "/no/such/folder/log", "--", "true"], "/no/such/folder/log"),
    (["/etc/passwd", "--", "true"], "tar"),
    (["--copy", "/etc/passwd", "--", "true"], "HOST:GUEST"),
    (["--copy", "/no/such:/tmp/", "--", "true"], "/no/such"),
    (["--escape", "F1"], "F1"),
    (["-t", "--", "true"], "-t"),
])
def test_mistakes_get_one_line(args: list[str], words: str) -> None:
    done = subprocess.run([TARN, "run", *args], stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, timeout=60, check=False)
    assert done.returncode != 0 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and words in done.stderr


def shell(line: str, limit: int = 100) -> subprocess.CompletedProcess:
    return subprocess.run(["sh", "-c", line], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=limit, check=False)


def test_closed_standard_input(debian: Path) -> None:
    done = shell(f"{TARN} run --timeout 90 -- cat <&-")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_closed_standard_output(debian: Path) -> None:
    done = shell(f"{TARN} run --timeout 90 -- echo hi >&-")
    assert done.returncode == 125 and done.stderr.count("\n") == 1, done.stderr
    assert "standard output" in done.stderr


def test_full_standard_output(debian: Path) -> None:
    done = shell(f"{TARN} run --timeout 90 -- echo hi >/dev/full")
    assert done.returncode == 125 and done.stderr.count("\n") == 1, done.stderr
    assert "No space left" in done.stderr


def test_full_temporary_folder(debian: Path, tmp_path: Path) -> None:
    """QEMU pauses the machine when its overlay cannot grow; that looked like a hang."""
    full = ("mount -t tmpfs -o size=8m none $1 && TMPDIR=$1 "
            f"{TARN} run --timeout 90 -- sh -c 'head -c 64M /dev/urandom >/root/x; sync'")
    done = subprocess.run(["unshare", "--mount", "sh", "-c", full, "sh", str(tmp_path)], text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=100, check=False)
    assert done.returncode == 125, done.stderr
    assert "the host cannot write" in done.stderr and "No space left" in done.stderr


def test_home_that_cannot_be_written(debian: Path) -> None:
    """A checkout that cannot be written keeps its images below HOME."""
    done = shell(f"TARN_IMAGES=/proc/none {TARN} run --timeout 90 -- true")
    assert done.returncode == 125 and done.stderr.count("\n") == 1, done.stderr
    assert "/proc/none" in done.stderr


def test_copied_files(debian: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    data = random.Random(7).randbytes(3 << 20)
    (tree / "sub" / "data").write_bytes(data)
    (tree / "run").write_text("#!/bin/sh\necho ran\n", encoding="ascii")
    (tree / "run").chmod(0o755)
    (tree / "link").symlink_to("sub/data")
    script = ("/opt/new/t/run; sha256sum </opt/new/t/link; readlink /opt/new/t/link; "
              "stat -c '%U %a' /opt/new/t/run; cat /root/run | wc -l")
    result = good(tarn("debian", "--copy", f"{tree}:/opt/new/t", "--copy", f"{tree}/run:/root/",
                       "--", "sh", "-c", script))
    assert result.text.split("\n")[:-1] == ["ran", hashlib.sha256(data).hexdigest() + "  -",
                                            "sub/data", "root 755", "2"]


def test_terminal_of_a_command(debian: Path) -> None:
    """-t: a terminal with this one's size, resized with it; ^A and ^C are the command's."""
    child = pexpect.spawn(TARN, ["run", "--timeout", "100", "-t", "--", "bash", "--norc", "-i"],
                          timeout=90, encoding="utf-8", dimensions=(30, 90))
    child.expect("bash-5.2# ")
    child.sendline("tty; stty size")
    child.expect("/dev/pts/0\r\n30 90\r\n")
    child.setwinsize(40, 120)
    child.sendline("sleep 1; stty size")
    child.expect("40 120\r\n")
    child.send("cho ok\x01e\r")  # ^A: to the start of the line
    child.expect("[\r\n]ok\r\n")
    child.sendline("cat")
    child.sendcontrol("c")
    child.expect("bash-5.2# ")
    child.sendline("exit 9")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 9


def test_escape_key(debian: Path) -> None:
    child = pexpect.spawn(TARN, ["run", "--timeout", "100", "--escape", "^B", "-t", "--", "cat"],
                          timeout=90, encoding="utf-8")
    child.sendline("hello")
    child.expect("hello\r\nhello\r\n")
    child.send("\x02x")
    child.expect("escape key")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 125


def test_images_and_clean(tmp_path: Path) -> None:
    env = {**os.environ, "TARN_IMAGES": str(tmp_path / "images")}
    root = tmp_path / "root"
    root.mkdir()
    (root / "file").write_text("x")
    kept = tmp_path / "images"

    def verb(*words: str) -> str:
        done = subprocess.run([TARN, *words], env=env, text=True, capture_output=True, timeout=100,
                              check=False)
        return done.stdout

    verb("run", "--timeout", "60", str(root), "--", "/file")
    assert len(list(kept.glob("*.ext4"))) == 1
    assert "1 images" in verb("images")
    assert "1 images removed" in verb("clean")
    assert not list(kept.iterdir())


def test_packages_for_a_root_without_a_package_manager(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    done = subprocess.run([TARN, "run", str(tmp_path), "--packages", "less", "--", "/file"],
                          text=True, capture_output=True, timeout=100, check=False)
    assert done.returncode == 125 and "neither apk nor apt-get" in done.stderr, done.stderr


def test_help_names_every_option() -> None:
    done = subprocess.run([TARN, "run", "--help"], text=True, capture_output=True, check=True)
    for option in ("packages smp mem machine cpu append disk copy terminal escape timeout kernel log gdb").split():
        assert f"--{option}" in done.stdout


FAKE_MMDEBSTRAP = """#!/bin/sh
mkdir "$TMPDIR/m" && mount -t tmpfs build "$TMPDIR/m" && touch "$TMPDIR/mounted" && exec sleep 1000
"""
PREPARE = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from tarn import rootfs
rootfs.Debian([]).prepare(Path(sys.argv[2]))
"""


def test_killed_build_leaves_no_mounts(tmp_path: Path) -> None:
    """What mmdebstrap mounts is in a mount namespace of its own and goes with it, however it ends."""
    if os.geteuid() != 0:
        pytest.skip("an ordinary user's mmdebstrap has a namespace by itself")
    work, fake = tmp_path / "work", tmp_path / "mmdebstrap"
    work.mkdir()
    fake.write_text(FAKE_MMDEBSTRAP)
    fake.chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    with subprocess.Popen([sys.executable, "-c", PREPARE, str(TREE / "tools"), str(work)], env=env,
                          start_new_session=True) as build:
        end = time.monotonic() + 60
        while not (work / "mounted").exists() and time.monotonic() < end:
            time.sleep(0.1)
        os.killpg(build.pid, signal.SIGKILL)
    assert (work / "mounted").exists()
    left = str(work) in Path("/proc/self/mountinfo").read_text()
    if left:
        subprocess.run(["umount", str(work / "m")], check=True)
    assert not left
