# SPDX-License-Identifier: MIT
"""Alpine's programs (musl, busybox, apk): the output they give in a chroot, byte for byte."""

from pathlib import Path

import pytest

import cases

CASES = {
    "applets_help": """busybox --list | while read a; do echo "== $a"; busybox "$a" --help 2>&1 </dev/null; done""",
    "applets_list": "busybox --list-full | sort | sha256sum; busybox | head -3; ls -la /bin | awk '{print $1, $NF}' | sha256sum",
    "apk_version": "apk --version",
    "apk_info": "apk info -v | sort; apk info -L busybox | sha256sum; apk info -W /bin/busybox",
    "apk_audit": "apk audit --system",
    "apk_stats": "apk stats | head -6; apk policy musl 2>&1 | head -3",
    "pipeline": "seq 1 3000 | grep 7 | sort -r | awk '{s+=$1} END {print s, NR}'; yes | head -5000 | md5sum",
    "text": "cat /etc/passwd | sed 's/:.*//' | sort | tr 'a-z' 'A-Z' | head; cut -d: -f7 /etc/passwd | sort | uniq -c",
    "archive": "tar -czf a.tgz -C / etc lib/apk; tar -tzf a.tgz | sort | sha256sum; mkdir o; tar -xzf a.tgz -C o; diff -r /etc o/etc && echo same; echo x | gzip | zcat; echo y | bzip2 | bzcat; ls /etc | cpio -o 2>/dev/null | wc -c | sed 's/.*/packed/'",
    "files": "dd if=/dev/zero of=z bs=64k count=20 2>/dev/null; sha256sum z; truncate -s 5 z; stat -c '%s %a %h' z; ln z y; ln -s y x; ls -l | awk '{print $1, $2, $5}'; mkfifo p; (echo through >p &) ; cat p; mktemp -d | wc -c; find /etc -type f | sort | xargs sha256sum | sha256sum",
    "ash": "trap 'echo bye' EXIT; f() { local x=$1; [ $x -gt 0 ] && echo $x && f $((x-1)); }; f 5; for i in a b; do case $i in a) echo A;; *) echo other;; esac; done; (exit 3); echo $?; kill -USR1 $$ 2>/dev/null; echo not reached",
    "background": "sleep 0.3 & sleep 100 & kill %2; wait; echo $?; jobs | wc -l; for i in 1 2 3 4; do (exit $i) & wait $!; echo $?; done",
    "ssl": "for l in /lib/libcrypto.so.3 /lib/libssl.so.3; do LD_PRELOAD=$l /bin/busybox echo $l loaded; done",
    "ldd": "ldd /sbin/apk | sed 's/ (0x.*//'; /lib/ld-musl-x86_64.so.1 --list /bin/busybox | sed 's/ (0x.*//'; /lib/ld-musl-x86_64.so.1 2>&1 | head -3",
    "openrc_tools": "ls /sbin /usr/sbin | sha256sum; getent passwd root; getconf PAGE_SIZE; iconv -l | wc -l; scanelf -n /bin/busybox 2>&1 | tail -1",
    "vi": "printf 'iadded line\\033:wq\\n' >k; printf 'one\\ntwo\\n' >f; vi f <k >/dev/null 2>&1; cat f; echo '1,2p' | ed f 2>&1 | head",
    "crypto": "for p in md5sum sha1sum sha256sum sha512sum sha3sum cksum crc32; do echo $p; $p /bin/busybox; done 2>&1; mkpasswd -m sha512 -S abcdefgh secret",
    "numbers": "echo '2^500' | bc; dc -e '20k 2v p'; factor 1234567; expr 7 % 4; printf '%x %o %.3f\\n' 255 8 3.14159; echo $((1<<40))",
    "errors": "cat /none; cat /; mkdir /proc/x; echo x >/dev/full; rmdir /etc; ls /none; kill 999999; mount -t nonsense a /mnt",
}


@pytest.fixture(scope="module")
def host(alpine: Path) -> dict[str, cases.Outcome]:
    return cases.on_host(alpine, CASES, "/bin/sh")


@pytest.fixture(scope="module")
def machine(alpine: Path) -> tuple:
    return cases.in_machine(["alpine", "--smp", "2"], CASES, "/bin/sh", 400)


@pytest.mark.parametrize("name", CASES)
def test_program(name: str, host: dict, machine: tuple) -> None:
    cases.compare(name, host, machine)
