"""A process of its own for an output that must be on time: the child's side.

It is started by :mod:`rtbeat.live.child_process`, which writes one JSON object a line to its
standard input (an array of a key and values) and reads reports, JSON lines too, from its standard
output. It ends when told to, on SIGTERM, and when its parent is gone.

Nothing here, and nothing that a child imports, may import numpy or numba: the process is up in
0.1 s.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, BinaryIO, Protocol

from rtbeat.live.priority import raise_priority


class Reports:
    """Lines to the parent. They are dropped where it does not read: the child never waits."""

    def __init__(self, descriptor: int) -> None:
        self._fd = descriptor
        with contextlib.suppress(OSError):  # Windows knows no such pipes before Python 3.12
            os.set_blocking(self._fd, False)

    def tell(self, kind: str, **data: Any) -> None:
        """One report."""
        line = json.dumps({"kind": kind, **data}) + "\n"
        with contextlib.suppress(OSError):
            os.write(self._fd, line.encode())

    def tell_all(self, kind: str, **data: Any) -> None:
        """One report of any size, waiting for the reader."""
        os.set_blocking(self._fd, True)
        with open(self._fd, "wb", closefd=False) as file:
            file.write((json.dumps({"kind": kind, **data}) + "\n").encode())


class Child(Protocol):
    """What runs in the process. ``closing``: it is to end soon."""

    inbox: queue.SimpleQueue[list[Any]]
    closing: bool

    def run(self) -> None:
        """Do the work until told to end."""


def run_child(make: Callable[[dict[str, Any], Reports], Child], hello: dict[str, Any]) -> None:
    """Body of a child's ``main``: never returns. ``hello`` gets ``priority``: whether it was
    raised."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to end
    reports = Reports(os.dup(1))
    os.dup2(2, 1)  # libraries print to standard output
    hello["priority"] = raise_priority()
    try:
        child = make(hello, reports)

        def end(number: int, frame: object) -> None:
            child.closing = True

        signal.signal(signal.SIGTERM, end)
        threading.Thread(target=_read, args=(sys.stdin.buffer, child), daemon=True).start()
        child.run()
    except Exception as error:  # the parent tells the user, whatever it is
        reports.tell("port", status="failed", message=f"{type(error).__name__}: {error}")
        os._exit(1)
    os._exit(0)  # threads of device libraries may never end


def _read(file: BinaryIO, child: Child) -> None:
    """Thread: reads what the parent writes; its end is the parent's end."""
    for line in file:
        child.inbox.put(json.loads(line))
    child.inbox.put(["close"])
