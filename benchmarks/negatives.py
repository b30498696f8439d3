"""Sounds without a beat, made from seeds: mono float32 at ``SAMPLE_RATE``, peak 0.5 at most.

Speech is spoken by espeak-ng (any voice synthesiser that writes a wav would do): English prose
written for this purpose, in three voices and speeds. It has the rhythm of syllables, no beat.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

Audio = NDArray[np.float32]

SAMPLE_RATE = 24_000
TEXT = """
Good evening, and thank you all for coming out in this weather. Before we begin I have been asked
to mention a few things. The bar stays open until eleven. If you parked behind the hall, and some
of you did, please move your car, since the neighbours would like to leave as well. We had hoped to
have the new lights ready for tonight; they are, mostly. Where was I? Yes: the second half begins a
little later than it says in the programme, because our drummer is still on a train somewhere near
Ghent. He sends his regards. When I first heard these people play, in a kitchen, years ago, nobody
had told them that it could not be done. I asked how they kept together. They said they did not
know.
"""
VOICES = (("en", 165), ("en-us+f3", 140), ("en+m3", 190))  # voice, words a minute


def _shaped(
    spectrum: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    seconds: float,
    seed: int,
    sample_rate: int,
) -> Audio:
    """Gaussian noise with that amplitude over frequency (Hz), RMS 0.1."""
    count = int(seconds * sample_rate)
    noise = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    frequency = np.fft.rfftfreq(count, 1.0 / sample_rate)
    wave = np.fft.irfft(noise * spectrum(np.maximum(frequency, 20.0)), count)
    return (0.1 * wave / wave.std()).astype(np.float32)


def white_noise(seconds: float, seed: int, sample_rate: int = SAMPLE_RATE) -> Audio:
    """Flat."""
    return _shaped(np.ones_like, seconds, seed, sample_rate)


def pink_noise(seconds: float, seed: int, sample_rate: int = SAMPLE_RATE) -> Audio:
    """Falls by 3 dB an octave: wind, traffic, an air conditioner."""
    return _shaped(lambda frequency: frequency**-0.5, seconds, seed, sample_rate)


def applause(seconds: float, seed: int) -> Audio:
    """Sixty people clap, each at a rate of their own (2.5 to 5 a second) that wanders."""
    rng = np.random.default_rng(seed)
    audio = np.zeros(int((seconds + 1) * SAMPLE_RATE))
    time = np.arange(int(0.03 * SAMPLE_RATE)) / SAMPLE_RATE
    for _ in range(60):
        pitch, loud = rng.uniform(700, 1800), rng.uniform(0.2, 1.0)
        clap = np.exp(-time / 0.004) * np.sin(2 * np.pi * pitch * time)
        at, interval = rng.uniform(0, 0.5), rng.uniform(0.2, 0.4)
        while at < seconds:
            start = int(at * SAMPLE_RATE)
            noise = rng.standard_normal(len(clap)) * np.exp(-time / 0.006)
            audio[start : start + len(clap)] += loud * (clap + noise)
            at += interval * rng.uniform(0.8, 1.25)
    audio = audio[: int(seconds * SAMPLE_RATE)]
    return (0.5 * audio / np.abs(audio).max()).astype(np.float32)


def sine(seconds: float, seed: int) -> Audio:
    """A steady tone, 110 to 1760 Hz."""
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    pitch = 110.0 * 2.0 ** np.random.default_rng(seed).uniform(0, 4)
    return (0.3 * np.sin(2 * np.pi * pitch * time)).astype(np.float32)


def hum(seconds: float, seed: int) -> Audio:
    """Mains hum with harmonics at -50 dB and hiss at -70 dB: an open line."""
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    wave = sum(np.sin(2 * np.pi * 50 * k * time) / k for k in (1, 2, 3, 5))
    hiss = np.random.default_rng(seed).standard_normal(len(time))
    return (0.003 * wave + 0.0003 * hiss).astype(np.float32)


def speech(seconds: float, seed: int) -> Audio:
    """The text above from a sentence chosen by the seed on. Raises ``FileNotFoundError`` where
    espeak-ng is not installed."""
    voice, speed = VOICES[seed % len(VOICES)]
    sentences = TEXT.replace("\n", " ").split(". ")
    first = seed // len(VOICES) * 3 % len(sentences)
    text = ". ".join(sentences[first:] + sentences[:first])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        command = ["espeak-ng", "-v", voice, "-s", str(speed), "-w", str(path), text]
        subprocess.run(command, check=True, capture_output=True)
        audio, rate = soundfile.read(path, dtype="float32")
    at = np.arange(int(seconds * SAMPLE_RATE)) * (rate / SAMPLE_RATE)
    spoken = np.interp(at % len(audio), np.arange(len(audio)), audio)
    return (0.5 * spoken / np.abs(spoken).max()).astype(np.float32)


NEGATIVES: dict[str, Callable[[float, int], Audio]] = {
    "white noise": white_noise,
    "pink noise": pink_noise,
    "applause": applause,
    "sine tone": sine,
    "hum": hum,
    "speech": speech,
}


def available() -> dict[str, Callable[[float, int], Audio]]:
    """Those that can be made on this machine."""
    return {
        name: make
        for name, make in NEGATIVES.items()
        if name != "speech" or shutil.which("espeak-ng")
    }
