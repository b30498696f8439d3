"""All scores of one clip, and their means over many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import metrics, uncertainty
from benchmarks.collections import Clip
from benchmarks.engine import Run


@dataclass(frozen=True, eq=False)
class ClipScores:
    """Scores of one system on one clip.

    values : name -> score. curve : cF at each lead of ``metrics.LEADS``, online runs only.
    confidences : float64 ``(n,)`` as stated. right : bool ``(n,)``, beats that were right.
    """

    collection: str
    id: str
    genre: str
    system: str
    duration: float
    values: dict[str, float]
    curve: NDArray[np.float64] | None
    confidences: NDArray[np.float64] = field(repr=False)
    right: NDArray[np.bool_] = field(repr=False)


def beat_scores(run: Run, clip: Clip) -> dict[str, float]:
    """Scores of the beats, whenever they were announced."""
    est, ref = run.times, clip.beats
    cml, aml = metrics.continuity(est, ref)
    return {
        "F": metrics.f_measure(est, ref),
        "F_no5": metrics.f_measure(est, ref, trim=5.0),
        "F@25": metrics.f_measure(est, ref, window=0.025),
        "F_first5": metrics.f_first(est, ref),
        "downF": metrics.downbeat_f(est, run.numbers, ref, clip.positions),
        "CMLt": cml,
        "AMLt": aml,
        "bias_ms": 1000.0 * metrics.bias(est, ref),
        "tempo_acc1": metrics.tempo_right(est, ref),
        "tempo_acc2": metrics.tempo_right(est, ref, octaves=True),
    }


def online_scores(run: Run, clip: Clip) -> dict[str, float]:
    """Scores of the announcements."""
    events, ref = run.events, clip.beats
    lock = metrics.time_to_lock(run.times, ref)
    scores = {
        f"cF@{lead}": metrics.conditional_f(events, ref, lead / 1000) for lead in (0, 50, 100, 200)
    }
    return scores | {
        "cF@0_no5": metrics.conditional_f(events, ref, trim=5.0),
        "heardF": metrics.heard_f(events, ref),
        "heardF_no5": metrics.heard_f(events, ref, trim=5.0),
        # a clip that is never locked counts with its whole length, a lower bound
        "lock_s": min(lock, run.duration),
        "locked": float(np.isfinite(lock)),
        "octave_switches": metrics.octave_switches(run.times, ref),
    }


def score(run: Run, clip: Clip, system: str) -> ClipScores:
    """Everything that can be said of a run on a clip."""
    values = beat_scores(run, clip)
    curve = None
    if run.announced_at is not None:
        values |= online_scores(run, clip)
        curve = metrics.lead_curve(run.events, clip.beats)
    right = np.zeros(len(run.times), np.bool_)
    right[metrics.match(run.times, clip.beats)[:, 0]] = True
    return ClipScores(
        clip.collection,
        clip.id,
        clip.genre,
        system,
        run.duration,
        values,
        curve,
        run.confidences,
        right,
    )


def summarize(clips: Sequence[ClipScores]) -> dict[str, Any]:
    """Number of clips, mean and 95 % interval of every score, mean lead curve, calibration."""
    names = clips[0].values
    columns = {name: [clip.values[name] for clip in clips] for name in names}
    summary: dict[str, Any] = {
        "n": len(clips),
        "mean": {name: uncertainty.mean(column) for name, column in columns.items()},
        "interval": {
            name: uncertainty.bootstrap_interval(column) for name, column in columns.items()
        },
        "calibration_error": uncertainty.calibration_error(
            np.concatenate([clip.confidences for clip in clips]),
            np.concatenate([clip.right for clip in clips]),
        ),
    }
    curves = [clip.curve for clip in clips if clip.curve is not None]
    if curves:
        means = np.mean(curves, axis=0)
        summary["lead_curve"] = [
            [round(1000 * lead), float(value)]
            for lead, value in zip(metrics.LEADS, means, strict=True)
        ]
        summary["lock_median_s"] = float(np.median([clip.values["lock_s"] for clip in clips]))
    return summary


def by_group(clips: Sequence[ClipScores]) -> dict[str, dict[str, dict[str, Any]]]:
    """``{collection: {system: summary}}``; a summary holds ``genres`` where there are several."""
    result: dict[str, dict[str, dict[str, Any]]] = {}
    for collection in dict.fromkeys(clip.collection for clip in clips):
        result[collection] = {}
        for system in dict.fromkeys(clip.system for clip in clips):
            chosen = [c for c in clips if (c.collection, c.system) == (collection, system)]
            if not chosen:
                continue
            summary = summarize(chosen)
            genres = sorted({clip.genre for clip in chosen})
            if len(genres) > 1:
                summary["genres"] = {
                    genre: summarize([clip for clip in chosen if clip.genre == genre])
                    for genre in genres
                }
            result[collection][system] = summary
    return result
