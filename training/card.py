"""The model card: what a weights file is, what it was trained on and how good it is, as Markdown.

    python -m training.card --model rtbeat/models/default.npz --results benchmarks/results \
        --out rtbeat/models/default.md

Prose stands in ``card.md`` beside this file; what the weights file tells (shape, training, data)
and the scores of ``accuracy.json`` and ``changes.json`` are filled in. Scores of another model are
left out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from rtbeat import weights
from rtbeat.weights import ModelConfig

TEMPLATE = Path(__file__).with_name("card.md")
SOURCES = {
    "midi": "MIDI pieces, rendered",
    "train_gtzan": "GTZAN, 159 clips",
    "train_charts": "songs of rhythm games",
    "ballroom": "Ballroom",
    "negatives": "sounds without a beat",
}
SETS = {
    "test_gtzan": "GTZAN",
    "test_spcup": "IEEE Signal Processing Cup 2017",
    "test_ballroom": "Ballroom",
    "test_mdb": "MDB Drums",
}
# percent, of the beats within 70 ms unless their name says otherwise
SCORES = ("F", "cF@0", "cF@200", "F@25", "downF", "CMLt", "AMLt", "tempo_acc1", "tempo_acc2")
FEW = 5  # clips, below which a genre is not spoken of

Summary = Mapping[str, Any]


@dataclass(frozen=True)
class Model:
    """What a weights file tells of itself."""

    path: Path
    config: ModelConfig
    parameters: int
    provenance: Mapping[str, Any]
    sha256: str

    @classmethod
    def read(cls, path: Path) -> Model:
        """Raises ``ValueError`` where it is no weights file."""
        with open(path, "rb") as file:
            config, arrays, provenance = weights.read(file, f"model file {str(path)!r}")
        learnt = sum(a.size for name, a in arrays.items() if name not in ("mean", "inv_std"))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return cls(path, config, learnt, provenance, digest)


def table(header: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """A Markdown table, the first columns to the left, the others to the right."""
    marks = [":--"] * left + ["--:"] * (len(header) - left)
    return "\n".join("| " + " | ".join(line) + " |" for line in [header, marks, *rows])


def percent(value: float | None, digits: int = 1) -> str:
    """A score of 0..1, a dash for what is not known."""
    return "-" if value is None else f"{100 * value:.{digits}f}"


def architecture(model: Model) -> str:
    """The network in words, from its configuration."""
    config, features = model.config, model.config.features
    rate = features.frame_rate
    views = " and ".join(f"{1000 * s:g} ms ({bands} bands)" for s, bands in features.windows)
    lines = [
        f"Input: {rate:g} frames a second of log-mel power in windows of {views}, "
        f"{features.fmin:,.0f} to {features.fmax:,.0f} Hz, mono, and its rises since the frame "
        f"before: {features.size} numbers.",
        f"Dense layer of {config.inputs} units (ReLU)." if config.inputs else "No dense layer.",
        f"{config.layers} bidirectional GRU layers of {config.units} units a direction.",
        *several(config.networks),
        f"Output: {len(config.heads)} probabilities a frame: {', '.join(config.heads)}.",
        f"{model.parameters:,} weights, {model.path.stat().st_size / 1e6:.2f} MB.",
        f"Run over the last {config.window:g} s: at each hop the newest {config.tail} frames, "
        f"every {config.refresh} hops all of them.",
    ]
    if config.offset:
        lines.append(f"Timing corrected by {1000 * config.offset / rate:+.1f} ms.")
    return "\n".join(f"* {line}" for line in lines)


def several(count: int) -> list[str]:
    """That there is more than one network."""
    if count == 1:
        return []
    return [f"{count} such networks; the mean of their log odds counts. Narrower ones are padded."]


def networks(provenance: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """What the file tells of each of its networks."""
    found: Sequence[Mapping[str, Any]] = provenance.get("networks", [provenance])
    return found


def heard(provenance: Mapping[str, Any]) -> dict[str, float]:
    """Hours of each source; of what several networks heard, the most."""
    known: dict[str, float] = {}
    for network in networks(provenance):
        for source, count in network.get("data", {}).get("hours", {}).items():
            known[source] = max(count, known.get(source, 0.0))
    return known


def hours(provenance: Mapping[str, Any]) -> str:
    """Hours of each kind of music."""
    known = heard(provenance)
    if not known:
        return "The weights file does not tell."
    rows = [
        [SOURCES.get(source, f"songs of the folder `{source}`"), f"{count:.1f}"]
        for source, count in sorted(known.items(), key=lambda item: -item[1])
    ]
    return table(["what", "hours"], rows)


def training(provenance: Mapping[str, Any], sha256: str) -> str:
    """Commands, steps and hashes of every network, and the file's hash."""
    parts = [training_of(network) for network in networks(provenance)]
    if len(parts) > 1:
        parts = [f"**Network {n}.**\n\n{part}" for n, part in enumerate(parts, 1)]
    return "\n\n".join([*parts, f"SHA-256 of the weights file: `{sha256}`"])


def training_of(provenance: Mapping[str, Any]) -> str:
    """Commands, steps and hashes."""
    # where a folder lies on the machine that trained is nobody's business
    command = re.sub(
        r"(?<=[\s=])/(?:[^\s/]+/)*(?=[^\s/])", "", str(provenance.get("command") or "")
    )
    commands = "\n".join(part.strip() for part in command.split(";"))
    rows = [
        ["run", f"`{provenance['run']}`" if "run" in provenance else "-"],
        ["steps, with those of the runs it began with", f"{provenance.get('steps', '-')}"],
        ["minutes of the last run", f"{provenance.get('minutes', '-')}"],
        ["SHA-256 of the shards", f"`{provenance.get('data', {}).get('sha256', '-')}`"],
    ]
    told = f"```sh\n{commands}\n```" if command else "The weights file tells no command."
    return f"{told}\n\n{table(['what', 'value'], rows, left=2)}"


def with_interval(summary: Summary, name: str) -> str:
    """Mean and 95 % interval, percent."""
    low, high = summary.get("interval", {}).get(name) or (None, None)
    interval = "" if low is None or high is None else f" ({percent(low, 0)}-{percent(high, 0)})"
    return percent(summary["mean"].get(name)) + interval


def with_exact_means(results: dict[str, Any]) -> dict[str, Any]:
    """The results with means over their clips: stored means are rounded, to be rounded again."""
    found: dict[tuple[str, str, str], list[float]] = {}
    for clip in results.get("clips", []):
        for score, value in clip.items():
            if isinstance(value, float):
                found.setdefault((clip["set"], clip["system"], score), []).append(value)
    for (name, system, score), values in found.items():
        results["sets"][name][system]["mean"][score] = sum(values) / len(values)
    return results


def accuracy(results: Mapping[str, Any], trained_on: Iterable[str]) -> str:
    """Scores on every set, by every system that was run, and by genre."""
    rows = [
        [SETS.get(name, name), system, str(summary["n"])]
        + [with_interval(summary, score) for score in SCORES]
        for name, systems in results["sets"].items()
        for system, summary in systems.items()
    ]
    lead = results.get("options", {}).get("lead")
    announced = f"; online, beats are announced {lead:g} s ahead" if lead is not None else ""
    parts = [
        f"rtbeat {results['version']}, {results['date'][:10]}. Whole clips, first seconds included"
        f"{announced}. Percent, with 95 % bootstrap intervals: F-measure within 70 ms (F@25: "
        "25 ms); cF@0 and cF@200 count only beats announced before they sound, and 200 ms before; "
        "downF: downbeats; CMLt, AMLt: beats in correct continuity at the annotated and at any "
        "allowed level; tempo_acc1, tempo_acc2: clips whose tempo is within 4 %, and where half, "
        "double, a third and three times count as well. `benchmarks/README.md` tells more, "
        "`benchmarks/results/accuracy.md` how other trackers do on the same clips.",
        table(["set", "system", "clips", *SCORES], rows, left=2),
    ]
    if "train_gtzan" in trained_on and "test_gtzan" in results["sets"]:
        parts.append(
            "GTZAN is measured on other songs of the collection that was trained on, and so leans "
            "towards this model. Sets of a few clips tell little: look at the intervals."
        )
    for name, systems in results["sets"].items():
        genres = {system: s["genres"] for system, s in systems.items() if s.get("genres")}
        if genres:
            parts += [f"F by genre, {SETS.get(name, name)}, percent:", genres_table(genres)]
    return "\n\n".join(parts)


def genres_table(genres: Mapping[str, Mapping[str, Summary]]) -> str:
    """F of each genre by each system."""
    names = sorted({genre for by_genre in genres.values() for genre in by_genre})
    rows = []
    for genre in names:
        found = [by_genre.get(genre) for by_genre in genres.values()]
        count = next(str(summary["n"]) for summary in found if summary)
        scores = ["-" if s is None else percent(s["mean"].get("F"), 0) for s in found]
        rows.append([genre, count, *scores])
    return table(["genre", "clips", *genres], rows)


def weaknesses(results: Mapping[str, Any]) -> str:
    """What the scores of the largest set say, by the first system that was run."""
    name, systems = max(results["sets"].items(), key=lambda item: next(iter(item[1].values()))["n"])
    system, summary = next(iter(systems.items()))
    mean = summary["mean"]
    lines = []

    def say(text: str, *scores: str) -> None:
        """A line, where all of its scores are known."""
        if all(mean.get(score) is not None for score in scores):
            lines.append(text.format(*(percent(mean[score]) for score in scores)))

    say(
        "The octave of the tempo: it is right on {} % of the clips, on {} % if half, double, a "
        "third and three times count as right.",
        *("tempo_acc1", "tempo_acc2"),
    )
    say("Bars: F of the downbeats is {} %, that of the beats {} %.", "downF", "F")
    say("The first five seconds: F {} %; without them {} %.", "F_first5", "F_no5")
    say("Fine timing: F {} % within 25 ms, {} % within 70 ms.", "F@25", "F")
    if mean.get("bias_ms") is not None:
        side = "late" if mean["bias_ms"] > 0 else "early"
        lines.append(f"Its beats lie {abs(mean['bias_ms']):.0f} ms {side} of the annotated ones.")
    known = [
        (genre["mean"]["F"], label, genre["n"])
        for label, genre in summary.get("genres", {}).items()
        if genre["n"] >= FEW and genre["mean"].get("F") is not None
    ]
    if len(known) > 3:
        worst = [f"{label} {percent(f, 0)} % ({n} clips)" for f, label, n in sorted(known)[:3]]
        lines.append(f"Kinds of music, lowest F first: {', '.join(worst)}.")
    head = f"On {SETS.get(name, name)}, {summary['n']} clips, {system}:\n\n"
    return head + "\n".join(f"* {line}" for line in lines) + "\n\nBesides:"


def false_beats(changes: Mapping[str, Any] | None) -> str:
    """Sounds without a beat that start some; empty where none does, or none was measured."""
    counts: dict[str, list[float]] = (changes or {}).get("false beats", {})
    told = [f"{sound} {sum(n) / len(n):.1f}" for sound, n in counts.items() if sum(n) > 0]
    return f"* Beats a minute where there are none: {', '.join(told)}.\n" if told else ""


def card(
    model: Model, results: Mapping[str, Any] | None, changes: Mapping[str, Any] | None = None
) -> str:
    """The whole page; without ``results`` it says that nothing has been measured."""
    trained_on = heard(model.provenance)
    missing = "Not measured yet: `python -m benchmarks.accuracy` measures it."
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        name=f"Model card: {model.path.stem}",
        hop=f"{1000 / model.config.features.frame_rate:g}",
        architecture=architecture(model),
        hours=hours(model.provenance),
        training=training(model.provenance, model.sha256),
        accuracy=accuracy(results, trained_on) if results else missing,
        weaknesses=weaknesses(results) if results else missing,
        false_beats=false_beats(changes),
    )


def read_results(path: Path, sha256: str) -> dict[str, Any] | None:
    """A file of results; None, and a word about it, where it tells of another model."""
    if not path.is_file():
        print(f"{path} does not exist: the card leaves its figures out", file=sys.stderr)
        return None
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if results.get("model", {}).get("sha256") != sha256:
        print(f"{path} is of another model: the card leaves its figures out", file=sys.stderr)
        return None
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="weights file")
    parser.add_argument("--results", type=Path, required=True, help="folder with accuracy.json")
    parser.add_argument("--out", type=Path, required=True, help="the card, Markdown")
    args = parser.parse_args()
    try:
        model = Model.read(args.model)
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from error
    results, changes = (
        read_results(args.results / f"{name}.json", model.sha256)
        for name in ("accuracy", "changes")
    )
    page = card(model, with_exact_means(results) if results else None, changes)
    args.out.write_text(page, encoding="utf-8")
    print(args.out)


if __name__ == "__main__":
    main()
