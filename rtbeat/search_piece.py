"""The search through a whole piece, forward and backward from its surest beats."""

from __future__ import annotations

import math

import numpy as np

from rtbeat.decoder import Activations
from rtbeat.meter import downbeat_strength, number_beats
from rtbeat.searcher import MUSIC, Float32, Float64, Int64, Searcher, checked_bars

# of a whole piece: the part of an interval's deviation that the period follows
_GAIN = 0.15
# loudness below which its first and last beats are dropped
_AUDIBLE = 0.05
# beats on either side of a beat that tell its position in the bar
_AROUND = 16
# logistic model of a hit within 70 ms: constant, loudness, unevenness (periods)
_CONFIDENCE = (-0.6, 6.6, -4.5)


def search_beats(
    activations: Activations,
    frame_rate: float = 50.0,
    tempo_range: tuple[float, float] = (40.0, 240.0),
    beats_per_bar: int | None = None,
    constant_tempo: bool = False,
) -> tuple[Float64, Int64, Float64]:
    """All beats of a piece: the search forward and backward from its surest beats.

    activations : float32 ``(frames, 2)``. constant_tempo : intervals stay within 3 frames of the
    piece's period. Gives positions in frames (float64, rising), numbers (int64, 1 = downbeat, 0 =
    unknown) and confidences (float64, 0..1), each ``(beats,)``; empty where no beat is heard.
    Before the first and after the last beat that is heard there are none.

    Raises ``ValueError`` for activations of another shape and for options outside their range.
    """
    if activations.ndim != 2 or activations.shape[1] != 2:
        raise ValueError(
            f"activations have shape {activations.shape}; they must be (frames, 2), beat, downbeat"
        )
    searcher = Searcher(frame_rate, tempo_range, gain=_GAIN)
    bars = checked_bars(beats_per_bar)
    beats = np.ascontiguousarray(activations[:, 0], np.float32)
    frames, positions = _whole_chain(searcher, beats, constant_tempo)
    downs = np.empty(len(frames))
    downbeat_strength(np.ascontiguousarray(activations, np.float32), frames, downs)
    return positions, number_beats(downs, bars, _AROUND), _confidences(positions, beats[frames])


def _whole_chain(searcher: Searcher, beats: Float32, constant: bool) -> tuple[Int64, Float64]:
    """Frames and positions of the piece's beats, from the first to the last that is heard."""
    tempi, sure, _ = searcher.listen(beats)
    if not tempi or len(sure) == 0:
        return np.zeros(0, np.int64), np.zeros(0)
    rows, periods = np.tile(sure, len(tempi)), np.repeat(tempi, len(sure))
    bonus = np.zeros(len(rows))
    chain = searcher.search(beats, rows, periods, bonus, MUSIC, math.inf, constant)
    heard = np.flatnonzero(beats[chain.frames] >= _AUDIBLE)
    inside = slice(heard[0], heard[-1] + 1) if len(heard) else slice(0)
    return chain.frames[inside], chain.positions[inside]


def _confidences(positions: Float64, loud: Float32) -> Float64:
    """Chance that each beat is right, from how loud and even the beats around it are."""
    if len(positions) < 3:
        return np.full(len(positions), 0.5)
    turn = np.abs(np.diff(positions, 2)) / np.median(np.diff(positions))
    kernel = np.ones(min(9, len(positions)))
    weight = np.convolve(np.ones(len(positions)), kernel, "same")
    around = np.convolve(loud, kernel, "same") / weight
    uneven = np.convolve(np.pad(turn, 1, "edge"), kernel, "same") / weight
    constant, heard, deviation = _CONFIDENCE
    exponent = constant + heard * around + deviation * uneven
    return np.asarray(1.0 / (1.0 + np.exp(-exponent)), np.float64)
