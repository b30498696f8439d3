"""Beats that a person has corrected: checked, and put in the place of those found."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from rtbeat.beat import Beats, median_tempo

MOST_A_SECOND = 50  # beats
HIGHEST_NUMBER = 64


def corrected(beats: Beats, body: Any) -> Beats:
    """``beats`` with those of ``body``: ``{"beats": [{"time", "number"}, ...]}``, times in seconds
    rising inside the song, numbers 0 (unknown) to ``HIGHEST_NUMBER``.

    How sure they are is not known any more. Raises ``ValueError`` in one sentence.
    """
    given = body.get("beats") if isinstance(body, dict) else None
    if not isinstance(given, list):
        raise ValueError('send an object with the key "beats", a list')
    most = int(beats.duration * MOST_A_SECOND)
    if len(given) > most:
        raise ValueError(f"there are {len(given)} beats; this song can have {most} at most")
    times = [_time(index, beat, beats.duration) for index, beat in enumerate(given, 1)]
    for index, (before, time) in enumerate(pairwise(times), 2):
        if time <= before:
            raise ValueError(f"beat {index}: its time does not rise; sort the beats by time")
    numbers = [_number(index, beat) for index, beat in enumerate(given, 1)]
    array = np.array(times, np.float64)
    return replace(
        beats,
        times=array,
        numbers=np.array(numbers, np.int64),
        tempo=median_tempo(array),
        confidences=np.zeros(0),
    )


def _time(index: int, beat: Any, duration: float) -> float:
    time = beat.get("time") if isinstance(beat, dict) else None
    if isinstance(time, bool) or not isinstance(time, (int, float)) or not 0 <= time < duration:
        raise ValueError(f"beat {index}: its time must be from 0 to {duration:.3f} seconds")
    return float(time)


def _number(index: int, beat: dict[str, Any]) -> int:
    number = beat.get("number")
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= HIGHEST_NUMBER:
        raise ValueError(f"beat {index}: its number must be whole, 0 to {HIGHEST_NUMBER}")
    return number
