"""What every decoder offers: activations in, a prediction of the next beat out.

Positions and intervals are in frames (float; frame k covers k to k + 1, a beat at ``k + 0.5`` is
in the middle of frame k). Two decoders are built in, :mod:`rtbeat.filter` and
:mod:`rtbeat.search`; others are found by the entry point group ``rtbeat.decoders``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Activations = NDArray[np.float32]
"""float32 ``(frames, 2)``: probability of a beat and of a downbeat in each frame."""


@dataclass(frozen=True)
class Prediction:
    """The next beat.

    frame : its position in frames since the start of the stream.
    period : frames from it to the beat after.
    number : its position in the bar, 1 = downbeat, 0 = unknown.
    confidence : 0..1, the chance that it is within 70 ms of a true beat.
    """

    frame: float
    period: float
    number: int
    confidence: float


@dataclass(frozen=True)
class TempoCandidate:
    """A tempo (BPM) with its weight; the weights of a list sum to 1."""

    tempo: float
    weight: float


@dataclass(frozen=True)
class TempoAlternative:
    """Another tempo that the music may be felt in.

    ratio : to the tempo followed. tempo : BPM. probability : 0..1.
    """

    ratio: float
    tempo: float
    probability: float


class Decoder(Protocol):
    """Follows the beat in a stream of activations.

    Thread: one at a time, not the audio callback. Realtime-safe: no.
    """

    def may_begin(self, confidence: float) -> bool:
        """Whether a prediction of such a confidence, 0..1, may be the first beat announced."""

    @property
    def presence(self) -> float:
        """0..1: how sure it is that there is a beat to follow at all."""

    @property
    def candidates(self) -> list[TempoCandidate]:
        """Tempi it holds possible, best first."""

    def update(self, window: Activations, newest: int) -> None:
        """Take in one more hop. The window's last row belongs to frame ``newest``; the rows
        before it may have changed since the hop before (the model has heard more since). A
        decoder that is new to the stream begins with the window's first row."""

    def skip(self, count: int) -> None:
        """The ``count`` frames after the newest went by unheard. The window's rows of them, and
        how many rows it has from then on, mean nothing."""

    def predict(self, after: float) -> Prediction | None:
        """The first beat later than ``after`` (frames), or None if there is none to tell.
        Changes nothing: asked twice, it answers the same."""

    def seed(self, frame: float, period: float, number: int = 0, by_hand: bool = True) -> None:
        """Believe from now on that a beat is at ``frame`` with the next ``period`` frames later;
        ``number`` is its position in the bar, 0 = as it was. ``by_hand``: a performer says so (a
        tap, a correction), and knows better than the music, as to the octave for good."""

    def probability(self, period: float) -> float:
        """0..1: how likely it holds a period of some 4 % about this one (frames)."""

    def set_follow(self, follow: float) -> None:
        """Turn the knob 0 (steady) .. 1 (follow) while running."""

    def lock_tempo(self, period: float | None) -> None:
        """Keep the period (frames) from now on; None frees it again."""

    def reset(self) -> None:
        """Forget everything; the next frame is frame 0."""


class OfflineDecoder(Protocol):
    """Finds all beats of a whole piece at once."""

    def __call__(
        self,
        activations: Activations,
        frame_rate: float = ...,
        tempo_range: tuple[float, float] = ...,
        beats_per_bar: int | None = ...,
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
        """Activations of the piece -> beat positions in frames, numbers, confidences."""
