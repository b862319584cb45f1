# SPDX-License-Identifier: MIT
"""fuzz_calls.c, our own system call fuzzer, on the debug kernel: no panic, no finding, nothing that stays.

It shares the two minutes of `make test` with trinity (test_trinity.py) and runs ten in `make soak`.
FUZZ_SECONDS and FUZZ_SEED change that: the seed of the episode that went wrong stands in the console.
"""

import os
import re
from pathlib import Path

import pytest

from harness import ON_LINUX, good, small_root, static_program, tarn
from test_trinity import FOUND

pytestmark = pytest.mark.skipif(ON_LINUX, reason="looks for faults of Tarn's debug build")


def fuzz(kernel: Path, where: Path, seconds: int) -> None:
    root = small_root(where, static_program("fuzz_calls.c", where))
    words = ["/bin/fuzz_calls", str(seconds), *os.environ.get("FUZZ_SEED", "").split()]
    result = good(tarn(str(root), "--kernel", str(kernel), "--smp", "2", "--mem", "1G", "--append",
                       "loglevel=7", "--", *words, limit=seconds * 8 + 240))
    assert re.fullmatch(r"\d+ episodes\n", result.text), result.text + result.explain()
    assert not FOUND.search(result.console), result.explain()


def test_one_minute(debug_kernel: Path, tmp_path: Path) -> None:
    fuzz(debug_kernel, tmp_path, int(os.environ.get("FUZZ_SECONDS", "60")))


@pytest.mark.soak
def test_ten_minutes(debug_kernel: Path, tmp_path: Path) -> None:
    fuzz(debug_kernel, tmp_path, 600)
