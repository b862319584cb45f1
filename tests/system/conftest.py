# SPDX-License-Identifier: MIT
"""pytest's view of the system tests: options, markers, images made once a session."""

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import harness  # noqa: E402


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "soak: too long for `make test`; run by `make soak`")
    harness.need_alpine()


@pytest.fixture(scope="session", autouse=True)
def kernel() -> Path:
    if not harness.KERNEL.is_file():
        pytest.exit(f"no kernel at {harness.KERNEL}: run `make`", returncode=1)
    return harness.KERNEL


@pytest.fixture(scope="session")
def debug_kernel() -> Path:
    done = subprocess.run(["make", "--no-print-directory", "-j2", "BUILD=debug", "kernel"],
                          cwd=harness.TREE, text=True, capture_output=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return harness.TREE / "build/debug/tarn.elf"


@pytest.fixture(scope="session")
def debian() -> Path:
    return harness.image("debian")


@pytest.fixture(scope="session")
def debian_tools() -> Path:
    return harness.image("debian", harness.TOOLS)


@pytest.fixture(scope="session")
def alpine() -> Path:
    return harness.image("alpine")
