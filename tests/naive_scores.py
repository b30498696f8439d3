"""Slow, obvious references of the scores."""

from __future__ import annotations

from collections.abc import Sequence


def most_hits(estimated: Sequence[float], reference: Sequence[float], window: float) -> int:
    """Size of the largest matching, by trying every one."""
    if not estimated:
        return 0
    first, rest = estimated[0], estimated[1:]
    best = most_hits(rest, reference, window)
    for j, true in enumerate(reference):
        if abs(first - true) <= window:
            others = [*reference[:j], *reference[j + 1 :]]
            best = max(best, 1 + most_hits(rest, others, window))
    return best
