# SPDX-License-Identifier: MIT
"""A person at the serial console: prompt, job control, ^C ^Z ^\\ ^D, poweroff."""

import time
from pathlib import Path

import pexpect
import pytest

from harness import LIMIT, TARN, TREE

PROMPT = {"alpine": r":[^\r\n]*# ", "debian": r"root@debian:[^\r\n]*# "}


class Console:
    def __init__(self, target: str, *args: str) -> None:
        self.prompt = PROMPT[target]
        self.child = pexpect.spawn(TARN, ["run", target, "--timeout", str(LIMIT), *args],
                                   timeout=LIMIT, encoding="utf-8", codec_errors="replace",
                                   cwd=str(TREE), dimensions=(24, 100))
        self.child.expect(self.prompt)

    def run(self, line: str) -> str:
        """Type a line; what came between it and the next prompt."""
        self.child.sendline(line)
        return self.until_prompt().replace("\r", "")

    def until_prompt(self) -> str:
        self.child.expect(self.prompt, timeout=30)
        return self.child.before

    def end(self, how: str = "poweroff") -> int:
        self.child.sendline(how)
        self.child.expect(pexpect.EOF, timeout=60)
        self.child.close()
        return self.child.exitstatus


@pytest.fixture(params=["alpine", "debian"])
def console(request: pytest.FixtureRequest) -> Console:
    request.getfixturevalue(request.param)
    return Console(request.param)


def test_a_session(console: Console) -> None:
    """One session for all of it: a boot under emulation costs more than a key."""
    run = console.run
    assert "/dev/ttyS0" in run("tty")
    assert "42" in run("echo $((6 * 7))")
    assert "HOME=/root uid=0" in run("echo HOME=$HOME uid=$(id -u)")
    # ^Z, jobs, bg, fg, ^C
    console.child.sendline("sleep 500")
    time.sleep(1)
    console.child.sendcontrol("z")
    assert "Stopped" in console.until_prompt()
    assert "Stopped" in run("jobs")
    # The news that the job goes on may come after the prompt; busybox then prints a second one.
    run("bg; sleep 1")
    assert "Running" in run("jobs")
    console.child.sendline("fg")
    time.sleep(1)
    console.child.sendcontrol("c")
    console.until_prompt()
    assert "130" in run("echo status=$?")
    assert "sleep" not in run("jobs").replace("jobs", "")
    # ^\ and its status
    console.child.sendline("sleep 500")
    time.sleep(1)
    console.child.sendcontrol("\\")
    console.until_prompt()
    assert "131" in run("echo status=$?")
    # line editing by the line discipline itself: erase, kill line, end of file
    console.child.sendline("cat")
    time.sleep(1)
    console.child.send("wrong\x15rigg\x7fht\r")
    console.child.expect(r"[\r\n]right\r+\n")
    console.child.sendcontrol("d")
    console.until_prompt()
    # a background job that wants the terminal stops
    assert "ready" in run("cat & sleep 1; echo ready")
    assert "Stopped" in run("jobs")
    run("kill %1; sleep 1")
    # a pipeline in the foreground ends whole
    console.child.sendline("yes | cat >/dev/null")
    time.sleep(1)
    console.child.sendcontrol("c")
    console.until_prompt()
    assert "130" in run("echo status=$?")
    assert console.end() == 0


def test_size_of_the_terminal(debian: Path) -> None:
    console = Console("debian")
    assert "24 100" in console.run("stty size")
    assert "hangup-free" in console.run("echo hangup-free")
    assert console.end("exit") == 0


def test_alpine_is_started_by_its_own_init(alpine: Path) -> None:
    console = Console("alpine", "--smp", "2")
    assert "/bin/busybox" in console.run("readlink /proc/1/exe")
    assert "init" in console.run("cat /proc/1/comm")
    for where in ("/proc", "/sys", "/dev/pts", "/dev/shm"):
        assert f" {where} " in console.run(f"grep ' {where} ' /proc/mounts")
    assert console.end() == 0


def test_the_way_out_is_said(debian: Path) -> None:
    child = pexpect.spawn(TARN, ["run", "debian", "--timeout", "60"], timeout=60, encoding="utf-8")
    child.expect("poweroff")
    child.expect(PROMPT["debian"])
    child.send("\x01")  # Ctrl-A is the shell's
    child.send("\x1dx")  # Ctrl-] x
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
