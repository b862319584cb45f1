# SPDX-License-Identifier: MIT
"""What comments say is checked like code: the files they name exist, and an @name is one of what they describe.

    file   a word that ends in .c, .h, .S, .ld, .tbl, .py or .md names a file of the tree: by its path from the
           comment's own folder, from the root or from include/, or by the end of its path; READMEs too
    @name  a parameter, a member or a variable of what the comment stands over or in: the function or struct
           below it up to the next empty line, or the one around it; in a file's head, of the file
"""

import re
from pathlib import Path

FOLDERS = ("arch", "lib", "mm", "kernel", "block", "fs", "net", "drivers", "debug", "include", "abi")
WIDTH, COMMENT_WIDTH, TAB = 100, 120, 8
TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)
FILE_NAME = re.compile(r"(?<![\w/.<*-])((?:[\w-]+/)*[\w-]+\.(?:c|h|S|ld|tbl|py|md))(?![\w(/>*.]\w)(?![\w(>])")
AT_NAME = re.compile(r"(?<![\w@])@([A-Za-z_]\w*)")


def sources(tree: Path) -> list[Path]:
    return sorted(p for d in FOLDERS for p in (tree / d).rglob("*") if p.suffix in (".c", ".h", ".S"))


def is_comment(token: str) -> bool:
    return token.startswith(("/*", "//"))


def blank(token: str) -> str:
    """@token as white space of the same length and lines."""
    return "".join(c if c == "\n" else " " for c in token)


def code_of(text: str) -> str:
    """@text with comments and strings blanked, positions kept."""
    return TOKEN.sub(lambda m: blank(m.group()), text)


def comments_of(text: str) -> list[tuple[int, int]]:
    return [m.span() for m in TOKEN.finditer(text) if is_comment(m.group())]


def files_of(tree: Path) -> set[str]:
    """Every end of every path: "fs/ext4/map.c", "ext4/map.c", "map.c"."""
    ends = set()
    for p in list(tree.glob("*.md")) + [p for d in (*FOLDERS, "docs", "tools", "tests", "bench")
                                       for p in (tree / d).rglob("*.*")]:
        parts = p.relative_to(tree).parts
        ends |= {"/".join(parts[n:]) for n in range(len(parts))}
    return ends


def readmes(tree: Path) -> list[Path]:
    return [p for d in FOLDERS for p in sorted((tree / d).rglob("README.md"))]


# Not files of this tree: other programs' sources, what user space includes, and foo, of instructions.
FOREIGN = re.compile(r"^(?:linux|asm|sys|uapi|asm-generic)/|(?:^|/)foo(?:_test)?\.|^(?:limits|stdio|unistd|stdatomic|stdarg)\.h$")


def check_file_names(tree: Path) -> list[str]:
    ends, out = files_of(tree), []
    for p in sources(tree) + readmes(tree):
        text = p.read_text(errors="replace")
        for start, end in comments_of(text) if p.suffix != ".md" else [(0, len(text))]:
            for m in FILE_NAME.finditer(text, start, end):
                name = m.group(1)
                if name not in ends and not FOREIGN.search(name) and not (p.parent / name).exists():
                    line = text.count("\n", 0, m.start()) + 1
                    out.append(f"{p.relative_to(tree)}:{line}: no file is called {name}")
    return out


def depths(code: str) -> list[int]:
    """How many braces are open before each character."""
    out, depth = [], 0
    for c in code:
        out.append(depth)
        depth += (c == "{") - (c == "}")
    return out


def paragraph_end(text: str, depth: list[int], at: int) -> int:
    """The next empty line outside of all braces."""
    at = text.find("\n\n", at)
    while 0 <= at < len(text) and depth[at]:
        at = text.find("\n\n", at + 1)
    return len(text) if at < 0 else at


def described(text: str, depth: list[int], start: int, end: int) -> tuple[int, int]:
    """The span of what the comment at @start .. @end is about."""
    if text.count("\n", 0, start) < 2:
        return 0, len(text)
    if depth[start]:
        first = text.rfind("\n\n", 0, start)
        while first > 0 and depth[first]:
            first = text.rfind("\n\n", 0, first)
        return max(first, 0), paragraph_end(text, depth, end)
    line = text.rfind("\n", 0, start) + 1  # a comment behind code is about that line too
    return line, paragraph_end(text, depth, end)


def check_at_names(tree: Path) -> list[str]:
    out = []
    for p in sources(tree):
        text = p.read_text(errors="replace")
        if p.suffix == ".S":
            continue
        code = code_of(text)
        depth = depths(code)
        for start, end in comments_of(text):
            names = list(AT_NAME.finditer(text, start, end))
            if not names:
                continue
            first, last = described(text, depth, start, end)
            words = set(re.findall(r"\w+", code[first:last]))
            out += [f"{p.relative_to(tree)}:{text.count(chr(10), 0, m.start()) + 1}: "
                    f"@{m.group(1)} is no name of what follows"
                    for m in names if m.group(1) not in words]
    return out


WIDE = "tools/build/wide.txt"


def check_new_widths(tree: Path) -> list[str]:
    """The files that WIDE lists may keep as many wide lines as they had when the row began; others have none."""
    rows = [line.split() for line in (tree / WIDE).read_text(encoding="utf-8").splitlines()
            if line and not line.startswith("#")]
    allowed = {name: int(count) for name, count in rows}
    found: dict[str, list[str]] = {}
    for line in check_widths(tree):
        found.setdefault(line.split(":")[0], []).append(line)
    return [line for name, lines in found.items() if len(lines) > allowed.get(name, 0) for line in lines]


def check_widths(tree: Path) -> list[str]:
    """At most 100 columns, 120 where a comment ends the line or is all of it."""
    out = []
    for p in sources(tree):
        for n, line in enumerate(p.read_text(errors="replace").split("\n"), 1):
            columns = len(line.expandtabs(TAB))
            if columns <= WIDTH:
                continue
            comment = "/*" in line or "//" in line or line.lstrip().startswith("*")
            if columns > COMMENT_WIDTH or not comment:
                out.append(f"{p.relative_to(tree)}:{n}: {columns} columns")
    return out
