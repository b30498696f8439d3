"""How punctual the MIDI clock's process is on this machine, measured without a port.

Thread: main. Realtime-safe: no.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from rtbeat.live.clock_process import ClockProcess, Grid, PortSpec, Report
from rtbeat.live.doctor import Finding, judge_ticks, not_measured

SECONDS = 6.0
PERIOD = 0.5  # seconds a beat
AHEAD = 0.2  # seconds by which a beat is announced
STEP = 0.02
STARTING = 1.0  # seconds that the process has to be up


def check_ticks(
    now: Callable[[], float] = time.perf_counter, sleep: Callable[[float], None] = time.sleep
) -> Finding:
    """Lateness of ticks at 120 BPM, sent to nowhere. Takes seven seconds."""
    reports: list[Report] = []
    with ClockProcess([PortSpec("memory", "doctor", True)], bend=4.0, start="beat") as clock:
        begin = now() + STARTING
        beat = 0
        while (time := now()) < begin + SECONDS:
            if time >= begin + beat * PERIOD - AHEAD:
                clock.set_grid(Grid(beat, beat % 4 + 1, 4, begin + beat * PERIOD, PERIOD))
                beat += 1
            sleep(STEP)
            reports += clock.poll()
    return from_reports(reports)


def from_reports(reports: Sequence[Report]) -> Finding:
    """What the reports of a clock process say."""
    rows = [report.data for report in reports if report.kind == "lateness" and report.data["count"]]
    opened = [report.data for report in reports if report.data.get("status") == "open"]
    if not rows or not opened:
        told = [str(report.data["message"]) for report in reports if "message" in report.data]
        return not_measured("MIDI clock", "; ".join(told) or "its process did not start")
    usual = sorted(row["p50"] for row in rows)[len(rows) // 2]
    return judge_ticks(usual, max(row["p99"] for row in rows), bool(opened[0]["priority"]))
