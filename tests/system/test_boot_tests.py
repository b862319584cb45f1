# SPDX-License-Identifier: MIT
"""The kernel's own tests (tarn.test=all), which run before there is a program."""

import re
from pathlib import Path

import pytest

from harness import ON_LINUX, tarn


@pytest.mark.skipif(ON_LINUX, reason="Linux has others")
def test_all_boot_tests(debian: Path) -> None:
    result = tarn("debian", "--smp", "2", "--append", "tarn.test=all", "--", "true")
    count = re.search(r"\] 1\.\.(\d+)", result.console)
    assert count, result.explain()
    assert len(re.findall(r"\] ok \d+ - ", result.console)) == int(count[1]) > 10, result.explain()
