"""Audio devices that go away and come back, in memory."""

from __future__ import annotations

import threading
import time

import numpy as np

from rtbeat.live.audio_port import SILENT_SECONDS, AudioDeviceError
from rtbeat.live.fake_audio import Clock, fake_stream
from rtbeat.live.watch import DeviceWatch

RATE = 8000


def running_stream(clock):
    stream = fake_stream(RATE, clock)
    stream.input.advance(np.zeros(80, np.float32), clock())
    stream.update()
    return stream


def wait_for(condition):
    """Threads of the watch work on their own; give them time, and fail if they need too much."""
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("nothing happened")


def test_a_device_that_answers_is_left_alone():
    clock = Clock()
    watch = DeviceWatch(lambda: running_stream(clock), running_stream(clock))
    clock.sleep(SILENT_SECONDS / 2)
    assert watch.look() == []
    assert watch.names == (("fake 0", "open"),)
    assert watch.close()


def test_a_device_that_falls_silent_is_told_once_and_opened_again_when_it_returns():
    clock, unplugged, attempts = Clock(), threading.Event(), []
    unplugged.set()

    def reopen():
        attempts.append(clock())
        if unplugged.is_set():
            raise AudioDeviceError("not there")
        return running_stream(clock)

    watch = DeviceWatch(reopen, running_stream(clock), retry=0.001)
    clock.sleep(2 * SILENT_SECONDS)
    ((status, message),) = watch.look()
    assert status == "lost"
    assert "fake 0" in message
    assert watch.missing
    wait_for(lambda: len(attempts) > 2)
    assert watch.look() == []
    unplugged.clear()
    news = []
    wait_for(lambda: news.extend(watch.look()) or news)
    assert news[0][0] == "back"
    assert watch.stream is not None
    assert watch.stream.alive
    assert watch.close()


def test_a_stream_that_cannot_be_closed_is_given_up_with_advice_and_nothing_hangs():
    clock = Clock()
    stream = running_stream(clock)
    forever = threading.Event()

    class DeadServer:
        def abort(self, ignore_errors):
            forever.wait()

    stream.input._stream = DeadServer()
    watch = DeviceWatch(lambda: running_stream(clock), stream)
    clock.sleep(2 * SILENT_SECONDS)
    assert watch.look()[0][0] == "lost"
    news = []
    wait_for(lambda: news.extend(watch.look()) or news)
    assert news[0][0] == "stopped"
    assert "start the server" in news[0][1]
    assert not watch.close()
    forever.set()
