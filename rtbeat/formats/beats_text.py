"""Beats text: one ``time<TAB>number`` a line, seconds with 3 decimals.

What mir_eval, Sonic Visualiser and the research data sets read. ``number`` is the position in the
bar, 1 = downbeat; it is left out where it is not known.
"""

from __future__ import annotations

import math
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from rtbeat.beat import Beats


def encode(beats: Beats) -> bytes:
    """The file's bytes, one line a beat."""
    lines = (line(time, number) for time, number in zip(beats.times, beats.numbers, strict=True))
    return "".join(f"{text}\n" for text in lines).encode("ascii")


def line(time: float, number: int) -> str:
    """One beat without the line end; ``number`` 0 = unknown."""
    return f"{time:.3f}\t{number}" if number else f"{time:.3f}"


def read(path: str | PathLike[str]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Read beat times in seconds, float64 ``(n,)``, and numbers, int64 ``(n,)``, 0 = unknown.

    Any white space parts the columns; columns after the second, empty lines and lines from ``#``
    on are passed over. Raises ``ValueError`` naming the line where a time is not a number or does
    not rise, ``OSError`` where the file cannot be read.
    """
    times: list[float] = []
    numbers: list[int] = []
    with open(path, encoding="utf-8-sig") as file:
        for count, text in enumerate(file, 1):
            columns = text.split("#")[0].split()
            if not columns:
                continue
            place = f"{path}, line {count}: {text.strip()!r}"
            try:
                time, number = float(columns[0]), int(float((columns[1:] or ["0"])[0]))
            except (ValueError, OverflowError):
                raise ValueError(f"{place} does not give a beat's time and number") from None
            if not math.isfinite(time) or (times and time <= times[-1]):
                raise ValueError(f"{place} has a time that does not rise")
            times.append(time)
            numbers.append(number)
    return np.array(times, np.float64), np.array(numbers, np.int64)
