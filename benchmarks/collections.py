"""Data folders: ``index.json``, one ``<id>.beats`` and one audio file a clip.

A beats file holds ``seconds<TAB>position in the bar`` a line, 1 = downbeat; the position is left
out or 0 where nobody knows it. ``index.json`` is a list of objects with at least ``id``; ``genre``
is used where it is given.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Item = TypeVar("Item")

SETS = ("test_gtzan", "test_spcup", "test_ballroom", "test_mdb")
AUDIO_SUFFIXES = (".opus", ".ogg", ".wav", ".flac", ".mp3", ".aiff", ".m4a")


class DataError(Exception):
    """A data folder that cannot be used; the message says which file and what to do."""


@dataclass(frozen=True, eq=False)
class Clip:
    """One annotated recording.

    collection : name of its folder. genre : "" where the index gives none.
    beats : float64 ``(n,)``, seconds, rising. positions : int64 ``(n,)``, 0 = unknown.
    group : what training keeps on one side of its validation split, usually the song itself.
    """

    collection: str
    id: str
    genre: str
    audio: Path
    beats: NDArray[np.float64]
    positions: NDArray[np.int64]
    group: str = ""


def read_beats(path: Path) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Times (seconds, rising) and positions of a beats file. Raises ``DataError``."""
    times, positions = [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fields = line.split()
        if not fields:
            continue
        try:
            times.append(float(fields[0]))
            positions.append(int(fields[1]) if len(fields) > 1 else 0)
        except ValueError:
            raise DataError(
                f"{path}, line {number}: expected 'seconds<TAB>position', found {line!r}"
            ) from None
    order = np.argsort(times, kind="stable")
    return np.array(times, np.float64)[order], np.array(positions, np.int64)[order]


def read_collection(folder: Path) -> list[Clip]:
    """All clips of a folder in the order of its index. Raises ``DataError``."""
    index = folder / "index.json"
    if not index.is_file():
        raise DataError(f"{folder} has no index.json; is it a data folder?")
    # ids may hold dots: only the last suffix is cut off
    audio = {p.stem: p for p in sorted(folder.iterdir()) if p.suffix.lower() in AUDIO_SUFFIXES}
    clips = []
    for entry in json.loads(index.read_text(encoding="utf-8")):
        name = entry["id"]
        beats = folder / f"{name}.beats"
        if name not in audio or not beats.is_file():
            raise DataError(f"{folder}: clip {name} needs an audio file and {beats.name}")
        times, positions = read_beats(beats)
        genre, group = entry.get("genre", ""), str(entry.get("group") or name)
        clips.append(Clip(folder.name, name, genre, audio[name], times, positions, group))
    return clips


def spread(items: list[Item], limit: int | None) -> list[Item]:
    """At most ``limit`` items, every k-th, so that all genres of a sorted list stay in."""
    if limit is None or len(items) <= limit:
        return items
    step = -(-len(items) // limit)
    return items[::step]


def kept_out(clips: Sequence[Clip]) -> list[Clip]:
    """The clips that training keeps out for validation."""
    from training.windows import keeps_out  # here, so that scoring loads nothing of training

    return [clip for clip in clips if keeps_out(clip.group)]


def find_clips(
    data: Path, sets: Sequence[str] | None, limit: int | None, validation: bool = False
) -> list[Clip]:
    """Clips of the folders asked for, or of every test folder that is there; ``validation`` takes
    only those that training keeps out. Raises ``DataError``."""
    names = sets or [name for name in SETS if (data / name).is_dir()]
    if not names:
        raise DataError(f"{data} holds none of {', '.join(SETS)}; name folders with --sets")
    clips = []
    for name in names:
        whole = read_collection(data / name)
        clips += spread(kept_out(whole) if validation else whole, limit)
    if not clips:
        raise DataError(f"training keeps none of the songs of {', '.join(names)} for validation")
    return clips
