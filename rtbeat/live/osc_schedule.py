"""What is sent over OSC, and when: a pure schedule in host time, without socket or clock.

* ``/rtbeat/beat``: place in the bar (1 = downbeat, 0 = unknown), BPM, confidence 0..1, count; when
  the beat sounds.
* ``/rtbeat/phase``: beats since the downbeat, beats a bar (0 = unknown); ``RATE`` times a second.
* ``/rtbeat/bpm``: BPM, 0 without a beat; on each beat and with the state.
* ``/rtbeat/state``: LISTENING, LOCKED, COASTING or LOST; at each change, and again and again.

Beats are those announced, each sent once, in order, when it sounds. The phase runs between them: at
a beat it is a whole number, and it never goes back. Where downbeats are unknown it is 0 to 1. State
and tempo are repeated for those that begin to listen late.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

RATE = 30.0  # phases a second
REPEAT = 5  # phases between two tellings of state and tempo: a sixth of a second
SILENT = ("LISTENING", "LOST")  # states without beats
LATE = 1.0  # s after which a beat is not sent any more: the machine was stopped
SHY = 1e-3  # beats: as near as the phase comes to a beat that has not sounded

Value = int | float | str


@dataclass(frozen=True)
class OscBeat:
    """A beat as announced. count : of beats since the start, from 1. number : place in the bar,
    0 = unknown. beats_per_bar : 0 = unknown. time : host time when it sounds, seconds. tempo :
    BPM. confidence : 0..1."""

    count: int
    number: int
    beats_per_bar: int
    time: float
    tempo: float
    confidence: float


@dataclass(frozen=True)
class OscMessage:
    """What to send at host time ``time``."""

    time: float
    address: str
    values: tuple[Value, ...]


class OscSchedule:
    """See the module. now : host time, seconds; the first phase is due then.

    Thread: any one. Realtime-safe: no (Python).
    """

    def __init__(self, now: float) -> None:
        self._ahead: deque[OscBeat] = deque()  # announced, not sounded
        self._last: OscBeat | None = None  # sounds now
        self._state = SILENT[0]
        self._origin, self._ticks = now, 0
        self._shown = 0.0  # the phase sent last, since the last beat
        self._changed = True

    @property
    def next_time(self) -> float:
        """Host time of the next message."""
        tick = self._origin + self._ticks / RATE
        return min(tick, self._ahead[0].time) if self._ahead else tick

    def beat(self, beat: OscBeat) -> None:
        """A beat was announced."""
        self._ahead.append(beat)

    def state(self, state: str) -> None:
        """The tracker's state, told anew with the next phase."""
        if (state in SILENT) != (self._state in SILENT):
            self._last = None  # the phase begins with a beat that is of this state
        self._changed = self._changed or state != self._state
        self._state = state

    def until(self, now: float) -> list[OscMessage]:
        """Messages that are due by ``now``, in order. Beats that are late are among them; phases
        that a stall held up are left out but for the last."""
        missed = math.floor((now - self._origin) * RATE) - self._ticks
        messages: list[OscMessage] = []
        self._ticks += max(0, missed)
        while (due := self.next_time) <= now:
            if self._ahead and self._ahead[0].time <= due:
                messages += self._sound(self._ahead.popleft(), now)
            else:
                messages += self._tick(due)
        return messages

    def _sound(self, beat: OscBeat, now: float) -> list[OscMessage]:
        self._last, self._shown = beat, 0.0
        if now - beat.time > LATE:
            return []
        values = (beat.number, beat.tempo, beat.confidence, beat.count)
        return [OscMessage(beat.time, "/rtbeat/beat", values), self._bpm(beat.time)]

    def _tick(self, due: float) -> list[OscMessage]:
        messages = []
        if self._changed or self._ticks % REPEAT == 0:
            self._changed = False
            messages = [OscMessage(due, "/rtbeat/state", (self._state,)), self._bpm(due)]
        self._ticks += 1
        if self._last is not None:
            messages.append(self._phase(self._last, due))
        return messages

    def _bpm(self, due: float) -> OscMessage:
        return OscMessage(due, "/rtbeat/bpm", (self._last.tempo if self._last else 0.0,))

    def _phase(self, last: OscBeat, due: float) -> OscMessage:
        following = self._ahead[0].time - last.time if self._ahead else 60.0 / last.tempo
        share = min((due - last.time) / following, 1.0 - SHY)
        self._shown = max(self._shown, share)
        counted = last.number > 0 and last.beats_per_bar > 0
        place = float(last.number - 1) if counted else 0.0
        bar = last.beats_per_bar if counted else 0
        return OscMessage(due, "/rtbeat/phase", (place + self._shown, bar))
