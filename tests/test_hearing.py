"""What a microphone hears of music, and the benchmark of rooms, on small music made here."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from tests.music import loop_folder
from tests.needs import require

require("scipy", 'pip install "rtbeat[bench]"')

from benchmarks import comparison, hearing, rooms  # noqa: E402
from benchmarks.collections import DataError  # noqa: E402

RATE = 22_050
BENCH = 'pip install "rtbeat[bench]"'


def tone(frequency: float, seconds: float = 1.0) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


def decibels(heard: np.ndarray, sound: np.ndarray) -> float:
    return 20.0 * np.log10(hearing.level(heard) / hearing.level(sound))


@pytest.mark.parametrize("name", hearing.ROOMS)
def test_a_room_leaves_the_direct_sound_in_its_place(name):
    require("pyroomacoustics", BENCH)
    click = np.zeros(RATE, np.float32)
    click[1000] = 1.0
    heard = hearing.in_room(click, RATE, name)
    assert heard.dtype == np.float32
    assert heard.shape == click.shape
    assert abs(int(np.argmax(np.abs(heard))) - 1000) <= 1
    # nothing is heard before, but that the library's filter against rumble rings ahead a little
    assert np.abs(heard[:900]).max() < 0.03 * np.abs(heard).max()
    assert decibels(heard, click) == pytest.approx(0.0, abs=1e-4)


def test_rooms_die_away_as_they_were_meant_to():
    require("pyroomacoustics", BENCH)
    facts = {name: hearing.room_facts(name) for name in hearing.ROOMS}
    for name, room in hearing.ROOMS.items():
        assert facts[name]["decay_s"] == pytest.approx(room.decay, rel=0.2)
        assert facts[name]["direct_to_reverberant_db"] < 0.0  # far from the source
    assert facts["hall"]["distance_m"] == pytest.approx(10.0, abs=0.1)


def test_a_room_without_its_library_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyroomacoustics", None)
    hearing.response.cache_clear()
    with pytest.raises(DataError, match=r"pip install \"rtbeat\[bench\]\""):
        hearing.in_room(tone(440.0), RATE, "hall")


@pytest.mark.parametrize("kind", hearing.NOISES)
@pytest.mark.parametrize("snr", [20.0, 0.0])
def test_noise_lies_as_far_below_the_music_as_asked(kind, snr):
    sound = tone(440.0)
    noise = hearing.with_noise(sound, RATE, kind, snr, seed=3) - sound
    assert decibels(noise, sound) == pytest.approx(-snr, abs=0.1)
    again = hearing.with_noise(sound, RATE, kind, snr, seed=3) - sound
    other = hearing.with_noise(sound, RATE, kind, snr, seed=4) - sound
    assert np.array_equal(noise, again)
    assert not np.array_equal(noise, other)


@pytest.mark.parametrize(
    ("frequency", "change"), [(1200.0, 0.0), (400.0, -3.0), (4000.0, -3.0), (100.0, -51.0)]
)
def test_a_phone_gives_out_400_to_4000_hz(frequency, change):
    sound = tone(frequency)
    late = slice(RATE // 4, None)  # the filter has settled
    heard = hearing.on_phone(sound, RATE)[late]
    assert decibels(heard, sound[late]) == pytest.approx(change, abs=1.0)


def test_conditions_are_put_together_in_order():
    sound = tone(1200.0)
    assert np.array_equal(hearing.hear(sound, RATE, hearing.CLEAN, 0), sound)
    condition = hearing.Condition("x", phone=True, noise="white", snr=10.0, gain=-30.0)
    by_hand = hearing.with_noise(hearing.on_phone(sound, RATE), RATE, "white", 10.0, 7)
    heard = hearing.hear(sound, RATE, condition, 7)
    assert heard.dtype == np.float32
    assert np.allclose(heard, by_hand * 10.0**-1.5)
    names = [condition.name for condition in hearing.CONDITIONS]
    assert len(set(names)) == len(names) == 12


def test_silence_stays_silence():
    silence = np.zeros(1000, np.float32)
    noisy = hearing.with_noise(silence, RATE, "pink", 0.0, 0)
    assert not noisy.any()


# ---- the command


@pytest.fixture
def folder(tmp_path):
    """A set of two drum loops; their true beats are known."""
    return loop_folder(tmp_path / "test_spcup", {"a": 120.0, "b": 100.0}, 6.0, RATE)


def test_rooms_command_compares_with_the_clean_clips(folder, tmp_path, capsys):
    command = ["--data", str(folder.parent), "--heard", "30 dB quieter", "phone loudspeaker"]
    assert rooms.main([*command, "--out", str(tmp_path)]) == 0
    results = json.loads((tmp_path / "rooms.json").read_text())
    found = results["sets"]["test_spcup"]
    assert list(found) == ["clean", "phone loudspeaker", "30 dB quieter"]
    assert found["clean"]["n"] == 2
    assert found["clean"]["mean"]["cF@0"] > 0.5
    assert found["clean"]["change"] == {"cF@0": 0.0, "F": 0.0}
    for name, summary in found.items():
        rows = [row for row in results["clips"] if row["heard"] == name]
        assert [row["id"] for row in rows] == ["a", "b"]
        assert summary["mean"]["F"] == pytest.approx(np.mean([row["F"] for row in rows]), abs=1e-4)
    page = (tmp_path / "rooms.md").read_text()
    assert capsys.readouterr().out.strip() == page.strip()
    assert "## test_spcup, 2 clips" in page
    assert "| clean |" in page


def test_rooms_command_says_what_cannot_be_used(tmp_path, capsys):
    assert rooms.main(["--data", str(tmp_path), "--heard", "clean"]) == 1
    assert "holds none of test_gtzan" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        rooms.main(["--data", str(tmp_path), "--jobs", "0"])


def test_changes_are_of_the_same_clips_and_have_their_interval():
    rows = [{"cF@0": 0.4, "F": 0.5}, {"cF@0": 0.9, "F": 0.9}]
    worse = [{"cF@0": 0.3, "F": 0.5}, {"cF@0": 0.8, "F": 0.8}]
    summary = comparison.compare(worse, rows)
    assert comparison.change_cell(summary, "cF@0") == "-10.0 (-10.0 to -10.0)"
    assert comparison.change_cell(summary, "F") == "-5.0 (-10.0 to +0.0)"
    assert comparison.change_cell(comparison.compare(worse[:1], rows[:1]), "F") == "+0.0"
    text = comparison.comparison_table("heard", [("far away", summary)])
    assert text.splitlines()[0] == "| heard | cF@0 | change of cF@0 | F | change of F |"
    assert "| far away | 55.0 (30.0-80.0) | -10.0 (-10.0 to -10.0) |" in text
