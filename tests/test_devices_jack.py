"""Devices, ports and calibration on a real JACK server, by the command line."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from rtbeat.live.settings import Settings
from tests.jack_rig import Rig
from tests.jack_server import PERIOD, RATE, jack_server, without_xruns
from tests.needs import require

__all__ = ["jack_server"]  # a fixture

require("sounddevice", "apt install libportaudio2")

JACK = "JACK Audio Connection Kit"
DELAY = 0.03  # seconds from the rig's ear to its mouth


def rtbeat(*args):
    """The command in a process of its own: PortAudio lists devices once in its life."""
    command = [sys.executable, "-m", "rtbeat", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_every_client_and_midi_port_of_the_server_is_listed(jack_server):
    require("rtmidi", "pip install python-rtmidi")
    with Rig(jack_server.client("rig")) as rig:
        done = rtbeat("devices", "--json")
        assert done.returncode == 0
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        audio = {row["name"]: row for row in rows if row["type"] == "audio"}
        assert audio[rig.name]["host_api"] == JACK
        assert (audio[rig.name]["inputs"], audio[rig.name]["outputs"]) == (1, 1)
        assert audio["system"]["host_api_defaults"] == ["input", "output"]
        ports = [row for row in rows if row["type"] == "midi"]
        mine = [row for row in ports if rig.name in row["name"] and row["api"] == "jack"]
        assert [row["direction"] for row in mine] == ["output"]  # we can send to its midi_in
        table = rtbeat("devices").stdout
        assert rig.name in table
        assert "midi_in" in table


REFRESH = """
import sys
from rtbeat.live.devices import DeviceError, choose, refresh_audio
from tests.jack_rig import Rig
try:
    choose("input", sys.argv[1])
except DeviceError as error:
    print(error)
with Rig(sys.argv[1]):
    refresh_audio()
    print(choose("input", sys.argv[1][:-1].upper()).name)
"""


def test_a_device_that_comes_later_is_found_after_a_refresh(jack_server):
    name = jack_server.client("late")
    done = subprocess.run(
        [sys.executable, "-c", REFRESH, name], capture_output=True, text=True, check=True
    )
    missing, found = done.stdout.splitlines()
    assert missing.startswith(f"there is no audio input device '{name}'; there are 0 system")
    assert found == name


@pytest.mark.parametrize("block", [0, 256])
def test_the_loop_through_the_rig_is_measured_to_the_sample_and_kept(jack_server, tmp_path, block):
    file = tmp_path / "settings.toml"

    def run():
        with Rig(jack_server.client("rig"), feedback=0.5, delay=DELAY) as rig:
            names = ("--input", rig.name, "--output", rig.name, "--block", block)
            done = rtbeat("calibrate", *names, "--settings", file, "--json")
            return (rig.name, done), rig.xruns

    name, done = without_xruns(run)
    assert done.returncode == 0, done.stderr
    kept = Settings.load(file).calibration(JACK, name, name, RATE, block)
    assert kept.loop * RATE == pytest.approx(DELAY * RATE + PERIOD + block, abs=0.1)
    assert kept.spread < 1e-5
    assert json.loads(done.stdout)["loop"] == kept.loop


def test_a_loop_that_is_not_there_is_told_and_nothing_is_kept(jack_server, tmp_path):
    file = tmp_path / "settings.toml"
    with Rig(jack_server.client("deaf")) as rig:
        done = rtbeat("calibrate", "--input", rig.name, "--output", rig.name, "--settings", file)
    assert done.returncode == 1
    assert "dead silent" in done.stderr
    assert not file.exists()


def test_a_device_that_is_not_there_is_told(jack_server):
    done = rtbeat("calibrate", "--input", "no such thing")
    assert done.returncode == 1
    assert "there is no audio input device 'no such thing'" in done.stderr


def test_the_doctor_measures_the_loop_and_counts_lost_sound(jack_server, tmp_path):
    def run():
        with Rig(jack_server.client("rig"), feedback=0.5, delay=DELAY) as rig:
            names = ("--input", rig.name, "--output", rig.name)
            done = rtbeat("doctor", *names, "--settings", tmp_path / "none.toml", "--json")
            return done, rig.xruns

    done = without_xruns(run)
    found = {row["name"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert found["round trip"]["value"] == pytest.approx(1000 * (DELAY + PERIOD / RATE), abs=0.01)
    assert found["lost sound"]["value"] == 0
    assert found["audio devices"]["verdict"] == "good"
    verdicts = [row["verdict"] for row in found.values()]
    assert done.returncode == ("bad" in verdicts)
