# SPDX-License-Identifier: MIT
"""The debug kernel finds what it is to find: each planted error ends in a report that names its kind
and its function, and QEMU's exit status is not 0.  docs/debugging.md describes the checks."""

import re
import subprocess
from pathlib import Path

import pytest

from harness import ON_LINUX, TREE
from tarn.machine import Machine

pytestmark = pytest.mark.skipif(ON_LINUX, reason="checks of Tarn's debug build")


@pytest.fixture(scope="session")
def kernel(debug_kernel: Path) -> Path:
    return debug_kernel


def boot(kernel: Path, append: str, smp: int = 1, mem: str = "256M") -> tuple[int, str]:
    """(QEMU's status, the console)"""
    machine = Machine(kernel=kernel, append=f"console=ttyS0 {append}", smp=smp, mem=mem,
                      extra=["-serial", "stdio"])
    done = subprocess.run(machine.args(), stdin=subprocess.DEVNULL, text=True, errors="replace",
                          capture_output=True, timeout=120, check=False)
    return done.returncode, done.stdout


FAULTS = {
    "heap-write": "KASan: slab-out-of-bounds: write of size 1 at .* in fault_heap_write",
    "heap-read": "KASan: slab-out-of-bounds: read of size 1 at .* in fault_heap_read",
    "heap-copy": "KASan: slab-out-of-bounds: write of size 41 at .* in fault_heap_copy",
    "large-write": "KASan: slab-out-of-bounds: write of size 1 at .* in fault_large",
    "use-after-free": "KASan: use-after-free: write of size 1 at .* in fault_use_after_free",
    "double-free": "KASan: double free of",
    "inner-free": "KASan: free of an address inside an object of",
    "page-after-free": "KASan: use-after-free of a page: read of size 1 at .* in fault_page",
    "stack-overflow": "KASan: stack-out-of-bounds: write of size 1 at .* in fault_stack",
    "global-overflow": "KASan: global-out-of-bounds: write of size 1 at .* in fault_global",
    "vmalloc-tail": "KASan: vmalloc-out-of-bounds: write of size 1 at .* in fault_vmalloc_tail",
    "vmalloc-guard": r"Kernel panic: kernel write at 0xffffc[0-7].* \(not mapped",
    "free-page-store": "Kernel panic: page .* was written to while it was free: 0x1 at offset 64",
    "shift": "UBSan: shift of 1 by 40 in type 'int' at debug/faults.c",
    "overflow": r"UBSan: signed overflow: 2147483647 \+ 1 in type 'int' at debug/faults.c",
    "index": r"UBSan: index 40 is outside of 'u8 \[40\]' at debug/faults.c",
    "bool": "UBSan: '_Bool' cannot be 2 at debug/faults.c",
    "lock-order": r"Kernel panic: lock order: fault high \(rank \d+\) taken under fault low",
    "reclaim-lock": r"Kernel panic: memory is asked for with GFP_KERNEL or GFP_USER under fault map \(rank \d+\)",
    "atomic-sleep": "Kernel panic: fault mutex may sleep: 1 spinlocks held",
    "link-store": "Kernel panic: fault-links: the free object at .* was written to",
    "magazine-twice": "Kernel panic: fault-links: .* is freed twice",
    "slab-twice": "Kernel panic: fault-links: .* is freed twice",
    "usercopy-to": "Kernel panic: usercopy: 40 bytes to user space at .* leave kmalloc-64",
    "usercopy-from": "Kernel panic: usercopy: 40 bytes from user space at .* leave kmalloc-64",
    "usercopy-text": "Kernel panic: usercopy: 40 bytes to user space at .* leave the kernel's data",
    "usercopy-alias": "Kernel panic: usercopy: 40 bytes to user space at .* leave the kernel's text alone",
    "usercopy-stack": "Kernel panic: usercopy: 40 bytes to user space at .* leave the stack",
    "usercopy-pages": "Kernel panic: usercopy: 40 bytes to user space at .* leave their pages",
    "stack-depth": "Kernel panic: kernel stack overflow",
}
NAMES = {"large-write": "large", "page-after-free": "page", "stack-overflow": "stack",
         "global-overflow": "global", "bool": "boolean", "stack-depth": "deeper"}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_fault(kernel: Path, fault: str) -> None:
    status, console = boot(kernel, f"tarn.test=fault-{fault}")
    assert status != 0, console[-3000:]
    assert re.search(FAULTS[fault], console), console[-3000:]
    function = NAMES.get(fault, "fault_" + fault.replace("-", "_")).removeprefix("fault_")
    assert re.search(rf" (fault_)?{function}(\.cold)?\+0x", console), console[-3000:]
    assert "nobody noticed" not in console


def test_report_tells_who_allocated_and_freed(kernel: Path) -> None:
    console = boot(kernel, "tarn.test=fault-use-after-free")[1]
    tail = console[console.index("KASan:"):]
    assert "8 bytes into an object of 48 bytes" in tail and "cache kmalloc-48" in tail
    allocated, freed = tail.index("Allocated by thread 1:"), tail.index("Freed by thread 1:")
    assert "fault_use_after_free" in tail[allocated:freed]
    assert "fault_use_after_free" in tail[freed:tail.index("Shadow of")]


@pytest.mark.parametrize("smp,mem", [(1, "128M"), (4, "512M")])
def test_boot_tests_are_silent(kernel: Path, smp: int, mem: str) -> None:
    status, console = boot(kernel, "tarn.test=all", smp, mem)
    assert status == 0 and "not ok" not in console, console[-3000:]
    assert console.count("\n[") and " ok " in console


def test_no_planted_fault_is_in_the_release_kernel() -> None:
    release = TREE / "build/release/tarn.elf"
    assert b"nobody noticed" not in release.read_bytes()
