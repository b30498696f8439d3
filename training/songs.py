"""Real songs with beats to feature shards, at several tempi.

    python -m training.songs --data FOLDER --work FOLDER [--factors 5]

A folder holds ``index.json`` (a list of objects with ``id``), and for each id an audio file and
``<id>.beats`` (``seconds TAB position in the bar``). Another tempo is had by another spacing of
the frames, with windows of the same length: pitch stays, no phase vocoder smears the onsets.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rtbeat.audio import read_audio

from rtbeat.features import FeatureConfig, MelStream, mixdown
from training.shards import Excerpt, ShardWriter, to_log

AUDIO_SUFFIXES = (".opus", ".ogg", ".wav", ".flac", ".mp3", ".au")


def stretch_factors(count: int) -> list[float]:
    """Factors of duration, evenly spaced in log from 0.84 to 1.19; one alone is 1."""
    if count == 1:
        return [1.0]
    return [float(f) for f in np.exp(np.linspace(np.log(0.84), np.log(1.19), count))]


def read_beats(path: Path) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Times in seconds and positions in the bar (0 where unknown) of a ``.beats`` file."""
    rows = [line.split() for line in path.read_text().splitlines() if line.strip()]
    times = np.array([float(row[0]) for row in rows])
    numbers = np.array([int(float(row[1])) if len(row) > 1 else 0 for row in rows], np.int64)
    return times, numbers


def song_excerpt(folder: Path, entry: dict[str, Any], factor: float) -> Excerpt:
    """The whole song as one excerpt, its duration stretched by ``factor``."""
    audio = next(p for s in AUDIO_SUFFIXES if (p := folder / f"{entry['id']}{s}").exists())
    samples, sample_rate = read_audio(audio)
    base = FeatureConfig()
    config = replace(base, frame_rate=base.frame_rate * factor)
    mel = MelStream(config, sample_rate).process(mixdown(samples, samples.shape[1]))
    times, numbers = read_beats(folder / f"{entry['id']}.beats")
    first = int(entry.get("label_start", 0.0) * config.frame_rate)
    last = int(min(len(mel), entry.get("label_end", np.inf) * config.frame_rate))
    return Excerpt(
        entry["id"],
        to_log(mel),
        times * config.frame_rate,
        numbers,
        (first, last),
        entry.get("group") or entry["id"],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of songs")
    parser.add_argument("--work", type=Path, required=True, help="where shards are written")
    parser.add_argument("--factors", type=int, default=5, help="how many tempi of each song")
    args = parser.parse_args()
    entries = json.loads((args.data / "index.json").read_text())
    for number, factor in enumerate(stretch_factors(args.factors)):
        path = args.work / "shards" / f"{args.data.name}-{number}.npz"
        if path.exists():
            continue
        writer = ShardWriter(path)
        for entry in entries:
            writer.add(song_excerpt(args.data, entry, factor))
        writer.close()
        print(f"{path.name}: {len(writer.excerpts)} songs, duration x {factor:.3f}", flush=True)


if __name__ == "__main__":
    main()
