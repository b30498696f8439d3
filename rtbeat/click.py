"""Clicks: sounds, sample-exact rendering, mixing with music.

Sounds are synthesised. Each starts with its full attack on its first sample, so a click placed on
sample n is heard from sample n on.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float32 = NDArray[np.float32]

# (frequency in Hz, weight, seconds until 1/e) of each partial of the plain click, and how much
# higher the accented one is. Inharmonic partials for wood and metal, after the modes of bars:
# N. Fletcher, T. Rossing, "The Physics of Musical Instruments", 2nd ed., chapter 19.
_PARTIALS: dict[str, tuple[Sequence[tuple[float, float, float]], float]] = {
    "click": (((1600.0, 1.0, 0.004), (2500.0, 0.7, 0.003), (3400.0, 0.4, 0.002)), 1.35),
    "wood": (((760.0, 1.0, 0.016), (1190.0, 0.5, 0.010), (2090.0, 0.3, 0.005)), 1.4),
    "beep": (((880.0, 1.0, 0.030),), 2.0),
    "bell": (((560.0, 0.8, 0.035), (845.0, 1.0, 0.045), (1690.0, 0.3, 0.020)), 1.5),
}
SOUNDS = tuple(_PARTIALS)
PLAIN_GAIN = 0.7  # of a plain click; an accented one has peak 1
MIX_LEVEL = 0.7  # of an accented click, to the peak of the music


def click_sound(sound: str, sample_rate: int, accent: bool = False) -> Float32:
    """One click, float32 ``(samples,)``, under 0.25 s, never silent on its first sample.

    Peak 1 with ``accent`` (a downbeat), else ``PLAIN_GAIN``. Raises ``ValueError`` for a sound
    that is not in ``SOUNDS``.
    """
    if sound not in _PARTIALS:
        raise ValueError(f"sound must be one of {', '.join(SOUNDS)}, not {sound!r}")
    partials, raised = _PARTIALS[sound]
    factor = raised if accent else 1.0
    length = max(2, round(5 * max(decay for _, _, decay in partials) * sample_rate))
    time = np.arange(1, length + 1) / sample_rate
    wave = np.zeros(length)
    for frequency, weight, decay in partials:
        if frequency * factor < 0.45 * sample_rate:  # no aliasing at low rates
            wave += weight * np.sin(2 * np.pi * frequency * factor * time) * np.exp(-time / decay)
    wave *= np.minimum(1.0, np.arange(length, 0, -1) / (0.1 * length))  # the end fades to nothing
    gain = (1.0 if accent else PLAIN_GAIN) / float(np.abs(wave).max())
    click: Float32 = (wave * gain).astype(np.float32)
    return click


def render_clicks(
    times: ArrayLike,
    numbers: ArrayLike,
    sample_rate: int,
    length: int,
    sound: str = "click",
) -> Float32:
    """Clicks at ``times`` (seconds, any order), float32 ``(length,)``.

    A click starts on the sample nearest to its time; number 1 is accented. Clicks that overlap
    add up; those that start outside are left out, and those that reach past the end are cut.
    Raises ``ValueError`` where times and numbers differ in length or a time is not finite.
    """
    when = np.asarray(times, np.float64).reshape(-1)
    which = np.asarray(numbers, np.int64).reshape(-1)
    if len(when) != len(which):
        raise ValueError(f"there are {len(when)} times but {len(which)} numbers")
    if not np.isfinite(when).all():
        raise ValueError("times must be finite")
    sounds = [click_sound(sound, sample_rate, accent) for accent in (False, True)]
    out = np.zeros(length, np.float32)
    starts = np.floor(when * sample_rate + 0.5).astype(np.int64)
    for start, number in zip(starts, which, strict=True):
        if 0 <= start < length:
            click = sounds[int(number == 1)][: length - start]
            out[start : start + len(click)] += click
    return out


def mix_clicks(audio: Float32, clicks: Float32, level: float = MIX_LEVEL) -> Float32:
    """Music with clicks, float32, of the shape of ``audio``, within -1..1.

    audio : ``(frames,)`` or ``(frames, channels)``; clicks : ``(frames,)``. ``level`` is the peak
    of an accented click against the peak of the music, so that quiet music has quiet clicks.
    Where the sum would clip, all of it is turned down by one factor: nothing is distorted.
    Samples that are not finite become silence.
    """
    audio = np.nan_to_num(audio, nan=0.0, posinf=0.0, neginf=0.0)
    peak = float(np.abs(audio).max(initial=0.0))
    added = clicks * np.float32(level * (peak or 1.0))
    mixed: Float32 = audio + (added[:, None] if audio.ndim == 2 else added)
    loudest = float(np.abs(mixed).max(initial=0.0))
    if loudest > 1.0:
        mixed /= np.float32(loudest)
    clipped: Float32 = np.clip(mixed, -1.0, 1.0)  # what rounding left over
    return clipped
