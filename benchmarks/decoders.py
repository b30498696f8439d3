"""Decoders alone, on stored activations: ``python -m benchmarks.decoders --activations FILE``.

The file is an ``.npz`` with ``<set>_<name>/activation``, uint8 at 100 frames a second holding
p = (v / 255)^2, and ``<set>_<name>/beats``, float ``(n, 2)``: seconds and position in the bar.
All decoders get the same activations, so that what differs is the decoder. (Such activations
usually come from an offline network that has heard the whole piece: the scores say how decoders
compare, not how the tracker does.) One row is of the true beats from the third on: whoever
announces a beat ahead has to hear two before. A second table tells how many pieces have a tempo
that the tempo range leaves out.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track as progress

from benchmarks import metrics, uncertainty
from benchmarks.arguments import parse
from benchmarks.collections import DataError, spread
from benchmarks.report import RESULTS, heading, provenance, table, write_results
from benchmarks.tables import number, percent, with_interval
from benchmarks.workers import run_all
from rtbeat.decoder import Activations, Decoder

FRAME_RATE = 50.0
WINDOW = 500  # frames that a decoder gets to see
CLASSES = {"filter": "rtbeat.filter:FilterDecoder", "search": "rtbeat.search:SearchDecoder"}
OFFLINE = {"filter": "rtbeat.viterbi:viterbi_beats", "search": "rtbeat.search:search_beats"}
HEARD_FIRST = 2  # beats that have to be heard before one can be announced
SCORES = ("F", "F_no5", "cF@0", "F_first5")
# BPM: what decoders are built for unless told otherwise, and the widest that rtbeat takes
RANGES = {"default": (40.0, 240.0), "wide": (20.0, 400.0)}


@dataclass(frozen=True)
class Task:
    """A piece of a file of activations, to be decoded ``lead`` seconds ahead by some kinds."""

    path: Path
    collection: str
    name: str
    kinds: tuple[str, ...]
    lead: float


@dataclass(frozen=True)
class Piece:
    """What came of a task. tempo : BPM, of the true beats. scores : system -> score -> value."""

    collection: str
    tempo: float
    scores: dict[str, dict[str, float]]


def named(target: str) -> Any:
    """The object that ``module:name`` stands for."""
    module, name = target.split(":")
    return getattr(importlib.import_module(module), name)


def halve_rate(stored: NDArray[np.uint8]) -> Activations:
    """Stored uint8 ``(frames,)`` at 100 frames/s -> float32 ``(frames // 2, 2)`` at 50.

    Frame k takes the highest of the three stored frames around its middle, (k + 0.5) / 50 s, which
    moves no peak. Nothing is known about bars: every beat is a downbeat with chance 1/4.
    """
    p = (stored.astype(np.float32) / 255.0) ** 2
    count = len(p) // 2
    padded = np.concatenate((p, np.zeros(1, np.float32)))
    triples = (padded[0 : 2 * count : 2], padded[1 : 2 * count : 2], padded[2 : 2 * count + 1 : 2])
    beat = np.max(triples, axis=0)
    return np.stack((beat, beat / 4), axis=1)


def announce(decoder: Decoder, activations: Activations, lead: float) -> NDArray[np.float64]:
    """Events of a decoder fed hop by hop by the tracker's rule: a beat is announced at the first
    hop after which its lead would fall below ``lead`` seconds, the next one is looked for from
    half a period later. Returns float64 ``(n, 2)``: beat time, announced at, both seconds."""
    events = []
    after = 0.0
    for newest in range(len(activations)):
        decoder.update(activations[max(0, newest + 1 - WINDOW) : newest + 1], newest)
        # what has passed meanwhile cannot be announced any more
        beat = decoder.predict(max(after, newest + 1.0))
        now = (newest + 1) / FRAME_RATE
        if beat is None or beat.frame / FRAME_RATE - (now + 1 / FRAME_RATE) >= lead:
            continue
        events.append((beat.frame / FRAME_RATE, now))
        after = beat.frame + 0.5 * beat.period
    end = len(activations) / FRAME_RATE
    return metrics.events_of([event for event in events if event[0] < end])


def online_scores(decoder: Decoder, activations: Activations, truth: Any, lead: float) -> Any:
    """Scores of a decoder that announces ahead."""
    events = announce(decoder, activations, lead)
    return beat_scores(events[:, 0], truth) | {"cF@0": metrics.conditional_f(events, truth)}


def beat_scores(times: Any, truth: Any) -> dict[str, float]:
    """Scores of beats, whenever announced."""
    return {
        "F": metrics.f_measure(times, truth),
        "F_no5": metrics.f_measure(times, truth, trim=5.0),
        "F_first5": metrics.f_first(times, truth),
    }


def score_piece(
    activations: Activations, truth: Any, kinds: Sequence[str], lead: float
) -> dict[str, dict[str, float]]:
    """``{system: scores}`` of one piece."""
    scores = {"true, from the third on": beat_scores(truth[HEARD_FIRST:], truth)}
    for kind in kinds:
        decoder = named(CLASSES[kind])(frame_rate=FRAME_RATE)
        scores[f"online {kind}"] = online_scores(decoder, activations, truth, lead)
        frames, _, _ = named(OFFLINE[kind])(activations, frame_rate=FRAME_RATE)
        scores[f"offline {kind}"] = beat_scores(np.asarray(frames) / FRAME_RATE, truth)
    return scores


def pieces_of(path: Path, limit: int | None) -> list[tuple[str, str]]:
    """(data set, id) of the pieces of a file, at most ``limit`` a set. Raises ``DataError``."""
    if not path.is_file():
        raise DataError(f"{path} does not exist")
    with np.load(path) as file:
        ids = sorted(name[: -len("/beats")] for name in file.files if name.endswith("/beats"))
    sets: dict[str, list[tuple[str, str]]] = {}
    for name in ids:
        collection = name.split("_", 1)[0]
        sets.setdefault(collection, []).append((collection, name))
    return [piece for pieces in sets.values() for piece in spread(pieces, limit)]


def run_task(task: Task) -> Piece:
    """Decode and score one piece."""
    with np.load(task.path) as file:
        activations = halve_rate(file[f"{task.name}/activation"])
        truth = np.asarray(file[f"{task.name}/beats"], np.float64)[:, 0]
    scores = score_piece(activations, truth, task.kinds, task.lead)
    return Piece(task.collection, metrics.median_tempo(truth), scores)


def by_set(pieces: Sequence[Piece]) -> dict[str, list[Piece]]:
    """``{set: pieces}``."""
    sets: dict[str, list[Piece]] = {}
    for piece in pieces:
        sets.setdefault(piece.collection, []).append(piece)
    return sets


def summary_of(scores: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Number of pieces, mean and 95 % interval of each score."""
    columns = {name: [values[name] for values in scores] for name in scores[0]}
    return {
        "n": len(scores),
        "mean": {name: uncertainty.mean(column) for name, column in columns.items()},
        "interval": {
            name: uncertainty.bootstrap_interval(column) for name, column in columns.items()
        },
    }


def systems_of(pieces: Sequence[Piece]) -> dict[str, Any]:
    """``{system: summary}`` of the pieces of one set."""
    return {
        system: summary_of([piece.scores[system] for piece in pieces])
        for system in pieces[0].scores
    }


def tempi_of(pieces: Sequence[Piece]) -> dict[str, Any]:
    """Slowest and fastest median tempo of the pieces, BPM, and the share of pieces that lie outside
    of each of ``RANGES``; a piece of fewer than two beats has none and is left out."""
    tempi = np.array([piece.tempo for piece in pieces])
    tempi = tempi[~np.isnan(tempi)]
    outside = {
        name: uncertainty.mean((tempi < slowest) | (tempi > fastest))
        for name, (slowest, fastest) in RANGES.items()
    }
    slowest, fastest = (tempi.min(), tempi.max()) if len(tempi) else (np.nan, np.nan)
    return {"n": len(tempi), "slowest": slowest, "fastest": fastest, "outside": outside}


def tempi_table(tempi: dict[str, Any]) -> str:
    """Which tempi the sets hold, and for how many pieces a range has none."""
    ranges = [f"outside {name}, {low:g}-{high:g}" for name, (low, high) in RANGES.items()]
    rows = [
        [
            *(name, str(found["n"]), number(found["slowest"], 1), number(found["fastest"], 1)),
            *map(percent, found["outside"].values()),
        ]
        for name, found in tempi.items()
    ]
    return table(["set", "pieces", "slowest", "fastest", *ranges], rows)


def page_of(results: dict[str, Any]) -> str:
    """The results as Markdown."""
    rows = [
        [name, system, str(summary["n"]), *(with_interval(summary, score) for score in SCORES)]
        for name, systems in results["sets"].items()
        for system, summary in systems.items()
    ]
    text = (
        f"Percent, 95 % bootstrap intervals in brackets. Announced {results['lead']} s ahead, on "
        f"the stored activations of {', '.join(results['files'])} at 50 frames a second.\n\n"
    )
    tempi = (
        "\nMedian tempo of the true beats, BPM, and percent of pieces that it puts outside of a "
        "tempo range: a decoder kept to that range cannot follow those at their own tempo.\n\n"
    )
    return "".join(
        (
            heading("Decoders", results) + "\n",
            text + table(["set", "system", "pieces", *SCORES], rows),
            tempi + tempi_table(results["tempi"]),
        )
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 done, 1 data that cannot be used."""
    parser = argparse.ArgumentParser(prog="benchmarks.decoders", description=__doc__)
    add = parser.add_argument
    add("--activations", type=Path, nargs="+", required=True, metavar="FILE")
    add("--decoder", choices=("filter", "search", "both"), default="both")
    add("--lead", type=float, default=0.2, help="how early to announce, seconds")
    add("--limit", type=int, metavar="N", help="at most N pieces a data set, every k-th")
    add("--jobs", type=int, default=1, help="processes", metavar="N")
    add("--out", type=Path, default=RESULTS, help="folder of the results")
    options = parse(parser, argv)
    kinds = ("filter", "search") if options.decoder == "both" else (options.decoder,)
    results = provenance() | {"lead": options.lead}
    results["files"] = [path.name for path in options.activations]
    try:
        tasks = [
            Task(path, collection, name, kinds, options.lead)
            for path in options.activations
            for collection, name in pieces_of(path, options.limit)
        ]
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    runs = run_all(run_task, tasks, options.jobs)
    console = Console(stderr=True)
    sets = by_set(list(progress(runs, "decoders", total=len(tasks), console=console)))
    results["sets"] = {name: systems_of(pieces) for name, pieces in sets.items()}
    results["tempi"] = {name: tempi_of(pieces) for name, pieces in sets.items()}
    page = page_of(results)
    write_results(options.out, "decoders", results, page)
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
