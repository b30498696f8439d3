"""The Ableton Link process and a real second member of the session on this machine."""

from __future__ import annotations

import sys
import time
from collections import deque

import pytest

from rtbeat.live.child_process import ChildProcess, end_all
from rtbeat.live.session import Session
from rtbeat.live.session_outputs import LinkMissingError
from tests.needs import require
from tests.sound_card import SoundCard, options

TEMPO = 131.5
PERIOD = 60.0 / TEMPO
PATIENCE = 40.0  # seconds; a busy machine takes its time


class Member:
    """A session's other member, which was there before."""

    def __init__(self):
        link = require("link", 'pip install "rtbeat[link]"')
        self._link = link.Link(97.0)
        self._link.enabled = True

    def look(self, quantum: float) -> tuple[float, float, float]:
        """Host time, tempo and phase of the same moment."""
        clock, readings = self._link.clock(), []
        for _ in range(20):
            before = time.perf_counter()
            micros = clock.micros()
            readings.append((time.perf_counter() - before, before, micros))
        taken, host, micros = min(readings)
        state = self._link.captureSessionState()
        return host + taken / 2, state.tempo(), state.phaseAtTime(micros, quantum)

    def close(self):
        self._link.enabled = False


@pytest.fixture
def member():
    member = Member()
    yield member
    member.close()


def wrapped(phase: float, quantum: float) -> float:
    return (phase + quantum / 2) % quantum - quantum / 2


def test_without_the_extra_a_sentence_names_it_before_a_device_is_open(monkeypatch):
    monkeypatch.setitem(sys.modules, "link", None)  # as where it is not installed
    card = SoundCard()
    with pytest.raises(LinkMissingError, match=r'needs .*: pip install "rtbeat\[link\]"$'):
        Session(options(card, link=0.0)).start()
    card.close()
    assert card.opened == 0


@pytest.mark.parametrize(("bar", "offset"), [(4, 0.0), (3, 0.05)])
def test_another_member_sees_tempo_and_phase_in_the_bar(member, bar, offset):
    """The member was there first; its tempo is what the newcomer is given and has to replace."""
    reports: deque = deque()
    child = ChildProcess("rtbeat.live.link_child", "Link", {"offset": offset}, reports)
    first, count, errors = time.perf_counter() + 0.5, 0, []
    until = time.monotonic() + PATIENCE
    try:
        while len(errors) < 10:
            assert time.monotonic() < until, (reports, errors)
            while first + count * PERIOD - 0.2 < time.perf_counter():
                number = count % bar + 1
                child.tell("grid", count, number, bar, first + count * PERIOD, PERIOD)
                count += 1
            time.sleep(0.05)
            host, tempo, phase = member.look(float(bar))
            wanted = (host - offset - first) / PERIOD
            near = abs(wrapped(phase - wanted, bar)) < 0.02
            right = near and tempo == pytest.approx(TEMPO, abs=0.02 * TEMPO)
            errors = [*errors, wrapped(phase - wanted, bar)] if right else []
    finally:
        end_all([child])
    messages = [r.data["message"] for r in reports if r.data.get("status") == "open"]
    assert "other members: 1" in messages
    assert reports[-1].data["status"] == "stopped"
