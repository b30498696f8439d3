"""The clock's processes: messages arrive whole and in order, whatever ports and parents do."""

from __future__ import annotations

import importlib.util
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rtbeat.live.clock_process import ClockProcess, Grid, PortSpec, Report
from rtbeat.live.midi_ports import PortError, find, open_sink

PERIOD = 0.4
PATIENCE = 15.0  # seconds; a busy machine takes its time
TICK, START, STOP, CONTINUE = "f8", "fa", "fc", "fb"
NOTES_OFF = [f"b{channel:x}7b00" for channel in range(16)]


def sink(name: str, path: Path) -> PortSpec:
    return PortSpec(f"tests.clock_sinks:{name}", str(path), virtual=True)


def sent(path: Path) -> list[str]:
    """Messages in the file, hexadecimal."""
    return [line.split()[1] for line in path.read_text().splitlines()] if path.exists() else []


class Feeder:
    """An engine that announces steady beats, and everything the ports have told."""

    def __init__(self, clock: ClockProcess) -> None:
        self.clock = clock
        self.reports: list[Report] = []
        self._beat = 0
        self._first = time.perf_counter() + 0.3

    def wait(self, fulfilled: Callable[[], bool]) -> None:
        """Announce beats until something is so."""
        until = time.monotonic() + PATIENCE
        while not fulfilled():
            assert time.monotonic() < until, self.reports
            if self._first + self._beat * PERIOD - 0.2 < time.perf_counter():
                when = self._first + self._beat * PERIOD
                self.clock.set_grid(Grid(self._beat, self._beat % 4 + 1, 4, when, PERIOD))
                self._beat += 1
            time.sleep(0.01)
            self.reports += self.clock.poll()

    def state(self) -> str:
        """Of the transport, as told last."""
        states = [r.data["state"] for r in self.reports if r.kind == "transport"]
        return states[-1] if states else ""

    def status(self, port: str) -> list[str]:
        return [r.data["status"] for r in self.reports if r.port == port and r.kind == "port"]


def memory(reports: list[Report], port: str) -> list[tuple[float, str]]:
    """What a memory port was sent."""
    return next(r.data["messages"] for r in reports if r.kind == "sent" and r.port == port)


def close(feeder: Feeder) -> list[Report]:
    feeder.clock.close()
    feeder.reports += feeder.clock.poll()
    return feeder.reports


def test_two_ports_get_the_same_messages_each_at_its_offset():
    ports = [PortSpec("memory", "a", True), PortSpec("memory", "b", True, offset=-0.1)]
    feeder = Feeder(ClockProcess(ports, bend=2.0))
    feeder.wait(lambda: feeder._beat > 6)
    reports = close(feeder)
    a, b = memory(reports, "a"), memory(reports, "b")
    for messages in (a, b):
        data = [m for _, m in messages]
        assert data[-17:] == [STOP, *NOTES_OFF]
        assert data.count(START) == 1
        assert data[data.index(START) + 1] == TICK
        assert all(y > x for (x, _), (y, _) in itertools.pairwise(messages))
    ticks_a = [when for when, m in a if m == TICK]
    ticks_b = [when for when, m in b if m == TICK]
    apart = sorted(x - y for x, y in zip(ticks_a, ticks_b, strict=False))
    assert apart[len(apart) // 2] == pytest.approx(0.1, abs=0.02)  # a busy machine may be late
    assert feeder.clock.lead == pytest.approx(0.15)


def test_a_process_loads_neither_kernels_nor_the_users_program(tmp_path: Path):
    path = tmp_path / "port"
    feeder = Feeder(ClockProcess([sink("ModulesSink", path)], bend=2.0))
    feeder.wait(lambda: feeder.status(str(path)) == ["open"])
    close(feeder)
    assert path.read_text().startswith("loaded []")


def test_transport_commands_reach_the_port(tmp_path: Path):
    path = tmp_path / "port"
    feeder = Feeder(ClockProcess([sink("FileSink", path)], bend=2.0, start="beat"))
    for command, state in ((None, "running"), ("stop", "stopped"), ("continue", "running")):
        if command:
            feeder.clock.transport(command)
        feeder.wait(lambda state=state: feeder.state() == state)
    said = [m for m in sent(path) if m != TICK]
    assert said[:2] == [START, STOP]
    assert said[2].startswith("f2")
    assert said[3] == CONTINUE
    close(feeder)


def test_a_port_that_vanishes_is_told_of_and_goes_on_when_it_is_back(tmp_path: Path):
    path = tmp_path / "port"
    plug = Path(f"{path}.plug")
    other = PortSpec("memory", "other", True)
    feeder = Feeder(ClockProcess([sink("UnplugSink", path), other], bend=2.0))
    feeder.wait(lambda: feeder.status(str(path)) == ["missing"])
    plug.touch()
    feeder.wait(lambda: START in sent(path))
    plug.unlink()
    feeder.wait(lambda: feeder.status(str(path)) == ["missing", "open", "lost", "missing"])
    plug.touch()
    feeder.wait(lambda: CONTINUE in sent(path))
    assert feeder.status(str(path))[-1] == "back"
    said = [m for m in sent(path) if m != TICK]
    assert said[:2] == [START, STOP]
    assert said[2].startswith("f2")  # where the song is by now
    assert int(said[2][2:4], 16) + 128 * int(said[2][4:6], 16) >= 16
    reports = close(feeder)
    others = [m for _, m in memory(reports, "other") if m != TICK]
    assert others == [START, STOP, *NOTES_OFF]  # never disturbed
    assert "nothing is plugged in" in [r.data.get("message") for r in reports]


def test_a_port_that_blocks_stops_neither_the_others_nor_the_end(tmp_path: Path):
    path = tmp_path / "port"
    ports = [sink("BlockingSink", path), PortSpec("memory", "other", True)]
    feeder = Feeder(ClockProcess(ports, bend=2.0))
    feeder.wait(lambda: len(sent(path)) == 10)
    feeder.wait(lambda: feeder._beat > 4)
    process = feeder.clock._children[0]._process
    reports = close(feeder)
    assert process.poll() is not None  # ended, by force
    data = [m for _, m in memory(reports, "other")]
    assert data[-17:] == [STOP, *NOTES_OFF]


def test_a_port_that_blocks_is_given_up_and_opened_again(tmp_path: Path):
    path = tmp_path / "port"
    feeder = Feeder(ClockProcess([sink("BlockingSink", path)], bend=2.0))
    feeder.wait(lambda: len(sent(path)) > 10)
    assert feeder.status(str(path))[:2] == ["open", "lost"]
    close(feeder)


PARENT = """
import sys, time
from rtbeat.live.clock_process import ClockProcess, Grid, PortSpec
clock = ClockProcess([PortSpec("tests.clock_sinks:FileSink", sys.argv[1], True)], bend=2.0)
start = time.perf_counter() + 0.3
clock.set_grid(Grid(0, 1, 4, start, 0.4))
print(clock._children[0]._process.pid, flush=True)
time.sleep(60)
"""


def running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().split(")")[1].split()[0] == "Z")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("what", ["parent dies", "SIGTERM"])
def test_the_receiver_is_stopped_however_it_ends(what: str, tmp_path: Path):
    path = tmp_path / "port"
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(path)], stdout=subprocess.PIPE, text=True
    )
    pid = int(parent.stdout.readline())
    until = time.monotonic() + PATIENCE
    while sent(path).count(TICK) < 5 and time.monotonic() < until:
        time.sleep(0.02)
    os.kill(pid, signal.SIGINT)  # Ctrl-C is for the parent
    time.sleep(0.2)
    assert running(pid)
    if what == "parent dies":
        parent.kill()
    else:
        os.kill(pid, signal.SIGTERM)
    while STOP not in sent(path) and time.monotonic() < until:
        time.sleep(0.02)
    while NOTES_OFF[-1] not in sent(path) and time.monotonic() < until:
        time.sleep(0.02)
    assert sent(path)[: len(sent(path))].count(START) == 1
    parent.kill()
    parent.wait()
    while running(pid) and time.monotonic() < until:
        time.sleep(0.02)
    assert not running(pid)
    last = sent(path)
    at = last.index(STOP)
    assert last[at : at + 17] == [STOP, *NOTES_OFF]


def test_without_the_library_one_sentence_names_the_remedy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(PortError, match=r"pip install rtbeat\[midi\]"):
        ClockProcess([PortSpec("auto", "clock", True)], bend=2.0)
    with pytest.raises(PortError, match=r"pip install rtbeat\[jack\]"):
        ClockProcess([PortSpec("jack-client", "clock", True)], bend=2.0)


def test_ports_are_found_by_part_of_their_name():
    names = ["Midi Through:0", "Drums:in 1", "Drums:in 2"]
    assert find("through", names) == "Midi Through:0"
    assert find("Drums:in 1", names) == "Drums:in 1"
    with pytest.raises(PortError, match="part of several MIDI outputs: Drums:in 1, Drums:in 2"):
        find("drums", names)
    with pytest.raises(PortError, match="no MIDI output has 'x' in its name; there are: none"):
        find("x", [])


def test_a_memory_port_keeps_what_it_is_sent():
    port = open_sink(PortSpec("memory", "a", True), "rtbeat")
    port.send(b"\xf8")
    assert [data for _, data in port.sent] == [b"\xf8"]
    assert port.sent[0][0] <= time.perf_counter()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("oss", "a", True), "MIDI api is 'oss'; it must be one of auto, jack"),
        (("auto", "", True), "a MIDI port needs a name"),
        (("auto", "a", True, 3.0), "offset is 3.0; it must be -1 to 1 seconds"),
    ],
)
def test_wrong_ports_are_named(arguments: tuple[object, ...], sentence: str):
    with pytest.raises(ValueError, match=sentence):
        PortSpec(*arguments)
