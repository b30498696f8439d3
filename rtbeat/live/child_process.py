"""A process of its own for an output that must be on time: the parent's side.

What must be on time whatever the interpreter of the parent is busy with does not run in it. The
processes are started as plain commands, not by ``multiprocessing``: they load neither the package's
kernels nor the user's main module. The child's side is :mod:`rtbeat.live.child_main`.
"""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# a stand-in for the package, so that its __init__, which loads numba, is not run
BOOT = """
import importlib, json, sys, types
hello = json.loads(sys.argv[1])
sys.path[:] = hello.pop("path")
package = types.ModuleType("rtbeat")
package.__path__ = [hello.pop("package")]
sys.modules["rtbeat"] = package
importlib.import_module(hello.pop("module")).main(hello)
"""
PACKAGE = str(Path(__file__).parent.parent)
AGAIN = 0.5  # s until a process is started again
END = 0.6  # s for all processes to end by themselves
KEPT = ("grid", "lose", "state")  # messages whose last one a new process is told


@dataclass(frozen=True)
class Report:
    """What an output has to tell.

    kind : ``"port"`` with ``status`` (open, missing, lost, back, stopped, failed) and ``message``;
        ``"transport"`` with ``state`` (stopped, waiting, running); ``"lateness"`` with ``count``,
        ``p50``, ``p95``, ``p99``, ``worst`` of the messages of the last two seconds, in seconds,
        ``tempo`` being sent and ``relocks``, the beats stretched so far; ``"sent"`` at the end of
        a memory port, with ``messages``, pairs of host time and hexadecimal bytes.
    port : its name.
    """

    kind: str
    port: str
    data: Mapping[str, Any] = field(default_factory=dict)


class ChildProcess:
    """One output's process, started again when it ends; two threads that wait for its pipes.

    module : the child's, whose ``main`` is called with ``hello``. name : of the output, in reports.
    reports : where they are put. Thread: any; nothing but :meth:`wait` waits. Realtime-safe: no.
    """

    def __init__(
        self, module: str, name: str, hello: Mapping[str, Any], reports: deque[Report]
    ) -> None:
        self._name = name
        self._reports = reports
        self._hello = {**hello, "again": False, "module": module, "package": PACKAGE}
        self._outbox: queue.SimpleQueue[Sequence[Any]] = queue.SimpleQueue()
        self._kept: dict[str, Sequence[Any]] = {}
        self._ending = threading.Event()
        self._process = self._spawn()
        self._reader = threading.Thread(target=self._read, name=f"{name} reports", daemon=True)
        self._reader.start()
        threading.Thread(target=self._write, name=f"{name} messages", daemon=True).start()

    def tell(self, *message: Any) -> None:
        """Send a message, a key and values, without waiting."""
        if message[0] == "grid":
            self._kept.pop("lose", None)
        if message[0] in KEPT:
            self._kept[message[0]] = message
        self._outbox.put(message)

    def end(self) -> None:
        """Ask the process to end."""
        self._ending.set()
        self._outbox.put(("close",))

    def wait(self, until: float) -> None:
        """Until the process has ended; by force at ``until`` (``time.monotonic``)."""
        try:
            self._process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(0.2)

    def _spawn(self) -> subprocess.Popen[bytes]:
        hello = json.dumps({**self._hello, "path": sys.path})
        return subprocess.Popen(
            [sys.executable, "-c", BOOT, hello],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,  # Ctrl-C is for the parent
        )

    def _write(self) -> None:
        """Thread: messages to the process, whichever it is."""
        while True:
            message = self._outbox.get()
            stdin = self._process.stdin
            assert stdin is not None
            with contextlib.suppress(OSError):  # it has just ended
                stdin.write((json.dumps(message) + "\n").encode())
            if message[0] == "close":
                return

    def _read(self) -> None:
        """Thread: reports from the process, and another process when it has ended."""
        while True:
            stdout = self._process.stdout
            assert stdout is not None
            for line in stdout:
                self._report(json.loads(line))
            code = self._process.wait()
            if self._ending.is_set():
                self._note("stopped", "closed")
                return
            self._note("lost", "the port has gone" if code == 0 else "the port blocked or failed")
            if self._ending.wait(AGAIN):
                return
            self._hello["again"] = True
            self._process = self._spawn()
            for message in tuple(self._kept.values()):
                self._outbox.put(message)
            if self._ending.is_set():  # just while it was started
                self._process.terminate()

    def _note(self, status: str, message: str) -> None:
        self._report({"kind": "port", "status": status, "message": message})

    def _report(self, data: dict[str, Any]) -> None:
        kind = data.pop("kind")
        if kind == "transport":
            self._hello.update(state=data["state"], song_origin=data["song_origin"])
        self._reports.append(Report(kind, self._name, data))


def end_all(children: Sequence[ChildProcess]) -> None:
    """End processes, all at once, in less than a second. Thread: main."""
    for child in children:
        child.end()
    until = time.monotonic() + END
    for child in children:
        child.wait(until)
