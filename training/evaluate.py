"""Score a model on a folder of songs: offline, and announced ahead of the beat.

    python -m training.evaluate --model PATH --data FOLDER [--validation] [--limit N]

The folder is laid out as for :mod:`training.songs`. Both scores are the F-measure of the beats with
a tolerance of 70 ms over the whole song (mir_eval, nothing trimmed). ``F`` hears the whole song
before it decides; ``cF@0`` is the live engine, and counts only beats announced no later than they
sound. :mod:`benchmarks.accuracy` gives many more scores, and intervals.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from mir_eval.beat import f_measure
from numpy.typing import NDArray

import rtbeat
from rtbeat.beat import Beats
from training.songs import group_of, read_beats, read_index, song_files
from training.windows import keeps_out


def ahead(beats: Beats) -> NDArray[np.float64]:
    """Times of the beats of an online run that were announced no later than they sound."""
    assert beats.announced_at is not None
    # times are sums of float numbers: announced right at the beat still counts
    return beats.times[beats.announced_at <= beats.times + 1e-9]


def song_scores(folder: Path, entry: dict[str, Any], model: str) -> tuple[float, float]:
    """Offline F and online cF@0 of one song, 0..1."""
    audio, labels = song_files(folder, entry["id"])
    truth, _ = read_beats(labels)
    offline = rtbeat.track(audio, model=model).times
    online = ahead(rtbeat.track(audio, model=model, online=True))
    return tuple(f_measure(truth, beats) if len(beats) else 0.0 for beats in (offline, online))


def spread(entries: list[dict[str, Any]], limit: int | None) -> list[dict[str, Any]]:
    """At most ``limit`` songs, evenly over the index, which is often sorted by genre."""
    if limit is None or limit >= len(entries):
        return entries
    return [entries[i * len(entries) // limit] for i in range(limit)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="weights file, or a model's name")
    parser.add_argument("--data", type=Path, required=True, help="folder of songs")
    parser.add_argument(
        "--validation", action="store_true", help="only songs that training keeps for validation"
    )
    parser.add_argument("--limit", type=int, help="so many songs, evenly over the folder")
    args = parser.parse_args()
    entries = read_index(args.data)
    if args.validation:
        entries = [entry for entry in entries if keeps_out(group_of(entry))]
    if not entries:
        raise SystemExit(f"training keeps none of the songs of {args.data} for validation")
    scores = []
    for entry in spread(entries, args.limit):
        scores.append(song_scores(args.data, entry, args.model))
        print(f"{entry['id']}  F {scores[-1][0]:.3f}  cF@0 {scores[-1][1]:.3f}", flush=True)
    offline, online = np.mean(scores, axis=0)
    print(f"mean of {len(scores)} songs: F {offline:.3f}  cF@0 {online:.3f}")


if __name__ == "__main__":
    main()
