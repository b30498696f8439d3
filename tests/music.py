"""Plain music for tests: a drum loop of known beats."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import soundfile


def drum_loop(
    tempo: float, seconds: float, sample_rate: int = 44_100, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Kick on 1 and 3, snare on 2 and 4, hats on eighths, a bass note a beat. Returns float32
    audio and the beat times."""
    rng = np.random.default_rng(seed)
    audio = np.zeros(int(seconds * sample_rate) + sample_rate, np.float32)
    beats = np.arange(0.3, seconds, 60.0 / tempo)
    for i, beat in enumerate(beats):
        _add(audio, beat, (_kick, _snare)[i % 2](sample_rate, rng), sample_rate)
        _add(audio, beat, _bass(sample_rate, (55.0, 55.0, 73.4, 82.4)[i % 4]), sample_rate)
        for half in (0.0, 30.0 / tempo):
            _add(audio, beat + half, 0.15 * _noise(sample_rate, rng, 0.03), sample_rate)
    return audio[: int(seconds * sample_rate)] * 0.5, beats


def loop_folder(root: Path, tempi: dict[str, float], seconds: float, sample_rate: int) -> Path:
    """A data folder of one drum loop for each name, with its tempo; returns ``root``."""
    root.mkdir()
    for name, tempo in tempi.items():
        audio, beats = drum_loop(tempo, seconds, sample_rate)
        soundfile.write(root / f"{name}.wav", audio, sample_rate)
        (root / f"{name}.beats").write_text("".join(f"{beat:.3f}\n" for beat in beats))
    (root / "index.json").write_text(json.dumps([{"id": name} for name in tempi]))
    return root


def _add(audio: np.ndarray, time: float, sound: np.ndarray, sample_rate: int) -> None:
    start = round(time * sample_rate)
    stop = min(len(audio), start + len(sound))
    audio[start:stop] += sound[: stop - start]


def _decay(sample_rate: int, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    time = np.arange(int(4 * seconds * sample_rate)) / sample_rate
    return time, np.exp(-time / seconds)


def _kick(sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    time, decay = _decay(sample_rate, 0.08)
    return np.sin(2 * np.pi * (50 * time + 6 * (1 - np.exp(-time * 30)))) * decay


def _noise(sample_rate: int, rng: np.random.Generator, seconds: float) -> np.ndarray:
    _, decay = _decay(sample_rate, seconds)
    return rng.standard_normal(len(decay)) * decay


def _snare(sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    return 0.4 * _noise(sample_rate, rng, 0.06)


def _bass(sample_rate: int, pitch: float) -> np.ndarray:
    time, decay = _decay(sample_rate, 0.15)
    return 0.4 * np.sign(np.sin(2 * np.pi * pitch * time)) * decay
