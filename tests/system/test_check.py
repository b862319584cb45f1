# SPDX-License-Identifier: MIT
"""What `make check` reads out of the tree and its objects: each of its rows fails when a fault is planted."""

import subprocess
import sys
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "tools/build"))
import comments  # noqa: E402
import objects   # noqa: E402


@pytest.fixture
def tree(tmp_path):
    """A tree of two sources: fs stands on lib, and nothing is wrong."""
    write(tmp_path, "lib/sum.c", "/* Sums.  See include/tarn/sum.h. */\nint sum(int a)\n{\n\treturn a;\n}\n")
    write(tmp_path, "include/tarn/sum.h", "/* @a, doubled. */\nint sum(int a);\n")
    write(tmp_path, "fs/file.c", "int sum(int a);\nint start(void);\nint start(void)\n{\n\treturn sum(1);\n}\n")
    write(tmp_path, "kernel.ld", "ENTRY(start)\nSECTIONS { .text : { *(.text*) } }\n")
    write(tmp_path, "tools/build/arrows.txt", "# none\n")
    return tmp_path


def write(tree, name, text):
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def compiled(tree):
    """The tree's objects."""
    for source in [*tree.glob("lib/*.c"), *tree.glob("fs/*.c")]:
        obj = tree / "obj" / source.relative_to(tree).with_suffix(".o")
        obj.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["gcc", "-c", "-ffunction-sections", "-fno-pic", "-fno-asynchronous-unwind-tables",
                        "-o", str(obj), str(source)], check=True)
    return tree / "obj"


def dead(tree):
    return objects.check_dead(tree, compiled(tree), tree / "kernel.ld")


def test_clean_tree_passes(tree):
    assert comments.check_file_names(tree) == []
    assert comments.check_at_names(tree) == []
    assert objects.check_arrows(tree, compiled(tree)) == []
    assert dead(tree) == []


UPWARD = "int start(void);\nint sum(int a);\nint sum(int a)\n{\n\treturn start();\n}\n"


def test_upward_call_is_found(tree):
    write(tree, "lib/sum.c", UPWARD)
    assert objects.check_arrows(tree, compiled(tree)) == ["lib/sum: start of fs/file lies above lib/"]


def test_allowed_call_needs_a_reason_and_a_caller(tree):
    write(tree, "lib/sum.c", UPWARD)
    write(tree, "tools/build/arrows.txt", "lib/sum fs/file start planted\n")
    assert objects.check_arrows(tree, compiled(tree)) == []
    write(tree, "tools/build/arrows.txt", "lib/sum fs/file start\n")
    assert any("no reason" in line for line in objects.check_arrows(tree, tree / "obj"))
    write(tree, "tools/build/arrows.txt", "lib/sum fs/file start planted\nlib/sum fs/file stop gone\n")
    assert any("nothing needs" in line for line in objects.check_arrows(tree, tree / "obj"))


def test_map_without_an_arrow_is_found(tree):
    obj = compiled(tree)
    good = f"map\n{objects.BEGIN}\n\n{objects.table(obj)}\n\n{objects.END}\n"
    write(tree, "ARCHITECTURE.md", good)
    assert objects.check_map(tree, obj) == []
    write(tree, "ARCHITECTURE.md", good.replace("1", "."))
    assert objects.check_map(tree, obj) != []


def test_dead_function_is_found(tree):
    write(tree, "fs/gone.c", "int gone(void);\nint gone(void)\n{\n\treturn 1;\n}\n")
    assert [line.split(":")[0] for line in dead(tree)] == ["fs/gone"]
    write(tree, "tools/build/unused.txt", "gone  planted\n")
    assert dead(tree) == []
    write(tree, "tools/build/unused.txt", "gone  planted\nsum  in use\n")
    assert len(dead(tree)) == 1


def test_file_that_is_gone_is_found(tree):
    write(tree, "fs/file.c", "/* As fs/gone.c does. */\nint x;\n")
    write(tree, "fs/README.md", "| file.c | is here |\n| gone.c | is not |\n")
    assert comments.check_file_names(tree) == ["fs/file.c:1: no file is called fs/gone.c",
                                               "fs/README.md:2: no file is called gone.c"]


@pytest.mark.parametrize("text", [
    "/* Adds @c. */\nint sum(int a);\n",
    "struct s {\n\tint a; /* of @c */\n};\n",
    "/* @c is another paragraph's. */\nint sum(int a);\n\nint c;\n",
])
def test_name_of_nothing_is_found(tree, text):
    write(tree, "include/tarn/s.h", "// head\n#pragma once\n\n" + text)
    found = comments.check_at_names(tree)
    assert len(found) == 1 and "@c" in found[0]


def test_wide_line_is_found(tree):
    write(tree, "fs/file.c", "int a; /* " + "x" * 115 + " */\nint " + "b" * 100 + ";\n")
    write(tree, "fs/ok.c", "int a; /* " + "x" * 100 + " */\nint " + "b" * 90 + ";\n")
    assert [line.split(":")[1] for line in comments.check_widths(tree)] == ["1", "2"]
    write(tree, comments.WIDE, "# none\n")
    assert len(comments.check_new_widths(tree)) == 2
    write(tree, comments.WIDE, "fs/file.c 2\n")
    assert comments.check_new_widths(tree) == []
    write(tree, comments.WIDE, "fs/file.c 1\n")
    assert len(comments.check_new_widths(tree)) == 2
