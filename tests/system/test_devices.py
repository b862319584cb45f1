# SPDX-License-Identifier: MIT
"""/sys and /dev as the programs read them that look at hardware: lscpu, hwclock, blockdev, udevadm's writes."""

from pathlib import Path

import pytest

from harness import good, tarn
from tarn import machine

TIB = 1 << 40
FAR = 11 * TIB + 4096 * 5


def run(script: str, *options: str) -> str:
    return good(tarn("debian", *options, "--", "sh", "-ec", script, limit=180)).text


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    disk = tmp_path_factory.mktemp("devices") / "small.img"
    with open(disk, "wb") as f:
        f.truncate(8 << 20)
    return disk


def test_lscpu_counts_cores() -> None:
    """QEMU puts all CPUs into one package; each is a core of one thread."""
    out = run("lscpu -p=CPU,CORE,SOCKET | grep -v '^#'; nproc; cd /sys/devices/system/cpu;"
              "cat cpu2/topology/core_siblings_list cpu2/topology/thread_siblings_list online;"
              "grep -c '^cpu cores.*: 4' /proc/cpuinfo; grep -c '^siblings.*: 4' /proc/cpuinfo;"
              "cat cpu1/cache/index0/level cpu1/cache/index0/type cpu1/cache/index0/size cpu1/cache/index0/coherency_line_size",
              "--smp", "4")
    assert out.split() == ["0,0,0", "1,1,0", "2,2,0", "3,3,0", "4", "0-3", "2", "0-3", "4", "4",
                           "1", "Data", "64K", "64"]


def test_hwclock_reads_and_sets() -> None:
    out = run("hwclock --show --utc --rtc=/dev/rtc0 >/dev/null; test $(cat /sys/class/rtc/rtc0/since_epoch) -gt 1600000000;"
              "for d in '2031-05-06 07:08:09' '2096-02-29 23:58:10' '1999-12-31 12:00:00' '2000-03-01 00:10:10'; do "
              "hwclock --set --utc --date \"$d\"; hwclock --show --utc | cut -c1-16; cat /sys/class/rtc/rtc0/date; done;"
              "setpriv --reuid 65534 --inh-caps=-all sh -c 'hwclock --set --utc --date 2030-01-01' 2>/dev/null || echo refused",
              "--append", "quiet")
    assert out.splitlines() == ["2031-05-06 07:08", "2031-05-06", "2096-02-29 23:58", "2096-02-29",
                                "1999-12-31 12:00", "1999-12-31", "2000-03-01 00:10", "2000-03-01", "refused"]


def test_uevent_takes_actions() -> None:
    out = run("cd /sys/class/block/vda; cat uevent | sed -n '/^MINOR\\|^DEVNAME\\|^DEVTYPE/p'; echo add >uevent;"
              "printf change >uevent; echo ok; echo nonsense 2>/dev/null >uevent || echo refused")
    assert out.split() == ["MINOR=0", "DEVNAME=vda", "DEVTYPE=disk", "ok", "refused"]


def test_queue_tells_of_the_disk(small: Path) -> None:
    out = run("cd /sys/block/vdb; for f in removable ro range queue/logical_block_size queue/rotational queue/write_cache "
              "queue/discard_granularity queue/zoned queue/hw_sector_size queue/fua; do cat $f; done; lsblk -dno NAME,SIZE,TYPE /dev/vdb",
              "--drive", str(small))
    assert out.splitlines() == ["0", "0", "16", "512", "1", "write back", "512", "none", "512", "0", "vdb    8M disk"]


def test_read_only_by_ioctl(small: Path) -> None:
    out = run("d=/dev/vdb; blockdev --setro $d; blockdev --getro $d; cat /sys/block/vdb/ro;"
              "dd if=/dev/zero of=$d bs=4k count=1 conv=notrunc 2>/dev/null || echo refused; blockdev --setrw $d;"
              "dd if=/dev/zero of=$d bs=4k count=1 conv=notrunc 2>/dev/null && echo written;"
              "setpriv --reuid 65534 --regid 6 --clear-groups blockdev --setro $d 2>/dev/null || echo refused;"
              "blockdev --getro --getss --getsz --getsize64 $d", "--drive", str(small))
    assert out.split() == ["1", "1", "refused", "written", "refused", "0", "512", "16384", str(8 << 20)]


def test_read_only_disk(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It opens, and no write passes, whatever BLKROSET says."""
    qemu = tmp_path / "qemu"
    qemu.write_text(f"""#!/bin/sh
exec {machine.QEMU} "$@" -drive file={small},format=raw,if=none,id=ro,readonly=on -device virtio-blk-pci,drive=ro
""", encoding="ascii")
    qemu.chmod(0o755)
    monkeypatch.setenv("TARN_QEMU", str(qemu))
    out = run("d=/dev/vdb; cat /sys/block/vdb/ro; exec 3<>$d; echo opened; blockdev --setrw $d; blockdev --getro $d;"
              "dd if=/dev/zero of=$d bs=4k count=1 conv=notrunc 2>&1 | sed -n 's/.*: //p;q';"
              "blkdiscard -f -z -l 4096 $d 2>&1 | sed -n 's/.*failed: //p'")
    assert out.splitlines() == ["1", "opened", "1", "Operation not permitted", "Operation not permitted"]


def test_interrupts_are_counted() -> None:
    out = run("n() { awk '/^intr/{print $2}' /proc/stat; }; a=$(n); sleep 0.3; b=$(n); test $b -gt $a; test $a -gt 0;"
              "awk '/^intr/{n=0; for (i=3; i<=NF; i++) n+=$i; print (n > 0 && n <= $2) ? \"sum\" : \"no sum\"}' /proc/stat;"
              "grep -c LOC: /proc/interrupts")
    assert out.split() == ["sum", "1"]


def test_disk_of_twelve_tebibytes(tmp_path: Path) -> None:
    """No sector number is cut to 32 bits on the way."""
    disk = tmp_path / "far.img"
    with open(disk, "wb") as f:
        f.truncate(12 * TIB)
        f.seek(FAR - 4096)
        f.write(b"before" + bytes(4090) + b"mine" * 1024)
    out = run(f"d=/dev/vdb; blockdev --getsize64 $d; dd if=$d bs=4k skip={FAR // 4096 - 1} count=1 2>/dev/null | head -c 6; echo;"
              f"yes far | tr -d '\\n' | head -c 4096 | dd of=$d bs=4k seek={FAR // 4096} conv=notrunc,fsync 2>/dev/null;"
              f"cat /proc/partitions | awk '$4==\"vdb\"{{print $3}}'", "--drive", str(disk))
    assert out.split() == [str(12 * TIB), "before", str(12 * TIB // 1024)]
    with open(disk, "rb") as f:
        f.seek(FAR - 4096)
        assert f.read(6) == b"before"
        f.seek(FAR)
        assert f.read(4096) == (b"far" * 1366)[:4096]
        assert not any(f.read(4096))
        f.seek(FAR % (2 << 40))
        assert not any(f.read(4096))
