# SPDX-License-Identifier: MIT
"""One run of a machine: interactively on this terminal, or one command with its streams.

A command's streams are virtio-serial ports; each port is one end of a socket pair whose other end
a thread here copies from or to.  The status comes on a fourth port.  End of standard input is a
half-closed socket: QEMU then closes the port and the guest reads end of file, after all data.

A thread that cannot go on (our standard output is full or closed, the log too) says why in
`trouble` and kills QEMU; the main thread, which waits for QEMU, tells the user.
"""

import contextlib
import ctypes
import io
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from . import copies, initramfs, terminal
from .machine import Machine
from .monitor import Monitor
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


@dataclass
class Wishes:
    """What the user asked of a run, besides the machine."""

    timeout: float | None = None
    log: str | None = None
    on_terminal: bool = False  # the command gets one
    escape: int = terminal.key(terminal.DEFAULT_ESCAPE)
    copies: list[tuple[Path, str]] = field(default_factory=list)


def equip(machine: Machine, work: Path, wishes: Wishes, orders: list[tuple[str, str]]) -> None:
    """Give it its initramfs with @orders, and the disk with the files to copy."""
    if wishes.copies:
        machine.scratch = work / "copies"
        copies.write(wishes.copies, machine.scratch)
        orders = [*orders, ("copies", f"/dev/vd{chr(ord('b') + len(machine.drives))}")]
    orders = [*orders, ("network", machine.net)]
    machine.initrd = work / "initrd"
    machine.initrd.write_bytes(initramfs.build(machine.kernel, orders))


# ---- interactive ----

def interactive(machine: Machine, about: dict, own_init: bool, wishes: Wishes) -> int:
    way_out = f"; {terminal.key_name(wishes.escape)} x kills it" if wishes.escape else ""
    note(f"`poweroff` in the machine ends it{way_out}")
    with tempfile.TemporaryDirectory(prefix="tarn-") as work:
        if not own_init or wishes.copies or initramfs.is_bzimage(machine.kernel):
            rows, columns = terminal.size()
            orders = [("mode", "init" if own_init else "shell"), ("hostname", about["os"]),
                      ("shell", about["shell"]), ("rows", str(rows)), ("cols", str(columns)),
                      *environment(about["shell"])]
            orders = [(k, v.replace(SEARCH_PATH, SEARCH_PATH + ":/run/tarn")) for k, v in orders]
            equip(machine, Path(work), wishes, orders)
        log = f",logfile={wishes.log.replace(',', ',,')}" if wishes.log else ""
        machine.extra += ["-serial", "chardev:console"]
        if wishes.escape:
            machine.extra += ["-chardev", f"stdio,id=console,mux=on,signal=off{log}",
                              "-mon", "chardev=console,mode=readline",
                              "-echr", str(wishes.escape)]
        else:
            machine.extra += ["-chardev", f"stdio,id=console,signal=off{log}"]
        return wait_interactive(machine, wishes.timeout)


def wait_interactive(machine: Machine, timeout: float | None) -> int:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C is for the machine
    monitor = Monitor()
    qemu = start(machine.args() + monitor.args(), pass_fds=(monitor.theirs.fileno(),),
                 preexec_fn=die_with_parent)
    monitor.listen(qemu.kill)
    try:
        status = qemu.wait(timeout)
    except subprocess.TimeoutExpired:
        qemu.kill()
        qemu.wait()
        raise Failure(f"the machine did not end within {timeout:g} s", TIMED_OUT) from None
    finally:
        if qemu.returncode:
            os.system("stty sane 2>/dev/null")  # a killed QEMU leaves the terminal raw
        signal.signal(signal.SIGINT, before)
    if monitor.trouble:
        raise Failure(monitor.trouble)
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

    def __init__(self, machine: Machine, wishes: Wishes) -> None:
        self.machine = machine
        self.wishes = wishes
        self.status: int | None = None
        self.broken_pipe = False
        self.trouble: str | None = None
        self.escape = terminal.Escape(wishes.escape if wishes.on_terminal else 0)
        self.monitor = Monitor()
        self.console_tail = bytearray()  # only the console's thread touches it until its end
        self.log = open_log(wishes.log) if wishes.log else None
        self.qemu: subprocess.Popen | None = None
        self.threads: list[threading.Thread] = []

    def run(self, orders: list[tuple[str, str]]) -> int:
        with tempfile.TemporaryDirectory(prefix="tarn-") as work:
            equip(self.machine, Path(work), self.wishes, orders)
            ours = self._start(Path(work) / "qemu.err")
            try:
                with self._terminal(ours["control"]):
                    self._copy(ours)
                    self._wait(self.wishes.timeout)
            finally:
                if self.qemu.poll() is None:
                    self.qemu.kill()
                self.qemu.wait()
            for thread in self.threads[1:]:  # all but standard input's, which may wait for ever
                thread.join()
            return self._verdict((Path(work) / "qemu.err").read_text(errors="replace"))

    def _terminal(self, control: socket.socket) -> contextlib.AbstractContextManager:
        def tell(rows: int, columns: int) -> None:
            with contextlib.suppress(OSError):
                control.sendall(f"size {rows} {columns}\n".encode())

        return terminal.Raw(tell) if self.wishes.on_terminal else contextlib.nullcontext()

    def _start(self, errors: Path) -> dict[str, socket.socket]:
        names = ("stdin", "stdout", "stderr", "control", "console")
        pairs = {name: socket.socketpair() for name in names}
        theirs = {name: pair[1].fileno() for name, pair in pairs.items()}
        console = theirs.pop("console")
        args = self.machine.args() + self.machine.ports(theirs) + self.monitor.args()
        args += ["-chardev", f"socket,id=console,fd={console}", "-serial", "chardev:console"]
        with open(errors, "wb") as err:
            self.qemu = start(args, stdin=subprocess.DEVNULL, stdout=err, stderr=err,
                              pass_fds=(*theirs.values(), console,
                                        self.monitor.theirs.fileno()),
                              start_new_session=True, preexec_fn=die_with_parent)
        self.monitor.listen(self.qemu.kill)
        for pair in pairs.values():
            pair[1].close()
        return {name: pair[0] for name, pair in pairs.items()}

    def _copy(self, ours: dict[str, socket.socket]) -> None:
        def thread(target: Callable, *args: object) -> None:
            self.threads.append(threading.Thread(target=target, args=args, daemon=True))
            self.threads[-1].start()

        thread(self._feed, ours["stdin"])
        thread(self._drain, ours["stdout"], self._to_stdout)
        thread(self._drain, ours["stderr"], self._to_stderr)
        thread(self._drain, ours["control"], self._on_status)
        thread(self._drain, ours["console"], self._on_console)

    def _feed(self, sock: socket.socket) -> None:
        """Standard input into the machine, then end of file."""
        try:
            while data := os.read(0, 1 << 16):
                sock.sendall(self.escape.filter(data))
                if self.escape.wants_end:
                    self._give_up("killed by the escape key")
        except OSError:
            pass  # closed standard input is an empty one; a machine that ended wants no more
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_WR)

    def _give_up(self, why: str) -> None:
        self.trouble = self.trouble or why
        self.qemu.kill()

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
        if self.broken_pipe or self.trouble:
            return
        try:
            write_all(1, data)
        except BrokenPipeError:  # `tarn run ... | head`: end as a program in a pipeline does
            self.broken_pipe = True
            self.qemu.kill()
        except OSError as e:
            self._give_up(f"cannot write to standard output: {e.strerror}")

    def _to_stderr(self, data: bytes) -> None:
        try:
            write_all(2, data)
        except OSError as e:
            self._give_up(f"cannot write to standard error: {e.strerror}")

    def _on_status(self, data: bytes) -> None:
        word, _, number = data.decode("ascii", "replace").strip().partition(" ")
        if word == "exit" and number.isdigit():
            self.status = int(number)

    def _on_console(self, data: bytes) -> None:
        self.console_tail += data
        del self.console_tail[:-TAIL_BYTES]
        if self.log:
            self._to_log(data)
        elif self.status is None:  # after the command's end: only "Power down"
            self._to_stderr(data if self.wishes.on_terminal else data.replace(b"\r\n", b"\n"))

    def _to_log(self, data: bytes) -> None:
        try:
            self.log.write(data)
        except OSError as e:
            self._give_up(f"cannot write the log {self.wishes.log}: {e.strerror}")

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
        if self.trouble or self.monitor.trouble:
            raise Failure(self.trouble or self.monitor.trouble)
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


def open_log(name: str) -> io.FileIO:
    try:
        return open(name, "wb", buffering=0)
    except OSError as e:
        raise Failure(f"cannot write the log {name}: {e.strerror}") from None


def write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]


def command(machine: Machine, about: dict, args: list[str], wishes: Wishes) -> int:
    orders = [("mode", "cmd"), ("hostname", about["os"]), *environment(about["shell"])]
    orders += [("arg", a) for a in args]
    if wishes.on_terminal:
        rows, columns = terminal.size()
        orders += [("terminal", "1"), ("rows", str(rows)), ("cols", str(columns))]
    try:
        return CommandRun(machine, wishes).run(orders)
    except KeyboardInterrupt:
        return INTERRUPTED
