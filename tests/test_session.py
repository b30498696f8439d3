"""A whole live session on devices in memory that run in real time: clicks, losses, MIDI clock."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from rtbeat.live.audio_port import AudioDeviceError
from rtbeat.live.clicks import ClickOptions, click_sounds
from rtbeat.live.clock_process import PortSpec
from rtbeat.live.controls import Control
from rtbeat.live.engine import EngineOptions
from rtbeat.live.fake_audio import fake_stream
from rtbeat.live.session import Session
from rtbeat.live.session_options import LiveOptions, MidiOptions
from tests.music import drum_loop

RATE = 16_000
BLOCK = 160  # 10 ms
MUSIC = drum_loop(120.0, 40.0, RATE)[0].astype(np.float32)


class SoundCard:
    """Plays music into a session in real time and keeps what comes out; can be unplugged."""

    def __init__(self):
        self.plugged = True
        self.quiet = False
        self.frames = 0  # of music played since the beginning, heard or not
        self.played = np.zeros(len(MUSIC), np.float32)
        self.opened = 0
        self._stream = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def open(self):
        if not self.plugged:
            raise AudioDeviceError("it is not there")
        self.opened += 1
        sounds = click_sounds("click", RATE)
        self._stream = fake_stream(RATE, time.perf_counter, sounds)
        return self._stream

    def unplug(self):
        self.plugged, self._stream = False, None

    def plug_in(self):
        self.plugged = True

    def _run(self):
        begin = time.perf_counter()
        while not self._ended.is_set() and self.frames + BLOCK < len(MUSIC):
            while time.perf_counter() < begin + (self.frames + BLOCK) / RATE:
                time.sleep(0.002)
            block = slice(self.frames, self.frames + BLOCK)
            stream = self._stream
            if stream is not None:
                now = begin + (self.frames + BLOCK) / RATE
                music = np.zeros(BLOCK, np.float32) if self.quiet else MUSIC[block]
                self.played[block] = stream.input.advance(music, now)
            self.frames += BLOCK

    def close(self):
        self._ended.set()
        self._thread.join()


@pytest.fixture
def card():
    card = SoundCard()
    yield card
    card.close()


def options(card, **more):
    tracker = {"lead": 0.2, "tempo_range": (80.0, 160.0)}
    engine = EngineOptions(RATE, tracker, ClickOptions(on=True, heard=False))
    return LiveOptions(open_audio=card.open, engine=engine, loop=0.0, **more)


def wait_for(session, events, wanted, seconds=20.0):
    """Collect events until ``wanted(event)``."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert session.running
        for event in session.events():
            events.append(event)
            if wanted(event):
                return event
        time.sleep(0.01)
    raise AssertionError(f"waited in vain; {events[-3:]}")


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
