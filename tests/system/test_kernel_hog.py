# SPDX-License-Identifier: MIT
"""A user fills memory with what the kernel keeps for him: nobody of root's goes for it.

The process that dies has few pages of its own; what its user was charged with counts as well
(docs/security.md).  A kind that is charged for gets a row in kernel_hog.c and a word here.
"""

from pathlib import Path

import pytest

from harness import good, small_root, static_program, tarn


@pytest.mark.parametrize("kind", ["signals"])
def test_an_innocent_of_root_lives(tmp_path: Path, kind: str) -> None:
    hog = static_program("kernel_hog.c", tmp_path)
    root = small_root(tmp_path, hog)
    result = good(tarn(str(root), "--mem", "64M", "--smp", "2", "--", "/bin/kernel_hog", kind,
                       limit=200))
    assert "hog: signal 9\n" in result.text, result.explain()
    assert "innocent: alive\n" in result.text, result.explain()
