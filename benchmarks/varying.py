"""Music whose tempo varies, offline: ``python -m benchmarks.varying [--data CORPUS]``.

Tempo ramps are played by the band of :mod:`benchmarks.pieces`. With the MIDI corpus (see
``training/README.md``) come performances of piano music with their rubato: the works of the one
composer that training leaves out. All decoders get the same activations; the one of constant tempo
is what a tracker that knows a single tempo could reach.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track as progress

from benchmarks.collections import Clip
from benchmarks.engine import Run, run_samples
from benchmarks.pieces import SOUNDFONTS, Band, each_style, joined
from benchmarks.report import RESULTS, heading, provenance, table, write_results
from benchmarks.scores import ClipScores, by_group, score
from benchmarks.tables import number, with_interval
from rtbeat.features import FeatureStream
from rtbeat.model import BeatModel
from rtbeat.search import search_beats
from rtbeat.viterbi import viterbi_beats
from training.midi import Event, Piece, read_manifest, read_piece, unpack
from training.render import SAMPLE_RATE, Synth, is_kept_out

Float64 = NDArray[np.float64]
Decode = Callable[..., tuple[Float64, NDArray[np.int64], Float64]]

PERFORMED = ("asap", "pianode", "vienna")
SECONDS = 60.0  # of a performance
BARS = 24
RAMPS = {
    "accelerando 80 to 140": (80.0, 140.0),
    "ritardando 150 to 90": (150.0, 90.0),
}
SCORES = ("F", "F@25", "CMLt", "AMLt", "downF")
OFFLINE: dict[str, tuple[Decode, dict[str, Any]]] = {
    "filter": (viterbi_beats, {}),
    "search": (search_beats, {}),
    "constant tempo": (search_beats, {"constant_tempo": True}),
}


@dataclass(frozen=True, eq=False)
class Music:
    """Audio mono float32 ``(samples,)`` at 24 kHz; its truth as a clip; how much its tempo varies:
    standard deviation of the log of the interval between beats."""

    audio: NDArray[np.float32]
    clip: Clip

    @property
    def variation(self) -> float:
        return float(np.std(np.log(np.diff(self.clip.beats))))


def ramp(first: float, last: float, bars: int) -> Float64:
    """Beat times of a tempo (BPM) that goes evenly from one to another, and of the end."""
    intervals = 60.0 / np.linspace(first, last, bars * 4)
    return 0.5 + np.concatenate(([0.0], np.cumsum(intervals)))


def there_and_back(first: float, last: float, bars: int) -> Float64:
    """Half of the bars at one tempo, a ramp of four bars, the rest at the other."""
    rest = (bars - 4) // 2
    return joined(ramp(first, first, rest), ramp(first, last, 4), ramp(last, last, rest))


def ramps(count: int) -> Iterator[Music]:
    """``count`` pieces of each kind of ramp, all styles in turn."""
    band = Band()
    for name, (first, last) in RAMPS.items():
        for style, seed in each_style(count):
            # a long even ramp, or a quick one between two steady halves
            shape = ramp if seed % 2 else there_and_back
            played = band.play(style, shape(first, last, BARS), seed)
            positions = np.arange(len(played.beats)) % 4 + 1
            clip = Clip(name, f"{style} {seed}", style, Path(), played.beats, positions)
            yield Music(played.audio, clip)


def performances(corpus: Path, work: Path, limit: int | None) -> Iterator[Music]:
    """The first minute of every performance that training leaves out, or of every k-th."""
    entries = [e for e in read_manifest(corpus) if e["group"] in PERFORMED and is_kept_out(e)]
    step = 1 if limit is None else max(1, len(entries) // limit)
    unpack(corpus, work)
    synth = Synth(SOUNDFONTS)
    for entry in entries[::step]:
        piece = read_piece(work, entry)
        first, last = piece.span
        seconds = min(SECONDS, last - first)
        rng = np.random.default_rng(crc32(entry["id"].encode()))
        audio = synth.play(as_written(piece, first, seconds), seconds, rng)
        audio *= np.float32(0.5 / max(1e-6, np.abs(audio).max()))
        inside = (piece.beats >= first) & (piece.beats < first + seconds)
        beats, numbers = piece.beats[inside] - first, piece.numbers[inside]
        yield Music(audio, Clip(entry["group"], entry["id"], "piano", Path(), beats, numbers))


def as_written(piece: Piece, first: float, seconds: float) -> list[Event]:
    """Events of so many seconds from ``first`` on, at 0; settings before it are kept."""
    events = []
    for event in piece.events:
        time = event.time - first
        if time < seconds and (time >= 0.0 or event.kind not in ("note_on", "note_off")):
            events.append(replace(event, time=max(0.0, time)))
    return events


def decode(music: Music, model: BeatModel) -> Iterator[tuple[str, Run]]:
    """What every decoder, and the live engine, makes of the music."""
    config = model.config
    features = FeatureStream(config.features, SAMPLE_RATE).process(music.audio)
    activations = model.activations(features)
    duration = len(music.audio) / SAMPLE_RATE
    for name, (decoder, options) in OFFLINE.items():
        frames, numbers, confidences = decoder(
            activations, frame_rate=config.features.frame_rate, **options
        )
        times = (frames + config.offset) / config.features.frame_rate
        inside = (times >= 0.0) & (times < duration)
        yield name, Run(duration, times[inside], numbers[inside], confidences[inside])


def measure(music: Sequence[Music] | Iterator[Music], name: str, total: int) -> list[ClipScores]:
    """Scores of every decoder and of the live engine on every piece."""
    model = BeatModel.load(name)
    scores = []
    for piece in progress(music, "varying", total=total, console=Console(stderr=True)):
        runs = {f"offline {system}": run for system, run in decode(piece, model)}
        runs["online filter"] = run_samples(piece.audio, SAMPLE_RATE, {"model": name})
        for system, run in runs.items():
            scored = score(run, piece.clip, system)
            scored.values["variation"] = piece.variation
            scores.append(scored)
    return scores


def page(results: dict[str, Any]) -> str:
    """The results as Markdown."""
    parts = [
        heading("Varying tempo", results),
        "Percent, 95 % bootstrap intervals in brackets. Variation: standard deviation of the log "
        "of the interval from beat to beat, mean over the pieces.\n",
    ]
    for name, systems in results["sets"].items():
        first = next(iter(systems.values()))
        varied = number(first["mean"]["variation"], 3)
        parts.append(f"## {name}\n\n{first['n']} pieces, variation {varied}.\n")
        rows = [
            [system, *(with_interval(summary, column) for column in SCORES)]
            for system, summary in systems.items()
        ]
        parts.append(table(["percent", *SCORES], rows))
    return "\n".join(parts)


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.varying", description=__doc__)
    add = parser.add_argument
    add("--data", type=Path, help="MIDI corpus with performances; without it ramps only")
    add("--work", type=Path, help="folder to unpack the corpus in (default: DATA/unpacked)")
    add("--pieces", type=int, default=20, metavar="N", help="pieces of each kind of ramp")
    add("--limit", type=int, metavar="N", help="about N performances, every k-th")
    add("--model", default="default", help="name or path of a model")
    add("--out", type=Path, default=RESULTS, help="folder of the results")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 done."""
    options = arguments(argv)
    music = list(ramps(options.pieces))
    if options.data is not None:
        work = options.work or options.data / "unpacked"
        music += performances(options.data, work, options.limit)
    scores = measure(music, options.model, len(music))
    results = {
        **provenance(options.model),
        "sets": by_group(scores),
        "clips": [
            {"set": s.collection, "id": s.id, "system": s.system, **s.values} for s in scores
        ],
    }
    text = page(results)
    write_results(options.out, "varying", results, text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
