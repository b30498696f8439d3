"""The beat grid as a clock follows it: beats announced one by one, smoothed to a straight line.

Announced beats scatter by some milliseconds, and a tempo that is sent on must not. An alpha-beta
filter (E. Brookner, *Tracking and Kalman Filtering Made Easy*, 1998, chapter 1), with the announced
period as a second measurement, takes most of the scatter away. Scatter changes sides; a tempo that
is changing leaves residuals on one side, and more so the announced period, which follows late.
Such a trend raises the gains. A beat that is far off is a new phase or tempo, taken as it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

TREND_GAIN = 0.6  # of the running mean of the residuals
TREND_SCALE = 0.03  # beats: a trend of this size is surely a change of tempo
PHASE_GAIN = (0.2, 0.7)  # without and with a trend
PERIOD_FROM_PHASE = (0.05, 0.2)
PERIOD_GAIN = (0.2, 0.0)  # of the announced period
NEW_PHASE = 0.125  # beats: 60 ms at 120 BPM
NEW_TEMPO = 0.12  # ratio, logarithmic


@dataclass(frozen=True)
class Grid:
    """A beat as announced to a clock, in host time (``time.perf_counter()``, seconds).

    beat : running index of the beat. number : place in the bar, 1 = downbeat, 0 = unknown.
    beats_per_bar : 0 where unknown. time : when it is heard. period : seconds to the next one, as
    predicted.

    Raises ``ValueError`` for a period that is not positive or a time that is not finite.
    """

    beat: int
    number: int
    beats_per_bar: int
    time: float
    period: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.period) and self.period > 0.0):
            raise ValueError(f"period is {self.period!r}; it must be positive seconds")
        if not math.isfinite(self.time):
            raise ValueError(f"time is {self.time!r}; it must be finite seconds")

    def number_of(self, beat: int) -> int:
        """Place in the bar of another beat of the same grid, 0 where unknown."""
        if self.number < 1 or self.beats_per_bar < 1:
            return 0
        return (self.number - 1 + beat - self.beat) % self.beats_per_bar + 1


@dataclass(frozen=True)
class GridLine:
    """Beat index to host time: ``time + (beat - self.beat) * period``, in seconds."""

    beat: int
    time: float
    period: float
    trend: float = 0.0  # beats, running mean of the residuals

    def time_of(self, beat: float) -> float:
        """Host time of a beat, in seconds."""
        return self.time + (beat - self.beat) * self.period

    def beat_at(self, time: float) -> float:
        """The inverse of :meth:`time_of`."""
        return self.beat + (time - self.time) / self.period

    def following(self, grid: Grid) -> GridLine:
        """The line with one more beat announced.

        Thread: any. Realtime-safe: no (Python).
        """
        residual = grid.time - self.time_of(grid.beat)
        # an index that jumps by whole beats (a count begun again) is no error of phase
        residual -= round(residual / self.period) * self.period
        ratio = math.log(grid.period / self.period)
        if abs(residual) > NEW_PHASE * self.period or abs(ratio) > NEW_TEMPO:
            return GridLine(grid.beat, grid.time, grid.period)
        trend = self.trend + TREND_GAIN * (residual / self.period - self.trend)
        change = min(1.0, (trend / TREND_SCALE) ** 2)
        period = self.period + between(PERIOD_GAIN, change) * (grid.period - self.period)
        period += between(PERIOD_FROM_PHASE, change) * residual
        time = grid.time - (1.0 - between(PHASE_GAIN, change)) * residual
        return GridLine(grid.beat, time, period, trend)


def between(ends: tuple[float, float], share: float) -> float:
    """From the first to the second, by ``share`` of 0 to 1."""
    return ends[0] + share * (ends[1] - ends[0])
