# SPDX-License-Identifier: MIT
"""This terminal, lent to a machine: raw while it runs, its size told on, one key to get away.

With `-t` the machine's own terminal does echo, line editing and signals; ours must do nothing.
"""

import os
import re
import shutil
import signal
import termios
import tty
from typing import Callable

DEFAULT_ESCAPE = "^]"  # telnet's; ^A, QEMU's own, is the start of a line in every shell


def key(text: str) -> int:
    """The code of a control character written ^X; 0 for "none".  ValueError: it is none."""
    if text.lower() == "none":
        return 0
    if not re.fullmatch(r"\^[A-Za-z\[\\\]^_]", text):
        raise ValueError(text)
    return ord(text[1].upper()) & 0x1f


def key_name(code: int) -> str:
    return f"Ctrl-{chr(code | 0x40)}"


class Escape:
    """Takes ESC x (end the machine) and ESC ESC (one ESC) out of what is typed."""

    def __init__(self, code: int) -> None:
        self.code = code
        self.seen = False
        self.wants_end = False

    def filter(self, typed: bytes) -> bytes:
        out = bytearray()
        for byte in typed:
            if self.seen:
                self.seen = False
                self.wants_end |= byte in b"xX"
                out += bytes([byte] if byte == self.code else [])
            elif self.code and byte == self.code:
                self.seen = True
            else:
                out.append(byte)
        return bytes(out)


class Raw:
    """with Raw(on_resize): standard input is raw; @on_resize gets rows and columns of each change."""

    def __init__(self, on_resize: Callable[[int, int], None]) -> None:
        self.on_resize = on_resize

    def __enter__(self) -> None:
        self.before = termios.tcgetattr(0)
        self.handler = signal.signal(signal.SIGWINCH, lambda *_: self.on_resize(*size()))
        tty.setraw(0, termios.TCSADRAIN)  # what was typed ahead stays

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGWINCH, self.handler)
        termios.tcsetattr(0, termios.TCSADRAIN, self.before)


def size() -> tuple[int, int]:
    """Rows and columns."""
    got = shutil.get_terminal_size((80, 24))
    return got.lines, got.columns


def is_ours() -> bool:
    return os.isatty(0) and os.isatty(1)
