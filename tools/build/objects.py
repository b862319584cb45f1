# SPDX-License-Identifier: MIT
"""What the kernel's objects say about the tree: which folder calls which, and what nobody calls.

Arrows: ORDER lists the folders from the bottom to the top; those of one row know each other.  A symbol
that an object takes from a folder above its own is an upward arrow, and stands with its reason in
arrows.txt, or the check fails.  ARCHITECTURE.md shows the table between two marks:
`/usr/bin/python3 tools/build/objects.py` writes it anew.

Dead: a function or variable that the linker drops (--print-gc-sections), although a header offers it, and
that no other source names, a debug build's and tests' included.  Whoever alone uses it makes it static.
"""

import re
import subprocess
import sys
from collections import defaultdict
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

ORDER = [["lib"], ["arch"], ["mm", "kernel"], ["block"], ["fs"], ["net"], ["drivers"]]
RANK = {name: n for n, row in enumerate(ORDER) for name in row}
ALLOWED = "tools/build/arrows.txt"
UNUSED = "tools/build/unused.txt"
SCRIPT = "arch/x86_64/kernel.ld"
BEGIN, END = "<!-- arrows: made by tools/build/objects.py -->", "<!-- arrows end -->"


def run(*argv: str) -> str:
    return subprocess.run(argv, text=True, capture_output=True, check=False).stdout


def objects(objdir: Path) -> list[Path]:
    return sorted(objdir.rglob("*.o"))


@lru_cache(maxsize=1)
def symbols(objdir: Path) -> tuple[dict[str, str], dict[str, set[str]]]:
    """Who defines each symbol, and what each object takes; objects are named as their sources are."""
    defined, taken = {}, defaultdict(set)
    for line in run("nm", "-A", *map(str, objects(objdir))).splitlines():
        path, rest = line.split(":", 1)
        name = str(Path(path).relative_to(objdir))[:-2]
        parts = rest.split()
        if len(parts) == 2 and parts[0] == "U":
            taken[name].add(parts[1])
        elif len(parts) == 3 and parts[1] in "TDBRVWA":
            defined[parts[2]] = name
    return defined, taken


def folder(name: str) -> str:
    return name.split("/", 1)[0]


def arrows(objdir: Path) -> dict[tuple[str, str], set[tuple[str, str, str]]]:
    """(from, to) -> {(object, symbol, its object)}."""
    defined, taken = symbols(objdir)
    out = defaultdict(set)
    for name, wanted in taken.items():
        for symbol in wanted & defined.keys():
            to = folder(defined[symbol])
            if to != folder(name) and {to, folder(name)} <= RANK.keys():
                out[folder(name), to].add((name, symbol, defined[symbol]))
    return out


def rows(path: Path) -> list[list[str]]:
    """The lines of a list, white space apart, the last column (the reason) whole."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [line.split(None, 3) for line in lines if line.strip() and not line.startswith("#")]


def check_arrows(tree: Path, objdir: Path) -> list[str]:
    allowed = rows(tree / ALLOWED)
    out = [f"{ALLOWED}: no reason: {' '.join(row)}" for row in allowed if len(row) < 4]
    used = set()
    for (low, high), calls in sorted(arrows(objdir).items()):
        if RANK[high] <= RANK[low]:
            continue
        for name, symbol, owner in sorted(calls):
            hit = [n for n, row in enumerate(allowed) if len(row) == 4 and fnmatchcase(name, row[0])
                   and fnmatchcase(owner, row[1]) and fnmatchcase(symbol, row[2])]
            used |= set(hit)
            if not hit:
                out.append(f"{name}: {symbol} of {owner} lies above {low}/")
    return out + [f"{ALLOWED}: nothing needs: {' '.join(row)}" for n, row in enumerate(allowed)
                  if len(row) == 4 and n not in used]


def table(objdir: Path) -> str:
    """Which folder takes how many symbols of which: rows take, columns give."""
    found = arrows(objdir)
    names = [name for row in ORDER for name in row]
    lines = ["    takes of  " + "".join(f"{name:>8}" for name in names)]
    for low in names:
        cells = []
        for high in names:
            count = len({symbol for _, symbol, _ in found.get((low, high), ())})
            cells.append(f"{'.' if not count else count if RANK[high] <= RANK[low] else str(count) + '^':>8}")
        lines.append(f"    {low:<10}" + "".join(cells))
    return "\n".join(lines)


def split_map(tree: Path) -> tuple[str, str, str]:
    text = (tree / "ARCHITECTURE.md").read_text(encoding="utf-8")
    head, rest = text.split(BEGIN, 1)
    shown, tail = rest.split(END, 1)
    return head, shown, tail


def shape(shown: str) -> list[list[str]]:
    """Which arrows there are: the numbers may change with every commit, the arrows not."""
    return [[re.sub(r"\d+", "n", word) for word in line.split()] for line in shown.split("\n") if line.strip()]


def check_map(tree: Path, objdir: Path) -> list[str]:
    if shape(split_map(tree)[1]) == shape(table(objdir)):
        return []
    return ["ARCHITECTURE.md: other arrows than the objects have; /usr/bin/python3 tools/build/objects.py"]


# ---- what nobody calls ----

DROPPED = re.compile(r"removing unused section '\.(?:text|data|bss|rodata)\.([A-Za-z_]\w*)' in file '(.*)'")


def dropped(objdir: Path, script: Path) -> list[tuple[str, str]]:
    """(symbol, object) of what the linker leaves out.  Only what has a name that others could use."""
    done = subprocess.run(["ld", "-nostdlib", "-static", "-z", "noexecstack", "--gc-sections", "--build-id=none",
                           "--print-gc-sections", "-T", str(script), "-o", "/dev/null",
                           *map(str, objects(objdir))], text=True, capture_output=True, check=False)
    defined, _ = symbols(objdir)
    found = [(m.group(1), str(Path(m.group(2)).relative_to(objdir))[:-2]) for m in DROPPED.finditer(done.stderr)]
    return sorted((s, name) for s, name in found if defined.get(s) == name)


def words_of(tree: Path) -> dict[str, set[str]]:
    """Every source's words, comments left out."""
    folders = [*RANK, "debug", "tests/host"]
    return {str(p.relative_to(tree).with_suffix("")):
            set(re.findall(r"\w+", re.sub(r"/\*.*?\*/|//[^\n]*", "", p.read_text(errors="replace"), flags=re.S)))
            for d in folders for p in (tree / d).rglob("*.[cS]")}


def check_dead(tree: Path, objdir: Path, script: Path) -> list[str]:
    words, kept = words_of(tree), {row[0]: row for row in rows(tree / UNUSED)}
    out, seen = [], set()
    for symbol, name in dropped(objdir, script):
        if any(symbol in w for other, w in words.items() if other != name):
            continue
        seen.add(symbol)
        if symbol not in kept:
            out.append(f"{name}: nobody else uses {symbol}: remove it or make it static")
    out += [f"{UNUSED}: no reason: {s}" for s, row in kept.items() if len(row) < 2]
    return out + [f"{UNUSED}: {s} is in use, or gone" for s in kept if s not in seen]


def main() -> int:
    tree = Path(__file__).resolve().parents[2]
    head, _, tail = split_map(tree)
    text = f"{head}{BEGIN}\n\n{table(tree / 'build/release/obj')}\n\n{END}{tail}"
    (tree / "ARCHITECTURE.md").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
