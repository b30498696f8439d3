"""Published beat annotations: JAMS and ``.beats`` text.

A beat is ``(seconds, position in the bar)``; the position is 1 for a downbeat, 0 where unknown.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

Beat = tuple[float, int]

SAME = 0.05  # seconds within which a beat and a downbeat are one event


def read_beats_text(path: Path) -> list[Beat]:
    """Beats of a text file: ``seconds`` or ``seconds position`` a line, parted by white space.

    A position ``9.3`` is the third beat of bar 9, as in the first Ballroom annotations. Raises
    ``ValueError`` for a line that is something else.
    """
    beats = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fields = line.split()
        if not fields:
            continue
        try:
            time = float(fields[0])
            if not math.isfinite(time):
                raise ValueError
            beats.append((time, _text_position(fields[1]) if len(fields) > 1 else 0))
        except ValueError:
            raise ValueError(
                f"{path}, line {number}: expected 'seconds position', found {line!r}"
            ) from None
    return beats


def _text_position(text: str) -> int:
    """``3``, ``3.0`` or ``bar.3`` -> 3."""
    whole, _, fraction = text.partition(".")
    return int(fraction) if fraction.strip("0") else int(whole)


def read_jams(path: Path) -> list[Beat]:
    """Beats of a JAMS file (https://jams.readthedocs.io, namespaces ``beat``, ``beat_position``).

    GTZAN-Rhythm keeps beats and downbeats apart, told by ``annotation_type`` in the sandbox; where
    the beats have no position of their own they are counted from the downbeats. Raises
    ``ValueError`` for a file that is not JAMS.
    """
    layers: dict[str, list[Beat]] = {}
    try:
        for annotation in json.loads(path.read_text(encoding="utf-8"))["annotations"]:
            if str(annotation["namespace"]).startswith("beat"):
                kind = (annotation.get("sandbox") or {}).get("annotation_type") or "beat"
                events = [
                    (float(e["time"]), _jams_position(e.get("value"))) for e in annotation["data"]
                ]
                layers.setdefault(str(kind), sorted(events))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a JAMS file with beats: {error!r}") from error
    beats = layers.get("beat", [])
    if len({position for _, position in beats}) > 1:  # one position for all tells nothing
        return beats
    return count_from_downbeats([t for t, _ in beats], [t for t, _ in layers.get("downbeat", [])])


def _jams_position(value: Any) -> int:
    """Position in the bar of a JAMS observation; 0 where it has none (null, NaN)."""
    if isinstance(value, dict):
        value = value.get("position")
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return 0
    return int(value) if value >= 1 and value == int(value) else 0


def count_from_downbeats(beats: list[float], downbeats: list[float]) -> list[Beat]:
    """Beats with positions counted from the downbeats (both rising, seconds).

    A pick-up is counted back from the first downbeat with the length of the first bar.
    """
    first = [i for i, time in enumerate(beats) if any(abs(time - bar) < SAME for bar in downbeats)]
    if not first:
        return [(time, 0) for time in beats]
    length = first[1] - first[0] if len(first) > 1 else 4
    numbers = [(i - first[0]) % length + 1 for i in range(first[0])]
    for start, stop in zip(first, [*first[1:], len(beats)], strict=True):
        numbers += range(1, stop - start + 1)
    return list(zip(beats, numbers, strict=True))
