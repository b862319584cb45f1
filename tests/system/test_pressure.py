# SPDX-License-Identifier: MIT
"""Work that needs more memory than the machine has.

Without swap it finishes or the kernel kills one process, says which and why, and the shell lives
on; with swap on a second disk the same work finishes with the right output.
"""

import re
from pathlib import Path

import pytest

from harness import TOOLS, Result, good, tarn

SWAP_ON = "mkswap /dev/vdb >/dev/null 2>&1 && swapon /dev/vdb || exit 99\n"

# Megabytes of text that says where it belongs, filled and read back: in memory, or as files.
BLOCKS = r"""
import hashlib
def block(i):
    return hashlib.shake_128(str(i).encode()).digest(1024) * 1024
"""

HOG = f"""
cat >hog.py <<'END'
{BLOCKS}
blocks = [block(i) for i in range(80)]
print("bad blocks:", [i for i, b in enumerate(blocks) if b != block(i)])
END
python3 hog.py; echo hog $?
"""

SHARED = f"""
mount -t tmpfs -o size=75m tmpfs /mnt
cat >shared.py <<'END'
{BLOCKS}
for i in range(70):
    open(f"/mnt/{{i}}", "wb").write(block(i))
print("bad files:", [i for i in range(70) if open(f"/mnt/{{i}}", "rb").read() != block(i)])
END
python3 shared.py; umount /mnt
"""

# Lines of a hundred hexadecimal digits in no order; their sum does not depend on it.
SORT = r"""
cat >lines.py <<'END'
import hashlib, sys
with open("in", "wb") as out:
    for i in range(int(sys.argv[1]) * 10):
        text = hashlib.shake_128(str(i).encode()).hexdigest(50 * 1024)
        out.write(b"".join(text[j:j + 100].encode() + b"\n" for j in range(0, len(text), 100)))
END
cat >sum.py <<'END'
import hashlib, sys
total = 0
for line in open(sys.argv[1], "rb"):
    total += int.from_bytes(hashlib.md5(line).digest(), "big")
print(total % 2**128)
END
export LC_ALL=C
python3 lines.py MEGABYTES
sort BUFFER in >out; echo sort $?
sort -c out && [ "$(python3 sum.py in)" = "$(python3 sum.py out)" ] && echo sorted right
"""

# A file that takes the compiler far more than its text: nested templates of the preprocessor.
COMPILE = r"""
cat >big.py <<'END'
print("#include <stdio.h>")
for i in range(COUNT):
    body = "".join(f"x = x * {k * 2 + 1}u + (x >> {k % 13 + 1}) + t[{k % 7}];" for k in range(40))
    print(f"unsigned f{i}(unsigned x, unsigned *t) {{ {body} return x ^ {i}u; }}")
calls = "".join(f"x = f{i}(x, t);" for i in range(COUNT))
print(f"int main(void) {{ unsigned t[7] = {{1,2,3,4,5,6,7}}, x = 1; {calls} printf(\"%u\\n\", x); }}")
END
python3 big.py >big.c
gcc -O0 -o big big.c; echo gcc $?
[ -x big ] && ./big
"""


@pytest.fixture
def swap(tmp_path: Path) -> Path:
    disk = tmp_path / "swap.img"
    with open(disk, "wb") as f:
        f.truncate(512 << 20)
    return disk


def run(script: str, *options: str, limit: int = 300, mem: str = "128M") -> Result:
    """In a small machine; that the shell itself lives to the end is part of every case."""
    script = f"cd /root\n{script}\ngrep oom_kill /proc/vmstat; echo shell alive"
    result = good(tarn("debian", "--packages", TOOLS, "--mem", mem, "--smp", "2", *options, "--",
                       "bash", "-c", script, limit=limit))
    assert result.text.endswith("shell alive\n"), result.explain()
    return result


def kills(result: Result) -> int:
    found = re.search(r"^oom_kill (\d+)$", result.text, re.M)
    assert found, result.text
    return int(found[1])


def fit(script: str, **values: object) -> str:
    for name, value in values.items():
        script = script.replace(name, str(value))
    return script


def test_without_swap_the_largest_goes() -> None:
    fill = "dd if=/dev/zero of=big bs=1M count=100 2>/dev/null && cksum <big\n"
    result = run(HOG + fill + "dmesg | grep Killed", mem="64M")
    assert "hog 137" in result.text and "bad blocks" not in result.text
    assert " 104857600\n" in result.text  # clean pages go, dirty ones are written: no reason to kill
    assert kills(result) == 1
    assert re.search(r"Out of memory: Killed process \d+ \(python3\)", result.text)


def test_files_in_use_are_not_shrunk() -> None:
    """The shrinker's last look met a file that was open again, and evicted it all the same."""
    work = r"""
cat >many.py <<'END'
import os
names = [f"many/{i}" for i in range(700)]
os.mkdir("many")
for name in names:
    with open(name, "w") as f:
        f.write(name)
os.sync()
with open("/proc/sys/vm/drop_caches", "w") as f:
    f.write("2")  # the names go, the inodes stay for their pages
files = [open(name) for name in names]
for _ in range(2):
    os.system("dd if=/dev/vda bs=1M count=150 of=/dev/null 2>/dev/null")
    print("wrong:", [f.name for f in files if os.pread(f.fileno(), 99, 0) != f.name.encode()])
END
python3 many.py && rm -r many
"""
    result = run(work, mem="64M")
    assert result.text.count("wrong: []\n") == 2


def test_windows_do_not_push_each_other_out() -> None:
    """With few file pages left each fault read 32, which pushed out what the last one had read; nothing ever ended.

    Just before the margin where a process is killed the machine may read its programs again and again for
    long, as Linux does: what counts is that a fault then reads what it needs, not a whole window.
    """
    work = r"""
cat >fill.py <<'END'
import os, sys
os.makedirs("many", exist_ok=True)
for i in range(700):
    with open(f"many/{i}", "w") as f:
        f.write(f.name)
os.sync()
files = [open(f"many/{i}") for i in range(700)]
held = [b"x" * (256 << 10) for _ in range(int(sys.argv[1]))]
sys.exit(os.system("cat /usr/bin/[a-g]* | wc -c") >> 8)
END
for quarters in 0 191 192 193 194 195 198; do
    timeout 15 python3 fill.py $quarters >/dev/null
    echo "fill" $? $(awk '$1 == "pgpgin" { print $2 / 4 } $1 == "pgmajfault" { print $2 }' /proc/vmstat)
done 2>/dev/null
"""
    text = run(work, mem="64M").text
    fills = [tuple(map(int, line)) for line in re.findall(r"^fill (\d+) (\d+) (\d+)$", text, re.M)]
    ends = [end for end, _, _ in fills]
    assert len(fills) == 7 and ends[-1] == 137 and {0, 124, 137} >= set(ends), text
    for (_, pages, faults), (end, pages_after, faults_after) in zip(fills, fills[1:]):
        assert not end or pages_after - pages < max(50_000, 16 * (faults_after - faults)), text


def test_victims_that_wait_for_a_lock() -> None:
    """Who has the directory's lock wants memory, the victim wants the lock: it must give its memory all the same."""
    hogs = r"""
for i in $(seq 60); do
    perl -e 'open F, ">f$ARGV[0]"; $m = "m" x 12e6; open R, ">r$ARGV[0]"; sleep 10' $i &
done 2>/dev/null
wait
"""
    result = run(hogs, "--smp", "1", mem="1G", limit=90)
    assert kills(result) > 0


def test_the_next_with_a_victims_number() -> None:
    """The last victim was remembered by its number: whoever had that at the next shortage lost all its pages."""
    work = r"""
cat >numbers.py <<'END'
import os
def spawn(work, wanted=lambda pid: True):
    while True:
        pid = os.fork()
        if not pid:
            if wanted(os.getpid()):
                work()
            os._exit(0)
        if wanted(pid):
            return pid
        os.waitpid(pid, 0)
def hog():
    held = []
    while True:
        held.append(b"x" * (1 << 20))
ready, go = os.pipe(), os.pipe()
def innocent():
    mine = bytes(range(256)) * 4096
    os.write(ready[1], b"r")
    os.read(go[0], 1)
    print("innocent", mine == bytes(range(256)) * 4096, flush=True)
first = spawn(hog, lambda pid: pid > 310)  # numbers below 300 do not come again
print("first", os.waitpid(first, 0)[1], flush=True)
with open("/proc/sys/kernel/pid_max", "w") as f:
    f.write(str(first + 30))
second = spawn(innocent, lambda pid: pid == first)
os.read(ready[0], 1)
print("next", os.waitpid(spawn(hog), 0)[1], flush=True)
os.write(go[1], b"g")
print("ended", os.waitpid(second, 0)[1])
END
python3 numbers.py
"""
    result = run(work, mem="64M")
    for line in ("first 9", "next 9", "innocent True", "ended 0"):
        assert f"{line}\n" in result.text, result.text
    assert kills(result) == 2


def test_victims_that_share_their_memory() -> None:
    """The child of a vfork lived on with the memory of the victim, and a second one was chosen for the same shortage."""
    work = r"""
cat >shares.py <<'END'
import ctypes
ctypes.CDLL(None).syscall(56, 0x4100 | 17, 0, 0, 0, 0)  # clone(CLONE_VFORK | CLONE_VM | SIGCHLD)
held = []
while True:
    held.append(b"x" * (1 << 20))
END
cat >innocent.py <<'END'
import time
mine = [bytes(range(256)) * 4096 for i in range(8)]
time.sleep(12)
print("innocent", all(m == bytes(range(256)) * 4096 for m in mine))
END
python3 innocent.py &
python3 shares.py
echo "hog $?"
wait
dmesg | grep -c "shares the address space"
"""
    result = run(work, mem="64M")
    assert "hog 137\ninnocent True\n1\n" in result.text, result.text
    assert kills(result) == 1


def test_victims_without_a_main_thread() -> None:
    """Who had let the main thread end was never chosen: everybody else was."""
    work = r"""
cat >headless.py <<'END'
import ctypes, threading
def hog():
    held = []
    while True:
        held.append(b"x" * (1 << 20))
threading.Thread(target=hog).start()
ctypes.CDLL(None).syscall(60, 0)  # exit(2): of this thread alone
END
python3 headless.py; echo hog $?
"""
    result = run(work, mem="64M")
    assert "hog 137\n" in result.text
    assert kills(result) == 1


def test_victims_whose_main_thread_goes_first() -> None:
    """The main thread was dead, another could not die yet: nothing was expected of the victim, and a second one chosen."""
    work = r"""
cat >slow.py <<'END'
import mmap, os, signal, threading, time
# Reading a hole again and again takes long and no memory; who has the file's position waits in no fault.
fd = os.open("/dev/shm/hole", os.O_RDWR | os.O_CREAT)
os.truncate(fd, 2 << 30)
ready = os.pipe()
reader = os.fork()
if not reader:
    into = [mmap.mmap(-1, 2 << 20)] * 1000
    os.write(ready[1], b"r")
    while True:
        os.lseek(fd, 0, os.SEEK_SET)
        os.readv(fd, into)
def hog():
    held = []
    while True:
        held.append(b"x" * (1 << 20))
def wait():
    while True:
        os.read(fd, 1)
os.read(ready[0], 1)
for _ in range(3):
    victim = os.fork()
    if not victim:
        threading.Thread(target=wait).start()
        hog()
    # Somebody who wants a little memory all the time.
    mine = mmap.mmap(-1, 8 << 20)
    while not os.waitpid(victim, os.WNOHANG)[0]:
        mine.write(b"x" * 4096)
        time.sleep(0.005)
    mine.close()
    print("victim is gone", flush=True)
os.kill(reader, signal.SIGKILL)
END
mkdir -p /dev/shm; mountpoint -q /dev/shm || mount -t tmpfs shm /dev/shm
python3 slow.py
"""
    result = run(work, mem="64M")
    assert result.text.count("victim is gone\n") == 3
    assert kills(result) == 3


def test_free_frames_far_apart_kill_nobody() -> None:
    """Half of memory was free, but no two frames side by side: each slab that wanted a row killed a process for it."""
    work = r"""
cat >comb.py <<'END'
import mmap, os
teeth = mmap.mmap(-1, 48 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for at in range(0, len(teeth), 4096):
    teeth[at] = 1
for at in range(0, len(teeth), 8192):
    teeth.madvise(mmap.MADV_DONTNEED, at, 4096)
os.chdir("/mnt")
for i in range(12000):
    open(str(i), "w").close()
print("files", len(os.listdir(".")))
END
mount -t tmpfs -o nr_inodes=0 tmpfs /mnt
python3 comb.py; umount /mnt
"""
    result = run(work, mem="64M")
    assert "files 12000\n" in result.text
    assert kills(result) == 0


def test_with_swap_it_finishes(swap: Path) -> None:
    off = "swapoff /dev/vdb && grep -c . /proc/swaps\n"
    result = run(SWAP_ON + HOG + SHARED + off, "--drive", str(swap), mem="64M")
    assert "bad blocks: []" in result.text and "hog 0" in result.text
    assert "bad files: []" in result.text
    assert result.text.splitlines()[-3] == "1"  # nothing is left in /proc/swaps but its heading
    assert kills(result) == 0


def test_writers_are_throttled() -> None:
    watch = r"""
(while :; do grep -E '^(Dirty|Writeback):' /proc/meminfo; sleep 0.1; done) >seen & watcher=$!
dd if=/dev/zero of=big bs=1M count=80 2>/dev/null; kill $watcher
awk '/Dirty/ { d = $2 } /Writeback/ { if (d + $2 > most) most = d + $2 } END { print "most", most }' seen
"""
    result = run(watch, mem="64M")
    most = int(re.search(r"^most (\d+)$", result.text, re.M)[1])
    # A fifth of what can be used is allowed, and a piece of a write beyond it.
    assert 0 < most < 64 * 1024 // 4, result.text
    assert kills(result) == 0


@pytest.mark.soak
@pytest.mark.parametrize("swapping", [False, True])
def test_sort_of_a_large_file(swapping: bool, swap: Path) -> None:
    script = fit(SORT, MEGABYTES=200, BUFFER="-S 150M" if swapping else "")
    options = ["--drive", str(swap)] if swapping else []
    result = run((SWAP_ON if swapping else "") + script, *options, limit=900)
    if swapping or "sort 0" in result.text:
        assert "sort 0\nsorted right" in result.text
    else:
        assert "sort 137" in result.text and kills(result) > 0


@pytest.mark.soak
@pytest.mark.parametrize("swapping", [False, True])
def test_large_compilation(swapping: bool, swap: Path) -> None:
    options = ["--drive", str(swap)] if swapping else []
    script = fit(COMPILE, COUNT=350)
    result = run((SWAP_ON if swapping else "") + script, *options, limit=900)
    if swapping or "gcc 0" in result.text:
        plain = run(script, mem="1G", limit=900)
        assert result.text.split("oom_kill")[0] == plain.text.split("oom_kill")[0]
        assert "gcc 0" in result.text
    else:
        assert kills(result) > 0


@pytest.mark.soak
@pytest.mark.parametrize("swapping", [False, True])
def test_stress_beyond_memory(swapping: bool, swap: Path) -> None:
    options = ["--drive", str(swap)] if swapping else []
    script = "stress-ng --vm 2 --vm-bytes 150% --verify --timeout 60 2>&1; echo stress $?"
    result = run((SWAP_ON if swapping else "") + script, *options, limit=600)
    if swapping:
        assert "stress 0" in result.text and kills(result) == 0
    assert "fail:" not in result.text, result.text
