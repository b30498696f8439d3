"""A whole live session on devices in memory that run in real time: clicks, losses, MIDI clock."""

from __future__ import annotations

import time

import numpy as np
import pytest

from rtbeat.live.clock_process import PortSpec
from rtbeat.live.controls import Control
from rtbeat.live.session import Session
from rtbeat.live.session_options import MidiOptions
from tests.sound_card import BLOCK, RATE, SoundCard, options, wait_for


@pytest.fixture
def card():
    card = SoundCard()
    yield card
    card.close()


def test_clicks_sound_on_the_beats_told_and_a_device_that_was_away_is_used_again(card):
    session, events = Session(options(card)), []
    session.start()
    try:
        begun = card.frames  # stream time 0, to a block
        wait_for(session, events, lambda event: event.kind == "beat" and event.time > 5.0)
        card.unplug()
        lost = wait_for(session, events, lambda event: event.kind == "stream")
        assert lost.data["status"] == "lost"
        assert ("fake 0", "lost") in session.snapshot().ports
        wait_for(session, events, lambda event: event.kind == "beat" and event.time > lost.time + 1)
        card.plug_in()
        back = wait_for(session, events, lambda event: event.kind == "stream")
        assert back.data["status"] == "back"
        wait_for(session, events, lambda event: event.kind == "beat" and event.time > back.time + 3)
        snapshot = session.snapshot()
    finally:
        assert session.close()
    assert card.opened == 2
    assert snapshot.tempo == pytest.approx(120.0, abs=1.0)
    assert snapshot.skipped == pytest.approx(back.time - lost.time, abs=2.5)
    beats = [event.data["time"] for event in events if event.kind == "beat"]
    assert np.diff(beats).min() > 0.2
    away = (np.array(beats) < lost.time + 0.3) | (np.array(beats) > back.time + 0.5)
    heard = np.flatnonzero(card.played)
    starts = heard[np.concatenate(([True], np.diff(heard) > 0.1 * RATE))]
    told = np.array(beats)[away][:-2]
    late = [np.abs(starts - begun - time * RATE).min() for time in told if time > 1.0]
    # a block of doubt about where stream time 0 lies, before and after the loss
    assert np.quantile(late, 0.8) <= 2 * BLOCK


def test_the_midi_clock_ticks_through_silence_and_obeys_the_transport(card):
    """Five seconds of silence: COASTING, the clock runs on; Stop stops it."""
    ports = (PortSpec("memory", "clock", virtual=True),)
    session, events = Session(options(card, midi=MidiOptions(ports))), []
    session.start()
    try:
        wait_for(session, events, lambda event: event.kind == "beat" and event.time > 6.0)
        card.quiet, quiet = True, time.perf_counter()
        wait_for(session, events, lambda event: event.data.get("state") == "COASTING")
        wait_for(session, events, lambda event: event.kind == "beat" and event.time > 11.5)
        snapshot = session.snapshot()
        session.post(Control("stop"))
        wait_for(session, events, lambda event: event.data.get("name") == "stop")
        time.sleep(0.2)
        assert session.snapshot().transport == "stopped"
    finally:
        assert session.close()
    assert snapshot.state == "COASTING"
    assert snapshot.transport == "running"
    (sent,) = [report for report in session.last_reports() if report.kind == "sent"]
    ticks = [when for when, data in sent.data["messages"] if data == "f8" and when > quiet]
    assert len(ticks) > 200
    gaps = np.diff(ticks)
    assert np.median(gaps) == pytest.approx(0.5 / 24, rel=0.02)
    assert (np.array([bytes.fromhex(data) for _, data in sent.data["messages"]]) == b"\xfc").sum()
