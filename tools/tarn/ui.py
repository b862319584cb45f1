# SPDX-License-Identifier: MIT
"""What the user sees besides the machine's own output: one-line errors and progress.

Everything goes to standard error; standard output belongs to the command in the machine.
"""

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
    """

    FIRST, AGAIN = 2.0, 15.0

    def __init__(self, what: str) -> None:
        self.what = what
        self.done = threading.Event()
        self.spoke = False

    def __enter__(self) -> "Step":
        self.start = time.monotonic()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        return self

    def _watch(self) -> None:
        wait = self.FIRST
        while not self.done.wait(wait):
            seconds = int(time.monotonic() - self.start)
            note(f"{self.what} ..." + (f" {seconds} s so far" if self.spoke else ""))
            self.spoke = True
            wait = self.AGAIN

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.done.set()
        self.thread.join()
        if self.spoke and kind is None:
            note(f"{self.what}: done in {time.monotonic() - self.start:.0f} s")


def run_tool(args: list[str], why: str, hint: str = "", **kw: object) -> str:
    """Run a tool quietly; give its output.  On failure name it with its last line and @hint."""
    try:
        done = subprocess.run(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", **kw)
    except FileNotFoundError:
        raise Failure(f"{why}: {args[0]} is not installed: run `make deps`") from None
    if done.returncode:
        lines = [s.strip() for s in done.stdout.splitlines() if s.strip()]
        errors = [s for s in lines if s.startswith("E:")] or lines or ["no message"]
        raise Failure(f"{why}: {args[0]}: {errors[-1]}" + (f" ({hint})" if hint else ""))
    return done.stdout
