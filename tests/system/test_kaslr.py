# SPDX-License-Identifier: MIT
"""The kernel lies elsewhere at each boot (arch/x86_64/kaslr.c), and panics still name functions."""

import re
import subprocess
from pathlib import Path

import pytest

from harness import ON_LINUX, TREE
from tarn.machine import Machine

pytestmark = pytest.mark.skipif(ON_LINUX, reason="Tarn's own kernel and its boot tests")

LINKED = {"image": 0xffffffff80000000, "direct map": 0xffff800000000000, "page array": 0xffffe00000000000,
          "vmalloc": 0xffffc00000000000, "stacks": 0xffffc7c000000000, "devices": 0xffffc80000000000}


def boot(kernel: Path, append: str, cpu: str = "max") -> tuple[int, str]:
    machine = Machine(kernel=kernel, append=f"console=ttyS0 {append}", mem="128M", cpu=cpu,
                      extra=["-serial", "stdio"])
    done = subprocess.run(machine.args(), stdin=subprocess.DEVNULL, text=True, errors="replace",
                          capture_output=True, timeout=120, check=False)
    return done.returncode, done.stdout


def places(console: str) -> dict[str, int]:
    """What tarn.test=placed prints."""
    return {name: int(at, 16) for name, at in re.findall(r"placed: ([a-z ]+) at 0x([0-9a-f]{16})", console)}


def placed(kernel: Path, append: str = "", cpu: str = "max") -> dict[str, int]:
    status, console = boot(kernel, f"{append} tarn.test=placed", cpu)
    assert status == 0, console[-2000:]
    found = places(console)
    assert set(found) == set(LINKED), console[-2000:]
    return found


def test_ten_boots_lie_in_different_places() -> None:
    """Each is one of 500 to 2^30 places: two of ten alike is no wonder for the image, eight different are expected."""
    boots = [placed(TREE / "build/release/tarn.elf") for _ in range(10)]
    for name, base in LINKED.items():
        assert len({b[name] for b in boots}) >= 7, (name, boots)
        assert all(b[name] >= base for b in boots)


def test_without_rdrand_time_decides() -> None:
    boots = [placed(TREE / "build/release/tarn.elf", cpu="max,-rdrand") for _ in range(3)]
    assert len({b["vmalloc"] for b in boots}) == 3, boots


@pytest.mark.parametrize("words", ["nokaslr", "panic=1 nokaslr loglevel=7"])
def test_nokaslr_is_the_linked_place(words: str) -> None:
    assert placed(TREE / "build/release/tarn.elf", words) == LINKED


@pytest.mark.parametrize("words", ["xnokaslr", "nokaslrx", "a=nokaslr"])
def test_other_words_are_not_nokaslr(words: str) -> None:
    assert placed(TREE / "build/release/tarn.elf", words)["vmalloc"] != LINKED["vmalloc"]


@pytest.mark.parametrize("words", ["", "nokaslr"])
def test_panics_name_functions(debug_kernel: Path, words: str) -> None:
    status, console = boot(debug_kernel, f"{words} tarn.test=fault-use-after-free")
    assert status != 0
    trace = console[console.index("Call trace:"):]
    assert re.search(r" fault_use_after_free\+0x", trace) and re.search(r" start_userland\+0x", trace), trace
    assert ("Kernel offset: 0x" in console) == (words == "")
    offset = re.search(r"Kernel offset: 0x([0-9a-f]+)", console)
    at = re.search(r"([0-9a-f]{16}) fault_use_after_free", trace)
    linked = int(at[1], 16) - (int(offset[1], 16) if offset else 0)
    named = subprocess.run(["addr2line", "-fe", debug_kernel.parent / "tarn.debug", hex(linked)],
                           capture_output=True, text=True, check=True).stdout
    assert "fault_use_after_free" in named
