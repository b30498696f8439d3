"""The tempo around each beat of a piece, for formats that tell one with every beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SPAN = 2  # intervals on each side: one odd beat does not show, a change of tempo does


def local_tempi(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Tempo in BPM at each of the rising ``times`` in seconds, float64 ``(n,)``.

    It is that of the median of the two intervals before the beat and the two after it. nan where
    there are fewer than two beats.
    """
    if len(times) < 2:
        return np.full(len(times), np.nan)
    outside = np.full(SPAN, np.nan)
    intervals = np.concatenate([outside, np.diff(times), outside])
    around = np.lib.stride_tricks.sliding_window_view(intervals, 2 * SPAN)
    return np.asarray(60.0 / np.nanmedian(around, axis=1), np.float64)
