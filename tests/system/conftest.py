# SPDX-License-Identifier: MIT
"""pytest's view of the system tests: options, markers, images made once a session."""

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
def debian() -> Path:
    return harness.image("debian")


@pytest.fixture(scope="session")
def debian_tools() -> Path:
    return harness.image("debian", harness.TOOLS)


@pytest.fixture(scope="session")
def alpine() -> Path:
    return harness.image("alpine")
