"""Tapped tempo: the taps of a performer to a period."""

from __future__ import annotations

import numpy as np

MOST = 8  # taps remembered


class Taps:
    """Collects taps. tempo_range : BPM; taps further apart than its slowest beat start anew."""

    def __init__(self, tempo_range: tuple[float, float]):
        self._longest = 60.0 / tempo_range[0]
        self._shortest = 60.0 / tempo_range[1]
        self._times: list[float] = []

    def add(self, time: float) -> float | None:
        """One more tap at ``time`` (seconds); the period in seconds from the second tap on, None
        before. A tap too soon after the last one (a bounce) changes nothing."""
        if self._times and time - self._times[-1] < 0.6 * self._shortest:
            return self._period()
        if self._times and time - self._times[-1] > 1.15 * self._longest:
            self._times.clear()
        self._times = [*self._times, time][-MOST:]
        return self._period()

    def _period(self) -> float | None:
        """Slope of the line through the taps: least squares even out uneven fingers."""
        if len(self._times) < 2:
            return None
        slope = np.polyfit(np.arange(len(self._times)), np.array(self._times), 1)[0]
        return float(np.clip(slope, self._shortest, self._longest))
