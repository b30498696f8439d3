"""Accuracy over whole clips, first seconds included: ``python -m benchmarks.accuracy --data PATH``.

Progress goes to standard error, the tables to standard output and, with all figures, to
``results/accuracy.json`` and ``results/accuracy.md``.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track as progress

import rtbeat
from benchmarks.collections import Clip, DataError, read_collection, spread
from benchmarks.engine import run_offline, run_online
from benchmarks.report import RESULTS, provenance, write_results
from benchmarks.scores import ClipScores, by_group, score
from benchmarks.tables import accuracy_page

SETS = ("test_gtzan", "test_spcup", "test_ballroom", "test_mdb")
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
    add("--data", type=Path, required=True, help="folder that holds the test folders")
    add("--sets", nargs="+", default=None, help="test folders, default: all that are there")
    add("--limit", type=int, help="at most N clips a folder, every k-th", metavar="N")
    add("--decoder", choices=("filter", "search", "both"), default="filter")
    add("--lead", type=float, default=0.2, help="how early to announce, seconds")
    add("--model", default="default", help="name or path of a model")
    add("--jobs", type=int, default=1, help="processes")
    modes = parser.add_mutually_exclusive_group()
    for mode in ("online", "offline", "both"):
        modes.add_argument(f"--{mode}", dest="mode", action="store_const", const=mode)
    parser.set_defaults(mode="both")
    add("--worst", type=int, default=0, metavar="N", help="list the N worst clips of each folder")
    add("--plot", action="append", default=[], metavar="ID", help="draw a clip (repeatable)")
    add("--out", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args(argv)
    for name in ("limit", "jobs"):
        if getattr(options, name) is not None and getattr(options, name) < 1:
            parser.error(f"--{name} must be at least 1")
    return options


def find_clips(data: Path, sets: Sequence[str] | None, limit: int | None) -> list[Clip]:
    """Clips of the folders asked for, or of every test folder that is there."""
    names = sets or [name for name in SETS if (data / name).is_dir()]
    if not names:
        raise DataError(f"{data} holds none of {', '.join(SETS)}; name folders with --sets")
    return [clip for name in names for clip in spread(read_collection(data / name), limit)]


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


def run_tasks(tasks: Sequence[Task], jobs: int) -> Iterator[ClipScores]:
    """Scores in the order of the tasks."""
    if jobs == 1:
        yield from map(run_task, tasks)
        return
    # spawned, not forked: every process compiles and opens its own things
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap(run_task, tasks)


def collect(
    clips: Sequence[ClipScores], options: argparse.Namespace, peers: dict[str, Any]
) -> dict[str, Any]:
    """All that goes into accuracy.json."""
    known = {name: vars(options)[name] for name in ("decoder", "lead", "limit")}
    return {
        **provenance(options.model),
        "options": {name: value for name, value in known.items() if value is not None},
        "sets": by_group(clips),
        "peers": peers,
        "clips": [
            {"set": clip.collection, "id": clip.id, "system": clip.system, **clip.values}
            for clip in clips
        ],
    }


def draw(ids: Iterable[str], tasks: Sequence[Task], folder: Path) -> None:
    """The plots asked for, by the first system that ran."""
    from benchmarks.plot import plot_clip  # needs matplotlib, which is optional

    for name in ids:
        task = next((task for task in tasks if task.clip.id == name), None)
        if task is None:
            raise DataError(f"--plot {name}: no such clip in the folders that were run")
        print(plot_clip(task.clip, task.options, folder), file=sys.stderr)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 done, 1 data that cannot be used."""
    options = arguments(argv)
    try:
        tasks = make_tasks(find_clips(options.data, options.sets, options.limit), options)
        console = Console(stderr=True)
        runs = run_tasks(tasks, options.jobs)
        clips = list(progress(runs, "accuracy", total=len(tasks), console=console))
        peers = json.loads(PEERS.read_text(encoding="utf-8"))
        results = collect(clips, options, peers)
        page = accuracy_page(results, peers, clips, options.worst)
        write_results(options.out, "accuracy", results, page)
        print(page)
        draw(options.plot, tasks, options.out)
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
