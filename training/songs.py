"""Real songs with beats to feature shards, at several tempi.

    python -m training.songs --data FOLDER --work FOLDER [--factors 5]

A folder holds ``index.json`` (a list of objects with ``id``), and for each id an audio file and
``<id>.beats`` (``seconds TAB position in the bar``). In the index, ``group`` names songs that
belong on one side of the validation split (else each song is its own), ``label_start`` and
``label_end`` the seconds between which the beats may be trusted (else all).

Another tempo is had by another spacing of the frames, with windows of the same length: pitch
stays, no phase vocoder smears the onsets.
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
from training.annotations import read_beats_text
from training.shards import RENDERED, Excerpt, ShardWriter, to_log

AUDIO_SUFFIXES = (".opus", ".ogg", ".wav", ".flac", ".mp3", ".au")


def stretch_factors(count: int) -> list[float]:
    """Factors of duration, evenly spaced in log from 0.84 to 1.19; one alone is 1."""
    if count == 1:
        return [1.0]
    return [float(f) for f in np.exp(np.linspace(np.log(0.84), np.log(1.19), count))]


def read_index(folder: Path) -> list[dict[str, Any]]:
    """Entries of the folder's ``index.json``. Ends the program where there is none to use."""
    path = folder / "index.json"
    if not path.is_file():
        raise SystemExit(f"{folder} has no index.json; training/README.md tells how to write one")
    entries: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    if not entries:
        raise SystemExit(f"{path} lists no songs")
    return entries


def group_of(entry: dict[str, Any]) -> str:
    """What keeps songs on one side of the validation split: the entry's group, or the song."""
    return str(entry.get("group") or entry["id"])


def song_files(folder: Path, song: str) -> tuple[Path, Path]:
    """Audio file and beats file of a song. Ends the program where one is missing."""
    beats = folder / f"{song}.beats"
    for suffix in AUDIO_SUFFIXES:
        if (audio := folder / f"{song}{suffix}").exists() and beats.exists():
            return audio, beats
    raise SystemExit(
        f"{folder}: song {song} needs {beats.name} and an audio file ({', '.join(AUDIO_SUFFIXES)})"
    )


def read_beats(path: Path) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Times in seconds, rising, and positions in the bar (0 where unknown) of a ``.beats`` file."""
    beats = sorted(read_beats_text(path))
    return np.array([t for t, _ in beats], np.float64), np.array([n for _, n in beats], np.int64)


def song_excerpt(folder: Path, entry: dict[str, Any], factor: float) -> Excerpt:
    """The whole song as one excerpt, its duration stretched by ``factor``."""
    audio, labels = song_files(folder, entry["id"])
    samples, sample_rate = read_audio(audio)
    base = FeatureConfig()
    config = replace(base, frame_rate=base.frame_rate * factor)
    mel = MelStream(config, sample_rate).process(mixdown(samples, samples.shape[1]))
    times, numbers = read_beats(labels)
    first = int(entry.get("label_start", 0.0) * config.frame_rate)
    last = int(min(len(mel), entry.get("label_end", np.inf) * config.frame_rate))
    return Excerpt(
        entry["id"],
        to_log(mel),
        times * config.frame_rate,
        numbers,
        (first, last),
        group_of(entry),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of songs")
    parser.add_argument("--work", type=Path, required=True, help="where shards are written")
    parser.add_argument("--factors", type=int, default=5, help="how many tempi of each song")
    args = parser.parse_args()
    source = args.data.resolve().name
    if source == RENDERED:
        raise SystemExit(f'a folder of songs may not be named "{RENDERED}": rendered shards are')
    entries = read_index(args.data)
    for number, factor in enumerate(stretch_factors(args.factors)):
        path = args.work / "shards" / f"{source}-{number}.npz"
        if path.exists():
            continue
        writer = ShardWriter(path)
        for entry in entries:
            writer.add(song_excerpt(args.data, entry, factor))
        writer.close()
        print(f"{path.name}: {len(writer.excerpts)} songs, duration x {factor:.3f}", flush=True)


if __name__ == "__main__":
    main()
