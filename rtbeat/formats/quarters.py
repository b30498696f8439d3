"""Beats as an unbroken row of quarter notes from time 0 on: what a tempo map needs.

A tempo map has no holes. Where the music starts before its first beat and where it has a break,
there are quarters that nobody heard, evenly spaced; numbers are counted on where that is certain.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from rtbeat.beat import Beats

AT_ONCE = 0.004  # seconds: a first beat before this is put at 0, it would need over 900 BPM
LONGEST = 3.0  # seconds between two beats, 20 BPM; more is a break
SHORTEST = 0.06  # seconds, 1000 BPM; holes are not filled with shorter quarters than this
USUAL = 0.5  # seconds a beat where there are not two


@dataclass(frozen=True)
class Quarter:
    """A point of the grid.

    time : seconds. number : position in the bar, 0 = unknown. heard : whether it is one of the
    beats. note : 4, or for a lead-in shorter than a beat, the part of a whole note until the next
    point: 8, 16, 32 or 64.
    """

    time: float
    number: int
    heard: bool = True
    note: int = 4


def quarters(beats: Beats) -> list[Quarter]:
    """The grid, rising, its first point at 0; empty without beats. Beats before 0 are left out."""
    heard = [
        Quarter(float(time), int(number))
        for time, number in zip(beats.times, beats.numbers, strict=True)
        if time >= 0.0
    ]
    if not heard:
        return []
    grid = _numbered(_without_breaks(heard))
    if grid[0].time < AT_ONCE:
        return [replace(grid[0], time=0.0), *grid[1:]]
    return _lead_in(grid) + grid


def period(times: Sequence[float]) -> float:
    """Median interval in seconds, within what counts as one beat."""
    if len(times) < 2:
        return USUAL
    return float(np.clip(np.median(np.diff(times)), SHORTEST, LONGEST))


def _without_breaks(heard: list[Quarter]) -> list[Quarter]:
    usual = period([quarter.time for quarter in heard])
    grid = heard[:1]
    for quarter in heard[1:]:
        start, interval = grid[-1].time, quarter.time - grid[-1].time
        steps = 1
        if interval > LONGEST:
            steps = max(round(interval / usual), math.ceil(interval / LONGEST))
        grid += [Quarter(start + interval * k / steps, 0, False) for k in range(1, steps)]
        grid.append(quarter)
    return grid


def _numbered(grid: list[Quarter]) -> list[Quarter]:
    """Unknown numbers filled in where the known ones around leave no other way: 2 0 0 5."""
    numbers = [quarter.number for quarter in grid]
    known = [index for index, number in enumerate(numbers) if number]
    for left, right in pairwise(known):
        if right - left == numbers[right] - numbers[left]:
            numbers[left:right] = range(numbers[left], numbers[right])
    return [replace(q, number=number) for q, number in zip(grid, numbers, strict=True)]


def _lead_in(grid: list[Quarter]) -> list[Quarter]:
    """Quarters from 0 to the first beat; one shorter note where there is no room for a quarter."""
    first = grid[0]
    usual = period([quarter.time for quarter in grid[:5]])
    steps = round(first.time / usual)
    if steps == 0:
        notes = (note for note in (8, 16, 32) if first.time >= 0.75 * usual * 4 / note)
        return [Quarter(0.0, 0, False, next(notes, 64))]
    length = max(first.number, _bar_length([quarter.number for quarter in grid]))
    return [
        Quarter(
            first.time * k / steps,
            (first.number - 1 - (steps - k)) % length + 1 if first.number else 0,
            False,
        )
        for k in range(steps)
    ]


def _bar_length(numbers: list[int]) -> int:
    """Beats in the first whole bar, else the highest number there is."""
    downbeats = [index for index, number in enumerate(numbers) if number == 1]
    for left, right in pairwise(downbeats):
        if all(numbers[left:right]):
            return right - left
    return max(numbers)
