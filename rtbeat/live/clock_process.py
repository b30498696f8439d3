"""MIDI clock in processes of its own: the parent's side.

The clock must be on time whatever the interpreter of the parent is busy with, so it does not run
in it. Each port has one small process (:mod:`rtbeat.live.clock_child`), which runs the same
schedule on the same beats. A process that ends because its port has gone or blocks is started
again, and goes on where the song is by then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from types import TracebackType
from typing import Any

from rtbeat.grid_line import Grid
from rtbeat.live.child_process import ChildProcess, Report, end_all
from rtbeat.live.midi_ports import PortSpec, check_library
from rtbeat.midi_clock import COMMANDS, MidiClock, one_of

__all__ = ["ClockProcess", "Grid", "PortSpec", "Report"]

CHILD = "rtbeat.live.clock_child"
WAY = 0.05  # s that a beat needs to get to a process, and a period of JACK
REMEMBERED = 1000  # reports nobody took


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
        hello: dict[str, Any] = {"bend": bend, "start": start, "policy": policy, "client": client}
        hello |= {"state": "waiting", "song_origin": 0}
        self._children = [
            ChildProcess(CHILD, spec.name, {**hello, "port": asdict(spec)}, self._reports)
            for spec in ports
        ]

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
        end_all(self._children)

    def _tell(self, *message: Any) -> None:
        for child in self._children:
            child.tell(*message)

    def __enter__(self) -> ClockProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
