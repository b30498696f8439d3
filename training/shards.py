"""Feature shards: many excerpts in one ``.npz``, what training reads.

Stored is the logarithm of mel power as float16, before the features' own compression, so that
training can change level, tone and noise without touching audio again.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FLOOR = 1e-12  # mel power of digital silence, as stored
RENDERED = "midi"  # source of the shards of training.render


def source_of(path: Path) -> str:
    """What a shard's music comes from: its name up to the last dash."""
    return path.stem.rsplit("-", 1)[0]


def to_log(mel: NDArray[np.float32]) -> NDArray[np.float16]:
    """Mel power ``(frames, bands)`` as stored."""
    return np.log(mel + FLOOR).astype(np.float16)


@dataclass
class Excerpt:
    """One stretch of music.

    mel : ``(frames, bands)`` float16, see :func:`to_log`.
    beats : beat times in frames (float; frame k covers k to k + 1).
    numbers : position in the bar, 1 = downbeat, 0 = unknown.
    labelled : first and last frame where the beats may be trusted.
    taught : what a teacher hears, float16 ``(frames, 2)``, where there is one.
    """

    name: str
    mel: NDArray[np.float16]
    beats: NDArray[np.float64]
    numbers: NDArray[np.int64]
    labelled: tuple[int, int]
    group: str = ""
    taught: NDArray[np.float16] | None = None


@dataclass
class ShardWriter:
    """Collects excerpts and writes them as one file, atomically."""

    path: Path
    excerpts: list[Excerpt] = field(default_factory=list)

    def add(self, excerpt: Excerpt) -> None:
        self.excerpts.append(excerpt)

    def close(self) -> None:
        """Write the shard; a file of that name is replaced whole or not at all."""
        arrays: dict[str, NDArray[np.generic]] = {
            "names": np.array([e.name for e in self.excerpts]),
            "groups": np.array([e.group for e in self.excerpts]),
            "frames": np.array([len(e.mel) for e in self.excerpts]),
            "counts": np.array([len(e.beats) for e in self.excerpts]),
            "labelled": np.array([e.labelled for e in self.excerpts]).reshape(-1, 2),
            "mel": np.concatenate([e.mel for e in self.excerpts]),
            "beats": np.concatenate([e.beats for e in self.excerpts]),
            "numbers": np.concatenate([e.numbers for e in self.excerpts]),
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_name(f".{self.path.name}.part")
        try:
            with open(partial, "wb") as file:
                np.savez(file, **arrays)
            os.replace(partial, self.path)
        finally:
            partial.unlink(missing_ok=True)


def read_shard(path: Path) -> list[Excerpt]:
    """All excerpts of one file."""
    with np.load(path, allow_pickle=False) as data:
        arrays = {key: data[key] for key in data.files}
    frame_ends = np.cumsum(arrays["frames"])
    beat_ends = np.cumsum(arrays["counts"])
    excerpts = []
    for i, name in enumerate(arrays["names"]):
        frames = slice(frame_ends[i] - arrays["frames"][i], frame_ends[i])
        beats = slice(beat_ends[i] - arrays["counts"][i], beat_ends[i])
        low, high = (int(edge) for edge in arrays["labelled"][i])
        excerpts.append(
            Excerpt(
                str(name),
                arrays["mel"][frames],
                arrays["beats"][beats],
                arrays["numbers"][beats],
                (low, high),
                str(arrays["groups"][i]),
            )
        )
    return excerpts
