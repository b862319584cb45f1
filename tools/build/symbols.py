#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Turn `nm -n` output into the assembler source of the kernel's symbol table.

The table lies in .rodata.symbols: a count, then the code addresses in rising
order (u32 offsets from __text_start), then u32 offsets into the name pool,
then the pool itself.  kernel/symbols.c searches it for backtraces.
"""
import sys


def main():
    base, syms = None, []
    for line in sys.stdin:
        addr, kind, name = line.split()
        if name == "__text_start":
            base = int(addr, 16)
        if kind in "tT" and not name.startswith((".", "__start_", "__stop_")):
            syms.append((int(addr, 16), name))
    if base is None:
        sys.exit("symbols.py: no __text_start in the kernel")
    syms = [(a - base, n) for a, n in syms if 0 <= a - base < 1 << 32]
    out = [".section .rodata.symbols,\"a\",@progbits", ".balign 8",
           ".globl kernel_symbols", "kernel_symbols:", f".long {len(syms)}"]
    out += [f".long {a}" for a, _ in syms]
    pos = 0
    for _, name in syms:
        out.append(f".long {pos}")
        pos += len(name) + 1
    out += [f'.asciz "{n}"' for _, n in syms]
    print("\n".join(out))
    print('.section .note.GNU-stack,"",@progbits')


if __name__ == "__main__":
    main()
