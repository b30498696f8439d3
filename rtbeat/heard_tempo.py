"""The tempo that the network hears, beside the beats: how likely each of a row of tempi is.

Half and double of a tempo have the same beats, or every other one. Which of them people tap is told
by instruments and patterns, which the network hears and activations no longer show.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]

A_OCTAVE = 8  # tempi an octave, 9 % apart
TEMPI: Float64 = 36.0 * 2.0 ** (np.arange(24) / A_OCTAVE)  # BPM, 36 to 264
HEADS = tuple(f"tempo {tempo:.2f}" for tempo in TEMPI)
COLUMNS = slice(2, 2 + len(TEMPI))  # of the activations; beat and downbeat come first
# what is left to a tempo that the network holds impossible: it may be wrong
LEFT = 0.02


class Between(NamedTuple):
    """Where the tempi of a decoder lie between those of :data:`TEMPI`."""

    low: NDArray[np.int64]  # (J,): index of the tempo below
    share: Float64  # (J,): 0..1 of the way to the next


def between(periods: Float64, frame_rate: float) -> Between:
    """For periods float64 ``(J,)`` in frames; those outside of the row count as its ends."""
    place = np.log2(60.0 * frame_rate / periods / TEMPI[0]) * A_OCTAVE
    place = np.clip(place, 0.0, len(TEMPI) - 1.0)
    low = np.minimum(place.astype(np.int64), len(TEMPI) - 2)
    return Between(low, place - low)


def log_evidence(activations: Float32) -> Float32:
    """Log of the chance of each tempo over the mean chance, float32 ``(frames, 24)``, from
    activations ``(frames, heads)``; 0 where the model tells no tempo."""
    heard = activations[:, COLUMNS].astype(np.float32)
    if heard.shape[1] < len(TEMPI):
        return np.zeros((len(activations), len(TEMPI)), np.float32)
    heard += LEFT
    return np.asarray(np.log(heard / heard.mean(axis=1, keepdims=True)), np.float32)


def at_periods(evidence: Float32, place: Between) -> Float64:
    """Evidence of one frame float32 ``(24,)`` -> float64 ``(J,)``."""
    low, high = evidence[place.low], evidence[place.low + 1]
    return np.asarray(low + place.share * (high - low), np.float64)
