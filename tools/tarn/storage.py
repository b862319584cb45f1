# SPDX-License-Identifier: MIT
"""`tarn images` and `tarn clean`: what is kept of images, how large it is, and away with it."""

import fcntl
import json
import shutil
import time
from pathlib import Path

from . import paths


def listing() -> str:
    rows = [f"{'IMAGE':36} {'SIZE':>9} {'USED':>14}  WHAT"]
    for image in kept():
        st = image.stat()
        rows.append(f"{image.name:36} {megabytes(st.st_blocks * 512):>9} {age(last_use(image)):>14}  "
                    f"{what(image)}")
    total = sum(image.stat().st_blocks * 512 for image in kept())
    rows.append(f"{len(kept())} images, {megabytes(total)}, in {paths.images_dir()}")
    return "\n".join(rows)


def clean() -> str:
    """Removes all that no `tarn` uses at this moment."""
    where, freed, count = paths.images_dir(), 0, 0
    for image in kept():
        with open(image.with_suffix(".lock"), "w", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue  # being built; a machine that runs from it has it open
            freed += image.stat().st_blocks * 512
            count += 1
            for path in where.glob(f"{image.stem}.*"):
                remove(path)
    for path in where.glob(".work-*"):
        if time.time() - path.stat().st_mtime > 3600:  # of a `tarn` that was killed
            remove(path)
    return f"{count} images removed, {megabytes(freed)} freed"


def kept() -> list[Path]:
    return sorted(paths.images_dir().glob("*.ext4"), key=last_use)


def last_use(image: Path) -> float:
    """Each run opens the lock file for writing."""
    lock = image.with_suffix(".lock")
    return (lock if lock.exists() else image).stat().st_mtime


def what(image: Path) -> str:
    try:
        about = json.loads(image.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "?"
    return " ".join([about.get("os", "?"), *about.get("packages", [])])


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def megabytes(n: int) -> str:
    return f"{n / (1 << 20):.0f} MiB"


def age(when: float) -> str:
    minutes = int((time.time() - when) / 60)
    if minutes < 120:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 48 * 60 else f"{minutes // 1440} days ago"
