"""Scores of beat trackers, online ones above all.

Conventions
-----------
* Times are seconds on the audio's own clock, 1-D arrays in rising order unless stated.
* *Events* are float64 ``(n, 2)``: beat time and the time at which the beat was announced.
* A beat is right within ``WINDOW`` = 70 ms, ends included, and a true beat counts once.
* A score that a clip cannot tell (no bars annotated, say) is nan and left out of means.

Metrics
-------
* :func:`f_measure`, :func:`f_first` - S. Dixon, "Evaluation of the audio beat tracking system
  BeatRoot", JNMR 36(1), 2007.
* :func:`conditional_f`, :func:`lead_curve`, :func:`heard_f` - F of what came in time, and of what
  could be heard.
* :func:`continuity` - CMLt and AMLt: M. Davies et al., "Evaluation methods for musical audio beat
  tracking algorithms", Queen Mary University of London, C4DM-TR-09-06, 2009.
* :func:`downbeat_f`, :func:`bias`, :func:`time_to_lock`, :func:`octave_switches`
* :func:`tempo_right` - F. Gouyon et al., "An experimental comparison of audio tempo induction
  algorithms", IEEE TASLP 14(5), 2006.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

try:
    import mir_eval
except ImportError:  # CMLt and AMLt are then nan
    mir_eval = None

Float64 = NDArray[np.float64]

WINDOW = 0.07
LEADS = tuple(round(0.02 * step, 2) for step in range(-10, 11))  # of the lead curve, seconds
LEVELS = np.log2([0.5, 1.0, 2.0])  # metrical levels an octave switch goes between


def times_of(values: ArrayLike) -> Float64:
    """Any list of times as float64 ``(n,)`` in rising order."""
    return np.sort(np.asarray(values, np.float64).ravel())


def events_of(values: ArrayLike) -> Float64:
    """Any list of (beat time, announced at) as float64 ``(n, 2)``."""
    return np.asarray(values, np.float64).reshape(-1, 2)


def match(estimated: Float64, reference: Float64, window: float = WINDOW) -> NDArray[np.int64]:
    """Largest one-to-one matching of two rising lists of times, each pair within ``window``.

    Returns int64 ``(hits, 2)``: indices of the estimated and the reference times. Taking the
    earliest pair that fits is as good as any other matching, since all windows are equally long.
    """
    pairs = []
    i = j = 0
    while i < len(estimated) and j < len(reference):
        offset = estimated[i] - reference[j]
        if abs(offset) <= window:
            pairs.append((i, j))
            i += 1
            j += 1
        elif offset < 0:
            i += 1
        else:
            j += 1
    return np.array(pairs, np.int64).reshape(-1, 2)


def f_measure(
    estimated: ArrayLike, reference: ArrayLike, window: float = WINDOW, trim: float = 0.0
) -> float:
    """F-measure, 0..1; ``trim`` leaves out everything before that second. Nothing found: 0."""
    est, ref = times_of(estimated), times_of(reference)
    est, ref = est[est >= trim], ref[ref >= trim]
    if len(est) == 0 or len(ref) == 0:
        return 0.0
    return 2.0 * len(match(est, ref, window)) / (len(est) + len(ref))


def f_first(estimated: ArrayLike, reference: ArrayLike, seconds: float = 5.0) -> float:
    """F-measure of the first ``seconds`` alone; nan where no true beat lies in them."""
    est, ref = times_of(estimated), times_of(reference)
    ref = ref[ref < seconds]
    return f_measure(est[est < seconds], ref) if len(ref) else float("nan")


def conditional_f(
    events: ArrayLike, reference: ArrayLike, lead: float = 0.0, trim: float = 0.0
) -> float:
    """cF@L: F-measure of the beats announced at least ``lead`` seconds ahead; others are dropped.

    A negative lead lets beats through that were announced up to that much late.
    """
    pairs = events_of(events)
    # announcements fall on the grid of samples; the slack only forgives rounding
    in_time = pairs[:, 1] <= pairs[:, 0] - lead + 1e-9
    return f_measure(pairs[in_time, 0], reference, trim=trim)


def heard_f(events: ArrayLike, reference: ArrayLike, trim: float = 0.0) -> float:
    """F-measure of the beats as they can be heard at best: at max(beat time, announced at)."""
    return f_measure(events_of(events).max(axis=1), reference, trim=trim)


def lead_curve(events: ArrayLike, reference: ArrayLike) -> Float64:
    """cF@L for every lead in ``LEADS`` (-200 .. 200 ms), from one run; float64 ``(21,)``."""
    return np.array([conditional_f(events, reference, lead) for lead in LEADS])


def continuity(estimated: ArrayLike, reference: ArrayLike) -> tuple[float, float]:
    """CMLt and AMLt of the whole clip, 0..1 each, from mir_eval; nan where it is not installed."""
    if mir_eval is None:
        return float("nan"), float("nan")
    est, ref = times_of(estimated), times_of(reference)
    if len(est) < 2 or len(ref) < 2:
        return 0.0, 0.0
    _, correct, _, any_level = mir_eval.beat.continuity(ref, est)
    return float(correct), float(any_level)


def downbeat_f(
    estimated: ArrayLike, numbers: ArrayLike, reference: ArrayLike, positions: ArrayLike
) -> float:
    """F-measure of the downbeats (number or position 1); nan where the truth has no bars."""
    true = np.asarray(reference, np.float64)[np.asarray(positions) == 1]
    if len(true) == 0:
        return float("nan")
    return f_measure(np.asarray(estimated, np.float64)[np.asarray(numbers) == 1], true)


def bias(estimated: ArrayLike, reference: ArrayLike) -> float:
    """Median offset of the right beats in seconds, positive = late; nan without right beats."""
    est, ref = times_of(estimated), times_of(reference)
    pairs = match(est, ref)
    return float(np.median(est[pairs[:, 0]] - ref[pairs[:, 1]])) if len(pairs) else float("nan")


def tempo_right(estimated: ArrayLike, reference: ArrayLike, octaves: bool = False) -> float:
    """1 where the median tempo is within 4 % of the true one, else 0 (accuracy 1).

    ``octaves`` also accepts a half, a third, twice and three times the tempo (accuracy 2). nan
    where the truth has fewer than two beats.
    """
    est, ref = times_of(estimated), times_of(reference)
    if len(ref) < 2:
        return float("nan")
    if len(est) < 2:
        return 0.0
    ratio = np.median(np.diff(ref)) / np.median(np.diff(est))  # tempo over true tempo
    accepted = np.array([1.0, 0.5, 1 / 3, 2.0, 3.0] if octaves else [1.0])
    return float(np.any(np.abs(ratio / accepted - 1.0) <= 0.04))


def median_tempo(reference: ArrayLike) -> float:
    """Tempo of the median interval, BPM; nan of fewer than two beats."""
    intervals = np.diff(times_of(reference))
    return 60.0 / float(np.median(intervals)) if len(intervals) else float("nan")


def time_to_lock(estimated: ArrayLike, reference: ArrayLike, in_a_row: int = 4) -> float:
    """Time of the first of ``in_a_row`` beats given in a row that are right for true beats in a
    row, seconds; inf where that never happens."""
    est, ref = times_of(estimated), times_of(reference)
    pairs = match(est, ref)
    run = 0
    for k in range(len(pairs)):
        run = run + 1 if k and np.all(pairs[k] - pairs[k - 1] == 1) else 1
        if run == in_a_row:
            return float(est[pairs[k + 1 - in_a_row, 0]])
    return float("inf")


def octave_switches(estimated: ArrayLike, reference: ArrayLike) -> float:
    """How often a minute the tracker changes between half, equal and double the true tempo.

    The level of a beat is its interval, as the median of four, against the true interval there;
    what is further than a fifth of an octave from every level counts as none. nan where the truth
    has fewer than two beats.
    """
    est, ref = times_of(estimated), times_of(reference)
    if len(ref) < 2:
        return float("nan")
    if len(est) < 6:
        return 0.0
    intervals = np.median(np.lib.stride_tricks.sliding_window_view(np.diff(est), 4), axis=1)
    middles = est[2:-2]
    periods = np.interp(middles, (ref[1:] + ref[:-1]) / 2, np.diff(ref))
    distance = np.abs(np.log2(periods / intervals)[:, None] - LEVELS)
    levels = distance.argmin(axis=1)[distance.min(axis=1) <= 0.2]
    return float(np.count_nonzero(np.diff(levels)) / ((ref[-1] - ref[0]) / 60.0))
