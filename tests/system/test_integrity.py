# SPDX-License-Identifier: MIT
"""Everything on the disk reads in the machine as it lies in the image.

The host's side comes from ext4read, which shares no code with any kernel.
"""

import stat
import time
from pathlib import Path

import pytest

from ext4read import Ext4, Node
from harness import TOOLS, Result, good, tarn

SAME_FILES = ("--net", "none")  # a network's resolver would lie over /etc/resolv.conf

# Other file systems are mounted there in the machine.
MOUNTED = {b"/dev", b"/proc", b"/sys", b"/run"}


def below(path: bytes, top: bytes) -> bool:
    return path == top or path.startswith(top + b"/")


def host_nodes(disk: Path) -> dict[bytes, Node]:
    return {p: n for p, n in Ext4(disk).walk() if not any(below(p, m) for m in MOUNTED)}


def differences(ours: dict, theirs: dict) -> list[str]:
    out = [f"only in the image: {p!r}" for p in ours.keys() - theirs.keys()]
    out += [f"only in the machine: {p!r}" for p in theirs.keys() - ours.keys()]
    out += [f"{p!r}: image {ours[p]!r}, machine {theirs[p]!r}"
            for p in ours.keys() & theirs.keys() if ours[p] != theirs[p]]
    return sorted(out)[:20]


def check_hashes(result: Result, disk: Path, top: bytes) -> None:
    fs = Ext4(disk)
    ours = {p: fs.sha256(n) for p, n in fs.walk(top) if n.kind == "f"}
    theirs = {}
    for line in result.stdout.split(b"\n"):
        if line:
            digest, _, path = line.partition(b"  ")
            theirs[path] = digest.decode()
    assert not differences(ours, theirs), result.explain()
    assert len(ours) > 5


@pytest.mark.parametrize("smp", ["1", "2"])
def test_debian_contents(debian: Path, smp: str) -> None:
    script = "find /usr -xdev -type f -print0 | xargs -0 sha256sum"
    check_hashes(good(tarn("debian", *SAME_FILES, "--smp", smp, "--", "sh", "-c", script)), debian, b"/usr")


def test_debian_tools_contents(debian_tools: Path) -> None:
    script = "find /usr -xdev -type f -print0 | xargs -0 -n 200 -P 2 sha256sum"
    result = good(tarn(*SAME_FILES, "--smp", "2", "--packages", TOOLS, "--", "sh", "-c", script, limit=300))
    check_hashes(result, debian_tools, b"/usr")


def test_alpine_contents(alpine: Path) -> None:
    script = "find / -xdev -type f -exec sha256sum {} +"
    result = good(tarn("alpine", *SAME_FILES, "--", "sh", "-c", script))
    lines = [s for s in result.stdout.split(b"\n")
             if not any(below(s.partition(b"  ")[2], m) for m in MOUNTED)]
    result.stdout = b"\n".join(lines)
    fs = Ext4(alpine)
    ours = {p: fs.sha256(n) for p, n in host_nodes(alpine).items() if n.kind == "f"}
    theirs = dict((s.partition(b"  ")[2], s.partition(b"  ")[0].decode()) for s in lines if s)
    assert not differences(ours, theirs), result.explain()


def described(fs: Ext4, node: Node) -> tuple:
    target = fs.link_target(node) if stat.S_ISLNK(node.mode) else b""
    return (node.kind, node.mode & 0o7777, node.uid, node.gid, node.size, node.mtime,
            node.mtime_ns, node.links, target)


def test_debian_metadata(debian: Path) -> None:
    fields = r"%y\t%m\t%U\t%G\t%s\t%T@\t%n\t%p\t%l\0"
    result = good(tarn("debian", *SAME_FILES, "--", "find", "/", "-xdev", "-printf", fields))
    fs = Ext4(debian)
    ours = {p: described(fs, n) for p, n in host_nodes(debian).items()}
    theirs = {}
    for line in result.stdout.split(b"\0")[:-1]:
        kind, mode, uid, gid, size, mtime, links, path, target = line.split(b"\t")
        seconds, _, fraction = mtime.partition(b".")
        theirs[path] = (kind.decode(), int(mode, 8), int(uid), int(gid), int(size), int(seconds),
                        int(fraction[:9]), int(links), target)
    theirs = {p: d for p, d in theirs.items() if not any(below(p, m) for m in MOUNTED)}
    assert not differences(ours, theirs), result.explain()


def test_alpine_metadata(alpine: Path) -> None:
    script = "find / -xdev -exec stat -c '%f|%u|%g|%s|%Y|%h|%n' {} +"
    result = good(tarn("alpine", *SAME_FILES, "--", "sh", "-c", script))
    ours = {p: (n.mode, n.uid, n.gid, n.size, n.mtime, n.links)
            for p, n in host_nodes(alpine).items()}
    theirs = {}
    for line in result.stdout.split(b"\n")[:-1]:
        mode, uid, gid, size, mtime, links, path = line.split(b"|", 6)
        theirs[path] = (int(mode, 16), int(uid), int(gid), int(size), int(mtime), int(links))
    theirs = {p: d for p, d in theirs.items() if not any(below(p, m) for m in MOUNTED)}
    assert not differences(ours, theirs), result.explain()


def test_dpkg_verify_is_silent(debian: Path) -> None:
    result = good(tarn("debian", *SAME_FILES, "--", "dpkg", "--verify", limit=240))
    assert result.stdout == b"" and result.stderr == b"", result.explain()


def test_clock_is_the_hosts(debian: Path) -> None:
    result = good(tarn("debian", "--", "date", "+%s"))
    assert abs(int(result.text) - time.time()) < 5
