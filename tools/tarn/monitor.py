# SPDX-License-Identifier: MIT
"""QEMU's monitor (QMP), listened to for one thing: a disk that the host cannot write any more.

QEMU then pauses the machine and waits for somebody to make room, which from outside is a hang.
We say what happened and end it.
"""

import json
import socket
import threading
from typing import Callable


class Monitor:
    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.trouble: str | None = None  # one line: why the machine was stopped

    def args(self) -> list[str]:
        return ["-chardev", f"socket,id=monitor,fd={self.theirs.fileno()}",
                "-mon", "chardev=monitor,mode=control"]

    def listen(self, stop: Callable[[], None]) -> None:
        """After QEMU's start; @stop is called from another thread when there is trouble."""
        self.theirs.close()
        self.ours.sendall(b'{"execute": "qmp_capabilities"}')
        threading.Thread(target=self._listen, args=(stop,), daemon=True).start()

    def _listen(self, stop: Callable[[], None]) -> None:
        with self.ours, self.ours.makefile("rb") as lines:
            try:
                for line in lines:
                    self._hear(json.loads(line), stop)
            except (OSError, ValueError):
                pass  # QEMU has ended in the middle of a line

    def _hear(self, message: dict, stop: Callable[[], None]) -> None:
        data = message.get("data", {})
        if message.get("event") == "BLOCK_IO_ERROR" and data.get("action") == "stop":
            self.trouble = f"the host cannot {data.get('operation', 'write')} the machine's disk: " \
                           f"{data.get('reason', 'an error')} (throw-away writes go to TMPDIR)"
            stop()
