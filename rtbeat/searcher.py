"""One search of a stretch of activations: the best chain of several tempi and phases."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rtbeat.chain import best_chain, log_evidence, log_lags, refine, sure_beats
from rtbeat.tempo import TempoPrior, autocorrelation, candidates_in, lags_needed

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

MUSIC = TempoPrior(centre=130.0, width=0.6, minimum=1.0, maximum=2000.0)
"""What tempi music has. It weighs chains, which unlike the autocorrelation tell a period from its
double, and so differs from the prior there."""

# units of evidence a second that the prior of a chain's tempo is worth
_PRIOR_RATE = 0.3
# standard deviation of an interval, octaves, and frames it may be off where the tempo is constant
_WIDTH = 0.12
_CONSTANT = 3.0
_TEMPI = 5
_ANCHORS = 4


def checked_prior(frame_rate: float, tempo_range: tuple[float, float]) -> TempoPrior:
    """The prior of the autocorrelation for these options; ``ValueError`` if they make no sense."""
    if not (math.isfinite(frame_rate) and frame_rate > 0):
        raise ValueError(f"frame_rate is {frame_rate!r}; it must be a positive, finite number")
    try:
        return TempoPrior(minimum=tempo_range[0], maximum=tempo_range[1])
    except ValueError as error:
        raise ValueError(f"tempo_range is {tempo_range!r}: {error}") from None


def checked_bars(beats_per_bar: int | None) -> tuple[int, ...]:
    """Numbers of beats a bar may have; ``ValueError`` if the option makes no sense."""
    if beats_per_bar is None:
        return 2, 3, 4
    if beats_per_bar != int(beats_per_bar) or not 2 <= beats_per_bar <= 16:
        raise ValueError(
            f"beats_per_bar is {beats_per_bar!r}; it must be None or a whole number 2 to 16"
        )
    return (int(beats_per_bar),)


class Chain(NamedTuple):
    """Consecutive beats that a search has found.

    frames int64, positions float64 (with fractions), both ``(beats,)``; period : frames, of the
    hypothesis it is from; which : that one's index; scores : float64, of all hypotheses.
    """

    frames: Int64
    positions: Float64
    period: float
    which: int
    scores: Float64


class Searcher:
    """Searches one stretch of activations; knows the ranges, holds no state of the music."""

    def __init__(self, frame_rate: float, tempo_range: tuple[float, float], gain: float):
        self.rate = frame_rate
        self.prior = checked_prior(frame_rate, tempo_range)
        self.shortest = 60.0 * frame_rate / self.prior.maximum
        self.longest = 60.0 * frame_rate / self.prior.minimum
        self.gain = gain
        self.logs = log_lags(self.longest)
        tempi = 60.0 * frame_rate / np.arange(1, int(self.longest) + 2)
        self._lag_weights = np.concatenate(([0.0], self.prior.weight(tempi)))

    def inside(self, period: float) -> float:
        """The nearest period (frames) inside the tempo range."""
        return min(self.longest, max(self.shortest, period))

    def check_period(self, period: float) -> None:
        """Raise ``ValueError`` for a period (frames) outside the tempo range."""
        if not self.shortest - 1e-9 <= period <= self.longest + 1e-9:
            raise ValueError(
                f"period is {period!r} frames; the tempo range "
                f"{self.prior.minimum:g} to {self.prior.maximum:g} BPM allows "
                f"{self.shortest:.2f} to {self.longest:.2f}"
            )

    def listen(self, beats: Float32) -> tuple[list[float], Int64, float]:
        """Beat activations -> periods, the surest beats (frames), how periodic it is (0..1)."""
        strength = autocorrelation(beats, lags_needed(self.rate, self.prior))
        tempi = candidates_in(strength, self.rate, self.prior, _TEMPI)
        weighted = np.maximum(strength[: len(self._lag_weights)], 0.0) * self._lag_weights
        sure = np.empty(_ANCHORS, np.int64)
        count = sure_beats(beats, weighted, int(self.shortest), sure)
        inside = strength[int(self.shortest) : int(self.longest) + 1]
        periodic = float(inside.max() / strength[0]) if strength[0] > 1e-9 else 0.0
        periods = [60.0 * self.rate / tempo.tempo for tempo in tempi]
        return periods, sure[:count], min(1.0, max(0.0, periodic))

    def search(
        self,
        beats: Float32,
        anchors: Int64,
        periods: Float64,
        bonus: Float64,
        music: TempoPrior,
        forget: float,
        constant: bool,
    ) -> Chain:
        """The best of the chains that the hypotheses give.

        anchors, periods, bonus ``(hypotheses,)``: frames, frames, score added; ``music`` weighs
        the tempi; ``forget`` frames ago evidence counts 1/e. constant : the period stays.
        """
        evidence, known = log_evidence(beats, int(self.longest))
        span = np.exp(np.flatnonzero(known[::-1]) / -forget).sum()
        octaves = np.log2(60.0 * self.rate / periods / music.centre) / music.width
        bonus = bonus - 0.5 * octaves**2 * (_PRIOR_RATE / self.rate * span)
        out = np.empty(int(len(beats) / self.shortest * 2.0) + 4, np.int64)
        scores = np.empty(len(anchors))
        gain, spread = (0.0, _CONSTANT) if constant else (self.gain, np.inf)
        which, count = best_chain(
            evidence, self.logs, anchors, periods, bonus, _WIDTH, gain, spread,
            self.shortest, self.longest, forget, scores, out,
        )  # fmt: skip
        positions = np.empty(count)
        refine(evidence, out[:count], positions)
        return Chain(out[:count], positions, float(periods[which]), which, scores)
