# SPDX-License-Identifier: MIT
"""One run of a machine: interactively on this terminal, or one command with its streams.

A command's streams are virtio-serial ports; each port is one end of a socket pair whose other end
a thread here copies from or to.  The status comes on a fourth port.  End of standard input is a
half-closed socket: QEMU then closes the port and the guest reads end of file, after all data.
"""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Callable

from . import initramfs
from .machine import Machine
from .ui import Failure, note

TIMED_OUT, BROKEN_PIPE, INTERRUPTED = 124, 141, 130
POWEROFF_SECONDS = 30  # from the command's end to QEMU's
TAIL_BYTES = 16384
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def die_with_parent() -> None:
    """In the child before exec: a machine must not outlive a killed `tarn`."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def environment(shell: str) -> list[tuple[str, str]]:
    """What a root login of the distribution has."""
    term = os.environ.get("TERM") if sys.stdout.isatty() else None
    words = {"PATH": SEARCH_PATH, "HOME": "/root", "USER": "root", "LOGNAME": "root",
             "SHELL": shell, "TERM": term or "linux"}
    return [("env", f"{k}={v}") for k, v in words.items()]


# ---- interactive ----

def interactive(machine: Machine, about: dict, own_init: bool, timeout: float | None,
                log: str | None) -> int:
    note("`poweroff` in the machine ends it; Ctrl-A x kills it")
    with tempfile.TemporaryDirectory(prefix="tarn-") as work:
        if not own_init or initramfs.is_bzimage(machine.kernel):
            size = shutil.get_terminal_size((80, 24))
            orders = [("mode", "init" if own_init else "shell"), ("hostname", about["os"]),
                      ("shell", about["shell"]), ("rows", str(size.lines)),
                      ("cols", str(size.columns)), *environment(about["shell"])]
            orders = [(k, v.replace(SEARCH_PATH, SEARCH_PATH + ":/run/tarn")) for k, v in orders]
            machine.initrd = Path(work) / "initrd"
            machine.initrd.write_bytes(initramfs.build(machine.kernel, orders))
        logfile = f",logfile={log.replace(',', ',,')}" if log else ""
        machine.extra += ["-chardev", f"stdio,id=console,mux=on,signal=off{logfile}",
                          "-serial", "chardev:console", "-mon", "chardev=console,mode=readline"]
        return wait_interactive(machine, timeout)


def wait_interactive(machine: Machine, timeout: float | None) -> int:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C is for the machine
    qemu = start(machine.args(), preexec_fn=die_with_parent)
    try:
        status = qemu.wait(timeout)
    except subprocess.TimeoutExpired:
        qemu.kill()
        qemu.wait()
        os.system("stty sane 2>/dev/null")  # a killed QEMU leaves the terminal raw
        raise Failure(f"the machine did not end within {timeout:g} s", TIMED_OUT) from None
    finally:
        signal.signal(signal.SIGINT, before)
    if status:
        raise Failure(f"the machine stopped with an error (QEMU's status {status}): "
                      "the lines above say why")
    return 0


def start(args: list[str], **kw: object) -> subprocess.Popen:
    try:
        return subprocess.Popen(args, **kw)
    except FileNotFoundError:
        raise Failure(f"{args[0]} is not installed: run `make deps`") from None


# ---- one command ----

class CommandRun:
    """A machine that runs one command.  Threads copy; the main thread waits for QEMU."""

    def __init__(self, machine: Machine, log: str | None) -> None:
        self.machine = machine
        self.status: int | None = None
        self.broken_pipe = False
        self.console_tail = bytearray()  # only the console's thread touches it until its end
        self.log = open(log, "wb", buffering=0) if log else None
        self.qemu: subprocess.Popen | None = None
        self.threads: list[threading.Thread] = []

    def run(self, orders: list[tuple[str, str]], timeout: float | None) -> int:
        with tempfile.TemporaryDirectory(prefix="tarn-") as work:
            self.machine.initrd = Path(work) / "initrd"
            self.machine.initrd.write_bytes(initramfs.build(self.machine.kernel, orders))
            ours = self._start(Path(work) / "qemu.err")
            try:
                self._copy(ours)
                self._wait(timeout)
            finally:
                if self.qemu.poll() is None:
                    self.qemu.kill()
                self.qemu.wait()
            for thread in self.threads[1:]:  # all but standard input's, which may wait for ever
                thread.join()
            return self._verdict((Path(work) / "qemu.err").read_text(errors="replace"))

    def _start(self, errors: Path) -> dict[str, socket.socket]:
        names = ("stdin", "stdout", "stderr", "control", "console")
        pairs = {name: socket.socketpair() for name in names}
        theirs = {name: pair[1].fileno() for name, pair in pairs.items()}
        console = theirs.pop("console")
        args = self.machine.args() + self.machine.ports(theirs)
        args += ["-chardev", f"socket,id=console,fd={console}", "-serial", "chardev:console"]
        with open(errors, "wb") as err:
            self.qemu = start(args, stdin=subprocess.DEVNULL, stdout=err, stderr=err,
                              pass_fds=(*theirs.values(), console), start_new_session=True,
                              preexec_fn=die_with_parent)
        for pair in pairs.values():
            pair[1].close()
        return {name: pair[0] for name, pair in pairs.items()}

    def _copy(self, ours: dict[str, socket.socket]) -> None:
        def thread(target: Callable, *args: object) -> None:
            self.threads.append(threading.Thread(target=target, args=args, daemon=True))
            self.threads[-1].start()

        thread(feed, ours["stdin"])
        thread(self._drain, ours["stdout"], self._to_stdout)
        thread(self._drain, ours["stderr"], lambda data: write_all(2, data))
        thread(self._drain, ours["control"], self._on_status)
        thread(self._drain, ours["console"], self._on_console)

    @staticmethod
    def _drain(sock: socket.socket, use: Callable[[bytes], None]) -> None:
        while True:
            try:
                data = sock.recv(1 << 16)
            except ConnectionResetError:
                return
            if not data:
                return
            use(data)

    def _to_stdout(self, data: bytes) -> None:
        if self.broken_pipe:
            return
        try:
            write_all(1, data)
        except BrokenPipeError:  # `tarn run ... | head`: end as a program in a pipeline does
            self.broken_pipe = True
            self.qemu.kill()

    def _on_status(self, data: bytes) -> None:
        word, _, number = data.decode("ascii", "replace").strip().partition(" ")
        if word == "exit" and number.isdigit():
            self.status = int(number)

    def _on_console(self, data: bytes) -> None:
        self.console_tail += data
        del self.console_tail[:-TAIL_BYTES]
        if self.log:
            self.log.write(data)
        elif self.status is None:  # after the command's end: only "Power down"
            write_all(2, data.replace(b"\r\n", b"\n"))

    def _wait(self, timeout: float | None) -> None:
        """Until QEMU ends; once the status is there, powering off has its own time limit."""
        left = timeout if timeout is not None else float("inf")
        off = float(POWEROFF_SECONDS)
        while self.qemu.poll() is None:
            try:
                self.qemu.wait(0.5 if self.status is None else 0.1)
            except subprocess.TimeoutExpired:
                left -= 0.5 if self.status is None else 0
                off -= 0.1 if self.status is not None else 0
            if left <= 0:
                raise Failure(f"the command did not end within {timeout:g} s", TIMED_OUT)
            if off <= 0:
                raise Failure("the command ended but the machine did not power off within "
                              f"{POWEROFF_SECONDS} s")

    def _verdict(self, qemu_says: str) -> int:
        if self.broken_pipe:
            return BROKEN_PIPE
        code = self.qemu.returncode
        if code == 0 and self.status is not None:
            return self.status
        if self.log or self.status is not None:
            tail = self.console_tail.decode(errors="replace").replace("\r\n", "\n")
            sys.stderr.write("\n".join(tail.splitlines()[-40:]) + "\n")
        errors = [s for s in qemu_says.splitlines() if "warning:" not in s]
        if errors:
            raise Failure(errors[-1])
        if code > 0 and code & 1:
            raise Failure("the kernel panicked: the lines above say why")
        if code:
            raise Failure(f"QEMU ended with status {code}")
        raise Failure("the machine stopped before the command ended: the lines above say why")


def feed(sock: socket.socket) -> None:
    """Standard input into the machine, then end of file."""
    try:
        while data := os.read(0, 1 << 16):
            sock.sendall(data)
    except OSError:
        pass  # closed standard input is an empty one; a machine that ended wants no more
    try:
        sock.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]


def command(machine: Machine, about: dict, args: list[str], timeout: float | None,
            log: str | None) -> int:
    orders = [("mode", "cmd"), ("hostname", about["os"]), *environment(about["shell"])]
    orders += [("arg", a) for a in args]
    try:
        return CommandRun(machine, log).run(orders, timeout)
    except KeyboardInterrupt:
        return INTERRUPTED
