"""Choosing devices and ports by index or name; listing what a JACK server has."""

from __future__ import annotations

import pytest

from rtbeat.cli.devices import audio_table, midi_table
from rtbeat.live.devices import AudioDevice, DeviceError, choose_from
from rtbeat.live.matching import best_matches, pick
from rtbeat.live.midi_devices import MidiApi, MidiPort

LINUX = [
    AudioDevice(0, "HDA Intel: ALC257 Analog (hw:0,0)", "ALSA", 2, 2, 44_100.0),
    AudioDevice(1, "Scarlett 2i2 USB: Audio (hw:1,0)", "ALSA", 2, 2, 44_100.0),
    AudioDevice(2, "default", "ALSA", 32, 32, 44_100.0, ("input", "output"), ("input", "output")),
    AudioDevice(3, "system", "JACK Audio Connection Kit", 2, 2, 48_000.0),
    AudioDevice(
        4, "Music Player", "JACK Audio Connection Kit", 0, 2, 48_000.0, (), ("input", "output")
    ),
]

WINDOWS = [
    AudioDevice(0, "Microphone (Scarlett 2i2 USB", "MME", 2, 0, 44_100.0, ("input",), ("input",)),
    AudioDevice(1, "Speakers (Realtek)", "MME", 0, 2, 44_100.0, ("output",), ("output",)),
    AudioDevice(2, "Microphone (Scarlett 2i2 USB)", "WASAPI", 2, 0, 48_000.0, (), ("input",)),
    AudioDevice(3, "Speakers (Realtek)", "WASAPI", 0, 2, 48_000.0, (), ("output",)),
]


@pytest.mark.parametrize(
    ("direction", "which", "host_api", "index"),
    [
        ("input", None, None, 2),  # the system's choice
        ("input", None, "jack", 3),  # that of a host API, of devices that have inputs
        ("output", None, "jack", 4),
        ("input", 1, None, 1),
        ("input", "1", None, 1),
        ("input", "2", None, 2),  # an index, not a part of "2i2"
        ("input", "scarlett", None, 1),  # whatever the case
        ("input", "SCARLETT", "alsa", 1),
        ("input", "default", None, 2),
        ("output", "player", None, 4),
    ],
)
def test_devices_are_chosen_by_index_or_part_of_the_name(direction, which, host_api, index):
    assert choose_from(LINUX, direction, which, host_api).index == index


@pytest.mark.parametrize(("host_api", "index"), [(None, 0), ("wasapi", 2)])
def test_of_the_same_device_in_two_host_apis_that_of_the_system_counts(host_api, index):
    assert choose_from(WINDOWS, "input", "Scarlett", host_api).index == index


@pytest.mark.parametrize(
    ("which", "host_api", "message"),
    [
        ("hw:", None, "could be 0 HDA Intel: ALC257 Analog (hw:0,0) (ALSA); 1 Scarlett"),
        ("Fireface", None, "there is no audio input device 'Fireface'; there are 0 HDA Intel"),
        (9, None, "there is no audio input device 9; there are 0 HDA"),
        (4, None, "there is no audio input device 4; there are"),  # it has outputs only
        (None, "asio", "there is no host API with an input device 'asio'; there are ALSA; JACK"),
        ("scarlett", "jack", "there are 3 system (JACK Audio Connection Kit)"),
    ],
)
def test_what_is_missing_or_ambiguous_is_told_in_one_sentence(which, host_api, message):
    with pytest.raises(DeviceError) as caught:
        choose_from(LINUX, "input", which, host_api)
    assert message in str(caught.value)


def test_a_machine_without_audio_is_told_a_remedy():
    with pytest.raises(DeviceError, match="plug one in"):
        choose_from([], "input")
    with pytest.raises(DeviceError, match="no audio input device"):
        choose_from(LINUX[4:], "input")


def test_exact_names_win_over_parts_and_over_other_case():
    names = ["clock", "Clock", "my clock"]
    assert best_matches(names, "Clock") == [1]
    assert best_matches(names, "CLOCK") == [0, 1]
    assert best_matches(names, "lock") == [0, 1, 2]
    assert best_matches(names, "drum") == []


def test_long_lists_are_cut_in_messages():
    with pytest.raises(DeviceError, match="port 7 and 12 more"):
        pick("thing", [f"port {i}" for i in range(20)], "port", str)


def test_tables_show_every_device_and_port():
    table = audio_table(LINUX).splitlines()
    assert len([line for line in table if line]) == 1 + len(LINUX)
    assert any(line.rstrip().endswith("input, output") and "default" in line for line in table)
    ports = (MidiPort("alsa", "output", 0, "Volca 20:0"), MidiPort("alsa", "input", 0, "Pads"))
    assert "Volca 20:0  alsa  out" in midi_table([MidiApi("alsa", ports)])
    assert midi_table([MidiApi("alsa", (), "gone")]) == "no MIDI ports\n"
