"""What each choice in the tracker costs: ``python -m benchmarks.ablations --data PATH``.

The same clips go through the live engine as shipped and with one thing changed at a time: the
decoder, how many frames the network runs again at each hop (tail), after how many hops it runs over
its whole window (refresh), and how early beats are announced (lead). Decoder, tail and refresh are
compared with the tracker as shipped, leads with the lead that does best, clip by clip.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track as progress

from benchmarks.arguments import add_clip_options, chosen_options, parse
from benchmarks.collections import Clip, DataError, find_clips
from benchmarks.comparison import Rows, compare, comparison_table, scores_of
from benchmarks.engine import read_mono, run_samples
from benchmarks.report import heading, provenance, write_results
from benchmarks.workers import run_all
from rtbeat.model import BeatModel, ModelConfig

NEVER = 1_000_000  # hops; the most a model takes, 5.6 hours at 50 a second
DECODERS = ("filter", "search")
TAILS = (10, 20, 30, 50)  # frames
REFRESHES = (50, 250, NEVER)  # hops
LEADS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)  # seconds


@dataclass(frozen=True)
class Setting:
    """How the tracker is run. lead : seconds. tail : frames. refresh : hops."""

    decoder: str
    lead: float
    tail: int
    refresh: int


@dataclass(frozen=True)
class Task:
    """One clip in one setting; ``model`` is the file of a model that is run so."""

    clip: Clip
    setting: Setting
    model: Path


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.ablations", description=__doc__)
    add_clip_options(parser)
    names = ("decoder", "tail", "refresh", "lead")
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="only these")
    return parse(parser, argv)


def shipped(config: ModelConfig) -> Setting:
    """The tracker as it is unless told otherwise."""
    return Setting("filter", 0.2, config.tail, config.refresh)


def choices_of(config: ModelConfig) -> dict[str, dict[str, Setting]]:
    """``{what is chosen: {label: setting}}``; tails that the window cannot hold are left out."""
    base = shipped(config)
    values: dict[str, Sequence[Any]] = {
        "decoder": DECODERS,
        "tail": [tail for tail in TAILS if tail <= config.frames],
        "refresh": REFRESHES,
        "lead": LEADS,
    }
    return {
        name: {label_of(name, value): replace(base, **{name: value}) for value in several}
        for name, several in values.items()
    }


def label_of(name: str, value: Any) -> str:
    """A value as in the tables."""
    if name == "lead":
        return f"{value:g} s"
    return "never" if value == NEVER else str(value)


def save_models(model: BeatModel, settings: Sequence[Setting], folder: Path) -> dict[Setting, Path]:
    """The same network, in a file for each way to run it."""
    paths = {}
    for setting in settings:
        path = folder / f"tail{setting.tail}-refresh{setting.refresh}.npz"
        if not path.exists():
            config = replace(model.config, tail=setting.tail, refresh=setting.refresh)
            BeatModel(config, model.arrays, model.provenance).save(path)
        paths[setting] = path
    return paths


def run_task(task: Task) -> dict[str, float]:
    """Scores of a clip in a setting. Raises ``DataError``."""
    audio, sample_rate = read_mono(task.clip)
    options = {"model": task.model, "decoder": task.setting.decoder, "lead": task.setting.lead}
    return scores_of(run_samples(audio, sample_rate, options), task.clip)


def best_of(rows_of: Mapping[Setting, Rows], settings: Sequence[Setting]) -> Setting:
    """The setting with the highest mean cF@0, the first of several."""
    return max(settings, key=lambda s: float(np.mean([row["cF@0"] for row in rows_of[s]])))


def compare_choices(
    rows_of: Mapping[Setting, Rows], choices: Mapping[str, Mapping[str, Setting]], base: Setting
) -> dict[str, Any]:
    """``{what is chosen: {"against": label, "values": {label: summary}}}`` of one set."""
    found: dict[str, Any] = {}
    for name, settings in choices.items():
        against = best_of(rows_of, list(settings.values())) if name == "lead" else base
        label = next((key for key, value in settings.items() if value == against), "as shipped")
        values = {key: compare(rows_of[s], rows_of[against]) for key, s in settings.items()}
        for key, setting in settings.items():
            values[key]["setting"] = asdict(setting) | {"shipped": setting == base}
        found[name] = {"against": label, "values": values}
    return found


def page(results: dict[str, Any]) -> str:
    """The results as Markdown."""
    parts = [
        heading("Ablations", results),
        "Live engine, one thing changed at a time; what is shipped has a star. Scores in percent, "
        "changes in points, clip by clip, 95 % bootstrap intervals in brackets. Decoder, tail "
        "(frames run again at each hop) and refresh (hops between runs over the whole window) "
        "against what is shipped, leads against the one with the highest cF@0.\n",
    ]
    for name, choices in results["sets"].items():
        count = next(iter(next(iter(choices.values()))["values"].values()))["n"]
        parts.append(f"## {name}, {count} clips\n")
        for what, found in choices.items():
            lines = [
                (label + (" *" if summary["setting"]["shipped"] else ""), summary)
                for label, summary in found["values"].items()
            ]
            parts.append(comparison_table(f"{what} (against {found['against']})", lines))
    return "\n".join(parts)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """``sets``: what :func:`compare_choices` found in each; ``clips``: scores of each clip in each
    setting. Raises ``DataError``."""
    clips = find_clips(options.data, options.sets, options.limit, options.validation)
    model = BeatModel.load(options.model)
    base, every = shipped(model.config), choices_of(model.config)
    choices = {name: every[name] for name in every if name in options.only}
    # each setting once, though it be a value of several choices
    settings = list(dict.fromkeys([base, *(s for some in choices.values() for s in some.values())]))
    with tempfile.TemporaryDirectory() as folder:
        models = save_models(model, settings, Path(folder))
        tasks = [Task(clip, setting, models[setting]) for clip in clips for setting in settings]
        runs = run_all(run_task, tasks, options.jobs)
        scores = list(progress(runs, "ablations", total=len(tasks), console=Console(stderr=True)))
    rows: dict[str, dict[Setting, list[dict[str, float]]]] = {}
    for task, values in zip(tasks, scores, strict=True):
        rows.setdefault(task.clip.collection, {}).setdefault(task.setting, []).append(values)
    sets = {name: compare_choices(rows_of, choices, base) for name, rows_of in rows.items()}
    clips_of = [
        {"set": task.clip.collection, "id": task.clip.id} | asdict(task.setting) | values
        for task, values in zip(tasks, scores, strict=True)
    ]
    return {"sets": sets, "clips": clips_of}


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 done, 1 data that cannot be used."""
    options = arguments(argv)
    try:
        measured = measure(options)
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    results = {**provenance(options.model), "options": chosen_options(options), **measured}
    text = page(results)
    write_results(options.out, "ablations", results, text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
