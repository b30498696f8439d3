"""Chains of beats: the search through activations, beat by beat, forward and backward.

From a sure beat the next is the peak of (distribution of the interval) x (activations); with it
the period is corrected, and so on to both ends. The distribution of the interval is a Gaussian
over log2(interval / period). Everything is in logarithms, so products are sums.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

from rtbeat.tempo import vertex

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

# added to activations before the logarithm: bounds what one unheard beat costs a chain
_FLOOR = 0.01
# the activation at which a beat neither helps nor harms its chain
_NEUTRAL = 0.1
# activations below this are silence: neither a beat nor the absence of one
_SILENT = 0.02
# a lag may leave the period by this factor at most
_REACH = 1.4


@nb.njit(nogil=True, cache=True)
def near_sound(activations, reach, out):  # type: ignore[no-untyped-def]
    """Which frames have an activation that is more than silence within ``reach`` frames: bool."""
    n = activations.shape[0]
    out[:] = False
    heard = -reach - 1
    for i in range(n):
        if activations[i] >= _SILENT:
            for k in range(max(0, heard + 1, i - reach), i):
                out[k] = True
            heard = i
        out[i] = i - heard <= reach


def log_evidence(activations: NDArray[np.float32], reach: int) -> tuple[Float64, NDArray[np.bool_]]:
    """Beat activations ``(frames,)``, 0..1 -> float64 log evidence for a beat in each frame.

    Frames further than ``reach`` from any sound tell nothing for or against a beat; the bools
    ``(frames,)`` that come with the evidence are False there.
    """
    clipped = np.clip(activations, 0.0, 1.0).astype(np.float64)
    known = np.empty(len(activations), np.bool_)
    near_sound(activations, reach, known)
    return np.log((clipped + _FLOOR) / (_NEUTRAL + _FLOOR)) * known, known


def log_lags(longest: float) -> Float64:
    """log2 of the lags 0, 1, 2 ... (0 for lag 0) that chains with periods to ``longest`` need."""
    return np.log2(np.maximum(np.arange(int(longest * _REACH) + 3), 1.0))


@nb.njit(nogil=True, cache=True)
def sure_beats(activations, strength, gap, out):  # type: ignore[no-untyped-def]
    """Frames that are most surely beats, best first, into out int64; gives their number.

    Largest of 2 x activation + activations convolved with ``strength``, the autocorrelation
    weighted by the prior, float64 (lags,), 0 or more; at least ``gap`` frames apart.
    """
    n = activations.shape[0]
    sureness = np.zeros(n, np.float64)
    total = 1e-12
    for lag in range(strength.shape[0]):
        total += 2.0 * strength[lag]
    for i in range(n):
        value = activations[i]
        if value < 0.02:
            continue
        sureness[i] += 2.0 * value
        for lag in range(1, strength.shape[0]):
            share = value * strength[lag] / total
            if i + lag < n:
                sureness[i + lag] += share
            if i >= lag:
                sureness[i - lag] += share
    count = 0
    while n > 0 and count < out.shape[0]:
        best = np.argmax(sureness)
        if sureness[best] <= 0.0:
            break
        out[count] = best
        count += 1
        sureness[max(0, best - gap) : best + gap + 1] = 0.0
    return count


@nb.njit(nogil=True, cache=True)
def anchor_on_grid(activations, beat, period):  # type: ignore[no-untyped-def]
    """The frame of the loudest of a grid's last four beats inside, -1 where none is inside.

    activations float32 (frames,); beat, period: frames from the first. A beat that is heard is
    moved to the peak within two frames.
    """
    n = activations.shape[0]
    at = beat + np.floor((n - 0.5 - beat) / period) * period
    anchor = -1
    most = -1.0
    for _ in range(4):
        frame = int(np.floor(at))
        at -= period
        if frame < 0 or frame >= n:
            continue
        peak = frame
        for k in range(max(0, frame - 2), min(n, frame + 3)):
            if activations[k] > activations[peak] + 0.05:
                peak = k
        if activations[peak] > most:
            most = activations[peak]
            anchor = peak
    return anchor


@nb.njit(nogil=True, cache=True)
def _walk(evidence, logs, anchor, step, period, width, gain, spread, low, high, out):  # type: ignore[no-untyped-def]
    """Beats from ``anchor`` (not included) in direction ``step`` (+1, -1) into ``out``.

    Outside the frames nothing is known, so evidence is 0 there and the interval alone decides;
    the walk ends with the first beat that falls outside. Gives the number of beats.
    """
    n = evidence.shape[0]
    at = anchor
    count = 0
    while count < out.shape[0]:
        middle = np.log2(period)
        best = -np.inf
        chosen = 0
        shortest = max(1, int(max(period / _REACH, period - spread + 0.5)))
        longest = int(min(period * _REACH + 1.0, period + spread + 0.5))
        for lag in range(shortest, longest + 1):
            octaves = (logs[lag] - middle) / width
            value = -0.5 * octaves * octaves
            there = at + step * lag
            if 0 <= there < n:
                value += evidence[there]
            if value > best:
                best = value
                chosen = lag
        at += step * chosen
        if at < 0 or at >= n:
            break
        out[count] = at
        count += 1
        # a beat that is hardly heard says little of the tempo
        trust = gain / (1.0 + np.exp(-evidence[at]))
        period = min(high, max(low, period + trust * (chosen - period)))
    return count


@nb.njit(nogil=True, cache=True)
def search_chain(evidence, logs, anchor, period, width, gain, spread, low, high, out):  # type: ignore[no-untyped-def]
    """One chain through ``anchor``, rising, into out int64; gives the number of its beats.

    evidence : float64 (frames,), log evidence of a beat. logs : of :func:`log_lags`.
    period : frames, at the anchor; it stays within ``low`` and ``high``.
    width : standard deviation of the interval, octaves.
    gain : 0..1, the part of an interval's deviation that the period follows.
    spread : frames an interval may be off the period at most (inf: by the width alone).
    """
    back = np.empty(out.shape[0], np.int64)
    behind = _walk(evidence, logs, anchor, -1, period, width, gain, spread, low, high, back)
    behind = min(behind, out.shape[0] - 1)
    for i in range(behind):
        out[i] = back[behind - 1 - i]
    out[behind] = anchor
    ahead = _walk(
        evidence, logs, anchor, 1, period, width, gain, spread, low, high, out[behind + 1 :]
    )
    return behind + 1 + ahead


@nb.njit(nogil=True, cache=True)
def _score(evidence, logs, chain, width, forget):  # type: ignore[no-untyped-def]
    """Evidence at the beats less the cost of uneven intervals.

    A beat ``forget`` frames before the last frame counts 1/e of one there.
    """
    last = evidence.shape[0] - 1
    score = 0.0
    for i in range(chain.shape[0]):
        value = evidence[chain[i]]
        if i > 1:
            turn = logs[chain[i] - chain[i - 1]] - logs[chain[i - 1] - chain[i - 2]]
            value -= 0.25 * (turn / width) ** 2
        score += value * np.exp((chain[i] - last) / forget)
    return score


@nb.njit(nogil=True, cache=True)
def best_chain(  # type: ignore[no-untyped-def]
    evidence, logs, anchors, periods, bonus, width, gain, spread, low, high, forget, scores, out
):
    """The best of the chains through ``anchors`` with ``periods``: (which, number of beats).

    anchors int64, periods, bonus (added to the score) float64, all (hypotheses,). The scores come
    into ``scores`` (hypotheses,), the beats of the best into ``out`` int64.
    """
    trial = np.empty(out.shape[0], np.int64)
    best = 0
    beats = 0
    for h in range(anchors.shape[0]):
        count = search_chain(
            evidence, logs, anchors[h], periods[h], width, gain, spread, low, high, trial
        )
        scores[h] = _score(evidence, logs, trial[:count], width, forget) + bonus[h]
        if h == 0 or scores[h] > scores[best]:
            best = h
            beats = count
            out[:count] = trial[:count]
    return best, beats


@nb.njit(nogil=True, cache=True)
def refine(evidence, chain, positions):  # type: ignore[no-untyped-def]
    """Beats in fractions of a frame, float64: the tops of parabolas around the chain's frames.

    Through the log evidence, so a bell-shaped peak is found exactly. Frame k covers k to k + 1:
    a symmetric peak in frame k is at k + 0.5.
    """
    n = evidence.shape[0]
    for i in range(chain.shape[0]):
        k = chain[i]
        # the interval may have drawn the chain to a frame beside the peak
        for beside in (k - 1, k + 1):
            if 0 <= beside < n and evidence[beside] > evidence[k]:
                k = beside
        positions[i] = k + 0.5
        if 0 < k < n - 1 and evidence[k] >= max(evidence[k - 1], evidence[k + 1]):
            positions[i] += vertex(evidence[k - 1], evidence[k], evidence[k + 1])


@nb.njit(nogil=True, cache=True)
def fit_grid(positions, weights, period, stiffness):  # type: ignore[no-untyped-def]
    """Straight line through beats one beat apart: (position of the last, period, deviation).

    positions, weights float64 (beats,). ``period`` is what the slope is drawn to, as strongly as
    ``stiffness`` beats that are one beat off the middle would (inf: it is the slope).
    The deviation is the weighted root mean square distance from the line, frames.
    """
    last = positions.shape[0] - 1
    total = weights.sum()
    middle = 0.0
    centre = 0.0
    for i in range(last + 1):
        middle += weights[i] * (i - last) / total
        centre += weights[i] * positions[i] / total
    across = 0.0
    along = 0.0
    for i in range(last + 1):
        x = i - last - middle
        across += weights[i] * x * (positions[i] - centre - x * period)
        along += weights[i] * x * x
    slope = period + across / (along + stiffness)
    spread = 0.0
    for i in range(last + 1):
        off = positions[i] - centre - (i - last - middle) * slope
        spread += weights[i] * off * off / total
    return centre - middle * slope, slope, np.sqrt(spread)
