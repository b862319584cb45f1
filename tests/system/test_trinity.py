# SPDX-License-Identifier: MIT
"""trinity, the system call fuzzer, as an ordinary user on the debug kernel: no panic, no finding,
and root's shell answers afterwards.

`make test` runs a minute of it (and one of fuzz_calls.c), `make soak` ten; TRINITY_SECONDS and
TRINITY_ARGS change that.
The seeds differ from run to run and stand in what a failure shows.

trinity 2023.01 crashes before its first child once it has made a socket of a family that it has no
table for, Unix sockets among them, on Linux too.  Of the family that is named it could make none
here, and it goes on without; its children still call socket(2) and the others.  So a round counts
only if it ran for its time, and most must.
"""

import os
import random
import re
import shlex
import signal
from pathlib import Path

import pytest

from harness import ON_LINUX, TOOLS, Result, tarn

pytestmark = pytest.mark.skipif(ON_LINUX, reason="looks for faults of Tarn's debug build")

# What trinity calls with ids of its own is of no use to look at; it would wait or stop itself.
LEFT_OUT = ("pause", "sigsuspend", "rt_sigsuspend", "exit", "exit_group", "vhangup")
ROUND = 20  # seconds; a round has its own seed
SCRIPT = r"""
for seed in %(seeds)s; do
    rm -rf /tmp/t; mkdir -m 0777 /tmp/t; cd /tmp/t
    echo "trinity: seed $seed" >/dev/kmsg
    timeout -s KILL %(seconds)d setpriv --reuid 65534 --regid 65534 --clear-groups \
        trinity -q -a 64 -l off -C 4 -P INET -s $seed %(args)s </dev/null >/tmp/out 2>&1
    echo "seed $seed: $?"
    pkill -KILL -u 65534
done
echo alive as $(id -u)
"""
FOUND = re.compile(r"KASan|UBSan|lock order|may sleep|stack overflow|Kernel panic|out of memory: "
                   r"init", re.I)


def fuzz(kernel: Path, seconds: int, args: str = "") -> Result:
    rounds = max(1, seconds // ROUND)
    seeds = " ".join(str(random.randrange(1, 1 << 31)) for _ in range(rounds))
    left_out = " ".join(f"-x {name}" for name in LEFT_OUT)
    script = SCRIPT % {"seeds": seeds, "seconds": ROUND, "args": f"{left_out} {args}"}
    return tarn("debian", "--packages", TOOLS, "--kernel", str(kernel), "--smp", "2", "--mem",
                "2G", "--append", "loglevel=7", "--", "bash", "-c", script,
                limit=rounds * (ROUND + 60) + 120)


def check(result: Result) -> None:
    assert result.status == 0, result.explain()
    assert result.text.rstrip().endswith("alive as 0"), result.explain()
    ends = re.findall(r"^seed \d+: (\d+)$", result.text, re.M)
    assert ends.count(str(128 + signal.SIGKILL)) * 2 > len(ends), result.text + result.explain()
    assert not FOUND.search(result.console), result.explain()


@pytest.fixture(scope="module", autouse=True)
def built_before(debian_tools: Path) -> Path:
    return debian_tools


def test_one_minute(debug_kernel: Path) -> None:
    args = shlex.join(shlex.split(os.environ.get("TRINITY_ARGS", "")))
    check(fuzz(debug_kernel, int(os.environ.get("TRINITY_SECONDS", "60")), args))


@pytest.mark.soak
@pytest.mark.parametrize("group", ["vm", "vfs"])
def test_groups(debug_kernel: Path, group: str) -> None:
    check(fuzz(debug_kernel, 600, f"-g {group}"))
