"""Whether there is anything in the sound that a beat could be in, before any network.

Silence, a hum, the hiss of an amplifier, wind and noise of any colour have none: their bands rise
and fall at random, so that the sum of the rises is nearly the same in every frame. In music, weak
as its beats may be, it is not.

Thread: one at a time (the engine's). Realtime-safe: no.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from rtbeat.features import FeatureConfig

SILENCE = 1e-4  # amplitude of the loudest band under which a hop is silent: -80 dB of full scale
SILENT_SECONDS = 1.0  # of silence after which there is nothing to hear
STEADY = 0.5  # spread of the rises over their mean, under which a sound is steady
FLOOR = 0.003  # added to their mean: rises too small to matter
LOUDEST = 50.0  # level that samples beyond all bounds count as
MEMORY_SECONDS = 2.0
LEAST_SECONDS = 0.3  # of sound, before which nothing is known
VARIED_SECONDS = 0.2  # for which it must not have been steady
BANDS = 10  # taken together, so that noise evens out
ONSET_HOPS = 4  # after silence, while the analysis window fills: its rise says nothing
LARGEST = 4.0  # a rise counts as so many times the mean at most: one alone is no music


class Sound:
    """Looks at the features of each hop. config : of the features."""

    def __init__(self, config: FeatureConfig):
        self._rate = config.frame_rate
        self._bands = config.bands
        self._level = math.log1p(config.scale * SILENCE)
        self._keep = 1.0 - 1.0 / (MEMORY_SECONDS * self._rate)
        self.reset()

    def reset(self) -> None:
        """Forget all sound."""
        self._silent = 0  # hops
        self._sounding = self._varied = 0  # hops
        self._before: NDArray[np.float32] | None = None
        self._count = self._sum = self._squares = 0.0

    def hear(self, frame: NDArray[np.float32]) -> None:
        """Features ``(F,)`` of one more hop: the bands, then their rises."""
        levels = np.nan_to_num(frame[: self._bands], posinf=LOUDEST)
        silent = float(levels.max()) < self._level
        self._silent = self._silent + 1 if silent else 0
        self._sounding = 0 if silent else self._sounding + 1
        groups = levels[: self._bands // BANDS * BANDS].reshape(-1, BANDS).mean(axis=1)
        if self._before is not None and self._sounding > ONSET_HOPS:
            self._note(float(np.maximum(groups - self._before, 0.0).mean()))
        self._before = groups
        self._varied = 0 if self._steady else self._varied + 1

    def _note(self, rise: float) -> None:
        if self._known:
            rise = min(rise, LARGEST * (self._sum / self._count + FLOOR))
        self._count = self._count * self._keep + 1.0
        self._sum = self._sum * self._keep + rise
        self._squares = self._squares * self._keep + rise * rise

    def skip(self, hops: int) -> None:
        """So many hops were not heard; they count as silent."""
        self._silent += hops
        self._sounding = 0

    @property
    def can_hold_beats(self) -> bool:
        """False after a second of silence, and while the sound is steady."""
        silent = self._silent > SILENT_SECONDS * self._rate
        return not silent and self._varied >= VARIED_SECONDS * self._rate

    @property
    def _known(self) -> bool:
        return self._count >= LEAST_SECONDS * self._rate

    @property
    def _steady(self) -> bool:
        if not self._known:
            return True
        mean = self._sum / self._count
        spread = math.sqrt(max(0.0, self._squares / self._count - mean * mean))
        return spread < STEADY * (mean + FLOOR)
