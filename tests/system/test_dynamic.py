# SPDX-License-Identifier: MIT
"""The 22 checks this project began with (tests/abi/ext4_and_dynamic.c), inside the distributions.

Debian has curl, file and OpenRC, Alpine a dynamic busybox and apk: between them no check is skipped.
The disk the remount needs is a second one, made here and checked afterwards.
"""

import io
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

import harness
from ext4read import Ext4
from harness import TOOLS, TREE, fsck, good, tarn

CHECKS = "ext4_and_dynamic"
UNPACK = "mkdir /root/w; cd /root/w; tar -xf -; "


@pytest.fixture(scope="module")
def checks() -> Path:
    subprocess.run([TREE / "tests/abi/run", "--build", CHECKS], check=True)
    return TREE / "build/abi" / CHECKS


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    disk = tmp_path / "scratch.ext4"
    with open(disk, "wb") as f:
        f.truncate(64 << 20)
    subprocess.run(["/sbin/mkfs.ext4", "-q", str(disk)], check=True)
    return disk


def archive(*programs: Path) -> bytes:
    """A tar archive for the machine's standard input."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for program in programs:
            tar.add(program, program.name)
    return out.getvalue()


def run_checks(checks: Path, scratch: Path, disk: Path, large: str, *target: str) -> set[str]:
    """All that run pass; the names of those that were skipped."""
    fs = Ext4(disk)
    digest = fs.sha256(fs.lookup(large.encode()))
    script = (f"{UNPACK} TARN_SCRATCH=/dev/vdb TARN_LARGE={large} TARN_LARGE_SHA256={digest} "
              f"./{CHECKS}")
    result = good(tarn(*target, "--drive", str(scratch), "--", "sh", "-c", script,
                       input=archive(checks)))
    fsck(scratch)
    assert len(re.findall(r"^ok ", result.text, re.M)) == 22, result.text
    return set(re.findall(r"^ok \d+ - (\w+) # SKIP", result.text, re.M))


def test_the_checks_on_debian(debian_tools: Path, checks: Path, scratch: Path) -> None:
    large = "/usr/lib/gcc/x86_64-linux-gnu/12/cc1"
    skipped = run_checks(checks, scratch, debian_tools, large, "debian", "--packages", TOOLS)
    assert skipped == {"busybox", "apk_version"}


def test_the_checks_on_alpine(alpine: Path, checks: Path, scratch: Path) -> None:
    skipped = run_checks(checks, scratch, alpine, "/lib/libcrypto.so.3", "alpine")
    assert skipped == {"openrc", "file", "curl_version", "constructors"}


RANDOM = ["getrandom", "/dev/urandom", "OpenSSL_version", "RAND_status", "RAND_bytes", "RAND_bytes"]


@pytest.mark.parametrize("distribution,compiler", [("debian", "gcc"), ("alpine", "musl-gcc")])
def test_random_sources(distribution: str, compiler: str, tmp_path: Path,
                        request: pytest.FixtureRequest) -> None:
    """The same program, dynamic, of the distribution's C library."""
    image = "debian_tools" if distribution == "debian" else distribution
    request.getfixturevalue(image)
    program = tmp_path / "random_sources"
    source = Path(harness.__file__).with_name("random_sources.c")
    subprocess.run([compiler, "-Wall", "-Werror", "-O1", "-o", program, source], check=True)
    target = [distribution] + (["--packages", TOOLS] if distribution == "debian" else [])
    result = good(tarn(*target, "--", "sh", "-c", UNPACK + "./random_sources",
                       input=archive(program)))
    assert result.text == "".join(f"{name} ok\n" for name in RANDOM), result.explain()
