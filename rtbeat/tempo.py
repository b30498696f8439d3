"""Tempo from beat activations: autocorrelation, weighted by a prior on the tempo.

The prior is log-normal (a Gaussian over log2 of the tempo): people hear and tap ratios of tempi,
most gladly near two beats a second (van Noorden and Moelants, "Resonance in the perception of
musical pulse", JNMR 28(1), 1999; Ellis, "Beat tracking by dynamic programming", JNMR 36(1), 2007).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from rtbeat.decoder import TempoCandidate

# lags of up to this many periods sharpen a period: k periods are measured k times as finely
_MULTIPLES = 4


@dataclass(frozen=True)
class TempoPrior:
    """Which tempi are believed before anything is heard.

    centre : the most likely tempo, BPM.
    width : standard deviation of log2(tempo), octaves.
    minimum, maximum : tempi outside are never given, BPM.

    The defaults are those under which the autocorrelation of beat activations is right most often.
    The centre is above the mean tempo of music (near 110) because the autocorrelation is as strong
    at every multiple of a period as at the period itself.

    Raises ``ValueError`` for values that are not positive and finite, or an empty range.
    """

    centre: float = 140.0
    width: float = 1.0
    minimum: float = 40.0
    maximum: float = 240.0

    def __post_init__(self) -> None:
        for name in ("centre", "width", "minimum", "maximum"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} is {value!r}; it must be a positive, finite number")
        if self.minimum >= self.maximum:
            raise ValueError(
                f"minimum is {self.minimum!r} and maximum {self.maximum!r} BPM; "
                "the minimum must be below the maximum"
            )

    def weight(self, tempo: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weights 0..1 (float64, 1 at the centre) of tempi in BPM; 0 outside the range."""
        octaves = np.log2(tempo / self.centre)
        inside = (tempo >= self.minimum) & (tempo <= self.maximum)
        return np.where(inside, np.exp(-0.5 * (octaves / self.width) ** 2), 0.0)


@nb.njit(nogil=True, cache=True)
def _autocorrelation(values, out):  # type: ignore[no-untyped-def]
    """Mean product of values that far apart; values float32 (n,), out float64 (lags,)."""
    n = values.shape[0]
    mean = np.float64(0.0)
    for i in range(n):
        mean += values[i]
    mean /= max(n, 1)
    centred = np.empty(n, np.float64)
    for i in range(n):
        centred[i] = values[i] - mean
    out[:] = 0.0
    for i in range(n):
        value = centred[i]
        for lag in range(min(out.shape[0], n - i)):
            out[lag] += value * centred[i + lag]
    # the mean product is fair to long lags, but of a few products it would be mere chance
    for lag in range(out.shape[0]):
        out[lag] /= max(n - lag, n // 2, 1)


def autocorrelation(activations: NDArray[np.float32], lags: int) -> NDArray[np.float64]:
    """Autocorrelation of beat activations ``(frames,)`` less their mean, at lags 0 to lags - 1.

    float64 ``(lags,)``; a lag's sum is divided by the pairs of frames in it (by half of the
    frames where there are fewer), so that long lags are not at a disadvantage.
    """
    out = np.empty(lags, np.float64)
    _autocorrelation(np.ascontiguousarray(activations, np.float32), out)
    return out


@nb.njit(nogil=True, cache=True)
def vertex(left, middle, right):  # type: ignore[no-untyped-def]
    """Where the parabola through three points at -1, 0, 1 is highest; 0 where it has no top."""
    bend = left - 2.0 * middle + right
    if bend >= 0.0:
        return 0.0
    return min(0.5, max(-0.5, 0.5 * (left - right) / bend))


@nb.njit(nogil=True, cache=True)
def _sharpen(strength, lag, multiples):  # type: ignore[no-untyped-def]
    """Period, in fractions of a frame, whose peak is at integer ``lag`` of the autocorrelation."""
    period = lag + vertex(strength[lag - 1], strength[lag], strength[lag + 1])
    for k in range(2, multiples + 1):
        middle = int(period * k + 0.5)
        peak = middle
        for i in range(middle - 1, middle + 2):
            if i + 1 < strength.shape[0] and strength[i] > strength[peak]:
                peak = i
        if peak + 1 >= strength.shape[0] or strength[peak] < 0.3 * strength[lag]:
            break
        if strength[peak] < strength[peak - 1] or strength[peak] < strength[peak + 1]:
            break  # not a peak: the tempo varies too much for this many periods
        period = (peak + vertex(strength[peak - 1], strength[peak], strength[peak + 1])) / k
    return period


def lags_needed(frame_rate: float, prior: TempoPrior) -> int:
    """How many lags of the autocorrelation :func:`candidates_in` needs."""
    return _MULTIPLES * (math.floor(60.0 * frame_rate / prior.minimum) + 1) + 3


def candidates_in(
    strength: NDArray[np.float64], frame_rate: float, prior: TempoPrior, count: int
) -> list[TempoCandidate]:
    """As :func:`tempo_candidates`, from an autocorrelation of :func:`lags_needed` lags."""
    longest = math.floor(60.0 * frame_rate / prior.minimum) + 1
    shortest = max(2, math.ceil(60.0 * frame_rate / prior.maximum) - 1)
    lags = np.arange(shortest, longest + 1)
    here = strength[lags]
    peaks = lags[(here > 1e-9) & (here >= strength[lags - 1]) & (here > strength[lags + 1])]
    if len(peaks) == 0:
        return []
    periods = np.array([_sharpen(strength, lag, _MULTIPLES) for lag in peaks])
    tempi = 60.0 * frame_rate / periods
    weights = strength[peaks] * prior.weight(tempi)
    order = np.argsort(-weights, kind="stable")[:count]
    order = order[weights[order] > 0.0]
    total = weights[order].sum()
    return [TempoCandidate(float(tempi[i]), float(weights[i] / total)) for i in order]


def tempo_candidates(
    activations: NDArray[np.float32],
    frame_rate: float,
    prior: TempoPrior | None = None,
    count: int = 5,
) -> list[TempoCandidate]:
    """The most likely tempi of beat activations ``(frames,)`` at ``frame_rate`` frames a second.

    At most ``count``, best first, inside the prior's range; the weights sum to 1. Empty where the
    activations repeat at no lag (silence, or less than two beats of signal). Periods are finer
    than a frame: the peaks are interpolated, at two to four periods' lag where there is one.
    Raises ``ValueError`` for activations of another shape or a frame rate that is not positive.
    """
    if np.ndim(activations) != 1:
        raise ValueError(
            f"activations have shape {np.shape(activations)}; they must be (frames,): beats only"
        )
    if not (math.isfinite(frame_rate) and frame_rate > 0):
        raise ValueError(f"frame_rate is {frame_rate!r}; it must be a positive, finite number")
    prior = prior or TempoPrior()
    strength = autocorrelation(activations, lags_needed(frame_rate, prior))
    return candidates_in(strength, frame_rate, prior, count)
