"""Figures over many clips or beats: means with their uncertainty, calibration of confidences."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def mean(values: ArrayLike) -> float:
    """Mean of what is not nan; nan of nothing."""
    known = np.asarray(values, np.float64)
    known = known[~np.isnan(known)]
    return float(known.mean()) if len(known) else float("nan")


def bootstrap_interval(
    values: ArrayLike, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean (B. Efron, Annals of Statistics 7(1), 1979).

    nan values are left out; the same seed gives the same interval. (nan, nan) of fewer than two.
    """
    known = np.asarray(values, np.float64)
    known = known[~np.isnan(known)]
    if len(known) < 2:
        return float("nan"), float("nan")
    picks = np.random.default_rng(seed).integers(len(known), size=(draws, len(known)))
    means = known[picks].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def difference(values: ArrayLike, baseline: ArrayLike) -> tuple[float, tuple[float, float]]:
    """Mean of ``values - baseline`` over the same clips in the same order, and its 95 % interval.

    Being paired it holds what a change does, not how clips differ; nan in either leaves a clip out.
    """
    changes = np.asarray(values, np.float64) - np.asarray(baseline, np.float64)
    return mean(changes), bootstrap_interval(changes)


def calibration_error(confidences: ArrayLike, right: ArrayLike, bins: int = 10) -> float:
    """Expected calibration error, 0..1: mean distance of the confidence from the share that is
    right, over equal bins of confidence weighted by their beats (M. Naeini et al., AAAI 2015).

    nan without beats.
    """
    stated = np.asarray(confidences, np.float64)
    hits = np.asarray(right, np.float64)
    if len(stated) == 0:
        return float("nan")
    index = np.minimum((stated * bins).astype(np.int64), bins - 1)
    gap = np.bincount(index, weights=stated - hits, minlength=bins)
    return float(np.abs(gap).sum() / len(stated))
