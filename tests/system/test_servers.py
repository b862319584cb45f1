# SPDX-License-Identifier: MIT
"""Debian's servers over Unix sockets: nginx with its workers, redis, postgres with its processes.

Each script says what Linux says; none depends on times.  Signals between processes that share
sockets and memory are most of it: reload, a worker that dies, a query that is cancelled.
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

POSTGRES = r"""
B=/usr/lib/postgresql/15/bin; install -d -o postgres /run/pg /srv/pg; cd /tmp
P() { setpriv --reuid postgres --regid postgres --init-groups "$@"; }
Q() { P psql -h /run/pg -Atq postgres -c "$1" 2>&1; }
ctl() { P $B/pg_ctl -w -t 100 -D /srv/pg -l /srv/pg/log -o "-c listen_addresses='' -k /run/pg" "$@" >/dev/null
    echo "$* $?"; }
P $B/initdb -N -D /srv/pg -A trust >/dev/null 2>&1; ctl start
Q "create table t(i int primary key, s text)"
Q "insert into t select g, md5(g::text) from generate_series(1, 2000) g"
for i in 0 1 2 3; do Q "update t set s = s || 'x' where i % 4 = $i" & done; wait
Q "select count(*), sum(i), max(s) from t where s like '%x'"
Q "set statement_timeout = 300; select pg_sleep(50)"
ctl -m immediate stop; ctl start; Q "select count(*) from t"; ctl -m fast stop; ls -A /run/pg
"""
POSTGRES_SAYS = """start 0
2000|2001000|ffeed84c7cb1ae7bf4ec4bd78275bb98x
ERROR:  canceling statement due to statement timeout
-m immediate stop 0
start 0
2000
-m fast stop 0
"""

SERVERS = {"nginx": (NGINX, NGINX_SAYS), "redis": (REDIS, REDIS_SAYS),
           "postgres": (POSTGRES, POSTGRES_SAYS)}


@pytest.mark.parametrize("server", SERVERS)
def test_over_unix_sockets(server: str) -> None:
    script, says = SERVERS[server]
    result = good(tarn("debian", "--packages", TOOLS, "--smp", "2", "--", "bash", "-c", script,
                       limit=300))
    assert result.text == says, result.explain()
