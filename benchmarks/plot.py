"""Pictures: one clip with its activation, announced beats and true beats; the lead curves of a
set. Need matplotlib."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

import rtbeat
from benchmarks.collections import Clip, DataError


def require_matplotlib(option: str) -> None:
    """Raise ``DataError`` where matplotlib is not installed."""
    if importlib.util.find_spec("matplotlib") is None:
        raise DataError(f"{option} needs matplotlib: pip install matplotlib")


def figure(clip: Clip, beats: rtbeat.Beats) -> Any:
    """A matplotlib figure; truth above, announced beats below, each with a line from when it was
    announced to when it is."""
    from matplotlib.figure import Figure

    picture = Figure(figsize=(max(8.0, 0.8 * beats.duration), 3.5), layout="constrained")
    axes = picture.subplots()
    middles = (np.arange(len(beats.activation)) + 0.5) / beats.frame_rate
    axes.plot(middles, beats.activation, color="0.6", linewidth=0.8, label="activation")
    axes.vlines(clip.beats, 1.05, 1.25, color="tab:green", label="true beats")
    axes.vlines(beats.times, -0.25, -0.05, color="tab:blue", label="announced beats")
    if beats.announced_at is not None:
        axes.hlines(
            np.full(len(beats), -0.15), beats.announced_at, beats.times, color="tab:blue", alpha=0.4
        )
    axes.set(xlabel="seconds", title=f"{clip.collection}/{clip.id}", xlim=(0, beats.duration))
    axes.set_ylim(-0.3, 1.6)  # room for the legend
    axes.set_yticks([0.0, 0.5, 1.0])
    axes.legend(loc="upper right", ncols=3, fontsize="small")
    return picture


def plot_clip(clip: Clip, options: dict[str, Any], folder: Path) -> Path:
    """Run a clip online and draw it into ``folder``; returns the PNG file's path."""
    require_matplotlib("--plot")
    picture = figure(clip, rtbeat.track(clip.audio, online=True, **options))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{clip.collection}-{clip.id}.png"
    picture.savefig(path, dpi=100)
    return path


def curve_figure(collection: str, systems: dict[str, Any]) -> Any:
    """A matplotlib figure: cF@L over L of each system (a summary with ``lead_curve``) of a set.

    A beat announced at least L ahead counts; to the right of what a tracker keeps to, all it says
    comes too late.
    """
    from matplotlib.figure import Figure

    picture = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = picture.subplots()
    count = 0
    for name, summary in systems.items():
        leads, values = np.array(summary["lead_curve"], np.float64).T
        axes.plot(leads, 100.0 * values, marker=".", label=name)
        count = summary["n"]
    axes.axvline(0.0, color="0.6", linewidth=0.8)
    axes.set(xlabel="announced at least so many ms ahead", ylabel="cF, percent", ylim=(0, 100))
    axes.set(title=f"{collection}, {count} clips")
    axes.grid(alpha=0.3)
    axes.legend(loc="best", fontsize="small")
    return picture


def plot_curves(sets: dict[str, dict[str, Any]], folder: Path) -> list[Path]:
    """``lead_curve_<set>.png`` of each ``{set: {system: summary}}`` into ``folder``; systems
    without announcements are left out. Returns the paths."""
    require_matplotlib("--curve")
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for collection, systems in sets.items():
        online = {name: found for name, found in systems.items() if "lead_curve" in found}
        if online:
            path = folder / f"lead_curve_{collection}.png"
            curve_figure(collection, online).savefig(path, dpi=100)
            paths.append(path)
    return paths
