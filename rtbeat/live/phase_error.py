"""How far announced beats were from those of the offline tracker.

The offline tracker hears the whole session before it decides. That is no truth, but the best there
is without one.

Contents: :func:`compare_phase` -> :class:`Phase`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtbeat.beat import Beats

Float64 = NDArray[np.float64]

TIGHT, LOOSE = 0.025, 0.070  # seconds: what people hear, what research counts as right


@dataclass(frozen=True)
class Phase:
    """Announced beats against those of the offline tracker.

    times, errors : float64 ``(n,)``, seconds, of the announced beats that have an offline beat
        within ``LOOSE``; positive is late. offline : float64, times of the offline beats.
    tight, loose : share of all announced beats within ``TIGHT`` and ``LOOSE``.
    """

    times: Float64
    errors: Float64
    tight: float
    loose: float
    offline: Float64

    @property
    def median(self) -> float:
        """Median error in seconds, nan without any."""
        return float(np.median(self.errors)) if len(self.errors) else float("nan")

    @property
    def spread(self) -> float:
        """Half of the errors lie within so many seconds of the median; nan without any."""
        if not len(self.errors):
            return float("nan")
        return float(np.median(np.abs(self.errors - self.median)))


def compare_phase(times: Float64, offline: Beats) -> Phase:
    """Each announced beat, seconds, against the nearest offline beat; those after the end of the
    audio have none and are left out."""
    times = times[times < offline.duration]
    if not len(times) or not len(offline):
        return Phase(np.zeros(0), np.zeros(0), 0.0, 0.0, offline.times)
    after = np.searchsorted(offline.times, times).clip(0, len(offline) - 1)
    before = (after - 1).clip(0)
    late, early = times - offline.times[before], times - offline.times[after]
    errors = np.where(np.abs(late) < np.abs(early), late, early)
    near = np.abs(errors) <= LOOSE
    tight = float(np.mean(np.abs(errors) <= TIGHT))
    return Phase(times[near], errors[near], tight, float(np.mean(near)), offline.times)
