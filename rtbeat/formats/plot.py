"""A picture of a piece and its beats: waveform, activation and tempo over time.

Needs matplotlib, which only this module uses, and only when it draws.
"""

from __future__ import annotations

import importlib.util
import io
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rtbeat.beat import Beats
from rtbeat.formats.local_tempo import local_tempi

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUFFIXES = (".png", ".svg", ".pdf")
WIDTH, PANEL_HEIGHT = 12.0, 1.9  # inches
RESOLUTION = 120  # pixels an inch
COLUMNS = 3000  # of the waveform: more than there are pixels
MOST_WIDTH = 60.0  # inches
INCHES_A_BEAT = 0.05  # a longer piece gets a wider picture, so that beats can be told apart
WAVE, LINE, BEAT, DOWNBEAT = "#8fa3b5", "#1f4f7f", "#f0a030", "#c0392b"


def check(suffix: str) -> None:
    """Raise ``ValueError`` where ``suffix`` stands for no kind of picture, ``ModuleNotFoundError``
    without matplotlib."""
    if suffix.lower() not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise ValueError(f"a plot cannot be written as {suffix!r}; known are {known}")
    if importlib.util.find_spec("matplotlib") is None:
        raise ModuleNotFoundError('a plot needs matplotlib: pip install "rtbeat[plot]"')


def draw(
    beats: Beats,
    samples: NDArray[np.float32] | None = None,
    sample_rate: int | None = None,
    suffix: str = ".png",
) -> bytes:
    """The bytes of a picture of the kind of ``suffix`` (.png, .svg or .pdf).

    samples : ``(frames,)`` or ``(frames, channels)`` with their ``sample_rate`` in Hz; without
    them there is no waveform. The same beats and samples give the same bytes with the same
    matplotlib. Raises ``ValueError`` and ``ModuleNotFoundError`` as :func:`check` does, and
    ``ValueError`` for samples without a rate. Thread: one at a time (matplotlib's settings).
    """
    check(suffix)
    if samples is not None and sample_rate is None:
        raise ValueError("sample_rate is missing; it is needed with samples")
    from matplotlib import rc_context
    from matplotlib.figure import Figure  # not pyplot, which keeps figures and picks a display

    panels = 2 if samples is None else 3
    width = float(np.clip(INCHES_A_BEAT * len(beats), WIDTH, MOST_WIDTH))
    with rc_context({"svg.hashsalt": "rtbeat", "svg.fonttype": "none"}):
        figure = Figure((width, PANEL_HEIGHT * panels), RESOLUTION, layout="constrained")
        axes = list(np.atleast_1d(figure.subplots(panels, 1, sharex=True)))
        if samples is not None and sample_rate is not None:
            _draw_waveform(axes[0], samples, sample_rate)
        _draw_activation(axes[-2], beats)
        for panel in axes[:-1]:
            _draw_beats(panel, beats)
        axes[0].legend(loc="upper right", fontsize="small")
        _draw_tempo(axes[-1], beats)
        out = io.BytesIO()
        figure.savefig(out, format=suffix[1:].lower(), metadata=_undated(suffix))
    return out.getvalue()


def _undated(suffix: str) -> dict[str, Any]:
    return {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}[suffix.lower()]


def _draw_waveform(axes: Axes, samples: NDArray[np.float32], sample_rate: int) -> None:
    mono = np.nan_to_num(samples if samples.ndim == 1 else samples.mean(axis=1))
    if len(mono):
        starts = np.unique(np.linspace(0, len(mono), COLUMNS, endpoint=False).astype(np.int64))
        low, high = np.minimum.reduceat(mono, starts), np.maximum.reduceat(mono, starts)
        axes.fill_between(starts / sample_rate, low, high, color=WAVE, linewidth=0.5, zorder=0.5)
    axes.set_ylabel("amplitude")


def _draw_activation(axes: Axes, beats: Beats) -> None:
    times = (np.arange(len(beats.activation)) + 0.5) / beats.frame_rate
    axes.plot(times, beats.activation, color=LINE, linewidth=0.8)
    axes.set_ylim(0.0, 1.0)
    axes.set_ylabel("activation")


def _draw_beats(axes: Axes, beats: Beats) -> None:
    """A line at each beat, behind the curve; those of downbeats are stronger."""
    whole = axes.get_xaxis_transform()  # up and down: the whole panel, whatever its scale
    kinds = (
        ("beat", beats.numbers != 1, BEAT, 0.8),
        ("downbeat", beats.numbers == 1, DOWNBEAT, 1.4),
    )
    for name, chosen, color, width in kinds:
        axes.vlines(
            beats.times[chosen],
            0,
            1,
            transform=whole,
            color=color,
            linewidth=width,
            label=name,
            zorder=1,
        )


def _draw_tempo(axes: Axes, beats: Beats) -> None:
    if len(beats) > 1:
        axes.plot(beats.times, local_tempi(beats.times), color=LINE, linewidth=1.2)
        axes.axhline(beats.tempo, color=LINE, linewidth=0.6, linestyle=":")
        low, high = axes.get_ylim()
        room = max(0.0, 5.0 - (high - low) / 2)  # a steady tempo is to look steady
        axes.set_ylim(low - room, high + room)
    axes.set_ylabel("tempo (BPM)")
    axes.set_xlabel("time (s)")
    axes.set_xlim(0.0, max(beats.duration, 1e-3))
