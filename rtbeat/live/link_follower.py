"""How an Ableton Link session is made to follow the beats announced: pure, without network.

A session has one tempo and one line of beats for all its members. Small errors of phase are bent
away by the tempo; a large one is a jump, which Link allows to those that bring a foreign clock.
"""

from __future__ import annotations

from dataclasses import dataclass

from rtbeat.grid_line import Grid, GridLine

BAR = 4  # beats, where the length of a bar is unknown
LARGE = 0.1  # beats: an error above this is a jump
SMALL = 0.004  # beats: one below this is left, 2 ms at 120 BPM
SPREAD = 4.0  # beats over which an error is bent away
SAME = 0.02  # BPM: Link rounds a beat to whole microseconds


@dataclass(frozen=True)
class Order:
    """What to do to the session. tempo : BPM to set, None = leave it. beat : where its line of
    beats has to be now, None = leave it."""

    tempo: float | None
    beat: float | None


class LinkFollower:
    """Follows the beats announced; host times are seconds. Thread: any one. Realtime-safe: no."""

    def __init__(self) -> None:
        self._line: GridLine | None = None
        self._grid: Grid | None = None

    @property
    def quantum(self) -> int:
        """Beats a bar, as members of the session count them."""
        return (self._grid.beats_per_bar if self._grid else 0) or BAR

    def follow(self, grid: Grid) -> None:
        """Take the beat announced last."""
        line = self._line
        first = GridLine(grid.beat, grid.time, grid.period)
        self._line = first if line is None else line.following(grid)
        self._grid = grid

    def lose(self) -> None:
        """The beat is lost: the session goes on as it is."""
        self._line = None

    def order(self, now: float, beat: float, tempo: float) -> Order | None:
        """What to do to a session that is at ``beat`` (for :attr:`quantum`) and goes at ``tempo``
        BPM; None for nothing."""
        if self._line is None or self._grid is None:
            return None
        grid, target = self._grid, 60.0 / self._line.period
        counted = grid.number > 0 and grid.beats_per_bar > 0
        place = self._line.beat_at(now) - grid.beat + max(0, grid.number - 1)
        cycle = self.quantum if counted else 1
        error = (place - beat + cycle / 2) % cycle - cycle / 2
        jump = abs(error) > LARGE
        if not jump and abs(error) > SMALL:
            target *= 1.0 + error / SPREAD
        order = Order(
            target if abs(target - tempo) > SAME else None, beat + error if jump else None
        )
        return None if order == Order(None, None) else order
