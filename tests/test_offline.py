"""track(): whole songs, offline and through the live engine."""

from __future__ import annotations

import numpy as np
import pytest

import rtbeat
from rtbeat import BeatTracker
from rtbeat.audio import write_audio
from tests.music import drum_loop

RATE = 44_100
RANGE = (50.0, 180.0)
DRUMS, BEATS = drum_loop(112.0, 14.0)


def errors(times):
    return np.array([np.abs(BEATS - time).min() for time in times])


@pytest.mark.parametrize("decoder", ["filter", "search"])
def test_all_beats_of_an_array(decoder):
    beats = rtbeat.track(DRUMS, RATE, decoder=decoder, tempo_range=RANGE)
    assert len(beats) == pytest.approx(len(BEATS), abs=2)
    assert np.median(errors(beats.times)) < 0.015
    assert beats.tempo == pytest.approx(112.0, rel=0.01)
    assert beats.duration == 14.0
    assert len(beats.activation) == 700
    assert beats.announced_at is None
    assert set(beats.downbeats) <= set(beats.times)


def test_a_file_gives_what_its_samples_give(tmp_path):
    path = tmp_path / "loop.wav"
    write_audio(path, DRUMS[:, None], RATE)
    from_file = rtbeat.track(path, tempo_range=RANGE)
    samples, rate = rtbeat.audio.read_audio(path)
    np.testing.assert_array_equal(
        from_file.times, rtbeat.track(samples, rate, tempo_range=RANGE).times
    )


def test_online_gives_what_the_tracker_announces():
    tracker = BeatTracker(RATE, tempo_range=RANGE, lead=0.1)
    announced = tracker.process(DRUMS)
    beats = rtbeat.track(DRUMS, RATE, online=True, tempo_range=RANGE, lead=0.1)
    inside = [b for b in announced if b.time < 14.0]
    assert list(beats.times) == [b.time for b in inside]
    assert list(beats.announced_at) == [b.announced_at for b in inside]
    assert len(beats.activation) == 700


@pytest.mark.parametrize("online", [False, True])
def test_no_beat_lies_past_the_end(online):
    for seconds in (6.0, 6.2, 6.4):
        beats = rtbeat.track(DRUMS[: int(seconds * RATE)], RATE, online=online)
        assert (beats.times < seconds).all()
        assert (beats.times >= 0).all()


@pytest.mark.parametrize("online", [False, True])
@pytest.mark.parametrize("samples", [0, 1, 1000, RATE])
def test_short_and_silent_music_has_a_sane_result(online, samples):
    beats = rtbeat.track(np.zeros(samples, np.float32), RATE, online=online)
    assert len(beats) == 0
    assert np.isnan(beats.tempo)


def test_progress_rises_to_one():
    shares: list[float] = []
    rtbeat.track(DRUMS, RATE, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({}, ValueError, "sample_rate"),
        ({"sample_rate": RATE, "lead": 0.1}, TypeError, "online"),
        ({"sample_rate": RATE, "decoder": "oracle"}, ValueError, "decoder"),
        ({"sample_rate": RATE, "tempo_range": (90, 60)}, ValueError, "tempo_range"),
    ],
)
def test_wrong_arguments_are_named(arguments, error, words):
    with pytest.raises(error, match=words):
        rtbeat.track(DRUMS, **arguments)
