"""What follows the beats of a session in processes of their own: MIDI clock, OSC, Ableton Link.

Each takes the beat in host time as it is heard in the room, and shifts it by its own offset.
"""

from __future__ import annotations

import importlib.util
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from rtbeat.live.child_process import ChildProcess, Report, end_all
from rtbeat.live.clock_process import ClockProcess, Grid
from rtbeat.live.engine import Engine
from rtbeat.live.events import Event
from rtbeat.live.feed import Feed
from rtbeat.live.latency import LatencyBudget
from rtbeat.live.session_options import LiveOptions
from rtbeat.tracker import State

LINK_NAME = "Link"
REMEMBERED = 1000  # reports nobody took

Tell = Callable[[str, Mapping[str, Any]], None]


class LinkMissingError(OSError):
    """Ableton Link is not installed; the message is a sentence for the user."""


class Outputs:
    """See the module. Made without processes; :meth:`start` begins them.

    lateness : of the MIDI clock, as it told last, seconds. transport : of the MIDI clock.
    Thread: :meth:`start` and :meth:`close` main, the others engine; none but ``close`` waits.
    Realtime-safe: no.
    """

    def __init__(self, options: LiveOptions, engine: Engine, feed: Feed, latency: LatencyBudget):
        self._options, self._engine = options, engine
        self._feed, self._latency = feed, latency
        self._clock: ClockProcess | None = None
        self._osc: list[ChildProcess] = []
        self._link: list[ChildProcess] = []
        self._count = 0  # of beats told over OSC
        self._reports: deque[Report] = deque(maxlen=REMEMBERED)
        self.lateness: Mapping[str, Any] = {}
        self.transport = ""
        names = [spec.name for spec in options.midi.ports]
        names += [target.name for target in options.osc]
        names += [LINK_NAME] if options.link is not None else []
        self.status = dict.fromkeys(names, "opening")

    def start(self) -> None:
        """Begin. Raises ``PortError`` and ``LinkMissingError`` where a library is not installed."""
        midi = self._options.midi
        if self._options.link is not None:
            self._link = [self._start_link(self._options.link)]
        if midi.ports:
            self._clock = ClockProcess(
                midi.ports, bend=midi.bend, start=midi.start, policy=midi.when_lost
            )
        for target in self._options.osc:
            hello = {"host": target.host, "port": target.port, "offset": target.offset}
            self._osc.append(
                ChildProcess("rtbeat.live.osc_child", target.name, hello, self._reports)
            )

    def _start_link(self, offset: float) -> ChildProcess:
        if importlib.util.find_spec("link") is None:
            raise LinkMissingError('Ableton Link needs LinkPython: pip install "rtbeat[link]"')
        hello = {"offset": offset}
        return ChildProcess("rtbeat.live.link_child", LINK_NAME, hello, self._reports)

    def close(self) -> None:
        """Stop and All Notes Off; ends within about a second."""
        others = [*self._osc, *self._link]
        for child in others:  # they end while the clock does
            child.end()
        if self._clock is not None:
            self._clock.close()
        end_all(others)

    def take(self, event: Event) -> None:
        """Something happened: a beat was announced, the state has changed."""
        if event.kind == "beat":
            self._beat(event.data)
        elif event.kind == "state":
            for child in self._osc:
                child.tell("state", event.data["state"])
            if event.data["state"] == str(State.LOST):
                self._lose()

    def command(self, transport: str) -> None:
        """``start``, ``stop``, ``continue`` or ``panic`` to the MIDI clock."""
        if self._clock is not None:
            self._clock.transport(transport)

    def poll(self) -> list[Report]:
        """Reports since the last call; what they tell is kept here too."""
        reports = [] if self._clock is None else self._clock.poll()
        while self._reports:
            reports.append(self._reports.popleft())
        for report in reports:
            if report.kind == "lateness":
                self.lateness = report.data
            elif report.kind == "transport":
                self.transport = str(report.data["state"])
            elif report.kind == "port":
                self.status[report.port] = str(report.data["status"])
        return reports

    def _beat(self, data: Mapping[str, Any]) -> None:
        """Clocks get the phase of the line through the latest beats, so that they do not tremble;
        OSC tells the beats themselves, as clicks do."""
        tracker = self._engine.tracker
        timeline, line = tracker.timeline, tracker.line
        index, bar = timeline.beats[-1] if timeline else 0, tracker.beats_per_bar
        grid = Grid(
            beat=index,
            number=data["number"],
            beats_per_bar=bar,
            time=self._host(data["time"] if line is None else line.time),
            period=60.0 / data["tempo"],
        )
        if self._clock is not None:
            self._clock.set_grid(grid)
        for child in self._link:
            child.tell("grid", index, grid.number, bar, grid.time, grid.period)
        self._count += 1
        heard, tempo, sure = self._host(data["time"]), data["tempo"], data["confidence"]
        for child in self._osc:
            child.tell("beat", self._count, grid.number, bar, heard, tempo, sure)

    def _host(self, time: float) -> float:
        return self._feed.host_at(time) - self._latency.input

    def _lose(self) -> None:
        if self._clock is not None:
            self._clock.lose()
        for child in self._link:
            child.tell("lose")
