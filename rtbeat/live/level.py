"""How loud the input is, and what to do about it.

Levels are in dB of full scale (0 dB: amplitude 1 for a peak, RMS 1 for a level). The signal is
measured in slots of 50 ms on its own sample counter, so that the result does not depend on how it
is cut into blocks. Contents: :class:`LevelMeter`, ``REMEDY``.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

FLOOR = -120.0  # dB shown for digital silence
SLOTS_A_SECOND = 20
RMS_SLOTS = 10  # half a second
PEAK_SLOTS = 40  # two seconds

NO_SIGNAL = -75.0  # dB of peak: under it nothing is connected, or it is muted
TOO_QUIET = -45.0  # dB of peak: below, noise of -65 dB RMS, as of a plain sound card, costs beats
HYSTERESIS = 6.0  # dB above a threshold at which its advice goes away
CLIPPED = 0.999  # amplitude that a converter gives when it can give no more
CLIPPED_SAMPLES = 5  # in one slot; a single one is also the top of a well-mastered record

REMEDY = {
    "": "",
    "no signal": "no signal: check the cable, the mute switch and the input chosen",
    "too quiet": "too quiet: turn up the input gain or move the microphone closer",
    "clipping": "clipping: turn down the input gain or move the microphone away",
}
"""What to do, in words, for each advice of :attr:`LevelMeter.advice`."""


class LevelMeter:
    """Level, peak and advice for a stream of blocks. sample_rate : Hz.

    Thread: one feeds it, any may read. Realtime-safe: no.
    """

    def __init__(self, sample_rate: int):
        self._slot = max(1, round(sample_rate / SLOTS_A_SECOND))  # samples
        self.reset()

    def reset(self) -> None:
        """Forget the signal."""
        self._energies: deque[float] = deque(maxlen=RMS_SLOTS)
        self._peaks: deque[float] = deque(maxlen=PEAK_SLOTS)
        self._clips: deque[bool] = deque(maxlen=PEAK_SLOTS)
        self._level = self._peak_level = FLOOR
        self._advice = ""
        self._begin_slot()

    def _begin_slot(self) -> None:
        self._count, self._peak = 0, 0.0
        self._energy, self._clipped = np.zeros(1), np.zeros(1)  # of each channel

    def process(self, block: NDArray[Any]) -> None:
        """Take in audio: float ``(frames,)`` or ``(frames, channels)``, full scale 1, any number
        of frames. The loudest channel counts; samples that are not finite count as silence."""
        samples = np.nan_to_num(np.asarray(block, np.float32), nan=0.0, posinf=0.0, neginf=0.0)
        samples = samples[:, None] if samples.ndim == 1 else samples
        while len(samples):
            room = self._slot - self._count
            self._measure(samples[:room])
            samples = samples[room:]
            if self._count == self._slot:
                self._end_slot()

    def _measure(self, samples: NDArray[np.float32]) -> None:
        loudness = np.abs(samples)
        self._energy = self._energy + np.square(samples, dtype=np.float64).sum(axis=0)
        self._peak = max(self._peak, float(loudness.max()))
        self._clipped = self._clipped + (loudness >= CLIPPED).sum(axis=0)
        self._count += len(samples)

    def _end_slot(self) -> None:
        self._energies.append(float(self._energy.max()) / self._slot)
        self._peaks.append(self._peak)
        self._clips.append(bool(self._clipped.max() >= CLIPPED_SAMPLES))
        mean = sum(self._energies) / len(self._energies)
        self._level = max(FLOOR, 10.0 * math.log10(max(mean, 1e-12)))
        self._peak_level = max(FLOOR, 20.0 * math.log10(max(*self._peaks, 1e-6)))
        self._advice = self._advise()
        self._begin_slot()

    @property
    def level(self) -> float:
        """RMS of the last half second, dB of full scale, ``FLOOR`` or more."""
        return self._level

    @property
    def peak(self) -> float:
        """Largest amplitude of the last two seconds, dB of full scale, ``FLOOR`` or more."""
        return self._peak_level

    @property
    def advice(self) -> str:
        """``"clipping"`` (at once, and until two seconds are free of it), ``"no signal"`` or
        ``"too quiet"`` (after two seconds of it, until 6 dB above), otherwise ``""``."""
        return self._advice

    def _advise(self) -> str:
        if any(self._clips):
            return "clipping"
        if len(self._peaks) < PEAK_SLOTS:
            return ""
        if self.peak < self._threshold("no signal", NO_SIGNAL):
            return "no signal"
        return "too quiet" if self.peak < self._threshold("too quiet", TOO_QUIET) else ""

    def _threshold(self, advice: str, least: float) -> float:
        """Harder to leave than to enter, or a level near it makes the words flicker."""
        return least + HYSTERESIS if self._advice == advice else least
