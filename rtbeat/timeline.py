"""Beats and time: one immutable value with an exact inverse.

Clicks, clocks and displays read the same timeline; none keeps a beat counter of its own.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

MOST_KNOTS = 64


@dataclass(frozen=True)
class Timeline:
    """Musical position as a function of stream time: straight between the beats announced.

    times : stream times of beats in seconds, strictly rising, at least one.
    beats : musical position of each, in beats, strictly rising by whole numbers; position 0 is a
        downbeat where downbeats are known.
    period : seconds a beat, after the last of them and before the first.
    """

    times: tuple[float, ...]
    beats: tuple[int, ...]
    period: float

    def beat_at(self, time: float) -> float:
        """Musical position at ``time``, in beats. Strictly rising, exact at every beat."""
        i = bisect_right(self.times, time) - 1
        if i < 0:
            return self.beats[0] + (time - self.times[0]) / self.period
        if i == len(self.times) - 1:
            return self.beats[-1] + (time - self.times[-1]) / self.period
        share = (time - self.times[i]) / (self.times[i + 1] - self.times[i])
        return self.beats[i] + share * (self.beats[i + 1] - self.beats[i])

    def time_of(self, beat: float) -> float:
        """Stream time of a musical position: the inverse of :meth:`beat_at`."""
        i = bisect_right(self.beats, beat) - 1
        if i < 0:
            return self.times[0] + (beat - self.beats[0]) * self.period
        if i == len(self.beats) - 1:
            return self.times[-1] + (beat - self.beats[-1]) * self.period
        share = (beat - self.beats[i]) / (self.beats[i + 1] - self.beats[i])
        return self.times[i] + share * (self.times[i + 1] - self.times[i])

    def extended(self, time: float, period: float, beats: int = 1) -> Timeline:
        """With one more beat at ``time``, so many beats after the last (more than one where some
        were never told); the oldest are dropped beyond a minute or so of music.

        Raises ``ValueError`` where ``time`` is not after the last beat.
        """
        if time <= self.times[-1]:
            raise ValueError(f"beats must rise: {time} s is not after {self.times[-1]} s")
        return Timeline(
            (*self.times, time)[-MOST_KNOTS:],
            (*self.beats, self.beats[-1] + beats)[-MOST_KNOTS:],
            period,
        )
