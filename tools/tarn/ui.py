# SPDX-License-Identifier: MIT
"""What the user sees besides the machine's own output: one-line errors and progress.

Everything goes to standard error; standard output belongs to the command in the machine.
"""

import shutil
import subprocess
import sys
import threading
import time


class Failure(Exception):
    """Something the user must know.  str() is one line that says what to do.

    @status is the exit status of `tarn`: 125 by default, as env(1), timeout(1) and docker(1)
    use it for their own troubles, so that it is not taken for the command's.
    """

    def __init__(self, text: str, status: int = 125) -> None:
        super().__init__(text)
        self.status = status


def note(text: str) -> None:
    sys.stderr.write(f"tarn: {text}\n")
    sys.stderr.flush()


class Step:
    """Announce work that turns out to take more than two seconds, then say how long it took.

    with Step("building the Debian image"): ...

    What run_tool() hears meanwhile is shown: on a terminal as one line that changes, elsewhere
    with a line every 15 seconds.
    """

    FIRST, AGAIN, TERMINAL = 2.0, 15.0, 0.3
    now: "Step | None" = None  # the step under way; there is one at a time

    def __init__(self, what: str) -> None:
        self.what = what
        self.done = threading.Event()
        self.spoke = False
        self.heard = ""

    def __enter__(self) -> "Step":
        self.start = time.monotonic()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        Step.now = self
        return self

    def _watch(self) -> None:
        on_terminal = sys.stderr.isatty()
        wait = self.FIRST
        while not self.done.wait(wait):
            if on_terminal and self.spoke:
                self._repaint()
            else:
                self._say()
            wait = self.TERMINAL if on_terminal else self.AGAIN

    def _say(self) -> None:
        seconds = int(time.monotonic() - self.start)
        note(f"{self.what} ..." + (f" {seconds} s so far" if self.spoke else "") +
             (f": {self.heard}" if self.heard else ""))
        self.spoke = True

    def _repaint(self) -> None:
        width = shutil.get_terminal_size((80, 24)).columns
        line = f"{int(time.monotonic() - self.start):4} s  {self.heard}"
        sys.stderr.write(f"\r\033[K{line[:width - 1]}")
        sys.stderr.flush()

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        Step.now = None
        self.done.set()
        self.thread.join()
        if self.spoke and sys.stderr.isatty():
            sys.stderr.write("\r\033[K")
        if self.spoke and kind is None:
            note(f"{self.what}: done in {time.monotonic() - self.start:.0f} s")


def run_tool(args: list[str], why: str, **kw: object) -> str:
    """Run a tool quietly; give its output.  On failure name it with its error."""
    lines: list[str] = []
    try:
        with subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", **kw) as tool:
            for line in tool.stdout:
                lines.append(line.strip())
                if Step.now and lines[-1]:
                    Step.now.heard = lines[-1]
    except FileNotFoundError:
        raise Failure(f"{why}: {args[0]} is not installed: run `make deps`") from None
    if tool.returncode:
        raise Failure(f"{why}: {args[0]}: {told_error(lines)}")
    return "\n".join(lines)


def told_error(lines: list[str]) -> str:
    """apt and mmdebstrap mark errors: the first is the cause, what follows it gave up because of it."""
    marked = [s for s in lines if s.startswith(("E:", "ERROR:"))]
    plain = [s for s in lines if s]
    return (marked or plain[-1:] or ["no message"])[0]
