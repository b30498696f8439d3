"""Sample counter and host clock: a line through the lower envelope of arrival times.

A block is never handed over before its last sample exists, only at that moment or later. So of all
pairs (samples so far, host time of the call) those count that came earliest: the least of each half
second, and through these a line, whose slope is the true sample rate by the host's clock. After
lost input the pairs all lie later by more than a block; the line is then begun anew.

The idea of regressing host time on sample time is that of Ableton Link's ``HostTimeFilter``; the
envelope in place of the mean keeps the lateness of busy machines out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

BUCKET = 0.5  # seconds in which only the earliest arrival counts
MEMORY = 24  # buckets: 12 s
SLOPE_AFTER = 10  # buckets with which the rate is first trusted to be other than nominal
MOST_DRIFT = 3e-4  # of the rate; a crystal has 1e-4 at most
PATIENCE = 3  # buckets that must agree before a jump is believed


@dataclass(frozen=True)
class Line:
    """host time = origin + (count - anchor) / rate. Seconds and samples."""

    anchor: float
    origin: float
    rate: float

    def host_at(self, count: float) -> float:
        """Host time at which so many samples had arrived, seconds."""
        return self.origin + (count - self.anchor) / self.rate

    def count_at(self, host: float) -> float:
        """The inverse: samples that had arrived at a host time."""
        return self.anchor + (host - self.origin) * self.rate


class SampleClock:
    """The map between samples and host time of one stream, kept up to date.

    rate : nominal, Hz. tolerance : seconds by which arrivals may shift before it counts as a jump.

    Thread: one at a time. Realtime-safe: no.
    """

    def __init__(self, rate: float, tolerance: float = 0.01):
        self._nominal = rate
        self._tolerance = tolerance
        self.jumps = 0  # times that the line was begun anew
        self.lost = 0.0  # seconds by which those jumps were late, of all so far
        self._restart()

    def _restart(self) -> None:
        self._buckets: deque[tuple[int, float, float]] = deque(maxlen=MEMORY)
        self._line: Line | None = None

    @property
    def line(self) -> Line | None:
        """The map now; None before the first arrival. An immutable value."""
        return self._line

    def observe(self, arrivals: Iterable[tuple[int, float]]) -> None:
        """More arrivals in order: samples so far, host time in seconds."""
        for count, host in arrivals:
            self._add(count, host)
        if self._buckets:
            self._watch_for_jump()
            self._line = self._fit()

    def _add(self, count: int, host: float) -> None:
        bucket = int(count / (self._nominal * BUCKET))
        late = host - count / self._nominal
        if not self._buckets or self._buckets[-1][0] != bucket:
            self._buckets.append((bucket, count, late))
        elif late < self._buckets[-1][2]:
            self._buckets[-1] = (bucket, count, late)

    def _watch_for_jump(self) -> None:
        """Begin anew where the last few buckets are all later than those before, or all earlier,
        by more than the tolerance."""
        if len(self._buckets) <= PATIENCE:
            return
        late = np.array([bucket[2] for bucket in self._buckets])
        before, newest = late[:-PATIENCE], late[-PATIENCE:]
        gap = float(newest.min() - before[-4:].min())
        sudden = gap > self._tolerance or float(before[-4:].min() - newest.max()) > self._tolerance
        if sudden:
            kept = list(self._buckets)[-PATIENCE:]
            self._restart()
            self._buckets.extend(kept)
            self.jumps += 1
            self.lost += gap

    def _fit(self) -> Line:
        counts = np.array([bucket[1] for bucket in self._buckets], np.float64)
        late = np.array([bucket[2] for bucket in self._buckets])
        anchor = float(counts[-1])
        seconds = (counts - anchor) / self._nominal
        if len(late) < SLOPE_AFTER:
            at_anchor, drift = float(late.min()), 0.0
        else:
            at_anchor, drift = _envelope(seconds, late)
        rate = self._nominal / (1.0 + drift)
        return Line(anchor, anchor / self._nominal + at_anchor, rate)


def _envelope(seconds: np.ndarray, late: np.ndarray) -> tuple[float, float]:
    """Value at 0 and slope of a line under nearly all points: the steepness that fits them best in
    the median, then as high as the lowest of them allow."""
    rising = (late[None, :] - late[:, None])[np.triu_indices(len(late), 1)]
    running = (seconds[None, :] - seconds[:, None])[np.triu_indices(len(late), 1)]
    far = running > 0.3 * float(np.ptp(seconds))
    drift = float(np.clip(np.median(rising[far] / running[far]), -MOST_DRIFT, MOST_DRIFT))
    return float(np.quantile(late - drift * seconds, 0.1)), drift
