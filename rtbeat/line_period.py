"""The period of beats announced one by one, from a line through the latest of them.

A decoder knows the tempo only as finely as its states lie and as its evidence of the moment; beats
that have passed at a steady tempo tell it to a few hundredths of a BPM. The line is as long as the
beats lie on it: after a change of tempo it begins anew.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LONGEST = 16  # beats
SHORTEST = 4
FIT = 0.025  # of a period: beats further from the line do not belong to it
AGREES = 0.02  # of the decoder's period; a line that says otherwise is of another tempo


def line_period(times: Sequence[float], told: float) -> float:
    """Seconds a beat: the slope of the least-squares line through the last beats, at most
    ``LONGEST`` and as many as it fits; ``told``, the decoder's, where it fits too few.

    times : of beats one period apart, seconds, rising.
    """
    recent = np.array(times, np.float64)[-LONGEST:]
    while len(recent) >= SHORTEST:
        index = np.arange(len(recent)) - (len(recent) - 1) / 2
        slope = float(index @ recent / (index @ index))
        off = np.abs(recent - recent.mean() - slope * index)
        if off.max() <= FIT * told and abs(slope - told) <= AGREES * told:
            return slope
        recent = recent[1:]
    return told
