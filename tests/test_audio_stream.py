"""Audio streams on a real server: exact to the sample, and gone in good order."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.jack_server import RATE, JackServer, without_xruns
from tests.needs import require

CLICK = np.array([0.9, 0.4, 0.2], np.float32)


@pytest.fixture(scope="module")
def server():
    """One server for all: PortAudio does not find a second one in the same process."""
    require("jack", "pip install JACK-Client")
    with JackServer() as server:
        yield server
        sd = require("sounddevice", "apt install libportaudio2")
        sd._terminate()  # at exit, with its server gone, PortAudio would abort the process


@pytest.fixture
def rig(server):
    """A rig that PortAudio sees as a device."""
    from tests.jack_rig import Rig

    with Rig(server.client("rig")) as rig:
        yield rig


def device(name):
    """Index of a JACK client as an audio device."""
    sd = require("sounddevice", "apt install libportaudio2")
    from rtbeat.live.devices import refresh_audio

    refresh_audio()
    return next(i for i, found in enumerate(sd.query_devices()) if found["name"] == name)


def listen(stream, rig, source, click_at):
    """Play ``source``, click at stream time ``click_at`` (seconds); the input from sample 0."""
    rig.start(source)
    parts = []
    while rig.now < rig.played_at + len(source) + RATE // 4:
        stream.update()
        parts.append(stream.input.shared.read()[0])
        if click_at is not None and sum(map(len, parts)) > RATE:
            stream.output.shared.play(stream.play_at(click_at, 0.0), 0)
            click_at = None
        time.sleep(0.005)
    return np.concatenate(parts)


@pytest.mark.parametrize(("block", "loop"), [(0, 1024), (256, 1280)])
def test_input_is_complete_and_a_click_leaves_on_its_sample(rig, block, loop):
    """The loop through a client that plays and records is a block and one period of the server."""
    from rtbeat.live.audio import AudioStream

    index = device(rig.name)
    source = np.random.default_rng(0).uniform(-0.5, 0.5, 2 * RATE).astype(np.float32)

    def run():
        stream = AudioStream(
            index, index, RATE, output_channels=1, block_size=block, sounds=[CLICK]
        )
        try:
            time.sleep(0.3)
            heard = listen(stream, rig, source, click_at=2.0)
        finally:
            assert stream.close()
        return (heard, rig.recorded, rig.played_at, rig.origin), rig.xruns + len(rig.gaps)

    heard, recorded, played_at, origin = without_xruns(run)
    begin = int(np.argmax(heard == source[0]))
    np.testing.assert_array_equal(heard[begin : begin + len(source)], source)
    click = int(np.argmax(recorded > 0.8)) + origin
    assert click == played_at - begin + 2 * RATE + loop


def test_two_devices_are_tied_together_by_the_hosts_clock(server, rig):
    from rtbeat.live.audio import AudioStream
    from tests.jack_rig import Rig

    with Rig(server.client("other")) as other:
        source = np.random.default_rng(1).uniform(-0.5, 0.5, 3 * RATE).astype(np.float32)

        def run():
            here, there = device(rig.name), device(other.name)
            stream = AudioStream(here, there, RATE, output_channels=1, sounds=[CLICK])
            try:
                time.sleep(0.3)
                other.start()
                heard = listen(stream, rig, source, click_at=2.5)
            finally:
                assert stream.close()
            lost = rig.xruns + other.xruns + len(rig.gaps) + len(other.gaps)
            return (heard, other.recorded, rig.played_at, other.origin), lost

        heard, recorded, played_at, origin = without_xruns(run)
    begin = int(np.argmax(heard == source[0]))
    click = int(np.argmax(recorded > 0.8)) + origin
    expected = played_at - begin + 2.5 * RATE
    # each way holds a block back; that is constant, so calibration takes it off
    assert abs(click - expected) < 3 * 1024
    assert len(np.flatnonzero(recorded > 0.8)) == 1


def test_a_rate_that_the_device_refuses_is_told_with_the_one_that_it_has(rig):
    from rtbeat.live.audio import AudioStream
    from rtbeat.live.audio_port import AudioDeviceError

    with pytest.raises(AudioDeviceError, match="44100 Hz; use --rate 48000"):
        AudioStream(device(rig.name), None, 44_100)


KILLED = """
import json, os, sys, time
import sounddevice as sd
from rtbeat.live.audio import AudioStream
from rtbeat.live.audio_port import any_hung
from rtbeat.live.watch import DeviceWatch

index = next(i for i, d in enumerate(sd.query_devices()) if d["name"] == "system")
stream = AudioStream(index, index, 48000, output_channels=1)
watch = DeviceWatch(lambda: stream, stream)
time.sleep(0.5)
stream.update()
assert watch.look() == []
print("running", flush=True)
news = []
while len(news) < 2:
    stream.update()
    news += watch.look()
    time.sleep(0.01)
began = time.monotonic()
closed = watch.close()
print(json.dumps([[status for status, _ in news], news[1][1], closed, any_hung()]), flush=True)
print(time.monotonic() - began)
sys.stdout.flush()
os._exit(0)
"""


def test_a_killed_server_is_noticed_and_nothing_hangs():
    """In a process of its own: PortAudio never closes such a stream."""
    require("jack", "pip install JACK-Client")
    require("sounddevice", "apt install libportaudio2")
    with JackServer() as server:  # no rig: a client in this process would die with the server
        command = [sys.executable, "-c", KILLED]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline().strip() == "running"
        server.kill(9)
        statuses, message, closed, hung = json.loads(process.stdout.readline())
        assert statuses == ["lost", "stopped"]
        assert "start the server" in message
        assert not closed
        assert hung
        assert float(process.stdout.readline()) < 2.0
        assert process.wait(5.0) == 0
        process.stdout.close()
        server.start()  # and end it in good order: a killed one keeps one of jackd's eight places
