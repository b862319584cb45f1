# SPDX-License-Identifier: MIT
"""QEMU's user network: the card, its configuration before a command, TCP to and from the host."""

import hashlib
import http.server
import re
import socket
import threading
from pathlib import Path

import pytest

from harness import good, tarn

BLOB = hashlib.shake_128(b"network").digest(3_000_000)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(BLOB)))
        self.end_headers()
        self.wfile.write(BLOB)

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def server() -> int:
    """A web server on this machine, which the other one sees as 10.0.2.2: its port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as s:
        threading.Thread(target=s.serve_forever, daemon=True).start()
        yield s.server_address[1]
        s.shutdown()


@pytest.mark.parametrize("machine", ["q35", "microvm"])
def test_download(server: int, machine: str) -> None:
    result = good(tarn("debian", "--smp", "2", "--machine", machine, "--", "bash", "-c", f"""
exec 3<>/dev/tcp/10.0.2.2/{server}
printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3
sed '1,/^\\r$/d' <&3 | sha256sum""", limit=110))
    assert result.text.split()[0] == hashlib.sha256(BLOB).hexdigest()


def test_configuration_and_files() -> None:
    result = good(tarn("debian", "--mac", "52:54:00:12:34:99", "--", "sh", "-c", """
cat /sys/class/net/eth0/address /sys/class/net/eth0/operstate /etc/resolv.conf
cat /proc/net/dev""", limit=60))
    assert "52:54:00:12:34:99\nup\nnameserver 10.0.2.3\n" in result.text
    assert re.search(r"^  eth0: +\d+", result.text, re.M)


def test_no_network() -> None:
    result = good(tarn("debian", "--net", "none", "--", "ls", "/sys/class/net", limit=60))
    assert result.text.split() == ["lo"]


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_forwarded_port(tmp_path: Path) -> None:
    """The machine listens on port 80; what the host sends there comes back."""
    port = free_port()
    server = tmp_path / "echo.pl"
    server.write_text("""use IO::Socket::INET;
my $l = IO::Socket::INET->new(Listen => 1, LocalPort => 80) or die $!;
$| = 1; print "ready\\n";
my $c = $l->accept; while (sysread($c, my $b, 65536)) { syswrite($c, $b) }
""", encoding="ascii")
    heard: list[bytes] = []

    def talk() -> None:
        for _ in range(400):
            try:
                with socket.create_connection(("127.0.0.1", port), 5) as s:
                    s.sendall(b"there and back")
                    s.shutdown(socket.SHUT_WR)
                    s.settimeout(60)
                    data = b"".join(iter(lambda: s.recv(4096), b""))
            except OSError:
                data = b""
            if data:
                heard.append(data)
                return
            threading.Event().wait(0.25)

    thread = threading.Thread(target=talk, daemon=True)
    thread.start()
    good(tarn("debian", "-p", f"{port}:80", "--copy", f"{server}:/root/", "--", "perl", "/root/echo.pl", limit=110))
    thread.join(10)
    assert heard == [b"there and back"]


@pytest.mark.parametrize("option", [["-p", "80"], ["-p", "0:80"], ["-p", "1.2.3:80:80"], ["-p", "80:80/sctp"],
                                    ["--net", "bridge"], ["--mac", "01:00:00:00:00:00"],
                                    ["--net", "none", "-p", "80:80"]])
def test_bad_options(option: list[str]) -> None:
    result = tarn("debian", *option, "--", "true", limit=30)
    assert result.status == 2
