"""The accuracy page: scores of rtbeat and of its peers as Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from benchmarks.report import heading, table
from benchmarks.scores import ClipScores

COLUMNS = (
    *("F", "F_no5", "F@25", "F_first5", "heardF", "heardF_no5"),
    *("cF@0", "cF@0_no5", "cF@50", "cF@100", "cF@200", "downF", "CMLt", "AMLt"),
)
DETAILS = ("bias_ms", "lock_s", "locked", "octave_switches", "tempo_acc1", "tempo_acc2")
BY_GENRE = ("F", "F_no5", "cF@0", "heardF", "downF")
SAME_COLLECTION = (
    "The bundled model was trained on other songs of GTZAN (blues, classical, country, metal); "
    "the peers have not seen GTZAN at all. `test_spcup` is new to everyone."
)


def percent(value: float | None) -> str:
    """A score of 0..1 as percent with one decimal, a dash for what is not known."""
    return "-" if value is None or math.isnan(value) else f"{100 * value:.1f}"


def number(value: float | None, digits: int = 2) -> str:
    """A figure that is no share, a dash for what is not known."""
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def with_interval(summary: dict[str, Any], name: str) -> str:
    """Mean and, where there is one, the 95 % interval, percent."""
    if name not in summary["mean"]:
        return "-"
    low, high = summary["interval"][name]
    interval = "" if math.isnan(low) else f" ({percent(low)}-{percent(high)})"
    return percent(summary["mean"][name]) + interval


def peers_rows(peers: dict[str, Any], measured: dict[str, Any], collection: str) -> list[list[str]]:
    """One row a peer, best F first; those measured here with intervals."""
    known = {name: sets[collection] for name, sets in peers.items() if collection in sets}
    rows = [
        (values["F"], [name, *(percent(values.get(column)) for column in COLUMNS)])
        for name, values in known.items()
    ]
    rows += [
        (summary["mean"]["F"], [name, *(with_interval(summary, column) for column in COLUMNS)])
        for name, summary in measured.items()
    ]
    return [row for _, row in sorted(rows, key=lambda pair: -pair[0])]


def scores_table(
    systems: dict[str, Any], peers: dict[str, Any], measured: dict[str, Any], collection: str
) -> str:
    """rtbeat with intervals, then the peers; percent."""
    rows = [
        [f"**rtbeat {system}**", *(with_interval(summary, name) for name in COLUMNS)]
        for system, summary in systems.items()
    ]
    return table(["percent", *COLUMNS], rows + peers_rows(peers, measured, collection))


def details_table(
    systems: dict[str, Any], peers: dict[str, Any], measured: dict[str, Any], collection: str
) -> str:
    """Offset, time to lock, steadiness, tempo, calibration."""
    rows = []
    for system, summary in systems.items():
        cells = [number(summary["mean"].get(name)) for name in DETAILS]
        last = [number(summary.get("lock_median_s")), number(summary["calibration_error"], 3)]
        rows.append([f"**rtbeat {system}**", *cells, *last])
    for name, summary in measured.items():
        rows.append([name, *(number(summary["mean"].get(column)) for column in DETAILS), "", ""])
    for name, sets in peers.items():
        if "lock_s" in sets.get(collection, {}):
            rest = [""] * len(DETAILS)
            rows.append([name, "", number(sets[collection]["lock_s"]), *rest])
    return table(["mean", *DETAILS, "median lock_s", "calibration error"], rows)


def genres_table(systems: dict[str, Any]) -> str:
    """Scores by genre, percent; empty where the collection names no genres."""
    rows = [
        [genre, system, str(summary["n"]), *(with_interval(summary, name) for name in BY_GENRE)]
        for system, whole in systems.items()
        for genre, summary in whole.get("genres", {}).items()
    ]
    return table(["genre", "system", "clips", *BY_GENRE], rows) if rows else ""


def worst_table(clips: Sequence[ClipScores], count: int) -> str:
    """The ``count`` clips with the lowest F of each collection and system."""
    rows = []
    for group in dict.fromkeys((clip.collection, clip.system) for clip in clips):
        chosen = [clip for clip in clips if (clip.collection, clip.system) == group]
        for clip in sorted(chosen, key=lambda clip: clip.values["F"])[:count]:
            values = clip.values
            cells = [percent(values.get(name)) for name in ("F", "cF@0", "AMLt")]
            rows.append([f"{clip.collection}/{clip.id}", clip.system, *cells])
    return table(["clip", "system", "F", "cF@0", "AMLt"], rows)


def collection_section(
    name: str,
    systems: dict[str, Any],
    peers: dict[str, Any],
    measured: dict[str, Any] | None = None,
) -> str:
    """Everything about one collection; ``measured`` are summaries of peers that were run here."""
    measured = measured or {}
    count = next(iter(systems.values()))["n"]
    parts = [f"## {name}\n", f"{count} clips, 95 % bootstrap intervals in brackets.\n"]
    if "gtzan" in name:
        parts.append(SAME_COLLECTION + "\n")
    full = max((sets[name]["n"] for sets in peers.values() if name in sets), default=count)
    if count < full:
        but = "; those measured are of these" if measured else ""
        text = f"The peers' figures are of all {full} clips, not of these {count} alone{but}.\n"
        parts.append(text)
    parts.append(scores_table(systems, peers, measured, name))
    parts.append(details_table(systems, peers, measured, name))
    parts.append(genres_table(systems))
    return "\n".join(part for part in parts if part)


def accuracy_page(
    results: dict[str, Any], peers: dict[str, Any], clips: Sequence[ClipScores], worst: int
) -> str:
    """The whole page. ``worst`` = 0 lists no clips."""
    options = ", ".join(f"{name} {value}" for name, value in results["options"].items())
    parts = [heading("Accuracy", results), f"Options: {options}. Scores: see ../README.md.\n"]
    measured = results.get("measured_peers", {"versions": {}, "sets": {}})
    if measured["versions"]:
        named = ", ".join(f"{name} {version}" for name, version in measured["versions"].items())
        parts.append(f"Peers measured in the same run, on the same clips: {named}.\n")
    parts += [
        collection_section(name, systems, peers, measured["sets"].get(name))
        for name, systems in results["sets"].items()
    ]
    if worst:
        parts.append(f"## The {worst} worst clips of each\n\n{worst_table(clips, worst)}")
    return "\n".join(parts)
