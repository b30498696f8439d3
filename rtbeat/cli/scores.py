"""How good announced beats are, against the true ones.

F-measure and its window of 70 ms as in M. Davies, N. Degara, M. Plumbley, "Evaluation methods for
musical audio beat tracking algorithms", 2009; here over the whole piece, its start included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rtbeat.beat import Beat

WINDOW = 0.07  # seconds


@dataclass(frozen=True)
class Scores:
    """f_measure : 0..1. offset, lead : medians in seconds, of the right beats and of all; positive
    is late and early. first : stream time of the first announcement. nan where there is none.
    """

    f_measure: float
    offset: float
    lead: float
    first: float


def score(beats: Sequence[Beat], truth: ArrayLike) -> Scores:
    """Score announced ``beats`` against true times in seconds; both rise."""
    times = np.array([beat.time for beat in beats])
    true = np.asarray(truth, np.float64)
    offsets = matched_offsets(times, true)
    total = len(times) + len(true)
    return Scores(
        f_measure=2.0 * len(offsets) / total if total else float("nan"),
        offset=_median(offsets),
        lead=_median(np.array([beat.lead for beat in beats])),
        first=beats[0].announced_at if beats else float("nan"),
    )


def matched_offsets(times: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """``times - truth`` of the largest one-to-one matching within ``WINDOW``; both rise.

    Going through both in order finds it, as all windows are equally long.
    """
    offsets = []
    i = j = 0
    while i < len(times) and j < len(truth):
        offset = times[i] - truth[j]
        if abs(offset) <= WINDOW:
            offsets.append(offset)
        i += offset <= WINDOW
        j += offset >= -WINDOW
    return np.array(offsets, np.float64)


def _median(values: NDArray[np.float64]) -> float:
    return float(np.median(values)) if len(values) else float("nan")
