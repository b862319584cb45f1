# SPDX-License-Identifier: MIT
"""Debian's programs, unmodified: the output they give in a chroot, byte for byte.

The cases avoid what cannot be equal (times, process numbers, inode numbers, host names).
"""

from pathlib import Path

import pytest

import cases
import harness

CASES = {
    # -- the shell
    "pipeline": "seq 1 2000 | grep 7 | sort -r | awk '{s+=$1} END {print s, NR}' | tee /dev/stderr",
    "pipestatus": "false | true | sh -c 'exit 3'; echo ${PIPESTATUS[@]}",
    "here_documents": "cat <<X; cat <<<word; cat <(echo one) <(echo two)\n$((6*7))\nX",
    "traps": """trap 'echo usr1' USR1; trap 'echo bye' EXIT; kill -USR1 $$; (trap - EXIT; exit 4); echo $?
        trap 'echo term; exit 5' TERM; kill $$; echo not reached""",
    "job_control": """set -m; sleep 300 & kill -STOP %1; sleep 0.3; jobs | sed 's/  */ /g'; kill -CONT %1; sleep 0.3
        jobs | sed 's/  */ /g'; kill %1; wait %1; echo $?""",
    "wait_n": "for i in 3 1 2; do (sleep 0.$((i * 3)); exit $i) & done; for i in 1 2 3; do wait -n; echo $?; done",
    "subshells": "for i in $(seq 60); do (echo $i) & done | sort -n | md5sum; wait",
    "coproc": "coproc cat; echo hello >&${COPROC[1]}; read -u ${COPROC[0]} x; echo $x",
    "arrays": "declare -A a; for w in b a c b a b; do let a[$w]++; done; for k in a b c; do echo $k ${a[$k]}; done",
    "ulimit": "ulimit -n 77; ulimit -n; ulimit -c 0; ulimit -c; (ulimit -f 1; head -c 5000 /dev/zero >big; echo $?) 2>/dev/null",
    "glob": "mkdir d; touch d/{a..z}{1..9}; echo d/[m-p]?; ls d | wc -l; shopt -s globstar; echo **/z9",
    "signals": "for s in HUP INT QUIT ABRT KILL SEGV TERM; do sh -c 'kill -'$s' $$'; echo $s $?; done 2>/dev/null",
    "fifo": "mkfifo f; (sleep 0.2; seq 5 >f) & cat f; wait; stat -c '%F %a' f",
    "redirections": "exec 5<>x; echo abc >&5; echo def >>x; cat x; exec 5>&-; echo no >&5; ls /proc/self/fd | wc -w",
    # -- coreutils and friends
    "ls": "cd /etc; ls -lAR --time-style=+%s /etc/apt /etc/pam.d /usr/share/doc/bash; ls -d /usr/bin/[a-d]* | column -c 100 2>/dev/null || true",
    "sort": "seq 100000 -1 1 | sort -n | sha256sum; seq 30000 | sort -R --random-source=/bin/ls | sha256sum; printf 'b 2\\na 10\\na 9\\n' | sort -k1,1 -k2,2n",
    "sort_50mb": "seq -f '%.0f some text that makes the line longer' 1200000 -1 1 | head -c 50000000 >in; sort -S 20M in >out; wc in out; sha256sum out | cut -c1-64",
    "text_tools": "cd /usr/share/common-licenses; cut -c1-20 GPL-3 | uniq -c | sort -rn | head; tr -s ' ' '\\n' <GPL-2 | sort | uniq -c | sort -rn | head -20; fold -w 30 GPL-1 | nl | tail -5; comm -12 <(sort GPL-2) <(sort GPL-3) | wc",
    "checksums": "cd /bin; md5sum bash cat; sha1sum ls; sha512sum cp; b2sum mv; cksum rm; sum dd",
    "dd": "dd if=/dev/zero of=z bs=4k count=300 2>/dev/null; dd if=/bin/bash of=z conv=notrunc bs=1000 seek=7 skip=3 count=99 2>/dev/null; sha256sum z; stat -c %s z",
    "sparse": "truncate -s 50M s; echo end >>s; stat -c '%s %b' s; cp --sparse=always s t; cmp s t; du -k t | cut -f1; tail -c 4 t",
    "cp_mv_ln": "cp -a /etc/skel a; cp -r /usr/share/perl5/Debian* . ; mv a b; ln b/.bashrc hard; ln -s nowhere soft; find . | sort; stat -c '%h %F %N' hard soft",
    "permissions": "umask 027; touch f; mkdir d; chmod 4755 f; chmod g+s,o+t d; chown 33:44 f; stat -c '%a %u %g %n' f d; install -m 600 -o 1 -g 2 f g; stat -c '%a %u %g' g",
    "other_user": "echo secret >f; chmod 600 f; chmod 711 . /root; setpriv --reuid 1000 --regid 1000 --clear-groups cat f; setpriv --reuid 1000 --regid 1000 --clear-groups id; chmod 700 /root",
    "times": "touch -d '2001-02-03 04:05:06.789012345 UTC' f; stat -c '%y %x' f; TZ=UTC0 date -r f +%F.%N; touch -r f g; [ f -nt g ]; echo $?; date -u -d @1234567890",
    "find": "find /etc -xdev -type f -size +3k -printf '%p %s %m %u %g\\n' | sort; find /usr -name 'lib*.so.*' -type l | sort | head -50; find /etc -maxdepth 1 -newer /etc/passwd | wc -l | sed 's/.*/counted/'",
    "grep_sed_awk": "grep -rn -E '^#.*[Cc]opyright' /etc 2>/dev/null | sort | head -40; sed -n '/^NAME/,/^ID/{s/=/ is /;p}' /etc/os-release; awk -F: '{n[$7]++} END {for (s in n) print s, n[s]}' /etc/passwd | sort",
    "xargs": "seq 1 500 | xargs -P 4 -n 7 echo | tr ' ' '\\n' | sort -n | sha256sum; echo a b c | xargs -n 1 -I{} echo '<{}>'",
    "tar_gzip": "tar -C /usr/share -czf a.tgz doc; mkdir o; tar -C o -xzf a.tgz; diff -r /usr/share/doc o/doc && echo same; tar -tvzf a.tgz --full-time | sed 's/  */ /g' | sort | sha256sum",
    "tar_xz": "tar -C /etc --sort=name -cJf a.txz .; xz -t a.txz; echo $?; xz -dc a.txz | tar -tf - | sort | sha256sum; xz -T2 -k -1 -c /bin/bash | xz -dc | cmp - /bin/bash; echo $?",
    "gzip": "gzip -9 -c /bin/bash | tee g.gz | gunzip -c | cmp - /bin/bash; echo $?; gzip -l g.gz | tail -1 | tr -s ' '; zcat g.gz | tail -c 100 | od -c | head -3",
    "numbers": "factor 1234567890123456789; bc <<<'scale=50; 4*a(1)' 2>/dev/null; echo '2^2000' | bc | tail -1; numfmt --to=iec 123456789; expr 6 '*' 7; printf '%.30g %a\\n' 0.1 0.1",
    "split_join": "seq 1000 >n; split -n l/7 n p.; wc -l p.* | tr -s ' '; cat p.* | cmp - n; echo $?; csplit -s n 100 500; ls xx*; paste -d, xx00 xx02 | head -3; shuf --random-source=/bin/bash -n 5 n",
    "misc_coreutils": "nproc >/dev/null; arch; basename /a/b.c .c; realpath --relative-to=/usr /bin/ls; readlink -f /bin/sh; mktemp -u | wc -c; stty size 2>&1 </dev/null; tty; yes | head -1000 | md5sum; timeout 0.2 sleep 5; echo $?; nice -n 5 nice; id; groups; whoami; logname 2>&1 | wc -l",
    "tail_follow": "(for i in 1 2 3; do echo $i >>l; sleep 0.3; done) & touch l; timeout 3 tail -f l; wait",
    # -- languages
    "perl": "perl -e 'my %h; open my $f, \"<\", \"/usr/share/common-licenses/GPL-3\"; while (<$f>) { $h{lc $1}++ while /(\\w+)/g } print \"$_ $h{$_}\\n\" for sort { $h{$b} <=> $h{$a} || $a cmp $b } keys %h' | head -30; perl -MDigest::SHA=sha256_hex -MPOSIX -MList::Util=sum -e 'print sha256_hex(\"x\" x 1e6), \" \", strftime(\"%F\", gmtime 1e9), \" \", sum(1..1000), \"\\n\"'",
    "perl_fork": "perl -e '$|=1; for my $i (1..5) { pipe(my $r, my $w); if (!fork) { close $r; print $w $i ** 2; exit $i } close $w; my $x = <$r>; wait; print \"$x \", $? >> 8, \"\\n\" } $SIG{ALRM} = sub { print \"alarm\\n\" }; alarm 1; sleep 5; local $SIG{CHLD} = \"IGNORE\"; print system(\"exit 3\"), \"\\n\"'",
    "python_imports": "python3 -c 'import ssl, sqlite3, ctypes, zlib, bz2, lzma, hashlib, decimal, json, socket, select, mmap, multiprocessing, asyncio, curses, readline; print(ssl.OPENSSL_VERSION, sqlite3.sqlite_version, zlib.crc32(b\"tarn\"), hashlib.blake2b(b\"x\").hexdigest()[:16], decimal.Decimal(2).sqrt())'",
    "python_threads": """python3 -c '
import threading, queue, concurrent.futures as cf
q, out = queue.Queue(), []
def work():
    while (n := q.get()) is not None: out.append(n * n)
ts = [threading.Thread(target=work) for _ in range(8)]
[t.start() for t in ts]; [q.put(i) for i in range(2000)]; [q.put(None) for _ in ts]; [t.join() for t in ts]
print(len(out), sum(out))
with cf.ThreadPoolExecutor(16) as p: print(sum(p.map(lambda x: x % 7, range(3000))))
b = threading.Barrier(5); ev = threading.Event()
def meet(): b.wait(); ev.wait(5)
ms = [threading.Thread(target=meet) for _ in range(4)]; [m.start() for m in ms]; b.wait(); ev.set(); [m.join() for m in ms]; print("met")
'""",
    "python_subprocess": """python3 -c '
import subprocess as s, os, signal, sys
print(s.run(["tr", "a-z", "A-Z"], input="text\\n", text=True, capture_output=True))
p = s.Popen(["sleep", "100"]); p.send_signal(signal.SIGTERM); print(p.wait())
print(s.getstatusoutput("echo out; echo err >&2; exit 9"))
try: s.run(["sleep", "9"], timeout=0.3)
except s.TimeoutExpired as e: print(e.cmd)
try: s.run(["/no/such"])
except OSError as e: print(e)
ps = [s.Popen(["sh", "-c", f"exit {i}"]) for i in range(20)]; print([p.wait() for p in ps])
print(len(s.run(["head", "-c", "3000000", "/dev/zero"], stdout=s.PIPE).stdout))
'""",
    "python_multiprocessing": "python3 -c '\nimport multiprocessing as m\ndef f(x): return x ** 3\nif __name__ == \"__main__\":\n    m.set_start_method(\"fork\")\n    with m.Pool(4) as p: print(sum(p.map(f, range(500))))\n    q = m.Queue(); ps = [m.Process(target=q.put, args=(i,)) for i in range(5)]; [p.start() for p in ps]; print(sorted(q.get() for _ in ps)); [p.join() for p in ps]'",
    "python_mmap": "python3 -c '\nimport mmap, os\nf = open(\"m\", \"w+b\"); f.truncate(100000); m = mmap.mmap(f.fileno(), 0); m[5:9] = b\"tarn\"; m[99990:] = b\"z\" * 10; m.flush(); f.seek(5); print(f.read(4)); m.close(); print(os.stat(\"m\").st_size, open(\"m\", \"rb\").read().count(b\"z\"))\na = mmap.mmap(-1, 1 << 20); pid = os.fork()\nif pid == 0: a[0:5] = b\"child\"; os._exit(3)\nprint(os.waitpid(pid, 0)[1] >> 8, a[0:5])'",
    "python_sockets": "python3 -c '\nimport socket, array, os, threading\na, b = socket.socketpair(); r, w = os.pipe(); socket.send_fds(a, [b\"m\"], [w]); m, fds, _, _ = socket.recv_fds(b, 9, 4); os.write(fds[0], b\"through\"); print(m, os.read(r, 20))\ns = socket.socket(socket.AF_UNIX); s.bind(\"sock\"); s.listen()\ndef serve():\n    c, _ = s.accept(); c.sendall(c.recv(100).upper()); c.close()\nt = threading.Thread(target=serve); t.start(); c = socket.socket(socket.AF_UNIX); c.connect(\"sock\"); c.send(b\"hello\"); print(c.recv(100), c.recv(1)); t.join()'",
    "python_asyncio": "python3 -c '\nimport asyncio\nasync def main():\n    p = await asyncio.create_subprocess_exec(\"sort\", stdin=-1, stdout=-1); out, _ = await p.communicate(b\"b\\na\\n\"); print(out, p.returncode)\n    await asyncio.gather(*(asyncio.sleep(0.01 * i) for i in range(20)))\n    try: await asyncio.wait_for(asyncio.sleep(9), 0.1)\n    except asyncio.TimeoutError: print(\"timeout\")\nasyncio.run(main())'",
    "python_pty": "python3 -c '\nimport pty, os, sys\nout = []\ndef rd(fd):\n    d = os.read(fd, 1000); out.append(d); return d\nst = pty.spawn([\"sh\", \"-c\", \"tty | sed s/[0-9]*$//; stty size; echo hi\"], rd, lambda fd: b\"\")\nprint(b\"\".join(out), st)'",
    "gcc": """cat >a.h <<'E'
int add(int, int); extern int counter;
E
cat >a.c <<'E'
#include "a.h"
int counter; int add(int a, int b) { counter++; return a + b; }
E
cat >b.c <<'E'
#include <stdio.h>
#include <math.h>
#include <pthread.h>
#include "a.h"
static void *t(void *x) { *(double *)x = sqrt(2) + add(1, 2); return 0; }
__attribute__((constructor)) static void first(void) { puts("constructor"); }
int main(int c, char **v) { double d; pthread_t p; pthread_create(&p, 0, t, &d); pthread_join(p, 0); printf("%d %.12f %d %s\\n", add(c, 40), d, counter, v[1]); return 42; }
E
gcc -O2 -Wall -g -c a.c && gcc -O2 -Wall -c b.c && gcc a.o b.o -lm -o dyn && ./dyn x; echo $?
gcc -static a.o b.o -lm -o stat && ./stat y; echo $?; gcc -no-pie a.o b.o -lm -o nopie && ./nopie z; echo $?
gcc -shared -fPIC a.c -o liba.so && gcc b.c -L. -la -lm -o so && LD_LIBRARY_PATH=. ./so w; echo $?; ./so 2>&1; echo $?; ar rcs l.a a.o; nm a.o; objdump -d a.o | wc -l; strip dyn; ./dyn s""",
    "make": "printf 'all: x y z\\n\\techo done\\n%%: \\n\\t@sleep 0.1; echo $@ >$@\\n' >Makefile; make -j3 | sort; make; cat x y z",
    "git": """export HOME=/root/w GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000'
git config --global user.name t; git config --global user.email t@t; git config --global init.defaultBranch main; git config --global gc.auto 0
git init r; cd r; for i in $(seq 30); do echo $i >>f; cp /etc/passwd p$i; git add .; git commit -qm "c $i"; done; git log --oneline | head -3; git diff HEAD~3 --stat
git branch b; git checkout -q b; echo b >>f; git commit -qam b; git checkout -q main; git merge b; git gc -q; git fsck --full; git count-objects -v | grep -v size; git status; git clone -q . ../c; cd ../c; git rev-parse HEAD; git bisect start HEAD HEAD~20 | head -2 | cut -c1-40""",
    "sqlite": "sqlite3 d.db 'create table t(a integer primary key, b text, c real); with recursive n(i) as (select 1 union all select i+1 from n where i<20000) insert into t select i, printf(\"row %d\", i*7%1000), i/3.0 from n; create index x on t(b); select b, count(*), round(sum(c), 3) from t group by b order by 3 desc limit 5; pragma integrity_check; begin; delete from t where a%2; rollback; select count(*) from t; pragma journal_mode=wal; update t set c=c+1 where a<100; select sum(c) from t where a<100; vacuum; pragma page_count;'; ls",
    "openssl": """openssl req -x509 -newkey rsa:2048 -nodes -keyout k -out c -days 10 -subj /CN=tarn 2>/dev/null; openssl verify -CAfile c c; openssl x509 -in c -noout -subject; openssl rand -hex 20 | wc -c
echo text | openssl enc -aes-256-ctr -pbkdf2 -pass pass:x | openssl enc -d -aes-256-ctr -pbkdf2 -pass pass:x; openssl dgst -sha3-256 /bin/ls; openssl ecparam -name prime256v1 -genkey -noout | openssl ec -pubout 2>/dev/null | head -1; openssl speed -seconds 1 -bytes 1024 sha256 2>/dev/null | grep -c ^sha256; openssl version""",
    "curl": "curl --version; echo x >f; curl -s file:///root/w/f; curl -s file:///none; echo $?",
    "file": "cd /bin; file -b * | sort | uniq -c | sort -rn; file -i /etc/passwd /bin/ls /usr/share",
    "dpkg": "dpkg -l | sha256sum; dpkg -S /bin/bash; dpkg -L coreutils | wc -l; dpkg-query -W -f '${Package} ${Version}\\n' | sort | sha256sum; dpkg --audit; dpkg --print-architecture",
    "apt": "apt-cache policy bash 2>&1 | head -2; apt-config dump | grep -c Dir; apt-mark showmanual | wc -l",
    "busybox_static": "busybox sh -c 'for i in 1 2 3; do echo $i; done | busybox awk \"{s+=\\$1} END {print s}\"'; busybox | wc -l; busybox sha256sum /bin/bash",
    "ld_so": "ldd /bin/bash | sed 's/ (0x.*//'; LD_DEBUG=files /bin/true 2>&1 | grep -c init; LD_BIND_NOW=1 /bin/echo bound; /lib64/ld-linux-x86-64.so.2 /bin/echo direct; LD_PRELOAD=/lib/x86_64-linux-gnu/libm.so.6 /bin/echo preloaded; getconf PAGE_SIZE; getconf ARG_MAX",
    "locale": "LC_ALL=C.UTF-8 awk 'BEGIN {print length(\"grüße\"), toupper(\"äöü\")}'; printf 'ä\\nz\\na\\n' | LC_ALL=C sort; echo 'ü' | iconv -t latin1 | od -c; locale -a | head -3",
    "proc": "cat /proc/self/comm; tr '\\0' ' ' </proc/self/cmdline; echo; readlink /proc/self/exe; ls /proc/self/fd | head -3; awk '/^(Name|Umask|Uid|Gid|Groups|Threads)/' /proc/self/status; wc -c </proc/self/environ | sed 's/.*/env/'; grep -c . /proc/filesystems | sed 's/.*/fs/'; head -c 16 /proc/sys/kernel/random/uuid | wc -c",
    "ps": "sleep 50 & ps -o comm,stat --no-headers -p $! | tr -s ' '; kill $!; wait $! 2>/dev/null; pgrep -x sleep; ps -e -o pid= | head -1 | tr -d ' '; uptime | grep -c load; free | head -1",
    "limits": "seq 100 | xargs -n1 -P10 sh -c 'exit 0'; echo $?; for i in $(seq 200); do /bin/true; done; echo done; head -c 200000 /dev/urandom | base64 -w0 | xargs -n 1 -s 2000000 echo 2>&1 | wc -c | sed 's/.*/too long or not/'",
    "deep": "d=.; for i in $(seq 60); do d=$d/$i; mkdir $d; done; find . | wc -l; cd $d && pwd; cd /root/w; rm -r 1; ls -A; ln -s l l; cat l; mkdir n; mv n n/m; rmdir /root/w/none",
    "errors": "cat /; cat /none; cd /etc/passwd; mkdir /proc/x; rm -f /etc; ls /root/w/none; echo x >/; /etc/passwd; head -c 3 </dev/full | od -c; echo x >/dev/full; chmod 999 x; mount -t nonsense a /mnt; kill -0 999999; ln /etc /root/w/e",
}


@pytest.fixture(scope="module")
def host(debian_tools: Path) -> dict[str, cases.Outcome]:
    return cases.on_host(debian_tools, CASES, "/bin/bash")


@pytest.fixture(scope="module")
def machine(debian_tools: Path) -> tuple:
    target = ["debian", "--packages", harness.TOOLS, "--smp", "2"]
    return cases.in_machine(target, CASES, "/bin/bash", 900)


@pytest.mark.parametrize("name", CASES)
def test_program(name: str, host: dict, machine: tuple) -> None:
    cases.compare(name, host, machine)
