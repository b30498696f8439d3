"""A sound card in memory that plays music into a live session in real time."""

from __future__ import annotations

import threading
import time

import numpy as np

from rtbeat.live.audio_port import AudioDeviceError
from rtbeat.live.clicks import ClickOptions, click_sounds
from rtbeat.live.engine import EngineOptions
from rtbeat.live.fake_audio import fake_stream
from rtbeat.live.session_options import LiveOptions
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
