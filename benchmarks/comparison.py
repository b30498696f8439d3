"""The same clips run in several ways: means, and in pairs what each way changes against one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks import metrics, uncertainty
from benchmarks.collections import Clip
from benchmarks.engine import Run
from benchmarks.report import table
from benchmarks.tables import with_interval

SCORES = ("cF@0", "F")

Rows = Sequence[Mapping[str, float]]


def scores_of(run: Run, clip: Clip) -> dict[str, float]:
    """``SCORES`` of an online run, 0..1."""
    return {
        "cF@0": metrics.conditional_f(run.events, clip.beats),
        "F": metrics.f_measure(run.times, clip.beats),
    }


def compare(rows: Rows, baseline: Rows) -> dict[str, Any]:
    """Number of clips; mean of each score and its 95 % interval; change against the baseline, of
    the same clips in the same order, and its interval."""
    summary: dict[str, Any] = {"n": len(rows), "mean": {}, "interval": {}, "change": {}}
    summary["change_interval"] = {}
    for name in rows[0]:
        values, before = [row[name] for row in rows], [row[name] for row in baseline]
        summary["mean"][name] = uncertainty.mean(values)
        summary["interval"][name] = uncertainty.bootstrap_interval(values)
        change, interval = uncertainty.difference(values, before)
        summary["change"][name], summary["change_interval"][name] = change, interval
    return summary


def change_cell(summary: Mapping[str, Any], name: str) -> str:
    """A change with its interval, percentage points."""
    low, high = (100.0 * edge for edge in summary["change_interval"][name])
    interval = "" if math.isnan(low) else f" ({low:+.1f} to {high:+.1f})"
    return f"{100.0 * summary['change'][name]:+.1f}{interval}"


def comparison_table(what: str, found: Iterable[tuple[str, dict[str, Any]]]) -> str:
    """One line each: scores in percent, changes in points; ``what`` heads the names."""
    header = [what, *(title for name in SCORES for title in (name, f"change of {name}"))]
    return table(
        header,
        [
            [label]
            + [
                cell
                for name in SCORES
                for cell in (with_interval(summary, name), change_cell(summary, name))
            ]
            for label, summary in found
        ],
    )
