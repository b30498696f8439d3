"""A line through the latest of the beats announced: steady tempo and steady phase.

A decoder knows tempo and phase only as finely as its frames and states lie and as its evidence of
the moment; beats that have passed at a steady tempo tell both better. The line is as long as the
beats lie on it: after a change of tempo it begins anew. Screens and clocks follow the line, where a
tempo that trembles would show; the beats themselves stay where the decoder heard them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LONGEST = 16  # beats
SHORTEST = 4
FIT = 0.025  # of a period: beats further from the line do not belong to it
AGREES = 0.02  # of the decoder's period; a line that says otherwise is of another tempo


@dataclass(frozen=True)
class BeatLine:
    """time : stream time of the newest beat by the line, seconds. period : seconds a beat."""

    time: float
    period: float


def beat_line(times: Sequence[float], told: float) -> BeatLine:
    """Least-squares line through the last beats, at most ``LONGEST`` and as many as it fits; where
    it fits too few, the newest beat with ``told``, the decoder's period.

    times : of beats one period apart, seconds, rising, at least one.
    """
    recent = np.array(times, np.float64)[-LONGEST:]
    while len(recent) >= SHORTEST:
        index = np.arange(len(recent)) - (len(recent) - 1) / 2
        slope = float(index @ recent / (index @ index))
        off = np.abs(recent - recent.mean() - slope * index)
        if off.max() <= FIT * told and abs(slope - told) <= AGREES * told:
            return BeatLine(float(recent.mean() + slope * index[-1]), slope)
        recent = recent[1:]
    return BeatLine(float(times[-1]), told)
