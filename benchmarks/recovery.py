"""How soon a tracker is right again, and how far off it is when music returns.

Times are seconds, float64 and rising; ``truth`` holds the beats that are right.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

CLOSE = 0.07  # seconds
TEMPO = 0.04  # share of the tempo
IN_A_ROW = 4  # beats for which it must be right


def beats_until_right(times: Float64, tempi: Float64, truth: Float64, at: float) -> int | None:
    """Number of the first beat from ``at`` on (the beat at ``at`` is 0) from which four beats in
    a row are right: announced within 70 ms, none besides them, and their tempo within 4 %. None
    where that never happens."""
    first = int(np.searchsorted(truth, at - 1e-3))
    for number in range(len(truth) - first - IN_A_ROW):
        wanted = truth[first + number : first + number + IN_A_ROW + 1]
        if _right(times, tempi, wanted):
            return number
    return None


def _right(times: Float64, tempi: Float64, wanted: Float64) -> bool:
    """``wanted``: four beats and the one after."""
    half = 0.5 * np.diff(wanted).mean()
    inside = (times > wanted[0] - half) & (times < wanted[-2] + half)
    if inside.sum() != IN_A_ROW:
        return False
    close = np.abs(times[inside] - wanted[:-1]) < CLOSE
    tempo = np.abs(tempi[inside] * np.diff(wanted) / 60.0 - 1.0) < TEMPO
    return bool(close.all() and tempo.all())


def phase_error(times: Float64, beat: float) -> float:
    """Seconds from ``beat`` to the nearest announced beat, positive = late; infinite without."""
    if len(times) == 0:
        return float("inf")
    return float(times[np.abs(times - beat).argmin()] - beat)
