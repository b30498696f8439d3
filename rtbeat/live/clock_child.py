"""The MIDI clock process: one port, one schedule, one thread that is on time.

Each port has a process of its own, because RtMidi's calls keep the interpreter locked: a port that
blocks, or a library that crashes or hangs with its server, stops nothing else. It is started by
:mod:`rtbeat.live.clock_process`; see :mod:`rtbeat.live.child_main` for how it is spoken to. It ends
with Stop and all notes off.
"""

from __future__ import annotations

import contextlib
import faulthandler
import math
import os
import queue
import sys
import time
from collections.abc import Callable
from typing import Any

from rtbeat.grid_line import Grid
from rtbeat.live.child_main import Reports, run_child
from rtbeat.live.midi_ports import MemorySink, PortError, PortSpec, Sink, open_sink
from rtbeat.midi_clock import Message, MidiClock

SPIN = 0.0005 if sys.platform != "win32" else 0.002  # s before a message is due: no more sleeping
AHEAD = 0.0002  # s more for which messages are fetched
IDLE = 0.05  # s between two looks at signals
OPEN_AGAIN = 0.5  # s between two attempts
LOOK = 1.0  # s between two looks at whether the port is still there
CALM = 0.003  # s until the next message, at least, for anything that takes a while
REPORT = 2.0  # s between two reports of lateness
BLOCKED = 2.0  # s in one call: the process ends itself
OPENING = 10.0  # s that opening may take
DRAIN = 0.1  # s for the last messages to leave: a period of any audio server

Now = Callable[[], float]


class Lateness:
    """How late messages were sent, in seconds, since the last report."""

    def __init__(self) -> None:
        self._late: list[float] = []

    def add(self, seconds: float) -> None:
        """One message."""
        self._late.append(seconds)

    def take(self) -> dict[str, float]:
        """Number and percentiles, and begin anew."""
        late = sorted(self._late)
        self._late.clear()
        if not late:
            return {"count": 0}
        at = {f"p{p}": late[min(len(late) - 1, len(late) * p // 100)] for p in (50, 95, 99)}
        return {"count": len(late), **at, "worst": late[-1]}


class ClockChild:
    """Sends a schedule to a port, on time. Thread: main thread of its process."""

    def __init__(self, hello: dict[str, Any], reports: Reports, now: Now = time.perf_counter):
        self._spec = PortSpec(**hello["port"])
        self._hello = hello
        self._reports = reports
        self._now = now
        self._clock = MidiClock(
            hello["bend"],
            start=hello["start"],
            policy=hello["policy"],
            clock=self._spec.clock,
            notes=self._spec.notes,
        )
        self.inbox: queue.SimpleQueue[list[Any]] = queue.SimpleQueue()
        self.closing = False
        self._kept: list[list[Any]] = []  # while there was no port
        self._lateness = Lateness()
        self._told: tuple[Any, ...] = ()
        self._looked = self._reported = now()
        self._parent = os.getppid()

    def run(self) -> None:
        """Open the port, however long that takes, and send until told to end."""
        self._restore()
        sink = self._open()
        if sink is None:
            return
        self._watch(BLOCKED)
        for message in self._kept:
            self._hear(message)
        if sink.drive(self._take):
            self._wait_while_driven(sink)
        else:
            self._send_on_time(sink)
        if self.closing:
            self._end(sink)
        sink.close()

    def _restore(self) -> None:
        """What a process before this one had reached."""
        if self._hello["state"] == "running":
            self._clock.rejoin(self._hello["song_origin"])
        elif self._hello["state"] == "stopped":
            self._clock.command("stop")

    def _open(self) -> Sink | None:
        said = ""
        while not self.closing:
            self._watch(OPENING)
            try:
                sink = open_sink(self._spec, self._hello["client"])
            except PortError as error:
                if str(error) != said:
                    said = str(error)
                    self._reports.tell("port", status="missing", message=said)
                self._listen(OPEN_AGAIN)
            else:
                status = "back" if self._hello["again"] else "open"
                message = f"sending to {sink.title}"
                priority = self._hello["priority"]
                self._reports.tell("port", status=status, message=message, priority=priority)
                return sink
        return None

    def _listen(self, seconds: float) -> None:
        """Keep messages from the parent for a while: the clock begins when there is a port."""
        until = self._now() + seconds
        while not self.closing and (left := until - self._now()) > 0.0:
            with contextlib.suppress(queue.Empty):
                message = self.inbox.get(timeout=min(left, IDLE))
                if message[0] == "grid":  # only the last one counts
                    self._kept = [m for m in self._kept if m[0] not in ("grid", "lose")]
                self._kept.append(message)
                self.closing = self.closing or message[0] == "close"

    def _hear(self, message: list[Any]) -> None:
        key, *values = message
        if key == "grid":
            self._clock.set_grid(Grid(*values), self._now() - self._spec.offset)
        elif key == "lose":
            self._clock.lose()
        elif key == "transport":
            self._clock.command(values[0])
        elif key == "close":
            self.closing = True

    def _hear_all(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._hear(self.inbox.get_nowait())

    def _take(self, start: float, end: float) -> list[Message]:
        """Messages due in a stretch of the schedule's time, after hearing the parent."""
        self._hear_all()
        return [] if self.closing else self._clock.until(start, end)

    def _send_on_time(self, sink: Sink) -> None:
        offset = self._spec.offset
        while not self.closing:
            self._hear_all()
            planned, now = self._clock.next_time + offset, self._now()
            try:
                for time_, data in self._clock.until(now - offset, now - offset + SPIN + AHEAD):
                    due = time_ + offset
                    self._send_at(sink, due, data)
                    # what a stall held up was planned anew: it counts from the first plan
                    first = planned if math.isfinite(planned) else due
                    self._lateness.add(self._now() - min(due, first))
                    planned = math.inf
            except PortError:
                return
            if self._clock.next_time + offset - self._now() > CALM and not self._look(sink):
                return
            wait = min(self._clock.next_time + offset - SPIN - self._now(), IDLE)
            if wait > 0.0:
                with contextlib.suppress(queue.Empty):
                    self._hear(self.inbox.get(timeout=wait))

    def _send_at(self, sink: Sink, due: float, data: bytes) -> None:
        while self._now() < due:
            pass
        sink.send(data)

    def _wait_while_driven(self, sink: Sink) -> None:
        while not self.closing and self._look(sink):
            time.sleep(IDLE)

    def _look(self, sink: Sink) -> bool:
        """Between two messages: tell what is new, now and then look at port and parent."""
        self._tell_transport()
        now = self._now()
        if now - self._looked < LOOK:
            return True
        self._looked = now
        self._watch(BLOCKED + LOOK)
        if os.getppid() != self._parent:
            self.closing = True
        if now - self._reported >= REPORT:
            self._reported = now
            figures = self._lateness.take()
            figures |= {"tempo": self._clock.tempo, "relocks": self._clock.relocks}
            self._reports.tell("lateness", **figures)
        return sink.there()

    def _tell_transport(self) -> None:
        state = (self._clock.state, self._clock.song_origin)
        if state != self._told:
            self._told = state
            self._reports.tell("transport", state=state[0], song_origin=state[1])

    def _watch(self, seconds: float) -> None:
        """End the process, whoever holds the interpreter, unless called again before."""
        faulthandler.dump_traceback_later(seconds, exit=True, file=2)

    def _end(self, sink: Sink) -> None:
        for data in self._clock.ending():
            sink.send(data)
        time.sleep(DRAIN)
        if isinstance(sink, MemorySink):
            sent = [(when, data.hex()) for when, data in sink.sent]
            self._reports.tell_all("sent", messages=sent)


def main(hello: dict[str, Any]) -> None:
    """Entry point of the process."""
    run_child(ClockChild, hello)
