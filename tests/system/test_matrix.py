# SPDX-License-Identifier: MIT
"""Every machine Tarn promises to start on, down to a command.

`make test` takes a subset in which every value of every option occurs; `make soak` takes all, and
200 boots in a row.
"""

import itertools
import random
import subprocess
from pathlib import Path

import pytest

from harness import ON_LINUX, good, tarn

SMP, MEM, MACHINE, CPU = ("1", "2", "4", "8"), ("128M", "1G", "4G"), ("q35", "pc", "microvm"), (
    "max", "qemu64")
EVERY = list(itertools.product(SMP, MEM, MACHINE, CPU))
SOME = [("1", "128M", "q35", "max"), ("2", "1G", "pc", "qemu64"), ("4", "4G", "microvm", "max"),
        ("8", "1G", "q35", "qemu64"), ("1", "128M", "microvm", "qemu64"),
        ("2", "4G", "pc", "max"), ("4", "128M", "pc", "max"), ("8", "8G", "microvm", "max")]


def too_much(mem: str) -> bool:
    """Whether this host cannot give a guest that much."""
    with open("/proc/meminfo", encoding="ascii") as f:
        free = next(int(line.split()[1]) for line in f if line.startswith("MemAvailable"))
    return mem.endswith("G") and int(mem[:-1]) << 20 > free


def boots(smp: str, mem: str, machine: str, cpu: str) -> None:
    if too_much(mem):
        pytest.skip(f"this host has less than {mem} free")
    if ON_LINUX and (mem, machine) == ("128M", "microvm"):
        pytest.skip("Debian's kernel and its initramfs do not fit")
    script = "nproc; awk '/^MemTotal/ {print $2}' /proc/meminfo; grep -c ^processor /proc/cpuinfo"
    result = good(tarn("debian", "--smp", smp, "--mem", mem, "--machine", machine, "--cpu", cpu,
                       "--", "sh", "-c", script))
    cpus, kib, listed = map(int, result.text.split())
    whole = int(mem[:-1]) << (20 if mem.endswith("G") else 10)
    assert cpus == listed == int(smp)
    assert 0.55 * whole < kib <= whole


@pytest.mark.parametrize("smp,mem,machine,cpu", SOME)
def test_boot(debian: Path, smp: str, mem: str, machine: str, cpu: str) -> None:
    boots(smp, mem, machine, cpu)


@pytest.mark.soak
@pytest.mark.parametrize("smp,mem,machine,cpu", EVERY)
def test_boot_every(debian: Path, smp: str, mem: str, machine: str, cpu: str) -> None:
    boots(smp, mem, machine, cpu)


@pytest.mark.soak
def test_two_hundred_boots(debian: Path) -> None:
    mix = random.Random(200)
    failures = []
    for number in range(200):
        smp, mem, machine, cpu = (mix.choice(x) for x in (SMP, MEM[:2], MACHINE, CPU))
        try:
            result = tarn("debian", "--smp", smp, "--mem", mem, "--machine", machine, "--cpu", cpu,
                          "--", "sh", "-c", "echo $((6 * 7))")
        except subprocess.TimeoutExpired:
            failures.append(f"boot {number}: {smp} {mem} {machine} {cpu}: hung")
            continue
        if result.status or result.stdout != b"42\n":
            failures.append(f"boot {number}: {smp} {mem} {machine} {cpu}: {result.explain()}")
    assert not failures, "\n".join(failures)
