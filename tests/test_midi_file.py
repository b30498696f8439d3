"""MIDI files: in a DAW, bar lines lie on the downbeats, whatever the music does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtbeat import Beats
from rtbeat.beat import median_tempo
from rtbeat.formats import midi_file
from rtbeat.formats.quarters import SHORTEST
from rtbeat.formats.tempo_map import TICKS, tempo_map
from tests.midi_reading import with_midicsv, with_mido
from tests.needs import require_program

EXACT = 2e-6  # seconds


def make_beats(times, numbers, tail=1.0) -> Beats:
    times = np.asarray(times, np.float64)
    end = float(times[-1]) + tail if len(times) else tail
    numbers = np.asarray(numbers, np.int64)
    return Beats(times, numbers, median_tempo(times), np.zeros(0, np.float32), end)


def steady(first=0.0, number=1, length=4, tempo=120.0, seconds=600.0) -> Beats:
    """Ten minutes at one tempo; the first beat is ``number`` in a bar of ``length``."""
    times = np.arange(first, seconds, 60.0 / tempo)
    return make_beats(times, (np.arange(len(times)) + number - 1) % length + 1)


def jittery() -> Beats:
    """Ten minutes that nobody plays steadily: 70 to 160 BPM, each interval off by up to 30 ms."""
    rng = np.random.default_rng(0)
    tempo = 115 + 45 * np.sin(np.arange(1150) / 40)
    times = 0.413 + np.cumsum(60 / tempo + rng.uniform(-0.03, 0.03, len(tempo)))
    return make_beats(times, (np.arange(len(times)) + 2) % 4 + 1)


def changing_meter() -> Beats:
    bars = [4] * 8 + [3] * 8 + [7] * 4 + [2, 4, 5, 5]
    numbers = [number for length in bars for number in range(1, length + 1)]
    return make_beats(1.27 + 0.4137 * np.arange(len(numbers)), numbers)


def accelerating() -> Beats:
    times = 3.3 + np.cumsum(np.geomspace(1.2, 0.25, 900))
    return make_beats(times, np.arange(len(times)) % 3 + 1)


def with_a_break() -> Beats:
    times = np.r_[0.5 + 0.5 * np.arange(32), 40.3 + 0.45 * np.arange(64)]
    return make_beats(times, np.r_[np.arange(32) % 4 + 1, np.arange(64) % 4 + 1])


PIECES = {
    "from 0 s": steady(),
    "first beat is a three": steady(0.37, number=3, tempo=117.3),
    "waltz, late": steady(12.345, length=3, tempo=183.7),
    "at once": steady(0.0021, tempo=95.0),
    "after a breath": steady(0.0123, number=2),
    "after half a beat": steady(0.24),
    "40 BPM": steady(1.1, tempo=40.0),
    "240 BPM": steady(0.19, tempo=240.0),
    "unsteady": jittery(),
    "changing meter": changing_meter(),
    "accelerating": accelerating(),
    "break": with_a_break(),
}


@pytest.fixture(params=["mido", "midicsv"])
def read(request):
    """Reads a file; each test runs with both readers."""
    if request.param == "mido":
        return with_mido
    program = require_program("midicsv", "apt install midicsv")
    return lambda data: with_midicsv(program, data)


@pytest.mark.parametrize("name", PIECES)
def test_bar_lines_lie_on_the_downbeats_for_ten_minutes(name, read):
    beats = PIECES[name]
    piece = read(midi_file.encode(beats))
    bars = np.array(piece.bars)
    off = np.abs(bars - beats.downbeats[:, None]).min(axis=1)
    assert off.max() < 0.005
    # the first beat may be put at 0; after that, nothing is off and nothing adds up
    assert off[1:].max() < EXACT
    # and there is none where a beat with another number is
    others = beats.times[beats.numbers > 1]
    off = np.abs(bars - others[:, None]).min(axis=1)
    assert (off > 0.005).sum() >= len(others) - 1  # the upbeat starts a bar of its own


@pytest.mark.parametrize("name", PIECES)
def test_notes_lie_on_the_beats_and_markers_on_the_downbeats(name, read):
    beats = PIECES[name]
    piece = read(midi_file.encode(beats))
    expected = np.where(beats.times < 0.004, 0.0, beats.times)
    np.testing.assert_allclose([time for time, _ in piece.notes], expected, atol=EXACT)
    assert [key for _, key in piece.notes] == [76 if n == 1 else 77 for n in beats.numbers]
    expected = expected[beats.numbers == 1]
    np.testing.assert_allclose([time for time, _ in piece.markers], expected, atol=EXACT)
    names = [text for _, text in piece.markers]
    assert names == [f"bar {n}" for n in range(1, len(expected) + 1)]
    assert piece.end == pytest.approx(beats.duration, abs=0.002)


def meters(beats: Beats) -> list[tuple[int, int]]:
    return [(count, note) for _, count, note in with_mido(midi_file.encode(beats)).meters]


def test_steady_music_has_one_meter():
    assert meters(steady()) == [(4, 4)]
    assert meters(steady(2.0)) == [(4, 4)]


def test_the_way_to_the_first_beat_is_counted_back_from_it():
    assert meters(steady(1.0, number=3)) == [(4, 4)]
    assert meters(steady(0.5, number=3)) == [(3, 4), (4, 4)]


def test_a_start_shorter_than_a_beat_is_a_short_bar():
    assert meters(steady(0.24)) == [(1, 8), (4, 4)]
    assert meters(steady(0.01)) == [(1, 64), (4, 4)]


def test_beats_of_unknown_place_are_bars_of_their_own():
    unknown = make_beats(0.2 + 0.5 * np.arange(1000), np.zeros(1000))
    assert meters(unknown) == [(1, 8), (1, 4)]
    assert with_mido(midi_file.encode(unknown)).markers == []
    assert meters(make_beats(np.arange(8) / 2, [0, 0, 0, 0, 1, 2, 1, 2])) == [(1, 4), (2, 4)]


def test_a_number_that_only_one_way_fits_is_filled_in():
    assert meters(make_beats(np.arange(8) / 2, [1, 2, 0, 4, 1, 0, 0, 4])) == [(4, 4)]


def test_a_change_of_meter_is_told_at_its_bar():
    beats = changing_meter()
    told = with_mido(midi_file.encode(beats)).meters
    at = [(round(t, 3), count) for t, count, _ in told if t > 1.0]
    first = 1.27 + 0.4137 * np.cumsum([0, 32, 24, 28, 2, 4])
    assert at == [(round(t, 3), n) for t, n in zip(first, [4, 3, 7, 2, 4, 5], strict=True)]


def test_the_last_bar_keeps_its_meter_where_the_music_ends_before_it_does():
    assert meters(make_beats(np.arange(10) / 2, [1, 2, 3, 4, 1, 2, 3, 4, 1, 2])) == [(4, 4)]


@pytest.mark.parametrize(
    ("times", "numbers"),
    [([], []), ([0.0], [1]), ([2.0], [3]), ([0.01], [0]), ([0.0, 100.0], [4, 1])],
)
def test_few_beats_are_a_valid_file(times, numbers, read):
    beats = make_beats(times, numbers)
    piece = read(midi_file.encode(beats))
    np.testing.assert_allclose([time for time, _ in piece.notes], times, atol=EXACT)
    assert piece.end == pytest.approx(beats.duration, abs=0.002)


def test_holes_are_not_filled_with_more_quarters_than_anybody_plays():
    """Beats set by hand may be a microsecond apart, with twenty minutes around them."""
    beats = make_beats(np.r_[600 + 1e-6 * np.arange(9), 1200], np.ones(10, int), tail=600.0)
    assert tempo_map(beats).end / TICKS < 1800 / SHORTEST + 10
    notes = with_mido(midi_file.encode(beats)).notes
    np.testing.assert_allclose([time for time, _ in notes], beats.times, atol=10 * EXACT)


@settings(max_examples=60, deadline=None)
@given(
    first=st.floats(0.0, 20.0),
    steps=st.lists(st.floats(0.05, 8.0), max_size=60),
    data=st.data(),
)
def test_any_beats_and_numbers_come_out_in_place(first, steps, data):
    times = np.cumsum([first, *steps])
    numbers = data.draw(st.lists(st.integers(0, 9), min_size=len(times), max_size=len(times)))
    beats = make_beats(times, numbers)
    piece = with_mido(midi_file.encode(beats))
    np.testing.assert_allclose([t for t, _ in piece.notes][1:], times[1:], atol=EXACT)
    assert abs(piece.notes[0][0] - first) <= 0.004
    for downbeat in beats.downbeats:
        assert np.abs(np.array(piece.bars) - downbeat).min() <= 0.004
