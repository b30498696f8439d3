"""Audacity label track: ``start<TAB>end<TAB>label`` a line, for File > Import > Labels.

A beat is a point: start and end are the same. The label is its position in the bar, empty where
unknown. Audacity offers files that end in ``.txt``.
"""

from __future__ import annotations

from rtbeat.beat import Beats


def encode(beats: Beats) -> bytes:
    """The file's bytes, one line a beat, seconds with 6 decimals as Audacity writes them."""
    lines = (
        f"{time:.6f}\t{time:.6f}\t{number or ''}\n"
        for time, number in zip(beats.times, beats.numbers, strict=True)
    )
    return "".join(lines).encode("ascii")
