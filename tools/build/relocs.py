#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""List the absolute addresses inside the linked kernel, as the assembler source of section .relocs.

The input was linked with --emit-relocs.  arch/x86_64/kaslr.c adds the distance by which the image moves to
each place listed: first those of 32 bits, then those of 64.  A list is the distances from one place to the
next, the first counted from KERNEL_BASE: seven bits a byte, low ones first, bit 7 set in all but the last; a
0 ends it.  What names a physical address (head.S, trampoline.S) stays as it is.
"""
import struct
import sys

BASE, TOP, PHYSICAL = 0xffffffff80000000, 1 << 64, 1 << 31
SHT_RELA, SHF_ALLOC = 4, 2
R_64, R_PC32, R_PLT32, R_32, R_32S, R_PC64 = 1, 2, 4, 10, 11, 24


def sections(elf):
    """(type, flags, offset, size, link, info) of each section."""
    start, = struct.unpack_from("<Q", elf, 0x28)
    size, count = struct.unpack_from("<HH", elf, 0x3a)
    for i in range(count):
        _, kind, flags, _, offset, length, link, info = struct.unpack_from("<IIQQQQII", elf, start + i * size)
        yield kind, flags, offset, length, link, info


def absolute_places(elf):
    """({places of 32 bits}, {places of 64 bits})"""
    table = list(sections(elf))
    narrow, wide = set(), set()
    for kind, _, offset, length, link, info in table:
        if kind != SHT_RELA or not table[info][1] & SHF_ALLOC:
            continue
        symbols = table[link][2]
        for place, about, addend in struct.iter_unpack("<QQq", elf[offset:offset + length]):
            sort = about & 0xffffffff
            if sort in (R_PC32, R_PLT32, R_PC64):
                continue
            value = (struct.unpack_from("<Q", elf, symbols + (about >> 32) * 24 + 8)[0] + addend) % TOP
            if sort not in (R_64, R_32, R_32S) or PHYSICAL <= value < BASE:
                sys.exit(f"relocs.py: {place:#x}: relocation {sort} to {value:#x} cannot be moved")
            if value >= BASE:
                (wide if sort == R_64 else narrow).add(place)
    return narrow, wide


def encoded(places):
    out, last = [], BASE
    for place in sorted(places):
        step, last = place - last, place
        while step > 0x7f:
            out.append(step & 0x7f | 0x80)
            step >>= 7
        out.append(step)
    return out + [0]


def main():
    with open(sys.argv[1], "rb") as f:
        elf = f.read()
    data = [b for places in absolute_places(elf) for b in encoded(places)]
    print('.section .relocs,"a",@progbits')
    for i in range(0, len(data), 32):
        print(".byte " + ",".join(map(str, data[i:i + 32])))
    print('.section .note.GNU-stack,"",@progbits')


if __name__ == "__main__":
    main()
