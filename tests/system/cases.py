# SPDX-License-Identifier: MIT
"""Programs whose output in the machine must be, byte for byte, what it is under a chroot.

One machine runs all cases of a batch one after the other and sends each result as it ends, so that
a machine that dies loses one case only: the rest then gets a new machine.
"""

import itertools
import subprocess
from dataclasses import dataclass
from pathlib import Path

import harness

# A case's result: "case NAME STATUS BYTES-OF-OUTPUT BYTES-OF-ERRORS\n" and those bytes.
RUN = r"""
cd /root
while [ $# -ge 3 ]; do
    name=$1 shell=$2 text=$3; shift 3
    mkdir -p /root/w; cd /root/w
    timeout 200 "$shell" -c "$text" </dev/null >/tmp/out 2>/tmp/err
    status=$?
    cd /root; rm -rf /root/w
    echo "case $name $status $(stat -c %s /tmp/out) $(stat -c %s /tmp/err)"
    cat /tmp/out /tmp/err
done
rm -f /tmp/out /tmp/err
"""


@dataclass(frozen=True)
class Outcome:
    status: int
    stdout: bytes
    stderr: bytes


def parse(data: bytes) -> dict[str, Outcome]:
    out = {}
    while data.startswith(b"case ") and b"\n" in data:
        head, _, data = data.partition(b"\n")
        _, name, status, size, errors = head.split()
        a, b = int(size), int(errors)
        if len(data) < a + b:
            break  # the machine died while it was sending
        out[name.decode()] = Outcome(int(status), data[:a], data[a:a + b])
        data = data[a + b:]
    return out


def words(cases: dict[str, str], shell: str) -> list[str]:
    out = ["/bin/sh", "-c", RUN, "sh"]
    for name, text in cases.items():
        out += [name, shell, text]
    return out


def on_host(disk: Path, cases: dict[str, str], shell: str) -> dict[str, Outcome]:
    done = harness.in_chroot(harness.host_root(disk), shell, *words(cases, shell))
    result = parse(done.stdout)
    assert set(result) == set(cases), done.stderr.decode(errors="replace")
    return result


def in_machine(target: list[str], cases: dict[str, str], shell: str,
               limit: int) -> tuple[dict[str, Outcome], dict[str, str]]:
    """(what each case gave, why a case gave nothing).  Without a network: its resolver would be seen in /etc."""
    left, done, lost = dict(cases), {}, {}
    while left:
        try:
            result = harness.tarn("--net", "none", *target, "--", *words(left, shell), limit=limit)
        except subprocess.TimeoutExpired:
            result = harness.Result(124, b"", b"", "")
        got = parse(result.stdout)
        done |= got
        left = {name: text for name, text in left.items() if name not in got}
        if left:
            victim = next(iter(left))
            lost[victim] = result.explain()
            del left[victim]
            if len(lost) > 8:
                lost |= {name: "not run: too many machines died before" for name in left}
                break
    return done, lost


def compare(name: str, host: dict[str, Outcome],
            machine: tuple[dict[str, Outcome], dict[str, str]]) -> None:
    done, lost = machine
    assert name in done, f"the machine died:\n{lost.get(name)}"
    ours, theirs = host[name], done[name]
    where = [(line, a, b) for line, (a, b) in enumerate(itertools.zip_longest(
        ours.stdout.splitlines(), theirs.stdout.splitlines())) if a != b][:10]
    assert not where, f"(line, host, machine): {where}\nmachine's errors: {theirs.stderr!r}"
    assert theirs.stderr == ours.stderr
    assert theirs == ours
