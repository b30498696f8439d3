"""Tapped tempo: the taps of a performer to a period and a phase."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST = 8  # taps remembered
CHANGE = 0.25  # an interval that differs more from the period than this share begins a new tempo


class Taps:
    """Collects taps. tempo_range : BPM; taps further apart than its slowest beat start anew."""

    def __init__(self, tempo_range: tuple[float, float]):
        self._longest = 60.0 / tempo_range[0]
        self._shortest = 60.0 / tempo_range[1]
        self._times: list[float] = []

    def add(self, time: float) -> float | None:
        """One more tap at ``time`` (seconds); the period in seconds from the second tap on, None
        before. A tap too soon after the last one (a bounce) changes nothing."""
        interval = time - self._times[-1] if self._times else 0.0
        if self._times and interval < 0.6 * self._shortest:
            return self._period()
        period = self._period()
        if interval > 1.15 * self._longest:
            self._times.clear()
        elif period is not None and abs(interval / period - 1.0) > CHANGE:
            del self._times[:-1]
        self._times = [*self._times, time][-MOST:]
        return self._period()

    @property
    def beat(self) -> float:
        """Where the newest tap was meant to be, seconds: on the line through the taps."""
        if len(self._times) < 3:
            return self._times[-1]
        return float(np.polyval(self._line(), len(self._times) - 1))

    def _line(self) -> NDArray[np.float64]:
        """Slope and start of the line through the taps: least squares even out uneven fingers."""
        return np.polyfit(np.arange(len(self._times)), np.array(self._times), 1)

    def _period(self) -> float | None:
        if len(self._times) < 2:
            return None
        return float(np.clip(self._line()[0], self._shortest, self._longest))
