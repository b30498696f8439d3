"""Sound without a beat, as feature shards: speech, noise, applause, knocks, tones.

    python -m training.negatives --work FOLDER [--minutes 40]

Nothing here repeats in time. Speech is invented words read by espeak-ng. Training draws windows of
it as they are, and lays it over music, whose beats then hold on.
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from rtbeat.features import FeatureConfig, MelStream
from training.shards import Excerpt, ShardWriter, to_log

RATE = 22_050
SECONDS = 30.0
LENGTH = int(RATE * SECONDS)
SOURCE = "negatives"  # name of the shards
CONSONANTS = ("b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "sh", "st")
VOICES = ("en-us", "en-gb", "de", "fr", "it", "es", "sv", "pl", "pt", "nl")

Float64 = NDArray[np.float64]


def coloured_noise(length: int, rng: np.random.Generator) -> Float64:
    """Noise whose power falls by 0 to 2 powers of the frequency, deviation 1."""
    spectrum = np.fft.rfft(rng.normal(size=length))
    frequency = np.maximum(np.fft.rfftfreq(length, 1 / RATE), 30.0)
    noise = np.fft.irfft(spectrum * frequency ** -rng.uniform(0.0, 1.0), length)
    return noise / noise.std()


def wavering(length: int, seconds: float, rng: np.random.Generator) -> Float64:
    """A slow random curve, deviation about 1, that changes over some ``seconds``."""
    knots = rng.normal(size=int(length / RATE / seconds) + 3)
    return np.interp(np.arange(length) / RATE / seconds, np.arange(len(knots)), knots)


def bursts(rate: float, decay: float, rng: np.random.Generator) -> Float64:
    """Bursts of noise at random times (a Poisson process), ``rate`` a second on average, each of
    its own loudness; ``decay`` in seconds."""
    out = np.zeros(LENGTH)
    length = int(6 * decay * RATE)
    envelope = np.exp(-np.arange(length) / RATE / decay)
    kinds = [coloured_noise(length, rng) * envelope for _ in range(8)]
    for start in rng.integers(0, LENGTH - length, rng.poisson(rate * SECONDS)):
        out[start : start + length] += kinds[rng.integers(8)] * rng.lognormal(0.0, 0.6)
    return out


def noise(rng: np.random.Generator) -> Float64:
    """Wind, traffic, hiss: noise of a colour, its level nearly steady or wavering."""
    depth = rng.choice([0.0, 0.3, 1.0])
    return coloured_noise(LENGTH, rng) * np.exp(depth * wavering(LENGTH, 1.0, rng))


def applause(rng: np.random.Generator) -> Float64:
    """Many hands."""
    return bursts(rng.uniform(60, 400), 0.008, rng)


def knocks(rng: np.random.Generator) -> Float64:
    """Steps, dishes, a keyboard: single sounds now and then over faint noise."""
    single = bursts(rng.uniform(0.5, 5), rng.uniform(0.01, 0.06), rng)
    return single + 10 ** rng.uniform(-3, -1.5) * coloured_noise(LENGTH, rng)


def tones(rng: np.random.Generator) -> Float64:
    """Hum, feedback, a held chord: steady tones with partials, that sway and glide."""
    out = np.zeros(LENGTH)
    for _ in range(rng.integers(1, 5)):
        glide = rng.choice([0.0, 0.02, 0.3]) * wavering(LENGTH, 2.0, rng)
        frequency = 2 ** rng.uniform(5.5, 10.5) * 2**glide
        phase = 2 * np.pi * np.cumsum(frequency) / RATE
        loudness = np.exp(rng.choice([0.0, 0.3]) * wavering(LENGTH, 1.5, rng))
        for partial in range(1, int(rng.integers(1, 9)) + 1):
            audible = frequency * partial < 0.45 * RATE
            out += loudness * audible * np.sin(partial * phase) / partial ** rng.uniform(0.7, 2)
    return out


def invented_text(rng: np.random.Generator) -> str:
    """Sentences of words that do not exist."""
    syllables = [c + v for c in CONSONANTS for v in "aeiou"]
    sentences = []
    for _ in range(20):
        lengths = rng.integers(1, 4, rng.integers(3, 14))
        words = ["".join(rng.choice(syllables, n)) for n in lengths]
        sentences.append(" ".join(words) + rng.choice([".", "?", ",", "!"]))
    return " ".join(sentences)


def speech(rng: np.random.Generator) -> Float64:
    """One voice, or two at once, now and then in a room."""
    out = np.zeros(LENGTH)
    for _ in range(rng.choice([1, 1, 2])):
        command = [
            "espeak-ng", "--stdout", "-v", str(rng.choice(VOICES)),
            "-s", str(rng.integers(110, 230)), "-p", str(rng.integers(10, 95)),
            "-g", str(rng.integers(0, 30)), invented_text(rng),
        ]  # fmt: skip
        wav = subprocess.run(command, check=True, capture_output=True).stdout
        voice = soundfile.read(io.BytesIO(wav))[0][:LENGTH]
        out[: len(voice)] += voice
    if rng.random() < 0.5:
        out = room(out, rng)
    return out


def room(dry: Float64, rng: np.random.Generator) -> Float64:
    """The sound with the dying noise of a room added."""
    decay = rng.uniform(0.03, 0.2)  # seconds to 1/e
    length = int(5 * decay * RATE)
    tail = rng.normal(size=length) * np.exp(-np.arange(length) / RATE / decay)
    size = len(dry) + length
    wet = np.fft.irfft(np.fft.rfft(dry, size) * np.fft.rfft(tail, size), size)[: len(dry)]
    return dry + rng.uniform(0.1, 1.0) * wet * (dry.std() / (wet.std() + 1e-12))


KINDS = {"speech": speech, "noise": noise, "applause": applause, "knocks": knocks, "tones": tones}
ORDER = ("speech", "noise", "speech", "knocks", "speech", "applause", "speech", "tones")


def excerpt(number: int) -> Excerpt:
    """Excerpt of that number, always the same; peak between -30 and 0 dB."""
    rng = np.random.default_rng([number, 1])
    kind = ORDER[number % len(ORDER)]
    sound = KINDS[kind](rng)
    sound *= 10 ** rng.uniform(-1.5, 0.0) / (np.abs(sound).max() + 1e-12)
    mel = MelStream(FeatureConfig(), RATE).process(sound.astype(np.float32))
    none = np.zeros(0, np.int64)
    name = f"{kind} {number}"
    return Excerpt(name, to_log(mel), none.astype(float), none, (0, len(mel)), name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="where the shard is written")
    parser.add_argument("--minutes", type=float, default=40.0)
    args = parser.parse_args()
    if shutil.which("espeak-ng") is None:
        raise SystemExit("espeak-ng is not installed; apt install espeak-ng")
    writer = ShardWriter(args.work / "shards" / f"{SOURCE}-0.npz")
    for number in range(int(args.minutes * 60 / SECONDS)):
        writer.add(excerpt(number))
    writer.close()
    print(f"{writer.path.name}: {len(writer.excerpts)} excerpts")


if __name__ == "__main__":
    main()
