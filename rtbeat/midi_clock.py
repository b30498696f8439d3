"""MIDI clock: from the beat grid to timed messages.

The protocol is that of the *MIDI 1.0 Detailed Specification*, System Real Time Messages: 24 Timing
Clocks (``F8``) a beat; Start (``FA``) or Continue (``FB``) at least 1 ms before the clock on which
the receiver moves; Song Position Pointer (``F2``, in sixteenths of the song) only while stopped.

:class:`MidiClock` has no thread, clock or port: what happens is told to it, and :meth:`until`
gives the messages of a stretch of host time. Each message is given once, times never fall.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from rtbeat.beat_notes import BeatNotes
from rtbeat.grid_line import Grid
from rtbeat.tick_line import TICKS, TickLine

CLOCK, START, CONTINUE, STOP, SONG_POSITION = b"\xf8", b"\xfa", b"\xfb", b"\xfc", 0xF2
GAP = 0.001  # s between Start and its first clock, which the specification recommends
ALL_NOTES_OFF = tuple(bytes((0xB0 | channel, 123, 0)) for channel in range(16))
LAST_POSITION = 0x3FFF  # sixteenths, 34 minutes at 120 BPM
LOCATE = TICKS // 2  # ticks before Continue: receivers need time to go to a position
PATIENCE = 8  # beats to wait for a downbeat before any beat will do
NOTE_TICKS = 6  # length of a note

POLICIES = ("stop", "tick", "hold")
COMMANDS = ("start", "stop", "continue", "panic")
STARTS = ("downbeat", "beat")


class Message(NamedTuple):
    """Bytes to be sent at a host time in seconds."""

    time: float
    data: bytes


def one_of(argument: str, value: str, allowed: tuple[str, ...]) -> str:
    """``value``; raises ``ValueError`` where it is not among ``allowed``."""
    if value not in allowed:
        raise ValueError(f"{argument} is {value!r}; it must be one of {', '.join(allowed)}")
    return value


class MidiClock:
    """Transport and ticks of one receiver.

    bend : how much the tempo may change from one beat to the next, BPM.
    start : what Start and Continue wait for, ``"downbeat"`` or ``"beat"``. Where no downbeat comes
        within ``PATIENCE`` beats, a beat will do.
    policy : when the grid is lost, ``"stop"`` sends Stop and no more ticks, ``"tick"`` sends Stop
        and ticks on at the last tempo, ``"hold"`` lets everything go on. After the first two, the
        song goes on from the bar where it stopped when the grid is back.
    clock, notes : which messages are wanted: clock and transport; notes on the beats.

    Ticks flow from the first beat of the grid on, whether the transport runs or not. It waits for
    its first Start from the beginning.

    Thread: any one. Realtime-safe: no (Python).
    """

    def __init__(
        self,
        bend: float,
        *,
        start: str = "downbeat",
        policy: str = "hold",
        clock: bool = True,
        notes: bool = False,
    ) -> None:
        self._ticks = TickLine(bend)
        self._on_downbeat = one_of("start", start, STARTS) == "downbeat"
        self._policy = one_of("policy", policy, POLICIES)
        self._clock = clock
        self._notes = BeatNotes() if notes else None
        self._grid: Grid | None = None
        self._lost = False
        self._muted = False
        self._rolling = False  # the receiver's transport
        self._pending: bytes | None = START
        self._waited = 0  # beats, for a downbeat
        self._song = 0  # beat of the clock at which the song began
        self._origin: int | None = None  # the same in the grid's count, until there is a grid
        self._resume: int | None = 0  # beat of the song to go on from; None: where it is by then
        self._located: int | None = None  # the tick for which a song position was sent
        self._now: list[bytes] = []

    @property
    def state(self) -> str:
        """``"running"``, ``"waiting"`` for a downbeat (or beat) or ``"stopped"``."""
        if self._rolling:
            return "running"
        return "waiting" if self._pending else "stopped"

    @property
    def tempo(self) -> float:
        """Tempo being sent, BPM; 0 where none is."""
        return self._ticks.tempo

    @property
    def relocks(self) -> int:
        """Beats stretched to meet the grid again."""
        return self._ticks.relocks

    @property
    def song_origin(self) -> int:
        """Index in the grid of the beat at which the song is at 0, as :meth:`rejoin` wants it."""
        return self._ticks.grid_beat(self._song)

    @property
    def next_time(self) -> float:
        """Host time of the next message in seconds; infinite: now, or none is due."""
        if self._now:
            return -math.inf
        return self._ticks.next_time - GAP * len(self._opening())

    def set_grid(self, grid: Grid, now: float) -> None:
        """The beat announced last. ``now``: host time up to which messages were taken."""
        self._grid, self._lost = grid, False
        self._ticks.follow(grid, now)
        if self._origin is not None:
            self._song, self._origin = self._origin - self._ticks.grid_beat(0), None

    def lose(self) -> None:
        """The grid is lost; ``policy`` says what that means."""
        if self._lost or self._policy == "hold":
            return
        self._lost = True
        if self._rolling:
            self._stop()
            self._wait(CONTINUE)
        if self._policy == "stop":
            self._now += self._notes.release() if self._notes else []
            self._ticks.halt()

    def command(self, name: str) -> None:
        """``"start"`` at the next downbeat (or beat), ``"continue"`` there from the bar (or beat)
        where it stopped, ``"stop"`` now, ``"panic"``: Stop, all notes off and no more messages
        until ``"start"`` or ``"continue"``. Raises ``ValueError`` for any other name.
        """
        self._muted = one_of("command", name, COMMANDS) == "panic"
        if name == "start":
            self._resume = 0
            self._wait(START)
        elif name == "continue":
            if not self._rolling:
                self._wait(CONTINUE)
        else:
            self._stop()
        if name == "panic":
            self._now += ALL_NOTES_OFF

    def rejoin(self, song_origin: int) -> None:
        """For a receiver that has missed messages: Stop now, Song Position and Continue at the
        next downbeat (or beat), where the song is by then. ``song_origin``: see there.
        """
        self._origin, self._resume = song_origin, None
        self._rolling = False
        self._now.append(STOP)
        self._wait(CONTINUE)

    def ending(self) -> list[bytes]:
        """What a port must be sent last: Stop and all notes off."""
        return [*([STOP] if self._clock else []), *ALL_NOTES_OFF]

    def until(self, start: float, end: float) -> list[Message]:
        """Messages due from host time ``start`` to before ``end``, seconds, in order.

        ``start`` is the present and never falls. What was due before it comes at ``start``, but
        ticks that a stall has held up are spread over the rest of the beat: no burst, none left
        out.
        """
        messages = [Message(start, data) for data in self._now]
        self._now.clear()
        self._ticks.catch_up(start)
        while self.next_time < end:
            opening, due = self._opening(), self._ticks.next_time
            if opening:
                first = due - GAP * len(opening)
                for i, data in enumerate(opening):
                    messages.append(Message(max(start, first + i * GAP), data))
                self._open()
            else:
                tick = self._ticks.tick
                time = self._ticks.take(start)
                messages += [Message(time, data) for data in self._at(tick)]
        return [m for m in messages if self._clock or m.data[0] < 0xF0]

    def _wait(self, message: bytes) -> None:
        self._pending, self._waited, self._located = message, 0, None

    def _stop(self) -> None:
        self._pending = None
        if not self._rolling:
            return
        self._rolling = False
        self._now.append(STOP)
        beat = (self._ticks.tick - 1) // TICKS
        number = self._number(beat) if self._on_downbeat else 0
        self._resume = max(0, beat - self._song - max(0, number - 1))

    def _number(self, beat: int) -> int:
        return self._grid.number_of(self._ticks.grid_beat(beat)) if self._grid else 0

    def _opens(self, beat: int) -> bool:
        """Whether the transport begins to move on that beat of the clock."""
        if self._pending is None or self._lost or self._muted:
            return False
        return not self._on_downbeat or self._number(beat) == 1 or self._waited >= PATIENCE

    def _opening(self) -> list[bytes]:
        """What has to be sent just before the next tick."""
        beat, rest = divmod(self._ticks.tick, TICKS)
        if rest or not self._ticks.on_grid or not self._opens(beat):
            return []
        if self._pending == START:
            return [STOP, START] if self._rolling else [START]
        return [*self._position(beat), CONTINUE]

    def _open(self) -> None:
        beat = self._ticks.tick // TICKS
        self._song = beat - self._song_beat(beat)
        self._rolling, self._pending = True, None

    def _song_beat(self, beat: int) -> int:
        return max(0, beat - self._song) if self._resume is None else self._resume

    def _position(self, beat: int) -> list[bytes]:
        """Song Position for going on at that beat of the clock, if not sent yet."""
        sixteenths = 4 * self._song_beat(beat)
        if self._located == beat or sixteenths > LAST_POSITION:
            return []
        return [bytes((SONG_POSITION, sixteenths & 0x7F, sixteenths >> 7))]

    def _at(self, tick: int) -> list[bytes]:
        """The tick itself and what goes with it."""
        beat, rest = divmod(tick, TICKS)
        if self._muted:
            return []
        messages = [CLOCK]
        if rest == 0:
            self._waited += self._pending is not None and not self._lost
            if self._notes and not self._lost:
                messages += self._notes.strike(self._number(beat))
        if self._notes and rest == NOTE_TICKS:
            messages += self._notes.release()
        if rest >= LOCATE and self._pending == CONTINUE and self._opens(beat + 1):
            messages += self._position(beat + 1)
            self._located = beat + 1
        return messages
