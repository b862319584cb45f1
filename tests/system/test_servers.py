# SPDX-License-Identifier: MIT
"""Debian's servers over Unix sockets: nginx with its workers, and redis.

Each script says what Linux says; none depends on times.  Signals between processes that share
sockets and memory are most of it: reload, a worker that dies, a child that rewrites the log.
"""

import pytest

from harness import TOOLS, good, tarn


WAIT = r"""
until_() { for _ in $(seq 100); do "$@" >/dev/null 2>&1 && return; sleep 0.2; done; echo "never: $*"; }
"""

NGINX = WAIT + r"""
mkdir -p /srv/www /run/n; echo hello >/srv/www/index.html
head -c 3000000 /dev/zero | tr '\0' x >/srv/www/big
cat >n.conf <<X
user www-data; worker_processes 3; pid /run/n/pid; error_log /root/n.err notice;
events { worker_connections 64; }
http { access_log off; sendfile on; server { listen unix:/run/n/sock; root /srv/www; } }
X
get() { curl -s --unix-socket /run/n/sock "$@"; }
workers() { pgrep -P "$(cat /run/n/pid)" | sort | tr '\n' ' '; }
changed() { [ "$(workers | wc -w)" = 3 ] && [ "$(workers)" != "$old" ]; }
nginx -c /root/n.conf; until_ get http://x/
for i in 1 2 3 4 5 6; do get http://x/big | md5sum & done | sort | uniq -c | tr -s ' '; wait
old=$(workers); nginx -c /root/n.conf -s reload 2>/dev/null; until_ changed; get http://x/
old=$(workers); kill -KILL ${old%% *}; until_ changed; get http://x/
nginx -c /root/n.conf -s quit 2>/dev/null; until_ [ ! -e /run/n/pid ]; ls /run/n
sleep 100 & sleep 100 & killall sleep; echo killall $?; wait
"""
NGINX_SAYS = """ 6 8e32e22642bddc89698e25a4e9bf528b -
hello
hello
killall 0
"""

REDIS = WAIT + r"""
mkdir /run/r; R="redis-cli -s /run/r/s"
start() { redis-server --port 0 --unixsocket /run/r/s --daemonize yes --dir /root --appendonly yes \
    --save '' --logfile /root/r.log --pidfile /run/r/pid; until_ eval '$R ping | grep PONG'; }
start; $R set a 1; $R incr a; $R rpush l a b c; $R lrange l 0 -1
for i in $(seq 500); do echo "set k$i v$i"; done | $R --pipe | tail -n 1
$R bgrewriteaof; until_ eval '$R info persistence | grep aof_rewrite_in_progress:0'
$R shutdown; until_ [ ! -e /run/r/pid ]; start; $R get k77; $R dbsize; killall redis-server; echo $?
"""
REDIS_SAYS = """OK
2
3
a
b
c
errors: 0, replies: 500
Background append only file rewriting started
v77
502
0
"""

SERVERS = {"nginx": (NGINX, NGINX_SAYS), "redis": (REDIS, REDIS_SAYS)}


@pytest.mark.parametrize("server", SERVERS)
def test_over_unix_sockets(server: str) -> None:
    script, says = SERVERS[server]
    result = good(tarn("debian", "--packages", TOOLS, "--smp", "2", "--", "bash", "-c", script,
                       limit=300))
    assert result.text == says, result.explain()
