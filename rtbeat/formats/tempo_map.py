"""Tempo map of a piece in MIDI's terms: ticks, whole microseconds a quarter note, bars.

Every beat is a quarter note with a tempo of its own, chosen so that the sum of all before it comes
out right: rounding never adds up, and each beat is right to within a microsecond.

Every downbeat starts a bar. A bar is as long as the way to the next downbeat; beats before the
first downbeat are an upbeat, a shorter bar. A beat whose place is not known is a bar of 1/4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from rtbeat.beat import Beats
from rtbeat.formats.quarters import SHORTEST, Quarter, period, quarters

TICKS = 960  # a quarter note
MOST_BEATS = 64  # in a bar; a longer one is cut
USUAL_TEMPO = 500_000  # microseconds a quarter note, 120 BPM: MIDI's own where none is told


@dataclass(frozen=True)
class TempoMap:
    """Times are ticks from the start of the audio.

    tempi : (tick, microseconds a quarter note). meters : (tick, beats, note value), each at the
    start of a bar. Both begin at 0 and change with every entry. beats : (tick, number) of the beats
    heard. end : of the audio.
    """

    tempi: tuple[tuple[int, int], ...]
    meters: tuple[tuple[int, int, int], ...]
    beats: tuple[tuple[int, int], ...]
    end: int


def tempo_map(beats: Beats) -> TempoMap:
    """The map of all beats from 0 s on."""
    grid = quarters(beats)
    if not grid:
        end = _ticks_until(beats.duration, 0.0, USUAL_TEMPO)
        return TempoMap(((0, USUAL_TEMPO),), ((0, 4, 4),), (), end)
    ticks = [0]
    for quarter in grid[:-1]:
        ticks.append(ticks[-1] + 4 * TICKS // quarter.note)
    tempi = _tempi(grid)
    return TempoMap(
        _changes(list(zip(ticks, tempi, strict=True))),
        _meters(grid, ticks),
        tuple((tick, q.number) for tick, q in zip(ticks, grid, strict=True) if q.heard),
        ticks[-1] + _ticks_until(beats.duration, grid[-1].time, tempi[-1]),
    )


def _tempi(grid: list[Quarter]) -> list[int]:
    """Microseconds a quarter note from each point on; the last goes on as before."""
    tempi: list[int] = []
    elapsed = 0  # in 1/16 of a microsecond: whole even for a sixty-fourth note
    for quarter, following in pairwise(grid):
        left = 16e6 * following.time - elapsed
        tempi.append(max(1, round(left * quarter.note / 64)))
        elapsed += tempi[-1] * 64 // quarter.note
    usual = period([quarter.time for quarter in grid if quarter.heard])
    last = tempi[-1] if tempi and grid[-2].note == 4 else round(1e6 * usual)
    return [*tempi, max(last, round(1e6 * SHORTEST))]


def _ticks_until(end: float, start: float, tempo: int) -> int:
    return max(0, math.ceil(1e6 * (end - start) / tempo * TICKS))


def _changes(entries: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Entries without those that say what holds already."""
    before = [None, *(value for _, value in entries)]
    return tuple(entry for entry, old in zip(entries, before, strict=False) if entry[1] != old)


def _meters(grid: list[Quarter], ticks: list[int]) -> tuple[tuple[int, int, int], ...]:
    starts = _bar_starts(grid)
    meters: list[tuple[int, int, int]] = []
    for start, stop in zip(starts, [*starts[1:], len(grid)], strict=True):
        length, note = stop - start, grid[start].note
        if meters and stop == len(grid) and grid[start].number and meters[-1][2] == note:
            length = max(length, meters[-1][1])  # the music may end before the bar does
        if not meters or (length, note) != meters[-1][1:]:
            meters.append((ticks[start], length, note))
    return tuple(meters)


def _bar_starts(grid: list[Quarter]) -> list[int]:
    starts = [0]
    for index in range(1, len(grid)):
        here, before = grid[index].number, grid[index - 1].number
        if here <= 1 or before == 0 or index - starts[-1] == MOST_BEATS:
            starts.append(index)
    return starts
