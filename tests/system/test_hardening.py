# SPDX-License-Identifier: MIT
"""What makes a fault of the kernel harder to use (docs/security.md, Hardening): the boot tests that need words or
another CPU.  tarn.test=all (test_boot_tests.py) has wx and refcount."""

import re
import subprocess
from pathlib import Path

import pytest

from harness import ON_LINUX, TREE, good, tarn
from tarn.machine import Machine

SHOW = "cd /sys/devices/system/cpu/vulnerabilities && grep . *; grep -m1 ^bugs /proc/cpuinfo"


def boot(append: str) -> tuple[int, str]:
    """(QEMU's status, the console) of the release kernel"""
    machine = Machine(kernel=TREE / "build/release/tarn.elf", append=f"console=ttyS0 {append}", mem="128M",
                      extra=["-serial", "stdio"])
    done = subprocess.run(machine.args(), stdin=subprocess.DEVNULL, text=True, errors="replace",
                          capture_output=True, timeout=120, check=False)
    return done.returncode, done.stdout


@pytest.mark.skipif(ON_LINUX, reason="a test in Tarn's kernel")
@pytest.mark.parametrize("words,zeroed", [("", False), ("init_on_alloc=1", True), ("init_on_free=1", True),
                                          ("init_on_alloc=0 init_on_free=off", False)])
def test_memory_is_zeroed_when_asked(words: str, zeroed: bool) -> None:
    status, console = boot(f"{words} tarn.test=zeroed")
    assert (status == 0) == zeroed, console[-2000:]
    assert zeroed or "shows what its last owner left" in console, console[-2000:]


def vulnerabilities(cpu: str, *options: str) -> tuple[dict[str, str], set[str]]:
    shown = good(tarn("debian", "--cpu", cpu, *options, "--", "sh", "-c", SHOW)).text
    files = dict(re.findall(r"^(\w+):(.*?)\r?$", shown, re.M))
    return files, set(re.search(r"^bugs\s*: *(.*?)\r?$", shown, re.M)[1].split())


def test_an_intel_cpu_has_its_faults(debian: Path) -> None:
    """The same on Linux but for what it does about them, and 6.1's later names."""
    files, bugs = vulnerabilities("Skylake-Client")
    for name in ("meltdown", "l1tf", "mds", "spectre_v1", "spectre_v2", "spec_store_bypass"):
        assert re.match("Vulnerable|Mitigation", files[name]), files
    assert {"cpu_meltdown", "spectre_v1", "spectre_v2", "spec_store_bypass", "l1tf", "mds", "swapgs"} <= bugs


def test_an_amd_cpu_has_others(debian: Path) -> None:
    files, bugs = vulnerabilities("EPYC")
    for name in ("meltdown", "l1tf", "mds", "tsx_async_abort", "srbds", "mmio_stale_data"):
        assert files[name] == "Not affected", files
    assert re.match("Vulnerable|Mitigation", files["spectre_v2"]) and "spectre_v2" in bugs
    assert not {"cpu_meltdown", "l1tf", "mds", "swapgs"} & bugs


@pytest.mark.skipif(ON_LINUX, reason="Linux does more")
def test_what_is_not_mitigated_is_called_vulnerable(debian: Path) -> None:
    files, _ = vulnerabilities("Skylake-Client")
    assert files["meltdown"] == files["spectre_v2"] == files["mds"] == "Vulnerable"
    assert files["spectre_v1"] == "Vulnerable: swapgs barriers only; no usercopy barriers"
    files, _ = vulnerabilities("Skylake-Client", "--append", "mitigations=off")
    assert files["spectre_v1"] == "Vulnerable: no swapgs barriers; no usercopy barriers"


@pytest.mark.skipif(ON_LINUX, reason="Linux checks by default")
def test_checked_user_copies_let_good_ones_through(debian: Path) -> None:
    """Files, pipes, directories, sockets of ordinary programs; what is refused is in test_debug_kernel.py."""
    shown = good(tarn("debian", "--append", "hardened_usercopy=on", "--", "sh", "-c",
                      "find /etc /usr/share/doc -type f | xargs cat | sort | tail -c 100000 | md5sum; ls -lR /usr/lib | wc -l"))
    assert re.search(r"^[0-9a-f]{32}  -", shown.text, re.M), shown.text
