"""How the tracker does in rooms, noise and on a phone: ``python -m benchmarks.rooms --data PATH``.

The same clips go through the live engine as :mod:`benchmarks.hearing` lets them be heard: clean, in
three rooms, in one of them with noise, through a phone's loudspeaker, and 30 dB quieter. Rooms and
noise are the same at each run: those of a clip do not depend on what else is run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from rich.console import Console
from rich.progress import track as progress

from benchmarks.arguments import add_clip_options, chosen_options, parse
from benchmarks.collections import Clip, DataError, find_clips
from benchmarks.comparison import compare, comparison_table, scores_of
from benchmarks.engine import read_mono, run_samples
from benchmarks.hearing import CLEAN, CONDITIONS, Condition, hear, room_facts
from benchmarks.report import heading, provenance, table, write_results
from benchmarks.workers import run_all


@dataclass(frozen=True)
class Task:
    """One clip under one condition; ``options`` are the tracker's."""

    clip: Clip
    condition: Condition
    options: dict[str, Any]


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.rooms", description=__doc__)
    add_clip_options(parser)
    parser.add_argument("--decoder", choices=("filter", "search"), default="filter")
    parser.add_argument("--lead", type=float, default=0.2, help="how early to announce, seconds")
    names = [condition.name for condition in CONDITIONS]
    parser.add_argument(
        "--heard", nargs="+", choices=names, metavar="NAME", help="only so and clean"
    )
    return parse(parser, argv)


def conditions_of(names: Sequence[str] | None) -> list[Condition]:
    """Clean, which all others are compared with, and those of these names; None = all."""
    return [c for c in CONDITIONS if names is None or c is CLEAN or c.name in names]


def run_task(task: Task) -> dict[str, float]:
    """Scores of a clip as it is heard. Raises ``DataError``."""
    audio, sample_rate = read_mono(task.clip)
    heard = hear(audio, sample_rate, task.condition, crc32(task.clip.id.encode()))
    return scores_of(run_samples(heard, sample_rate, task.options), task.clip)


def by_set(tasks: Sequence[Task], scores: Sequence[dict[str, float]]) -> dict[str, Any]:
    """``{set: {condition: summary}}``, each compared with the clean clips."""
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    for task, values in zip(tasks, scores, strict=True):
        conditions = found.setdefault(task.clip.collection, {})
        conditions.setdefault(task.condition.name, []).append(values)
    return {
        name: {label: compare(rows, rows_of[CLEAN.name]) for label, rows in rows_of.items()}
        for name, rows_of in found.items()
    }


def rooms_table(rooms: dict[str, Any]) -> str:
    """What the rooms are like."""
    rows = [
        [
            name,
            " x ".join(f"{side:g}" for side in facts["size_m"]),
            f"{facts['distance_m']:.1f}",
            f"{facts['decay_s']:.2f}",
            f"{facts['direct_to_reverberant_db']:.1f}",
        ]
        for name, facts in rooms.items()
    ]
    return table(["room", "size, m", "distance, m", "-60 dB after, s", "direct / rest, dB"], rows)


def page(results: dict[str, Any]) -> str:
    """The results as Markdown."""
    options = ", ".join(f"{name} {value}" for name, value in results["options"].items())
    parts = [
        heading("Rooms, noise, loudspeakers", results),
        f"Options: {options}. Scores in percent, changes against clean in points, clip by clip, "
        "95 % bootstrap intervals over the clips in brackets. Levels of noise are those of the "
        "whole clip.\n",
    ]
    if results["rooms"]:
        parts.append(rooms_table(results["rooms"]))
    for name, conditions in results["sets"].items():
        count = next(iter(conditions.values()))["n"]
        parts.append(f"## {name}, {count} clips\n")
        parts.append(comparison_table("heard", conditions.items()))
    return "\n".join(parts)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 done, 1 data that cannot be used."""
    options = arguments(argv)
    chosen = {name: getattr(options, name) for name in ("decoder", "lead", "model")}
    try:
        conditions = conditions_of(options.heard)
        rooms = {c.room: room_facts(c.room) for c in conditions if c.room is not None}
        clips = find_clips(options.data, options.sets, options.limit, options.validation)
        tasks = [Task(clip, condition, chosen) for clip in clips for condition in conditions]
        runs = run_all(run_task, tasks, options.jobs)
        scores = list(progress(runs, "rooms", total=len(tasks), console=Console(stderr=True)))
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    results = {
        **provenance(options.model),
        "options": chosen_options(options),
        "rooms": rooms,
        "sets": by_set(tasks, scores),
        "clips": [
            {
                "set": task.clip.collection,
                "id": task.clip.id,
                "heard": task.condition.name,
                **values,
            }
            for task, values in zip(tasks, scores, strict=True)
        ],
    }
    text = page(results)
    write_results(options.out, "rooms", results, text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
