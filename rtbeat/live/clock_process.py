"""MIDI clock in processes of its own: the parent's side.

The clock must be on time whatever the interpreter of the parent is busy with, so it does not run
in it. Each port has one small process (:mod:`rtbeat.live.clock_child`), which runs the same
schedule on the same beats. A process that ends because its port has gone or blocks is started
again, and goes on where the song is by then.

The processes are started as plain commands, not by ``multiprocessing``: they load neither the
package's kernels nor the user's main module.
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
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from rtbeat.grid_line import Grid
from rtbeat.live.midi_ports import PortSpec, check_library
from rtbeat.midi_clock import COMMANDS, MidiClock, one_of

__all__ = ["ClockProcess", "Grid", "PortSpec", "Report"]

# a stand-in for the package, so that its __init__, which loads numba, is not run
BOOT = """
import json, sys, types
hello = json.loads(sys.argv[1])
sys.path[:] = hello.pop("path")
package = types.ModuleType("rtbeat")
package.__path__ = [hello.pop("package")]
sys.modules["rtbeat"] = package
from rtbeat.live.clock_child import main
main(hello)
"""
PACKAGE = str(Path(__file__).parent.parent)
AGAIN = 0.5  # s until a process is started again
END = 0.6  # s for all processes to end by themselves
WAY = 0.05  # s that a beat needs to get to a process, and a period of JACK
REMEMBERED = 1000  # reports nobody took


@dataclass(frozen=True)
class Report:
    """What a port has to tell.

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


class ClockProcess:
    """MIDI clock on several ports, each in a process of its own.

    bend : how much the tempo may change from one beat to the next, BPM.
    start, policy : see :class:`rtbeat.midi_clock.MidiClock`.
    client : the name under which the ports are seen.

    Raises ``ValueError`` for wrong arguments and ``PortError`` where a library is not installed; a
    port that is not there is waited for.

    Thread: any, for all methods but ``close``. Realtime-safe: no (Python), but none ever waits.
    """

    def __init__(
        self,
        ports: Sequence[PortSpec],
        *,
        bend: float,
        start: str = "downbeat",
        policy: str = "hold",
        client: str = "rtbeat",
    ) -> None:
        MidiClock(bend, start=start, policy=policy)  # complains here, not in the process
        for spec in ports:
            check_library(spec)
        self._specs = tuple(ports)
        self._reports: deque[Report] = deque(maxlen=REMEMBERED)
        hello = {"bend": bend, "start": start, "policy": policy, "client": client}
        self._links = [Link(spec, hello, self._reports) for spec in ports]

    @property
    def lead(self) -> float:
        """How long before it is heard a beat should be announced, seconds. Later ones are not
        lost: the clock then follows them from the next beat on."""
        return WAY - min((spec.offset for spec in self._specs), default=0.0)

    def set_grid(self, grid: Grid) -> None:
        """The beat announced last."""
        self._tell("grid", grid.beat, grid.number, grid.beats_per_bar, grid.time, grid.period)

    def lose(self) -> None:
        """The tracker is lost: ``policy`` acts."""
        self._tell("lose")

    def transport(self, command: str) -> None:
        """``"start"``, ``"stop"``, ``"continue"`` or ``"panic"``; raises ``ValueError`` else."""
        self._tell("transport", one_of("command", command, COMMANDS))

    def poll(self) -> list[Report]:
        """What has been told since the last call, in order."""
        reports = []
        while self._reports:
            reports.append(self._reports.popleft())
        return reports

    def close(self) -> None:
        """Stop, all notes off, end. Takes less than a second, whatever a port does.

        Thread: main. Realtime-safe: no.
        """
        for link in self._links:
            link.end()
        until = time.monotonic() + END
        for link in self._links:
            link.wait(until)

    def _tell(self, *message: Any) -> None:
        for link in self._links:
            link.tell(message)

    def __enter__(self) -> ClockProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Link:
    """One port's process, started again when it ends; two threads that wait for its pipes."""

    def __init__(self, spec: PortSpec, hello: dict[str, Any], reports: deque[Report]) -> None:
        self._spec = spec
        self._reports = reports
        state = {"state": "waiting", "song_origin": 0, "again": False}
        self._hello = {**hello, **state, "port": asdict(spec), "package": PACKAGE}
        self._outbox: queue.SimpleQueue[Sequence[Any]] = queue.SimpleQueue()
        self._grid: Sequence[Any] | None = None
        self._lost = False
        self._ending = threading.Event()
        self._process = self._spawn()
        self._reader = threading.Thread(target=self._read, name="midi reports", daemon=True)
        self._reader.start()
        threading.Thread(target=self._write, name="midi messages", daemon=True).start()

    def tell(self, message: Sequence[Any]) -> None:
        """Send a message without waiting."""
        if message[0] in ("grid", "lose"):
            self._grid = message if message[0] == "grid" else self._grid
            self._lost = message[0] == "lose"
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
            self._restore()
            if self._ending.is_set():  # just while it was started
                self._process.terminate()

    def _restore(self) -> None:
        for message in (self._grid, ("lose",) if self._lost else None):
            if message is not None:
                self._outbox.put(message)

    def _note(self, status: str, message: str) -> None:
        self._report({"kind": "port", "status": status, "message": message})

    def _report(self, data: dict[str, Any]) -> None:
        kind = data.pop("kind")
        if kind == "transport":
            self._hello.update(state=data["state"], song_origin=data["song_origin"])
        self._reports.append(Report(kind, self._spec.name, data))
