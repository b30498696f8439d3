"""The tracker's own clicks as a microphone hears them again, as mel power to be added to music."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from rtbeat.click import SOUNDS, click_sound
from rtbeat.features import FeatureConfig, MelStream

RATE = 22_050
STEPS = 8  # places of a click in a frame
FRAMES = 16  # that one click is heard in

Float32 = NDArray[np.float32]


@cache
def click_power(config: FeatureConfig, sound: str, accent: bool) -> Float32:
    """Mel power ``(STEPS, FRAMES, bands)`` of a click that starts ``i / STEPS`` into frame 0."""
    click = click_sound(sound, RATE, accent)
    hop = RATE / config.frame_rate
    power = np.zeros((STEPS, FRAMES, config.bands), np.float32)
    for step in range(STEPS):
        start = int(hop * step / STEPS)
        audio = np.zeros(int(hop * (FRAMES + 1)), np.float32)
        audio[start : start + len(click)] = click[: len(audio) - start]
        power[step] = MelStream(config, RATE).process(audio)[:FRAMES]
    return power


def click_track(
    times: NDArray[np.float64], frames: int, config: FeatureConfig, rng: np.random.Generator
) -> Float32:
    """Mel power ``(frames, bands)`` of clicks of a random sound at ``times`` (frames), every so
    many of them accented."""
    sound, bar = str(rng.choice(SOUNDS)), int(rng.integers(1, 6))
    out = np.zeros((frames, config.bands), np.float32)
    for i, time in enumerate(times):
        place = int(np.floor(time * STEPS))
        first, step = divmod(place, STEPS)
        if 0 <= first < frames:
            part = click_power(config, sound, i % bar == 0)[step][: frames - first]
            out[first : first + len(part)] += part
    return out


def click_times(
    beats: NDArray[np.float64], frames: int, frame_rate: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Where clicks fall: 0 to 60 ms after each beat, or, as often, on a grid of a wrong tempo."""
    if rng.random() < 0.5 and len(beats):
        return beats + frame_rate * rng.uniform(0.0, 0.06)
    period = frame_rate * 60.0 / (60.0 * 2 ** rng.uniform(0.0, 1.6))
    return np.arange(rng.uniform(0, period), frames, period)
