# SPDX-License-Identifier: MIT
"""All rows in one picture, by gnuplot: a dot for each ratio, a line for its spread.

Left of 1 Tarn is faster.  The axis is logarithmic, so that half and twice are equally far away.
"""

import subprocess
import tempfile
from pathlib import Path

from tarn.ui import Failure

COLUMNS = 4
LINE = 12    # points a row
EXACT = 1.02  # counts of one row differ by less from run to run, but for a few that wait for the disk
COLOURS = {False: "#1b7837", True: "#b2182b"}


def columns(rows: list[dict]) -> list[list[dict]]:
    each = -(-len(rows) // COLUMNS)
    return [rows[i:i + each] for i in range(0, len(rows), each)]


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def is_slower(row: dict) -> bool:
    """Beyond the spread; a single run has none, and says nothing unless instructions were counted."""
    if row.get("counted"):
        return row["low"] > EXACT
    return row["runs"] > 1 and row["low"] > 1.0


def data(column: list[dict], place: Path) -> None:
    """x low high y slower, a line a row, from the top down."""
    lines = [f"{r['ratio']:.4f} {r['low']:.4f} {r['high']:.4f} {-i} {int(is_slower(r))}"
             for i, r in enumerate(column)]
    place.write_text("\n".join(lines) + "\n", encoding="ascii")


def labels(column: list[dict]) -> str:
    return ", ".join(f"{quoted(r['group'] + ': ' + r['name'])} {-i}" for i, r in enumerate(column))


def title(rows: int, runs: int, counted: bool) -> str:
    what = "instructions" if counted else "time"
    how = "counted once" if counted else f"medians and ranges of {runs} runs"
    return f"Tarn beside Linux: {what}, tarn / linux; left of the line Tarn needs less ({rows} rows, {how})"


def script(parts: list[list[dict]], places: list[Path], out: Path, heading: str) -> str:
    tall = max(len(p) for p in parts)
    lines = [
        f'set terminal svg size 2100,{tall * LINE + 110} font "sans,9" background "white" noenhanced',
        f"set output {quoted(str(out))}",
        f"set multiplot layout 1,{len(parts)} title {quoted(heading)}",
        'set logscale x 2; set xrange [0.0078125:32]; set grid xtics; set key off; set bars 0',
        'set xtics ("1/64" 0.015625, "1/16" 0.0625, "1/4" 0.25, "1" 1, "4" 4, "16" 16)',
        "set tmargin 4; set bmargin 3; set lmargin 42; set arrow 1 from 1,graph 0 to 1,graph 1 nohead lw 1.5",
        f"set yrange [{-tall}:1]",
    ]
    for part, place in zip(parts, places):
        lines.append(f"set ytics ({labels(part)})")
        plots = [f"{quoted(str(place))} using ($5=={int(slow)}?$1:1/0):4:2:3 with xerrorbars pt 7 ps 0.5 "
                 f'lc rgb "{colour}"' for slow, colour in COLOURS.items()]
        lines.append("plot " + ", ".join(plots))
    return "\n".join([*lines, "unset multiplot", ""])


def draw(rows: list[dict], out: Path, runs: int) -> None:
    parts = columns(rows)
    heading = title(len(rows), runs, all(r.get("counted") for r in rows))
    with tempfile.TemporaryDirectory(prefix="tarn-bench-") as tmp:
        places = [Path(tmp) / f"column-{i}" for i in range(len(parts))]
        for part, place in zip(parts, places):
            data(part, place)
        try:
            done = subprocess.run(["gnuplot"], input=script(parts, places, out, heading),
                                  text=True, capture_output=True, check=False)
        except FileNotFoundError:
            raise Failure("no gnuplot to draw with: tools/deps bench") from None
    if done.returncode:
        raise Failure(f"gnuplot: {done.stderr.strip()}")
