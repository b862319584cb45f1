# SPDX-License-Identifier: MIT
"""bench/ goes on working: a few rows on Tarn, the ratios, the picture; no figure is judged here."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import LIMIT, TREE

RUN = str(TREE / "bench/run")


def bench(*args: str) -> subprocess.CompletedProcess:
    return subprocess.run([RUN, *args], text=True, capture_output=True, timeout=LIMIT, check=False)


def test_rows_run_on_tarn() -> None:
    done = bench("calls", "ipc", "--only", "eventfd", "--quick", "--runs", "1", "--one-side")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [r[:2] for r in rows] == [["calls", "eventfd write, read"],
                                     ["ipc", "eventfds, there and back"]]
    assert all(float(r[2]) > 0 for r in rows)


def test_instructions_are_counted() -> None:
    figures = []
    for _ in range(2):
        done = bench("calls", "--only", "gettid", "--count", "instructions", "--one-side")
        assert done.returncode == 0, done.stdout + done.stderr
        figures.append(float(done.stdout.split("\t")[2]))
    # Time would differ by more on any host; a call is some hundred instructions on any kernel.
    assert abs(figures[0] - figures[1]) < 2 and 20 < figures[0] < 2000, figures


def test_unknown_group_is_refused() -> None:
    done = bench("nonsense")
    assert done.returncode == 2 and "no group nonsense" in done.stderr


@pytest.mark.skipif(not shutil.which("gnuplot"), reason="gnuplot is installed by `make bench` only")
def test_picture(tmp_path: Path) -> None:
    rows = [{"group": "calls", "name": f'row "{i}"', "ratio": 0.5 * i, "low": 0.4 * i, "high": 0.6 * i,
             "runs": 3} for i in range(1, 8)]
    (tmp_path / "rows").write_text(json.dumps(rows), encoding="ascii")
    done = bench("--draw", str(tmp_path / "rows"), "--svg", str(tmp_path / "picture.svg"))
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "picture.svg").read_text(encoding="utf-8")
    assert "<svg" in text and "calls: row" in text and text.rstrip().endswith("</svg>")
