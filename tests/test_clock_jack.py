"""The MIDI clock on a real JACK server, recorded with frame numbers."""

from __future__ import annotations

import signal
import time

import numpy as np
import pytest

from rtbeat.live.clock_process import ClockProcess, Grid, PortSpec, Report
from rtbeat.live.jack_port import FrameMap
from tests.jack_rig import Rig
from tests.jack_server import PERIOD, RATE, JackServer, jack_server, without_xruns
from tests.needs import require

require("jack", "pip install JACK-Client")
require("rtmidi", "pip install python-rtmidi")

__all__ = ["jack_server"]

BPM = 120.37
TICK, START = b"\xf8", b"\xfa"
PATIENCE = 15.0


def feed(clock: ClockProcess, beats: int) -> list[Report]:
    """Announce steady beats 0.2 s ahead."""
    first = time.perf_counter() + 0.5
    reports = []
    for beat in range(beats):
        when = first + beat * 60 / BPM
        time.sleep(max(0.0, when - 0.2 - time.perf_counter()))
        clock.set_grid(Grid(beat, beat % 4 + 1, 4, when, 60 / BPM))
        reports += clock.poll()
    time.sleep(60 / BPM)
    return reports + clock.poll()


def wait_for(clock: ClockProcess, *statuses: str) -> None:
    """Until the port has told these, in order."""
    wanted = list(statuses)
    until = time.monotonic() + PATIENCE
    told = []
    while wanted:
        assert time.monotonic() < until, told
        for report in clock.poll():
            told.append(report)
            if wanted and report.kind == "port" and report.data["status"] == wanted[0]:
                wanted.pop(0)
        time.sleep(0.02)


def ticks(rig: Rig) -> np.ndarray:
    return np.array([frame for frame, data in rig.midi if data == TICK])


def test_the_jack_port_is_exact_to_the_sample(jack_server: JackServer):
    port = PortSpec("jack-client", "clock", True)
    name = jack_server.client("a")

    def run() -> tuple[list[tuple[int, bytes]], int]:
        with (
            Rig(jack_server.client("rig")) as rig,
            ClockProcess([port], bend=2.0, client=name) as c,
        ):
            wait_for(c, "open")
            rig.connect(f"{name}:clock", f"{rig.name}:midi_in")
            rig.start()
            feed(c, 8)
            rig.stop()
            return rig.midi, rig.xruns + len(rig.gaps)

    midi = without_xruns(run)
    frames = np.array([frame for frame, data in midi if data == TICK])
    step = 60 / BPM / 24 * RATE
    ideal = np.arange(len(frames)) * step
    late = frames - ideal - np.median(frames - ideal)
    assert len(frames) >= 7 * 24
    assert np.percentile(np.abs(late), 95) <= 1.5  # rounding, and the map between two clocks
    data = [message for _, message in midi]
    assert data[data.index(START) + 1] == TICK


@pytest.mark.parametrize("api", ["jack", "jack-client"])
def test_an_existing_port_is_found_by_part_of_its_name(api: str, jack_server: JackServer):
    with Rig(jack_server.client("rig")) as rig:
        port = PortSpec(api, "RIG:midi", False)
        rig.start()
        with ClockProcess([port], bend=2.0, client=jack_server.client("a")) as clock:
            wait_for(clock, "open")
            feed(clock, 5)
        rig.stop()
        data = [message for _, message in rig.midi]
        assert data.count(START) == 1
        assert 4 * 24 <= data.count(TICK) <= 6 * 24
        assert data[-17:-16] == [b"\xfc"]
        assert len(set(data[-16:])) == 16  # all notes off on every channel
        spacing = np.diff(ticks(rig))
        assert (spacing >= 0).all()
        tempo = 60 * RATE / (24 * np.diff(ticks(rig)).mean())
        assert tempo == pytest.approx(BPM, abs=1.5)  # RtMidi rounds to periods of 21 ms


@pytest.mark.parametrize("api", ["jack", "jack-client"])
def test_a_killed_server_is_survived(api: str, jack_server: JackServer):
    port = PortSpec(api, "clock", True)
    name = jack_server.client("a")
    with ClockProcess([port], bend=2.0, client=name) as clock:
        wait_for(clock, "open")
        jack_server.kill(signal.SIGKILL)
        wait_for(clock, "lost", "missing")
        jack_server.start()
        wait_for(clock, "back")
        with Rig(jack_server.client("rig")) as rig:
            rig.connect(f"{name}:clock", f"{rig.name}:midi_in")
            rig.start()
            feed(clock, 3)
            rig.stop()
            assert len(ticks(rig)) >= 2 * 24
        jack_server.kill(signal.SIGKILL)
        before = time.monotonic()
        clock.close()
        assert time.monotonic() - before < PATIENCE  # libraries that hang are not waited for


def test_a_port_that_leaves_is_missed_and_found_again(jack_server: JackServer):
    name = jack_server.client("rig")
    with ClockProcess(
        [PortSpec("jack", name, False)], bend=2.0, client=jack_server.client("a")
    ) as clock:
        wait_for(clock, "missing")
        with Rig(name):
            wait_for(clock, "open")
        wait_for(clock, "lost", "missing")
        with Rig(name):
            wait_for(clock, "back")


def test_the_map_follows_drift_and_ignores_scatter():
    rng = np.random.default_rng(0)
    rate, drift = 48_000, 1.00005  # fifty parts in a million
    frames = np.arange(2000) * PERIOD
    exact = 5.0 + frames / rate * drift
    measured = exact + rng.normal(0, 30e-6, len(frames))
    frame_map = FrameMap(rate)
    times = np.array([frame_map.time_of(int(f), m) for f, m in zip(frames, measured, strict=True)])
    assert np.abs(times - exact)[200:].max() < 150e-6
    assert np.abs(np.diff(times) - PERIOD / rate)[200:].max() < 2e-6


def test_the_map_ignores_one_late_cycle():
    frame_map = FrameMap(48_000)
    times = [frame_map.time_of(48 * i, 5.0 + 0.001 * i + 0.008 * (i == 50)) for i in range(100)]
    assert times == pytest.approx([5.0 + 0.001 * i for i in range(100)])


def test_the_map_begins_anew_where_frames_stood_still():
    frame_map = FrameMap(48_000)
    times = [frame_map.time_of(48 * i, 5.0 + 0.001 * i + 0.02 * (i >= 50)) for i in range(100)]
    assert times[60:] == pytest.approx([5.02 + 0.001 * i for i in range(60, 100)])


def test_the_map_survives_the_wrap_of_the_frame_counter():
    frame_map = FrameMap(48_000)
    frame_map.time_of(2**32 - 24_000, 5.0)
    assert frame_map.time_of(24_000, 6.0) == pytest.approx(6.0)
