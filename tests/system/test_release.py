# SPDX-License-Identifier: MIT
"""What holds for the kernel file itself."""

import subprocess

import pytest

from harness import KERNEL, ON_LINUX

pytestmark = pytest.mark.skipif(ON_LINUX, reason="about Tarn's own file")


def test_size() -> None:
    assert KERNEL.stat().st_size <= 2 << 20


def test_pvh_note_is_aligned_to_four() -> None:
    """QEMU finds the note only so; with 8 it fails without a word."""
    shown = subprocess.run(["readelf", "-lW", str(KERNEL)], text=True, capture_output=True,
                           check=True).stdout
    notes = [line.split() for line in shown.splitlines() if line.strip().startswith("NOTE")]
    assert notes and all(n[-1] == "0x4" for n in notes)


def test_no_segment_is_writable_and_executable() -> None:
    shown = subprocess.run(["readelf", "-lW", str(KERNEL)], text=True, capture_output=True,
                           check=True).stdout
    loads = [line for line in shown.splitlines() if line.strip().startswith("LOAD")]
    assert loads and not any("RWE" in line for line in loads)
