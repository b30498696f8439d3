"""Live situations whose truth is known: a tempo step, another song, a break, sudden silence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.pieces import BAR, Band, Rendering, joined, steady
from training.render import SAMPLE_RATE

Float64 = NDArray[np.float64]

BEFORE, BREAK, AFTER = 10, 8, 10  # bars
SILENCE = 5.0  # seconds
ROOM = 0.003  # RMS of the noise of a room, -50 dB
BREAKS = ("silence", "pad", "room noise")


@dataclass(frozen=True, eq=False)
class Scene:
    """audio : mono float32 at ``SAMPLE_RATE``. beats : true times, those that nobody plays in a
    break as well. start, stop : seconds, of what is out of the ordinary (a step has no length).
    """

    name: str
    audio: NDArray[np.float32]
    beats: Float64
    start: float
    stop: float


def step(band: Band, style: str, seed: int, before: float, after: float) -> Scene:
    """The same piece at another tempo (BPM) from a downbeat on."""
    beats = joined(steady(before, BEFORE), steady(after, AFTER))
    played = band.play(style, beats, seed)
    at = float(beats[BEFORE * BAR])
    return Scene(f"{style} {seed}", played.audio, played.beats, at, at)


def other_song(band: Band, style: str, other: str, seed: int) -> Scene:
    """Another song cuts in: other tempo (80 to 150 BPM, at least 8 % away), phase and style."""
    rng = np.random.default_rng([7, seed])
    first, second = rng.uniform(80, 150, 2)
    while abs(np.log(second / first)) < 0.08:
        second = rng.uniform(80, 150)
    a = band.play(style, steady(first, BEFORE), seed)
    b = band.play(other, steady(second, AFTER, 0.05), seed + 1000)
    cut = a.beats[-1] + rng.uniform(0.1, 0.9) * 60.0 / first
    audio = np.concatenate((a.audio[: int(cut * SAMPLE_RATE)], b.audio))
    beats = np.concatenate((a.beats[a.beats < cut], b.beats + cut))
    return Scene(f"{style} to {other} {seed}", audio, beats, cut, cut)


def with_break(band: Band, style: str, seed: int, kind: str) -> Scene:
    """Eight bars without the band at 85 to 140 BPM; the tempo goes on."""
    rng = np.random.default_rng([8, seed])
    beats = steady(rng.uniform(85, 140), BEFORE + BREAK + AFTER)
    out = range(BEFORE, BEFORE + BREAK)
    played = band.play(style, beats, seed, out, pad=kind == "pad")
    start, stop = float(beats[BEFORE * BAR]), float(beats[(BEFORE + BREAK) * BAR])
    audio = played.audio
    if kind != "pad":
        audio = _silenced(audio, start, stop)
    if kind == "room noise":
        audio = audio + (ROOM * rng.standard_normal(len(audio))).astype(np.float32)
    return Scene(f"{style} {seed}", audio, played.beats, start, stop)


def _silenced(audio: NDArray[np.float32], start: float, stop: float) -> NDArray[np.float32]:
    """Sounds ring for 0.3 s into the break; then there is digital silence."""
    audio = audio.copy()
    first, last = int((start - 0.02) * SAMPLE_RATE), int((stop - 0.02) * SAMPLE_RATE)
    ring = int(0.3 * SAMPLE_RATE)
    audio[first : first + ring] *= np.linspace(1.0, 0.0, ring, dtype=np.float32)
    audio[first + ring : last] = 0.0
    return audio


def sudden_silence(band: Band, style: str, seed: int) -> Scene:
    """Five seconds of digital silence after ten bars at 85 to 140 BPM."""
    tempo = np.random.default_rng([9, seed]).uniform(85, 140)
    played: Rendering = band.play(style, steady(tempo, BEFORE), seed)
    start = float(played.beats[-1]) + 60.0 / tempo
    audio = played.audio[: int(start * SAMPLE_RATE)]
    audio = np.concatenate((audio, np.zeros(int(SILENCE * SAMPLE_RATE), np.float32)))
    return Scene(f"{style} {seed}", audio, played.beats, start, start + SILENCE)
