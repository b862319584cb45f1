# SPDX-License-Identifier: MIT
"""Where things are.

In a checkout everything made goes to build/; if that cannot be written (a checkout installed
read-only), to $XDG_CACHE_HOME/tarn.
"""

import os
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]


def build_dir() -> Path:
    local = TREE / "build"
    try:
        local.mkdir(exist_ok=True)
        if os.access(local, os.W_OK):
            return local
    except OSError:
        pass
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tarn"
    cache.mkdir(parents=True, exist_ok=True)
    return cache


def images_dir() -> Path:
    where = Path(os.environ.get("TARN_IMAGES") or build_dir() / "images")
    where.mkdir(parents=True, exist_ok=True)
    return where


def default_kernel() -> Path:
    return TREE / "build" / "release" / "tarn.elf"
