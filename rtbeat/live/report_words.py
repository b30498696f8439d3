"""A report in words, for the terminal and for the page."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rtbeat.live.phase_error import LOOSE, TIGHT
from rtbeat.live.report import Jump, Report
from rtbeat.tracker import State

WIDTH = 26  # columns of the left side in the terminal
STATE_WORDS = {
    str(State.LISTENING): "listening, no beat yet",
    str(State.LOCKED): "following the music",
    str(State.COASTING): "going on alone",
    str(State.LOST): "lost",
}


@dataclass(frozen=True)
class Row:
    """One figure: what it is, its value, and what it means where that needs saying."""

    name: str
    value: str
    meaning: str = ""


def report_text(report: Report) -> str:
    """The report as lines for a terminal, each with its line end."""
    return "".join(f"{row.name:{WIDTH}}{row.value}\n" for row in rows(report))


def rows(report: Report) -> list[Row]:
    """All figures of the report, the most wanted first."""
    return [
        Row("length", clock(report.seconds)),
        *_beat_rows(report),
        *_state_rows(report),
        *_trouble_rows(report),
        *_phase_rows(report),
    ]


def clock(seconds: float) -> str:
    """Minutes and seconds, ``3:07.5``."""
    tenths = round(10.0 * seconds)
    return f"{tenths // 600}:{tenths % 600 // 10:02d}.{tenths % 10}"


def _beat_rows(report: Report) -> list[Row]:
    if not report.beats:
        return [Row("beats", "none")]
    tempi = report.values("tempo")
    low, middle, high = np.percentile(tempi, (5, 50, 95))
    found = "by a tap"
    if report.locks:
        since = "listening began" if report.sound_at is None else "the first sound"
        found = f"{report.locks[0]:.1f} s after {since}"
    if len(report.locks) > 1:
        found += f"; {len(report.locks)} times in all, median {np.median(report.locks):.1f} s"
    return [
        Row("found the beat", found),
        Row("beats", str(len(report.beats))),
        Row("tempo", f"{middle:.1f} BPM, nine beats in ten from {low:.1f} to {high:.1f}"),
        Row(
            "confidence",
            f"{np.median(report.values('confidence')):.2f}",
            "the chance that a beat is right, as the tracker judged it at the time; median",
        ),
        Row(
            "octave switches",
            _count(report.octave_switches),
            "the tempo jumped by itself to half, double, 2/3 or 3/2 and stayed there",
        ),
    ]


def _count(jumps: tuple[Jump, ...]) -> str:
    told = [f"{jump.ratio} at {clock(jump.time)}" for jump in jumps[:5]]
    more = ", ..." if len(jumps) > 5 else ""
    return f"{len(jumps)} ({', '.join(told)}{more})" if jumps else "none"


def _state_rows(report: Report) -> list[Row]:
    found = []
    for state, words in STATE_WORDS.items():
        seconds, times = report.seconds_in(state), report.times_in(state)
        share = 100.0 * seconds / report.seconds if report.seconds else 0.0
        often = "" if times < 2 else f", {times} times"
        found.append(Row(words, f"{clock(seconds)} ({share:.0f} %{often})", state))
    held = sum(span.end - span.start for span in report.holds)
    told = f"{len(report.holds)}, {held:.1f} s" if report.holds else "none"
    return [*found, Row("holds", told, "you asked it to go on whatever is heard")]


def _trouble_rows(report: Report) -> list[Row]:
    return [
        Row("dropouts", str(report.xruns or "none"), "xruns: the audio system lost sound"),
        Row(
            "input left out",
            f"{report.skipped:.2f} s" if report.skipped else "none",
            "the machine was too slow, or the device was away",
        ),
    ]


def _phase_rows(report: Report) -> list[Row]:
    phase = report.phase
    if phase is None:
        return []
    if not len(phase.errors):
        return [Row("against the whole piece", "no beat in common with the offline tracker")]
    side = "late" if phase.median >= 0.0 else "early"
    return [
        Row(
            "against the whole piece",
            f"{abs(1000.0 * phase.median):.0f} ms {side} in the middle, half of the beats within "
            f"±{1000.0 * phase.spread:.0f} ms of that",
            "the beats announced live, against those that the offline tracker finds when it has "
            "heard everything; it may be wrong too",
        ),
        Row(
            "beats within reach",
            f"{100.0 * phase.tight:.0f} % within {1000 * TIGHT:.0f} ms, "
            f"{100.0 * phase.loose:.0f} % within {1000 * LOOSE:.0f} ms",
            f"{1000 * TIGHT:.0f} ms is about what people hear; where one of the two counts twice "
            "as fast as the other, every second beat is out of reach",
        ),
    ]
