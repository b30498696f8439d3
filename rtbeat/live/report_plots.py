"""Plots of a report as SVG, to be put into a page that gives the colours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtbeat.live.phase_error import LOOSE, TIGHT
from rtbeat.live.report import Report
from rtbeat.live.report_words import clock

Float64 = NDArray[np.float64]

WIDTH, HEIGHT = 960, 240
LEFT, RIGHT, TOP, BOTTOM = 48, 8, 8, 24  # margins
BREAK = 2.5  # periods without a beat after which the line is broken
TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)  # seconds
MOST_TICKS = 12


@dataclass(frozen=True)
class Frame:
    """Axes: ``seconds`` of time to the right, values from ``low`` to ``high`` upward."""

    seconds: float
    low: float
    high: float

    def x(self, time: float) -> float:
        """Pixels from the left."""
        return LEFT + (WIDTH - LEFT - RIGHT) * time / max(self.seconds, 1e-9)

    def y(self, value: float) -> float:
        """Pixels from the top."""
        height = HEIGHT - TOP - BOTTOM
        return TOP + height * (self.high - value) / (self.high - self.low)


def tempo_plot(report: Report) -> str:
    """Tempo over time, the states behind it; "" without beats."""
    if not report.beats:
        return ""
    times, tempi = report.values("time"), report.values("tempo")
    shown = tempi
    offline = np.zeros(0) if report.phase is None else report.phase.offline
    if len(offline) > 1:  # but for its odd beats
        shown = np.append(tempi, np.percentile(60.0 / np.diff(offline), (5, 95)))
    frame = Frame(report.seconds, 0.93 * shown.min(), 1.07 * shown.max())
    parts = [
        f'<rect x="{frame.x(span.start):.1f}" y="{TOP}" height="{HEIGHT - TOP - BOTTOM}" '
        f'width="{frame.x(span.end) - frame.x(span.start):.1f}" fill="var(--{span.name})"/>'
        for span in report.states
    ]
    parts += _axes(frame, [(value, f"{value:.0f}") for value in _round_values(frame)])
    if len(offline) > 1:
        parts += _line(frame, offline[1:], 60.0 / np.diff(offline), "var(--other)", 1.0)
    parts += _line(frame, times, tempi, "var(--line)", 2.0)
    return _svg("tempo in BPM over time", parts)


def confidence_plot(report: Report) -> str:
    """Confidence of the beats over time; "" without beats."""
    if not report.beats:
        return ""
    frame = Frame(report.seconds, 0.0, 1.0)
    parts = _axes(frame, [(value, f"{value:.1f}") for value in (0.0, 0.5, 1.0)])
    times, values = report.values("time"), report.values("confidence")
    return _svg("confidence over time", [*parts, *_line(frame, times, values, "var(--line)", 1.5)])


def phase_plot(report: Report) -> str:
    """Error of the announced beats in milliseconds over time; "" without any."""
    phase = report.phase
    if phase is None or not len(phase.errors):
        return ""
    frame = Frame(report.seconds, -1000.0 * LOOSE, 1000.0 * LOOSE)
    marks = (-LOOSE, -TIGHT, 0.0, TIGHT, LOOSE)
    parts = _axes(frame, [(1000.0 * mark, f"{1000.0 * mark:+.0f} ms") for mark in marks])
    parts += [
        f'<circle cx="{frame.x(time):.1f}" cy="{frame.y(1000.0 * error):.1f}" r="2.5" '
        'fill="var(--line)"/>'
        for time, error in zip(phase.times, phase.errors, strict=True)
    ]
    return _svg("beats early and late over time", parts)


def _svg(label: str, parts: Iterable[str]) -> str:
    head = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
    return "\n".join([head, *parts, "</svg>"])


def _axes(frame: Frame, values: Iterable[tuple[float, str]]) -> list[str]:
    """Lines across at these values with their names, and times along the bottom."""
    parts = []
    for value, name in values:
        y = frame.y(value)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
            'stroke="var(--faint)"/>'
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{name}</text>'
        )
    step = next((s for s in TIME_STEPS if frame.seconds / s <= MOST_TICKS), TIME_STEPS[-1])
    for time in np.arange(0.0, frame.seconds + 1e-9, step):
        parts.append(
            f'<text x="{frame.x(time):.1f}" y="{HEIGHT - 6}" text-anchor="middle">'
            f"{clock(time)[:-2]}</text>"
        )
    return parts


def _round_values(frame: Frame) -> list[float]:
    """Some round numbers between low and high."""
    span = frame.high - frame.low
    step = next(step for step in (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0) if span / step <= 8)
    return [float(v) for v in np.arange(np.ceil(frame.low / step) * step, frame.high, step)]


def _line(frame: Frame, times: Float64, values: Float64, colour: str, width: float) -> list[str]:
    """Lines through the points, broken where beats are missing; nothing outside of the axes."""
    inside = (values >= frame.low) & (values <= frame.high)
    times, values = times[inside], values[inside]
    if len(times) < 2:
        return []
    gaps = np.flatnonzero(np.diff(times) > BREAK * np.median(np.diff(times))) + 1
    runs = zip(np.split(times, gaps), np.split(values, gaps), strict=True)
    drawn = []
    for run_times, run_values in runs:
        places = zip(run_times, run_values, strict=True)
        points = " ".join(f"{frame.x(time):.1f},{frame.y(value):.1f}" for time, value in places)
        drawn.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}"/>'
        )
    return drawn
