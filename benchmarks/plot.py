"""A picture of one clip: activation, announced beats, true beats. Needs matplotlib."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

import rtbeat
from benchmarks.collections import Clip, DataError


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
    if importlib.util.find_spec("matplotlib") is None:
        raise DataError("--plot needs matplotlib: pip install matplotlib")
    picture = figure(clip, rtbeat.track(clip.audio, online=True, **options))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{clip.collection}-{clip.id}.png"
    picture.savefig(path, dpi=100)
    return path
