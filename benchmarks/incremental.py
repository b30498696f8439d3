"""What running the network incrementally costs: ``python -m benchmarks.incremental --data PATH``.

The same clips go through the engine twice: as it is, with a tail of the newest frames run again at
each hop and the window refreshed now and then; and with the whole 10-s window run again at every
hop, which is the reference. Printed are the difference of the activations and of the scores.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track as progress

from benchmarks import metrics
from benchmarks.collections import Clip, DataError, read_collection, spread
from benchmarks.engine import run_online
from benchmarks.report import RESULTS, heading, provenance, table, write_results
from rtbeat.audio import read_audio
from rtbeat.features import FeatureStream, mixdown
from rtbeat.model import BeatModel

AGES = (0, 5, 12, 24)  # frames behind the newest at which activations are compared


def whole_window(model: BeatModel) -> BeatModel:
    """The same network, run over its whole window at every hop."""
    config = replace(model.config, tail=model.config.frames, refresh=1)
    return BeatModel(config, model.arrays, model.provenance)


def activation_differences(models: Sequence[BeatModel], clip: Clip) -> list[float]:
    """Mean absolute difference of the beat activation at each of ``AGES``."""
    audio, sample_rate = read_audio(clip.audio)
    stream = FeatureStream(models[0].config.features, sample_rate)
    features = stream.process(mixdown(audio, audio.shape[1]))
    streams = [model.stream() for model in models]
    found: list[list[float]] = [[] for _ in AGES]
    for index, frame in enumerate(features):
        for each in streams:
            each.push(frame)
        for age, values in zip(AGES, found, strict=True):
            if age <= index:
                a, b = (each.window[-1 - age, 0] for each in streams)
                values.append(abs(float(a) - float(b)))
    return [float(np.mean(values)) for values in found]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of data sets")
    parser.add_argument("--set", default="test_gtzan", help="data set (default: test_gtzan)")
    parser.add_argument("--limit", type=int, metavar="N", help="N clips, spread over the set")
    parser.add_argument("--model", default="default", help="name or path of a model")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the results")
    args = parser.parse_args(argv)
    try:
        clips = spread(read_collection(args.data / args.set), args.limit)
    except DataError as error:
        print(error, file=sys.stderr)
        return 1
    model = BeatModel.load(args.model)
    reference = whole_window(model)
    scores: list[tuple[float, float]] = []
    differences = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "whole.npz"
        reference.save(path)
        for clip in progress(clips, console=Console(stderr=True), description="clips"):
            runs = [run_online(clip, {"model": name}) for name in (args.model, str(path))]
            a, b = (metrics.conditional_f(run.events, clip.beats) for run in runs)
            scores.append((a, b))
            differences.append(activation_differences((model, reference), clip))
    means = np.mean(scores, axis=0) * 100
    ages = np.mean(differences, axis=0)
    results = {
        **provenance(args.model),
        "set": args.set,
        "clips": len(clips),
        "cF@0": {"incremental": means[0], "whole window": means[1]},
        "activation difference": dict(zip(map(str, AGES), map(float, ages), strict=True)),
    }
    text = heading("Incremental run against whole window", provenance(args.model)) + table(
        ("clips", "cF@0 incremental", "cF@0 whole window", *(f"|diff| age {age}" for age in AGES)),
        [(str(len(clips)), f"{means[0]:.2f}", f"{means[1]:.2f}", *(f"{v:.4f}" for v in ages))],
    )
    write_results(args.out, "incremental", results, text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
