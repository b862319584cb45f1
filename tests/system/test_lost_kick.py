# SPDX-License-Identifier: MIT
"""No notification between the kernel and a virtio device is lost.

QEMU's TCG before 8.1 drops a single CPU's memory barriers, though its devices run in threads of
their own: the disk stopped for good within some seconds of work.  lost_kick.c works in rounds of
half a second; a machine that stops says nothing more and runs into the time limit.
"""

import pytest

from harness import good, image, small_root, static_program, tarn


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> str:
    where = tmp_path_factory.mktemp("lost_kick")
    root = str(small_root(where, static_program("lost_kick.c", where)))
    image(root)
    return root


def work(root: str, rounds: int, *options: str) -> None:
    result = good(tarn(root, *options, "--", "/bin/lost_kick", "/data", str(rounds),
                       limit=60 + 3 * rounds))
    assert result.text.endswith(f"rounds {rounds}\n"), result.explain()


@pytest.mark.parametrize("machine", ["q35", "microvm"])
def test_disk_goes_on(small_disk: str, machine: str) -> None:
    work(small_disk, 30, "--machine", machine)


def test_port_goes_on(small_disk: str) -> None:
    """The console's ports: each byte of output and input goes by their queues."""
    data = bytes(range(256)) * 4096
    result = tarn(small_disk, "--", "/bin/cat", input=data)
    assert good(result).stdout == data


@pytest.mark.soak
def test_disk_goes_on_for_long(small_disk: str) -> None:
    work(small_disk, 1000)
