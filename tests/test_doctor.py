"""Findings of the doctor: figures into words, and the measurements on devices in memory."""

from __future__ import annotations

import re

import numpy as np
import pytest

from rtbeat import cli
from rtbeat.cli.doctor import lines
from rtbeat.live import doctor
from rtbeat.live.audio_port import AudioDeviceError
from rtbeat.live.clock_process import Report
from rtbeat.live.devices import AudioDevice
from rtbeat.live.doctor_checks import (
    check_settings,
    check_stream,
    check_tracker,
    check_versions,
    made_up_music,
)
from rtbeat.live.doctor_ticks import from_reports
from rtbeat.live.loop_delay import LoopDelay, noise_bursts
from rtbeat.live.midi_devices import MidiApi, MidiPort
from tests.rooms import Loop

RATE = 8_000

MICROPHONE = AudioDevice(0, "Mic", "ALSA", 1, 0, 48_000.0)
SPEAKER = AudioDevice(1, "Speaker", "ALSA", 0, 2, 48_000.0)
PORTS = (MidiPort("alsa", "output", 0, "Volca"), MidiPort("alsa", "input", 0, "Pads"))


@pytest.mark.parametrize(
    ("finding", "verdict", "words", "remedy"),
    [
        (doctor.judge_devices([MICROPHONE, SPEAKER]), "good", "1 input and 1 output", ""),
        (doctor.judge_devices([MICROPHONE]), "fair", "0 outputs", "no clicks, only MIDI"),
        (doctor.judge_devices([SPEAKER]), "bad", "0 inputs", "plug in a microphone"),
        (doctor.judge_devices([]), "bad", "0 inputs", "start the audio server"),
        (doctor.judge_midi([MidiApi("alsa", PORTS)]), "good", "1 port to send to, by alsa", ""),
        (doctor.judge_midi([MidiApi("alsa", (), "no snd-seq")]), "bad", "not work", "no snd-seq"),
        (doctor.judge_loop(LoopDelay(0.02, 1e-5, 30.0, 6)), "good", "20.0 ms", ""),
        (doctor.judge_loop(LoopDelay(0.1, 1e-5, 30.0, 6)), "fair", "100.0 ms", "--block"),
        (doctor.judge_loop(LoopDelay(0.4, 1e-5, 30.0, 6)), "bad", "400.0 ms", "--block"),
        (doctor.judge_driver_loop(0.02, "deaf"), "fair", "driver's word only, .*deaf", "calibrate"),
        (doctor.judge_driver_loop(0.4, "deaf"), "bad", "400.0 ms by the driver", "--block"),
        (doctor.judge_driver_loop(None, "deaf"), "not measured", "deaf", "calibrate"),
        (doctor.judge_xruns(0, 10.0), "good", "lost 0 times in 10 s", ""),
        (doctor.judge_xruns(1, 10.0), "fair", "lost 1 time in", "close other programs"),
        (doctor.judge_xruns(7, 10.0), "bad", "lost 7 times", "larger --block"),
        (doctor.judge_hops(np.full(100, 0.001), 0.02), "good", "5 % of one", ""),
        (doctor.judge_hops(np.full(100, 0.008), 0.02), "fair", "40 % of one", "close other"),
        (doctor.judge_hops(np.full(100, 0.03), 0.02), "bad", "150 % of one", "close other"),
        (doctor.judge_hops(np.repeat([0.001, 0.05], [90, 10]), 0.02), "bad", "50.0 ms at", "close"),
        (doctor.judge_ticks(1e-5, 8e-4, True), "good", "late by 0.01 ms, 99 of .* 0.80 ms$", ""),
        (doctor.judge_ticks(1e-4, 4e-3, True), "fair", "less than 4.00 ms", "close other"),
        (doctor.judge_ticks(1e-4, 9e-3, False), "bad", "without real-time priority", "rtprio"),
        (doctor.judge_cache(0, True, "/x"), "good", "compiled already", ""),
        (doctor.judge_cache(9, True, "/x"), "good", "9 functions compiled just now", ""),
        (doctor.judge_cache(9, False, "/x"), "bad", "cannot be kept in /x", "NUMBA_CACHE_DIR"),
    ],
)
def test_figures_become_words_with_a_remedy_beside_what_is_bad(finding, verdict, words, remedy):
    assert finding.verdict == verdict
    assert re.search(words, finding.words)
    assert remedy in finding.remedy
    assert bool(finding.remedy) == bool(remedy)


def test_a_finding_is_shown_with_its_remedy_below():
    shown = lines(doctor.judge_xruns(7, 10.0)).splitlines()
    assert shown[0].startswith("bad           lost sound     sound was lost 7 times")
    assert shown[1].strip().startswith("-> close other programs")
    assert len(lines(doctor.judge_xruns(0, 10.0)).splitlines()) == 1


# ---- measurements ----


def listen(**options):
    bursts = noise_bursts(RATE)
    loop = Loop(RATE, bursts, **options)
    found = check_stream(lambda: loop.stream, bursts, loop.sleep)
    return {finding.name: finding for finding in found}


def test_the_round_trip_is_measured_where_the_microphone_hears_the_loudspeaker():
    found = listen(delay=400.0, noise=0.002)
    assert found["round trip"].verdict == "good"
    assert found["round trip"].value == pytest.approx(50.0, abs=0.1)
    assert found["lost sound"].value == 0
    assert "in 10 s" in found["lost sound"].words


def test_without_a_loop_the_drivers_word_is_told_as_such():
    found = listen(delay=400.0, level=0.0)
    assert found["round trip"].verdict == "fair"
    assert "by the driver's word only" in found["round trip"].words


def test_a_device_that_cannot_be_opened_is_told():
    def refuse():
        raise AudioDeviceError("audio device 3 is in use")

    for finding in check_stream(refuse, [], lambda seconds: None):
        assert finding.verdict == "not measured"
        assert finding.words == "audio device 3 is in use"


def test_the_tracker_is_timed_hop_by_hop():
    ticks = iter(np.arange(0.0, 100.0, 0.004))  # a clock that goes on by 4 ms at every look
    processor, cache = check_tracker(now=lambda: next(ticks))
    assert processor.value == pytest.approx(20.0)
    assert "4.0 ms a hop" in processor.words
    assert cache.name == "compiled code"
    assert cache.details["folder"]


def lateness(**data):
    return Report("lateness", "doctor", {"count": 96, **data})


def test_ticks_are_judged_by_the_worst_report_of_their_process():
    opened = Report("port", "doctor", {"status": "open", "message": "m", "priority": True})
    finding = from_reports([opened, lateness(p50=1e-5, p99=2e-3), lateness(p50=1e-5, p99=3e-4)])
    assert (finding.verdict, finding.value) == ("fair", 2.0)


def test_a_clock_that_does_not_start_is_told_with_its_own_words():
    failed = Report("port", "doctor", {"status": "failed", "message": "no room"})
    assert from_reports([failed]).verdict == "not measured"
    assert from_reports([failed]).words == "no room"


def test_made_up_music_is_loud_enough_and_does_not_clip():
    music = made_up_music(48_000, 1.0)
    assert len(music) == 48_000
    assert 0.3 < np.abs(music).max() <= 1.0


def test_versions_name_the_package_python_and_the_system():
    finding = check_versions()
    assert finding.words.startswith("rtbeat 0")
    assert {"python", "system", "numba"} <= set(finding.details)


def test_a_broken_settings_file_is_found(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text("[audio]\nrate = 'x'\n")
    finding = check_settings(str(path))
    assert finding.verdict == "bad"
    assert ":2: audio.rate" in finding.words
    path.write_text("[audio]\nrat = 3\n")
    assert check_settings(str(path)).verdict == "fair"
    path.write_text("")
    assert check_settings(str(path)).verdict == "good"


def test_wrong_usage_is_told(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["doctor", "--rate", "5"])
    assert caught.value.code == 2
    assert "sample_rate is 5" in capsys.readouterr().err
