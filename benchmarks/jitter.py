"""How evenly the MIDI clock ticks: ``python -m benchmarks.jitter``.

At the sender: ticks against the announced grid, with an idle parent, with one that keeps the
interpreter locked, and beside the screen. On a JACK server of its own (``jackd``'s dummy driver):
frames of the ticks as another client records them, and the tempo that ``jack_mclk_dump`` reads.
Results go to standard output, ``results/jitter.json`` and ``results/jitter.md``.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from benchmarks.report import RESULTS, heading, provenance, table, write_results
from benchmarks.tables import number
from rtbeat.live.clock_process import ClockProcess, Grid, PortSpec, Report

BPM = 120.37
PERIOD = 60 / BPM
LEAD = 0.2  # s a beat is announced ahead
BUDGET_MS = 1.0  # p99 at the sender
ATTEMPTS = 5  # to get through without xruns
TICK = "f8"

Times = NDArray[np.float64]


@nb.njit
def keep_locked(steps: int) -> float:
    """Busy for some milliseconds with the interpreter locked, as a careless library is."""
    total = 0.0
    for i in range(steps):
        total += np.sin(total + i)
    return total


def lock_often(stop: threading.Event) -> None:
    """Lock the interpreter for some 5 ms, fifty times a second."""
    while not stop.wait(0.015):
        keep_locked(300_000)


def paint(stop: threading.Event) -> None:
    """The screen of a live session, ten pictures a second, into nothing."""
    from rich.console import Console

    from rtbeat.live.fake import FakeSession
    from rtbeat.live.keyboard import Keyboard
    from rtbeat.live.screen_loop import perform

    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        console = Console(file=nowhere, width=100, height=30, force_terminal=True)
        perform(FakeSession(), Keyboard(), console, running=lambda: not stop.is_set())


LOADS: dict[str, Callable[[threading.Event], None] | None] = {
    "idle parent": None,
    "busy parent": lock_often,
    "screen on": paint,
}


@contextlib.contextmanager
def load(name: str) -> Iterator[None]:
    """A thread of this process that is busy with one of ``LOADS``."""
    stop, work = threading.Event(), LOADS[name]
    keep_locked(1)
    worker = None if work is None else threading.Thread(target=work, args=(stop,))
    if worker is not None:
        worker.start()
    try:
        yield
    finally:
        stop.set()
        if worker is not None:
            worker.join()


def announce(clock: ClockProcess, seconds: float) -> float:
    """Announce steady beats; the host time of the first."""
    first = time.perf_counter() + 0.5
    for beat in range(round(seconds / PERIOD)):
        when = first + beat * PERIOD
        time.sleep(max(0.0, when - LEAD - time.perf_counter()))
        clock.set_grid(Grid(beat, beat % 4 + 1, 4, when, PERIOD))
    time.sleep(LEAD)
    return first


def percentiles(values: Times) -> dict[str, float]:
    """50, 95, 99 and 100 of a hundred."""
    return {f"p{p}": float(np.percentile(values, p)) for p in (50, 95, 99, 100)}


def sender(seconds: float, beside: str) -> dict[str, Any]:
    """Ticks of a port in memory, ms against the grid and between each other."""
    clock = ClockProcess([PortSpec("memory", "clock", True)], bend=2.0)
    with load(beside):
        first = announce(clock, seconds)
    clock.close()
    sent = next(r.data["messages"] for r in clock.poll() if r.kind == "sent")
    times = np.array([when for when, data in sent if data == TICK])
    grid = first + np.arange(len(times)) * PERIOD / 24
    late = 1e3 * np.abs(times - grid)
    gap = 1e3 * np.abs(np.diff(times) - PERIOD / 24)
    return {"ticks": len(times), "late": percentiles(late), "interval": percentiles(gap)}


def wait_until_open(clock: ClockProcess) -> None:
    """Raises ``RuntimeError`` where the port cannot be opened."""
    reports: list[Report] = []
    until = time.monotonic() + 10.0
    while not any(r.data.get("status") == "open" for r in reports):
        if time.monotonic() > until:
            raise RuntimeError(f"no port: {reports}")
        time.sleep(0.05)
        reports += clock.poll()


def on_jack(api: str, seconds: float, beside: str) -> dict[str, Any]:
    """Frames of the ticks on a JACK server, in samples, from a run without xruns."""
    from tests.jack_rig import Rig
    from tests.jack_server import JackServer

    with JackServer() as server:
        name, witness = server.client("a"), server.client("rig")
        for _ in range(ATTEMPTS):
            with Rig(witness, seconds=1) as rig:
                clock = ClockProcess([PortSpec(api, "clock", True)], bend=2.0, client=name)
                wait_until_open(clock)
                rig.connect(f"{name}:clock", f"{rig.name}:midi_in")
                with reader(f"{name}:clock", rig) as tempi, load(beside):
                    rig.start()
                    announce(clock, seconds)
                    rig.stop()
                clock.close()
                if not rig.xruns and not rig.gaps:
                    break
        frames = np.array([f for f, data in rig.midi if data.hex() == TICK], np.float64)
    result = against_truth(frames, rig.rate)
    return {**result, "xruns": rig.xruns + len(rig.gaps), **mclk(tempi)}


def against_truth(frames: Times, rate: int) -> dict[str, Any]:
    """Deviation in samples from evenly spaced ticks at the true tempo."""
    step = PERIOD / 24 * rate
    late = frames - step * np.arange(len(frames))
    gap = np.abs(np.diff(frames) - step)
    slope = np.polyfit(np.arange(len(frames)), frames, 1)[0]
    return {
        "ticks": len(frames),
        "samples": percentiles(np.abs(late - np.median(late))),
        "interval": percentiles(gap),
        "tempo": float(60 * rate / (24 * slope)),
    }


@contextlib.contextmanager
def reader(port: str, rig: Any) -> Iterator[list[float]]:
    """``jack_mclk_dump`` on a port: the tempi it prints, BPM, while this lasts."""
    tempi: list[float] = []
    if shutil.which("jack_mclk_dump") is None:
        yield tempi
        return
    command = ["stdbuf", "-oL", "jack_mclk_dump"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"flt:\s*([0-9.]+)\[BPM\]", line):
                tempi.append(float(found.group(1)))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    rig.connect(port, next(iter(wait_for_port(rig))))
    try:
        yield tempi
    finally:
        process.terminate()
        process.wait()
        thread.join(1.0)


def wait_for_port(rig: Any) -> list[str]:
    """The input of ``jack_mclk_dump``."""
    until = time.monotonic() + 5.0
    while not (found := rig.ports("mclk_in")) and time.monotonic() < until:
        time.sleep(0.05)
    return list(found)


def mclk(tempi: list[float]) -> dict[str, Any]:
    """What ``jack_mclk_dump`` read, its filter's first five seconds left out."""
    settled = tempi[240:]
    if not settled:
        return {}
    return {"mclk": {"median": float(np.median(settled)), **spread(settled)}}


def spread(values: list[float]) -> dict[str, float]:
    """Smallest and largest."""
    return {"lowest": min(values), "highest": max(values)}


def row(values: dict[str, float]) -> list[str]:
    """Four cells."""
    return [number(values[f"p{p}"], 3) for p in (50, 95, 99, 100)]


def page(results: dict[str, Any]) -> str:
    """The tables."""
    head = ["", "ticks", "p50", "p95", "p99", "max"]
    text = heading("MIDI clock jitter", results["made"])
    text += f"\n{BPM} BPM, 24 ticks a beat. Budget: p99 under {BUDGET_MS} ms at the sender.\n"
    text += "\n## At the sender, ms\n\n"
    rows = []
    for name, run in results["sender"].items():
        rows.append([f"against the grid, {name}", str(run["ticks"]), *row(run["late"])])
        rows.append([f"interval, {name}", str(run["ticks"]), *row(run["interval"])])
    text += table(head, rows)
    if results["jack"]:
        text += "\n## Recorded on JACK, samples of 48 kHz, period 1024\n\n"
        rows = []
        for name, run in results["jack"].items():
            rows.append([f"evenly spaced, {name}", str(run["ticks"]), *row(run["samples"])])
            rows.append([f"interval, {name}", str(run["ticks"]), *row(run["interval"])])
        text += table(head, rows) + "\n"
        text += "\n".join(tempo_line(name, run) for name, run in results["jack"].items()) + "\n"
    return text


def tempo_line(name: str, run: dict[str, Any]) -> str:
    """Tempo by frames and by jack_mclk_dump."""
    text = f"* {name}: {run['tempo']:.4f} BPM by the frames, {run['xruns']} xruns"
    if "mclk" in run:
        read = run["mclk"]
        text += f"; jack_mclk_dump reads {read['median']:.2f} BPM"
        text += f" ({read['lowest']:.2f} to {read['highest']:.2f})"
    return text + "."


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="of each run")
    parser.add_argument("--no-jack", action="store_true", help="leave the JACK server out")
    options = parser.parse_args()
    results: dict[str, Any] = {"made": provenance(), "bpm": BPM, "jack": {}}
    results["sender"] = {name: sender(options.seconds, name) for name in LOADS}
    if not options.no_jack and shutil.which("jackd"):
        for name in LOADS:
            run = on_jack("jack-client", options.seconds, name)
            results["jack"][f"jack-client, {name}"] = run
        results["jack"]["RtMidi, idle parent"] = on_jack("jack", options.seconds, "idle parent")
    text = page(results)
    print(text)
    write_results(RESULTS, "jitter", results, text)


if __name__ == "__main__":
    main()
