"""`rtbeat live` end to end: virtual microphone, real audio server, clicks and ticks recorded."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time

import numpy as np
import pytest

from rtbeat.live.osc_codec import encode
from tests.jack_server import RATE, JackServer, without_xruns
from tests.music import drum_loop
from tests.needs import require, require_program
from tests.osc_receiver import Receiver

TEMPO = 120.37


@pytest.fixture(scope="module")
def server():
    require("jack", "pip install JACK-Client")
    require("sounddevice", "apt install libportaudio2")
    require("rtmidi", 'pip install "rtbeat[midi]"')
    require_program("jack_mclk_dump", "apt install jack-midi-clock")
    with JackServer() as server:
        yield server


@pytest.fixture(scope="module")
def settings(server, tmp_path_factory):
    """The settings file with the loop through the rig calibrated."""
    from benchmarks.end_to_end import calibrate

    path = tmp_path_factory.mktemp("settings") / "settings.toml"
    calibrate(server, path)
    return path


@pytest.fixture(scope="module", params=["jack", "jack-client"])
def take(request, server, settings):
    """One run over 20 s of drums, without xruns."""
    from benchmarks.end_to_end import play

    music, _ = drum_loop(TEMPO, 25.0, RATE)
    taken = without_xruns(lambda: play(server, music, settings, api=request.param))
    return request.param, taken


def test_no_input_is_lost(take):
    _, take = take
    heard = take.input[take.music_at : take.music_at + len(take.music)]
    np.testing.assert_allclose(heard, take.music[: len(heard)], atol=2e-7)
    assert len(heard) == len(take.music)


def test_clicks_are_heard_on_the_beats_of_file_mode(take):
    """Median within 1 ms, 99 % within 3 ms, against `--online` file mode over the same input."""
    from benchmarks.end_to_end import click_errors, file_mode

    _, take = take
    assert len(take.clicks) >= 30
    errors = np.abs(click_errors(take, file_mode(take.input, 0.2)))
    assert np.median(errors) < 1e-3
    assert np.quantile(errors, 0.99) < 3e-3


def test_events_are_the_beats_of_file_mode(take):
    import rtbeat

    _, take = take
    beats = rtbeat.track(take.input, RATE, online=True)
    told = [event["time"] for event in take.beats if event["time"] < len(take.input) / RATE]
    assert told == beats.times.tolist()[: len(told)]


def test_there_are_24_ticks_between_two_beats(take):
    from benchmarks.end_to_end import ticks_between_beats

    _, take = take
    counts = ticks_between_beats(take)
    assert len(counts) >= 20
    assert set(counts) == {24}


def test_the_tempo_that_a_witness_derives_is_that_of_the_music(take):
    _, take = take
    settled = np.array(take.witness[len(take.witness) // 2 :])  # its own filter needs a while
    # RtMidi on JACK rounds ticks to the period, so single readings are up to 2 % off; the mean
    # interval is not
    assert abs(1.0 / np.mean(1.0 / settled) - TEMPO) < 0.1


def test_ticks_on_the_jack_port_are_even_to_the_sample(take):
    """Between two plans, one a beat, ticks are evenly spaced: within a sample."""
    api, take = take
    if api != "jack-client":
        pytest.skip("RtMidi on JACK puts messages at the start of the server's next period")
    frames = np.array([frame for frame, message in take.midi if message == b"\xf8"])
    steps = np.diff(frames)
    assert len(frames) > 24 * 20
    assert np.abs(np.diff(steps))[24:].max() < 0.02 * np.median(steps)
    inside = [np.ptp(steps[i : i + 23]) for i in range(0, len(steps) - 23, 24)]
    assert np.median(inside) <= 1


def heed_interrupts():
    """In the child: a shell has its background jobs, tests among them, ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def live(server, *arguments):
    from benchmarks.end_to_end import program

    command = program("live", "--host-api", "JACK", "--no-ui", "--json", *arguments)
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, preexec_fn=heed_interrupts
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130)])
def test_it_ends_within_a_second_and_stops_the_clock(server, number, code):
    from tests.jack_rig import Rig

    with Rig(server.client("end")) as rig:
        process = live(
            server, "--input", rig.name, "--midi-api", "jack", "--midi-virtual", "ending",
        )  # fmt: skip
        rig.start(drum_loop(TEMPO, 15.0, RATE)[0], ahead=8.0)
        until = time.monotonic() + 40.0
        while not [name for name in rig.ports() if name.endswith(":ending")]:
            assert time.monotonic() < until
            time.sleep(0.1)
        rig.connect("rtbeat:ending", f"{rig.name}:midi_in")
        while b"\xfa" not in [message for _, message in rig.midi]:
            assert time.monotonic() < until
            time.sleep(0.1)
        process.send_signal(number)
        began = time.monotonic()
        output, errors = process.communicate(timeout=10.0)
        assert time.monotonic() - began < 3.0  # a second, on a machine that has nothing else to do
        assert process.returncode == code, errors
        time.sleep(0.2)
        sent = [message for _, message in rig.midi]
        assert sent.index(b"\xfc") > len(sent) - 40
        assert any(message[0] & 0xF0 == 0xB0 and message[1] == 123 for message in sent[-20:])
        assert [json.loads(line)["event"] for line in output.splitlines()]


def free_port() -> int:
    """A UDP port that nobody listens at."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_osc_and_link_follow_and_osc_controls(server):
    """The command line's network outputs and controls, all at once, over real audio."""
    link = require("link", 'pip install "rtbeat[link]"')
    from tests.jack_rig import Rig

    member = link.Link(97.0)  # of the session that is to be led
    member.enabled = True
    receiver, sender = Receiver(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    controls = ("127.0.0.1", free_port())
    with Rig(server.client("osc")) as rig:
        process = live(
            server, "--input", rig.name, "--osc", f"127.0.0.1:{receiver.port}@-10",
            "--osc-in", str(controls[1]), "--link=@20",
        )  # fmt: skip
        try:
            rig.start(drum_loop(TEMPO, 30.0, RATE)[0], ahead=8.0)
            receiver.wait(lambda: len(receiver.of("beat")) >= 6, 60.0)
            receiver.wait(lambda: abs(member.captureSessionState().tempo() - TEMPO) < 3.0, 20.0)
            for address in ("/rtbeat/lock_tempo", "/nothing", "/nothing"):
                sender.sendto(encode(address, ()), controls)
            receiver.wait(lambda: len(receiver.of("beat")) >= 10, 60.0)
        finally:
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=20.0)
            receiver.close()
            sender.close()
            member.enabled = False
    assert process.returncode == 130, errors
    events = [json.loads(line) for line in output.splitlines()]
    beats = [(e["number"], e["confidence"]) for e in events if e["event"] == "beat"]
    heard = [(number, confidence) for number, _, confidence, _ in receiver.of("beat")]
    assert heard == [(number, pytest.approx(c, rel=1e-6)) for number, c in beats[: len(heard)]]
    assert len(heard) >= len(beats) - 1  # one may have been ahead at the end
    assert next(e for e in events if e["event"] == "control")["source"] == "osc"
    ports = {(e["name"], e["message"]) for e in events if e["event"] == "port"}
    address = f"127.0.0.1 port {receiver.port}"
    assert (f"OSC 127.0.0.1:{receiver.port}", f"sending to {address}") in ports
    assert ("Link", "other members: 1") in ports
    assert [e["message"] for e in events if e["event"] == "note"] == [
        "OSC from 127.0.0.1: /nothing is no control; docs/controls.md has the addresses"
    ]
    assert "not understood: 2" in errors


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--input", "no such thing"], "no such thing"),
        (["--input", "system", "--rate", "44100"], "use --rate 48000"),
        (["--input", "system", "--volume", "3"], "volume"),
        (["--input", "system", "--midi", "no such port", "--seconds", "2"], "no such port"),
        (["--input", "system", "--osc", "lights"], "127.0.0.1:9000"),
        (["--input", "system", "--osc", "lights:9000@soon"], "milliseconds"),
        (["--input", "system", "--osc-in", "none"], "127.0.0.1:9000"),
        (["--input", "system", "--osc-in", "192.0.2.1:9000"], "cannot listen at 192.0.2.1"),
        (["--input", "system", "--link=@soon"], "@MS"),
    ],
)
def test_what_is_wrong_is_named_in_one_sentence(server, arguments, told):
    process = live(server, *arguments)
    output, errors = process.communicate(timeout=60.0)
    assert told in errors + output
    assert "Traceback" not in errors


def test_link_without_its_extra_is_told_in_one_sentence(server, tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['link'] = None\n")
    paths = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    process = live(server, "--input", "system", "--link")
    output, errors = process.communicate(timeout=60.0)
    assert (process.returncode, output) == (1, "")
    assert errors.splitlines()[-1].endswith('pip install "rtbeat[link]"')
    assert "Traceback" not in errors
