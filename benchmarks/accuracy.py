"""Accuracy over whole clips, first seconds included: ``python -m benchmarks.accuracy --data PATH``.

Progress goes to standard error, the tables to standard output and, with all figures, to
``results/accuracy.json`` and ``results/accuracy.md``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track as progress

import rtbeat
from benchmarks import peers as run_peers
from benchmarks.arguments import add_clip_options, chosen_options, parse
from benchmarks.collections import Clip, DataError, find_clips
from benchmarks.engine import run_offline, run_online
from benchmarks.plot import plot_clip, plot_curves, require_matplotlib
from benchmarks.report import provenance, write_results
from benchmarks.scores import ClipScores, by_group, score
from benchmarks.tables import accuracy_page
from benchmarks.workers import run_all

PEERS = Path(__file__).parent / "peers.json"


@dataclass(frozen=True)
class Task:
    """One clip by one system: ``mode`` is "online" or "offline", ``options`` the tracker's."""

    clip: Clip
    mode: str
    options: dict[str, Any]

    @property
    def system(self) -> str:
        """Name of the system in the tables, such as "online filter"."""
        return f"{self.mode} {self.options['decoder']}"


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.accuracy", description=__doc__)
    add = parser.add_argument
    add_clip_options(parser)
    add("--decoder", choices=("filter", "search", "both"), default="filter")
    add("--lead", type=float, default=0.2, help="how early to announce, seconds")
    modes = parser.add_mutually_exclusive_group()
    for mode in ("online", "offline", "both"):
        modes.add_argument(f"--{mode}", dest="mode", action="store_const", const=mode)
    parser.set_defaults(mode="both")
    add("--peers", action="store_true", help="also run librosa, aubio, essentia where installed")
    add("--worst", type=int, default=0, metavar="N", help="list the N worst clips of each folder")
    add("--plot", action="append", default=[], metavar="ID", help="draw a clip (repeatable)")
    add("--curve", action="store_true", help="draw cF against the lead, one picture a folder")
    options = parse(parser, argv)
    if options.curve and options.mode == "offline":
        parser.error("--curve is about announcements: it needs an online run")
    return options


def make_tasks(clips: Sequence[Clip], options: argparse.Namespace) -> list[Task]:
    """Every clip by every system asked for."""
    decoders = ("filter", "search") if options.decoder == "both" else (options.decoder,)
    modes = ("online", "offline") if options.mode == "both" else (options.mode,)
    tasks = []
    for mode in modes:
        for decoder in decoders:
            chosen: dict[str, Any] = {"decoder": decoder, "model": options.model}
            if mode == "online":
                chosen["lead"] = options.lead
            tasks += [Task(clip, mode, chosen) for clip in clips]
    return tasks


def run_task(task: Task) -> ClipScores:
    """Run and score one task. Raises ``DataError`` for audio that cannot be read."""
    run = run_online if task.mode == "online" else run_offline
    try:
        return score(run(task.clip, task.options), task.clip, task.system)
    except rtbeat.AudioFileError as error:
        raise DataError(f"{task.clip.audio}: {error}") from error


def collect(
    clips: Sequence[ClipScores],
    options: argparse.Namespace,
    peers: dict[str, Any],
    measured: Sequence[ClipScores],
) -> dict[str, Any]:
    """All that goes into accuracy.json; ``measured`` are scores of peers that were run here."""
    results = {
        **provenance(options.model),
        "options": chosen_options(options),
        "sets": by_group(clips),
        "peers": peers,
        "clips": [
            {"set": clip.collection, "id": clip.id, "system": clip.system, **clip.values}
            for clip in [*clips, *measured]
        ],
    }
    if measured:
        results["measured_peers"] = run_peers.results(measured)
    return results


def measure_peers(clips: Sequence[Clip], jobs: int) -> list[ClipScores]:
    """Scores of all peers that are installed; the others are named on standard error."""
    names, missing = run_peers.available(run_peers.PEERS)
    for line in missing:
        print(line, file=sys.stderr)
    tasks = run_peers.make_tasks(clips, names)
    runs = run_all(run_peers.run_task, tasks, jobs)
    return list(progress(runs, "peers", total=len(tasks), console=Console(stderr=True)))


def draw(ids: Iterable[str], tasks: Sequence[Task], folder: Path) -> None:
    """The plots asked for, by the first system that ran."""
    for name in ids:
        task = next((task for task in tasks if task.clip.id == name), None)
        if task is None:
            raise DataError(f"--plot {name}: no such clip in the folders that were run")
        print(plot_clip(task.clip, task.options, folder), file=sys.stderr)


def draw_curves(results: dict[str, Any], folder: Path) -> None:
    """The lead curves of rtbeat and of the peers that were run beside it."""
    measured = results.get("measured_peers", {}).get("sets", {})
    sets = {
        name: {f"rtbeat {system}": summary for system, summary in systems.items()}
        | measured.get(name, {})
        for name, systems in results["sets"].items()
    }
    for path in plot_curves(sets, folder):
        print(path, file=sys.stderr)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 done, 1 data that cannot be used."""
    options = arguments(argv)
    try:
        if options.curve:
            require_matplotlib("--curve")  # before hours of work
        chosen = find_clips(options.data, options.sets, options.limit, options.validation)
        tasks = make_tasks(chosen, options)
        console = Console(stderr=True)
        runs = run_all(run_task, tasks, options.jobs)
        clips = list(progress(runs, "accuracy", total=len(tasks), console=console))
        measured = measure_peers(chosen, options.jobs) if options.peers else []
        peers = json.loads(PEERS.read_text(encoding="utf-8"))
        results = collect(clips, options, peers, measured)
        page = accuracy_page(results, peers, clips, options.worst)
        write_results(options.out, "accuracy", results, page)
        print(page)
        draw(options.plot, tasks, options.out)
        if options.curve:
            draw_curves(results, options.out)
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
