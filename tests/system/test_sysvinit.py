# SPDX-License-Identifier: MIT
"""Debian started by its own init: sysvinit alone and with OpenRC, to a login on the serial console."""

import pexpect
import pytest

from harness import LIMIT, TARN, TREE, disk_copy, fsck, image

PROMPT = r"root@debian:[^\r\n]*# "
PACKAGES = {"sysvinit": "sysvinit-core", "openrc": "openrc,sysvinit-core"}
TIMES = 10  # of each: twenty in a row


class Boot:
    def __init__(self, *args: str) -> None:
        self.child = pexpect.spawn(TARN, ["run", "--timeout", str(LIMIT), *args], timeout=LIMIT,
                                   encoding="utf-8", codec_errors="replace", cwd=str(TREE),
                                   dimensions=(24, 100))
        self.child.expect("automatic login")
        self.child.expect(PROMPT)

    def run(self, line: str) -> str:
        self.child.sendline(line)
        self.child.expect(PROMPT, timeout=60)
        return self.child.before.replace("\r", "")

    def poweroff(self) -> str:
        self.child.sendline("poweroff")
        self.child.expect(pexpect.EOF, timeout=LIMIT)
        self.child.close()
        assert self.child.exitstatus == 0, self.child.before
        return self.child.before


def look_around(boot: Boot, which: str) -> None:
    assert "init" in boot.run("cat /proc/1/comm")
    assert "/dev/ttyS0" in boot.run("tty")
    assert "2" in boot.run("runlevel")
    for where in ("/proc", "/sys", "/run", "/dev/pts", "/dev/shm"):
        assert f" {where} " in boot.run(f"grep ' {where} ' /proc/mounts")
    if which == "openrc":
        # Other runlevels' services are stopped, as they should be.
        states = boot.run("rc-status 2>/dev/null; echo")
        assert "started" in states and "crashed" not in states, states


@pytest.mark.parametrize("which", PACKAGES)
def test_up_and_down_again_and_again(which: str, tmp_path) -> None:
    """On one disk, so that each boot finds what the last shutdown left."""
    disk = disk_copy(image("debian", PACKAGES[which]), tmp_path)
    for number in range(TIMES):
        boot = Boot("debian", "--disk", str(disk), "--append", "init=/sbin/init")
        if number == 0:
            look_around(boot, which)
        assert "Power down" in boot.poweroff()
    fsck(disk)


def test_started_as_an_image(tmp_path) -> None:
    """No word is needed but the packages' names: such an image is started by its own init."""
    boot = Boot("debian", "--packages", PACKAGES["openrc"])
    assert "init" in boot.run("cat /proc/1/comm")
    boot.poweroff()
