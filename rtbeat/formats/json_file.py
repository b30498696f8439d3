"""JSON: one object with the keys duration, tempo and beats.

``beats`` is a list of objects with the keys time, number (0 = unknown), confidence (null where it
is not known) and, for an online run, announced_at. Times are seconds; tempo is BPM, null with
fewer than two beats. Keys may be added in later versions, none is renamed or dropped.
"""

from __future__ import annotations

import json
import math
from typing import Any

from rtbeat.beat import Beats


def encode(beats: Beats) -> bytes:
    """The file's bytes: the object on one line."""
    return (json.dumps(as_object(beats)) + "\n").encode("ascii")


def as_object(beats: Beats) -> dict[str, Any]:
    """The object, of plain Python values only."""
    return {
        "duration": round(float(beats.duration), 6),
        "tempo": round(float(beats.tempo), 3) if math.isfinite(beats.tempo) else None,
        "beats": [_beat(beats, index) for index in range(len(beats))],
    }


def _beat(beats: Beats, index: int) -> dict[str, Any]:
    beat: dict[str, Any] = {
        "time": round(float(beats.times[index]), 6),
        "number": int(beats.numbers[index]),
        "confidence": None,
    }
    if len(beats.confidences):
        beat["confidence"] = round(float(beats.confidences[index]), 4)
    if beats.announced_at is not None:
        beat["announced_at"] = round(float(beats.announced_at[index]), 6)
    return beat
