"""Which clicks are to be heard for a beat, and when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtbeat.beat import Beat
from rtbeat.click import SOUNDS, click_sound

Float32 = NDArray[np.float32]

PLAIN, ACCENT, SUBDIVISION = 0, 1, 2  # the prepared sounds
SUBDIVISION_GAIN = 0.35
CLICK_MODES = {"beats": 1, "downbeats": 0, "halves": 2, "thirds": 3, "quarters": 4}


@dataclass(frozen=True)
class ClickOptions:
    """What is clicked, and how.

    on : from the start. sound : see ``rtbeat.click.SOUNDS``. volume : 0..1. mode : one of
    ``CLICK_MODES``: every beat, downbeats only, or every beat in 2, 3 or 4 parts. offset : seconds
    later than the beat; negative is really earlier. heard : whether the microphone may hear them.
    """

    on: bool = False
    sound: str = "click"
    volume: float = 0.7
    mode: str = "beats"
    offset: float = 0.0
    heard: bool = True

    def __post_init__(self) -> None:
        if self.sound not in SOUNDS:
            raise ValueError(
                f"click sound is {self.sound!r}; it must be one of {', '.join(SOUNDS)}"
            )
        if self.mode not in CLICK_MODES:
            modes = ", ".join(CLICK_MODES)
            raise ValueError(f"click mode is {self.mode!r}; it must be one of {modes}")
        if not 0.0 <= self.volume <= 1.0:
            raise ValueError(f"click volume is {self.volume}; it must be from 0 to 1")


@dataclass(frozen=True)
class Click:
    """A click that is to be heard at stream time ``time``: a prepared sound and its gain."""

    time: float
    sound: int
    gain: float


def click_sounds(sound: str, sample_rate: int) -> list[Float32]:
    """The prepared sounds, indexed by ``PLAIN``, ``ACCENT`` and ``SUBDIVISION``."""
    plain = click_sound(sound, sample_rate)
    return [plain, click_sound(sound, sample_rate, accent=True), plain * SUBDIVISION_GAIN]


def plan_clicks(beat: Beat, options: ClickOptions, volume: float) -> list[Click]:
    """The clicks of one beat, with those between it and the next as its tempo has it."""
    start = beat.time + options.offset
    parts = CLICK_MODES[options.mode]
    planned = []
    if parts or beat.number == 1:
        planned.append(Click(start, ACCENT if beat.number == 1 else PLAIN, volume))
    for part in range(1, parts):
        planned.append(Click(start + part / parts * 60.0 / beat.tempo, SUBDIVISION, volume))
    return planned
