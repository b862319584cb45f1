# SPDX-License-Identifier: MIT
"""stress-ng's memory stressors, with --verify where it has it, and a silent console.

`make soak` runs each for a minute on a machine of its own; `make test` all for a moment on one.
"""

import re
from pathlib import Path

import pytest

from harness import TOOLS, Result, good, tarn

# Two workers each, on two CPUs.
STRESSORS = {
    "vm": "--vm 2 --vm-bytes 128M",
    "mmap": "--mmap 2 --mmap-bytes 32M",
    "mmapfork": "--mmapfork 2",
    "mmapaddr": "--mmapaddr 2",
    "mremap": "--mremap 2",
    "brk": "--brk 2",
    "stack": "--stack 2",
    "stackmmap": "--stackmmap 2",
    "fault": "--fault 2",
    "madvise": "--madvise 2",
    "msync": "--msync 2",
    "shm": "--shm 2",
    "shm-sysv": "--shm-sysv 2",
    "memfd": "--memfd 2",
    "malloc": "--malloc 2",
    "bigheap": "--bigheap 2",
    "fork": "--fork 2",
    "vfork": "--vfork 2",
    "clone": "--clone 2",
    "tmpfs": "--tmpfs 2",
    "page-in": "--vm 2 --vm-bytes 64M --page-in",
    "pageswap": "--pageswap 2",
}
# stress-ng finds tmpfs in /etc/mtab.  bigheap grows until it is refused: by a limit, not by the OOM killer.
SCRIPT = """
mkdir /tmp/stress; ln -sf /proc/mounts /etc/mtab
while read -r name options; do
    ( [ $name = bigheap ] && ulimit -v 300000
      exec timeout -k 5 %(limit)d stress-ng $options --timeout %(seconds)ds --verify \\
          --temp-path /tmp/stress >/tmp/out 2>&1 </dev/null )
    status=$?
    echo "$name $status"
    [ $status = 0 ] && ! grep -q 'fail:' /tmp/out || sed "s/^/$name: /" /tmp/out >&2
done
"""
# What the kernel says from the mount of its root on, when all is well.
EXPECTED = re.compile(r"mounted r|Power down|^\s*$")


def run(names: list[str], seconds: int, limit: int) -> Result:
    lines = "".join(f"{name} {STRESSORS[name]}\n" for name in names)
    return good(tarn("debian", "--packages", TOOLS, "--smp", "2", "--mem", "1G", "--", "bash",
                     "-c", SCRIPT % {"seconds": seconds, "limit": limit}, input=lines.encode(),
                     limit=limit))


def check(result: Result, names: list[str]) -> None:
    """All ended well, and the kernel had nothing to say."""
    assert result.text.splitlines() == [f"{name} 0" for name in names], result.explain()
    assert not result.stderr, result.explain()
    said = result.console[result.console.rindex("mounted r"):].splitlines()[1:]
    assert not [line for line in said if not EXPECTED.search(line)], result.explain()


@pytest.fixture(scope="module", autouse=True)
def built_before(debian_tools: Path) -> Path:
    """The first machine's standard error then is the programs' alone."""
    return debian_tools


def test_all_for_a_moment() -> None:
    names = list(STRESSORS)
    check(run(names, 2, 400), names)


@pytest.mark.soak
@pytest.mark.parametrize("name", STRESSORS)
def test_for_a_minute(name: str) -> None:
    check(run([name], 60, 600), [name])
