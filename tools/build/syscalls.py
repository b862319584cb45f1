#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Make the dispatch table, the prototypes and docs/abi.md from abi/syscall.tbl.

A line of the table is `number name(arguments) state[: what is missing]`, with
state full, partial or absent.  The numbers are checked against the UAPI header.
"""
import argparse
import re
import sys

UNISTD = ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h")
LINE = re.compile(r"(\d+)\s+(\w+)\((.*)\)\s+(full|partial|absent)(?::\s*(.*))?$")


def uapi_numbers():
    for path in UNISTD:
        try:
            text = open(path, encoding="ascii").read()
        except OSError:
            continue
        return {m[1]: int(m[2]) for m in re.finditer(r"#define __NR_(\w+)\s+(\d+)", text)}
    sys.exit("syscalls.py: no asm/unistd_64.h; install linux-libc-dev")


def parse(path):
    rows = []
    for n, line in enumerate(open(path, encoding="utf-8"), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        m = LINE.match(line)
        if not m:
            sys.exit(f"{path}:{n}: cannot read: {line}")
        rows.append((int(m[1]), m[2], m[3], m[4], m[5] or ""))
    names = uapi_numbers()
    for number, name, *_ in rows:
        if names.get(name, number) != number:
            sys.exit(f"{path}: {name} is {names[name]} in the UAPI header, not {number}")
    missing = set(names) - {r[1] for r in rows}
    if missing:
        print(f"{path}: newer calls not listed: {' '.join(sorted(missing))}", file=sys.stderr)
    return rows


def table(rows):
    out = ["/* Made from abi/syscall.tbl: [number] = handler, name. */"]
    for number, name, _, state, _ in rows:
        handler = "NULL" if state == "absent" else f"(syscall_fn *)sys_{name}"
        out.append(f'[{number}] = {{ {handler}, "{name}" }},')
    return out


def protos(rows):
    structs = sorted({s for r in rows for s in re.findall(r"struct (\w+)", r[2])})
    out = ["/* Made from abi/syscall.tbl: the prototypes of all system calls. */", "#pragma once"]
    out += [f"struct {s};" for s in structs]
    out += [f"long sys_{name}({args});" for _, name, args, state, _ in rows if state != "absent"]
    return out


def docs(rows):
    have = sum(r[3] != "absent" for r in rows)
    out = ["# System calls", "", f"Made from abi/syscall.tbl: {have} of {len(rows)} calls are there.",
           "A call that is absent returns ENOSYS.", "", "| number | call | state | what is missing |",
           "| ---: | --- | --- | --- |"]
    out += [f"| {n} | {name} | {state} | {note} |" for n, name, _, state, note in rows]
    return out


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("tbl")
    for what in ("table", "protos", "docs"):
        ap.add_argument(f"--{what}", metavar="FILE")
    args = ap.parse_args()
    rows = parse(args.tbl)
    for make in (table, protos, docs):
        path = getattr(args, make.__name__)
        if path:
            with open(path, "w", encoding="utf-8") as f:
                f.write("\n".join(make(rows)) + "\n")


if __name__ == "__main__":
    main()
