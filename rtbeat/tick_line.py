"""When the ticks of a MIDI clock fall: 24 a beat, locked to the beat grid.

The tick is the only thing counted, so 24 a beat of the clock's own position hold whatever happens.
Between two plans ticks are evenly spaced; a plan is made on every beat of the clock:

* small errors of phase and tempo are bent away: the tempo of one beat differs from that of the
  beat before by at most ``bend``. The course is the quickest one that does not overshoot under such
  a limit on the change of speed (the discrete form of bang-bang control of a double integrator).
* a large error is not bent away, which would take many bars. The rest of the beat is stretched or
  squeezed, between half and twice its length, so that it ends on a beat of the grid: receivers
  that count ticks (drum machines, Live, Ardour) stay with it and nobody is stopped. Stop, Song
  Position, Continue would silence them, and some receivers know no Song Position.
* after a stall of the sender, nothing is sent twice or in a burst and no tick is left out: the
  late tick goes now, and the rest of the beat is stretched as above.
"""

from __future__ import annotations

import math

from rtbeat.grid_line import Grid, GridLine

TICKS = 24  # a beat
LARGE = 0.125  # beats: errors above this are not bent away
SHORTEST_STRETCH = 16  # ticks; fewer could need more than twice or less than half their length
LATE = 0.5  # of a tick: later than this is a stall


class TickLine:
    """Tick number to host time, as far as it is decided; deterministic, without a clock.

    bend : how much the tempo may change from one beat to the next, BPM, positive.

    ``tick`` is the number of the next tick; those that ``TICKS`` divides are beats. ``relocks``
    counts stretched beats.
    """

    def __init__(self, bend: float) -> None:
        if not (math.isfinite(bend) and bend > 0.0):
            raise ValueError(f"bend is {bend!r}; it must be positive (BPM per beat)")
        self._bend = bend
        self.tick = 0
        self.relocks = 0
        self._line: GridLine | None = None
        self._shift = 0  # beat of the grid minus beat of the clock
        self._tempo = 0.0  # of the last beat, BPM, stretched ones left out
        self._origin = 0.0  # ticks of this plan fall at origin + (tick - first) * step
        self._first = 0
        self._step = 0.0
        self._end = 0  # the tick at which the next plan is made
        self._off_grid = -1  # the tick from which a stretch began

    @property
    def running(self) -> bool:
        """Whether there is a grid to tick by."""
        return self._line is not None

    @property
    def next_time(self) -> float:
        """Host time of the next tick in seconds; infinity where there is none."""
        if self._line is None:
            return math.inf
        return self._origin + (self.tick - self._first) * self._step

    @property
    def on_grid(self) -> bool:
        """Whether the next tick, if it is a beat, falls on a beat of the grid (or is being bent
        there); no transport should begin to move on one that does not."""
        return self.tick != self._off_grid

    @property
    def tempo(self) -> float:
        """Tempo being sent, BPM; 0 where none is."""
        return 60.0 / (TICKS * self._step) if self.running else 0.0

    def grid_beat(self, beat: int) -> int:
        """The grid's index of a beat of the clock."""
        return beat + self._shift

    def halt(self) -> None:
        """No more ticks until the next beat of the grid; the next tick is a beat."""
        self._line = None
        self.tick = -(-self.tick // TICKS) * TICKS

    def follow(self, grid: Grid, now: float) -> None:
        """Take the beat announced last; ``now`` is the time up to which ticks were taken."""
        if self._line is None:
            self._begin(grid, now)
            return
        self._line = self._line.following(grid)
        error = self._line.beat_at(self._time_of(self._end)) - self._end / TICKS - self._shift
        self._shift += round(error)
        error -= round(error)
        # the phase that is lost while the tempo is bent from the old to the new one
        change = 60.0 / self._line.period - self._tempo
        lost = change * change / (2.0 * self._bend * self._tempo)
        if abs(error) > LARGE or lost > LARGE:
            self._stretch(self.next_time)

    def catch_up(self, now: float) -> None:
        """Plan anew where a stall has held up the next tick."""
        if self.running and now - self.next_time > LATE * self._step:
            self._stretch(now)

    def take(self, now: float) -> float:
        """The next tick's time, not before ``now``; the one after it becomes the next."""
        time = self.next_time
        if self.tick == self._end:
            self._plan(time)
        self.tick += 1
        return max(time, now)

    def _time_of(self, tick: int) -> float:
        return self._origin + (tick - self._first) * self._step

    def _begin(self, grid: Grid, now: float) -> None:
        line = GridLine(grid.beat, grid.time, grid.period)
        beat = grid.beat + max(0, math.ceil((now - grid.time) / grid.period))
        self._line = line
        self._shift = beat - self.tick // TICKS
        self._tempo = 60.0 / grid.period
        self._origin, self._first, self._end = line.time_of(beat), self.tick, self.tick
        self._step = grid.period / TICKS

    def _plan(self, start: float) -> None:
        """The beat that begins with the next tick, at host time ``start``."""
        assert self._line is not None
        target = 60.0 / self._line.period
        late = self._line.beat_at(start) - self._shift - self.tick / TICKS
        # what is to be gained, in BPM for one beat; too much for one is spread, with a way back
        gain, bend = abs(late) * target, self._bend
        offset = min(gain, bend * (math.sqrt(0.25 + 2.0 * gain / bend) - 0.5))
        wish = target + math.copysign(offset, late)
        self._tempo = min(max(wish, self._tempo - bend), self._tempo + bend)
        self._origin, self._first = start, self.tick
        self._step = 60.0 / (self._tempo * TICKS)
        self._end = self.tick + TICKS

    def _stretch(self, start: float) -> None:
        """From the next tick, at host time ``start``, to a beat of the grid: evenly."""
        assert self._line is not None
        beat = -(-(self.tick + SHORTEST_STRETCH) // TICKS)
        ticks = beat * TICKS - self.tick
        # of the beats of the grid, the one that alters the spacing least: the nearest ratio
        length = ticks * self._line.period / TICKS
        earlier = math.floor(self._line.beat_at(start + length))
        candidates = [self._line.time_of(earlier + k) - start for k in (0, 1)]
        ratios = [max(c / length, length / c) if c > 0.0 else math.inf for c in candidates]
        later = int(ratios[1] < ratios[0])
        self._shift = earlier + later - beat
        self._origin, self._first, self._end = start, self.tick, beat * TICKS
        self._off_grid = self.tick
        self._step = candidates[later] / ticks
        self._tempo = 60.0 / self._line.period
        self.relocks += 1
