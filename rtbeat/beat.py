"""Records: one beat as it is announced, and all beats of a piece."""

from __future__ import annotations

from dataclasses import dataclass, field
from os import PathLike

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Beat:
    """A beat, announced. Times are stream time (seconds on the input's own sample counter).

    time : when the beat is in the input signal, every processing delay taken off.
    number : position in the bar, 1 = downbeat, 0 = unknown.
    tempo : BPM at this beat.
    confidence : 0..1, the chance that it is within 70 ms of a true beat.
    announced_at : stream time at which the beat was decided.
    """

    time: float
    number: int
    tempo: float
    confidence: float
    announced_at: float

    @property
    def lead(self) -> float:
        """Seconds from the announcement to the beat; positive means ahead of it."""
        return self.time - self.announced_at


@dataclass(frozen=True, eq=False)
class Beats:
    """All beats of a piece.

    times : float64 ``(n,)``, seconds, strictly rising.
    numbers : int64 ``(n,)``, position in the bar, 1 = downbeat, 0 = unknown.
    tempo : median tempo in BPM, nan with fewer than two beats.
    activation : float32 ``(frames,)``, 0..1, how much the model hears a beat in each frame.
    duration : seconds of audio.
    frame_rate : frames of ``activation`` a second.
    confidences : float64 ``(n,)``, 0..1, of each beat.
    announced_at : float64 ``(n,)`` stream times for an online run, else None.
    sample_rate : of the audio in Hz, None where it is not known.
    """

    times: NDArray[np.float64]
    numbers: NDArray[np.int64]
    tempo: float
    activation: NDArray[np.float32]
    duration: float
    frame_rate: float = 50.0
    confidences: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    announced_at: NDArray[np.float64] | None = None
    sample_rate: int | None = None

    def __len__(self) -> int:
        return len(self.times)

    @property
    def downbeats(self) -> NDArray[np.float64]:
        """Times of the beats with number 1, seconds."""
        return np.asarray(self.times[self.numbers == 1], np.float64)

    def save(self, path: str | PathLike[str], format: str | None = None) -> None:
        """Write the beats to ``path``, atomically; the format is told by the suffix or ``format``.

        Raises ``ValueError`` for a format that is not known, ``OSError`` where the file cannot be
        written. A file that was there before is replaced whole or not at all.
        """
        from rtbeat.formats import write

        write(self, path, format)


def median_tempo(times: NDArray[np.float64]) -> float:
    """Median tempo of rising beat times in BPM; nan with fewer than two."""
    return float(60.0 / np.median(np.diff(times))) if len(times) > 1 else float("nan")
