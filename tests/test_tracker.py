"""BeatTracker: the contract of the streaming engine."""

from __future__ import annotations

import threading
import tracemalloc

import numpy as np
import pytest

from rtbeat import BeatTracker, State
from tests.music import drum_loop

RATE = 44_100
DRUMS, BEATS = drum_loop(112.0, 16.0)
# the tests are about the engine: which octave of so plain a loop is felt is left aside
RANGE = (50.0, 180.0)


@pytest.fixture(scope="module")
def shared_tracker():
    return BeatTracker(RATE, tempo_range=RANGE)


@pytest.fixture
def tracker(shared_tracker):
    shared_tracker.reset()
    return shared_tracker


def run(tracker, audio, block=441):
    return [b for i in range(0, len(audio), block) for b in tracker.process(audio[i : i + block])]


def feed(tracker, seconds, audio=None, start=0.0):
    """Process ``seconds`` of ``audio`` (silence if None) from ``start``."""
    n = int(seconds * RATE)
    samples = np.zeros(n, np.float32) if audio is None else audio[int(start * RATE) :][:n]
    return run(tracker, samples)


def errors(beats, truth=BEATS):
    return np.array([np.abs(truth - b.time).min() for b in beats])


def test_beats_are_right_and_announced_ahead(tracker):
    beats = [b for b in run(tracker, DRUMS) if b.time > 6.0]
    assert len(beats) >= 16
    assert np.median(errors(beats)) < 0.02
    assert all(b.lead > 0 for b in beats)
    assert np.median([b.lead for b in beats]) > 0.18
    assert tracker.tempo == pytest.approx(112.0, rel=0.02)


def test_beats_rise_and_keep_their_distance(tracker):
    times = np.array([b.time for b in run(tracker, DRUMS)])
    assert (np.diff(times) >= 60.0 / RANGE[1]).all()


def test_the_cut_into_blocks_changes_nothing(tracker):
    reference = run(tracker, DRUMS[: 9 * RATE])
    assert reference
    for seed in range(3):
        rng = np.random.default_rng(seed)
        tracker.reset()
        got, start = [], 0
        while start < 9 * RATE:
            size = int(rng.choice([0, 1, 13, 480, 882, 5_000, 60_000]))
            got += tracker.process(DRUMS[start : min(start + size, 9 * RATE)])
            start += size
        assert got == reference


def test_reset_makes_it_new(tracker):
    first = run(tracker, DRUMS[: 6 * RATE])
    tracker.nudge(0.1)
    tracker.hold()
    tracker.reset()
    assert (tracker.time, tracker.state, tracker.tempo) == (0.0, State.LISTENING, None)
    assert (tracker.next_beat, tracker.confidence, tracker.phase()) == (None, 0.0, None)
    assert run(tracker, DRUMS[: 6 * RATE]) == first


def test_a_beat_is_announced_at_the_last_hop_that_keeps_the_lead():
    for lead in (0.05, 0.3):
        tracker = BeatTracker(RATE, lead=lead, tempo_range=RANGE)
        late = [b for b in run(tracker, DRUMS) if b.time > 8.0]
        assert all(lead - 0.02 <= b.lead < lead + 0.06 for b in late)
        assert all(abs(b.announced_at * 50 - round(b.announced_at * 50)) < 1e-6 for b in late)


def test_silence_has_no_beats(tracker):
    assert feed(tracker, 12.0) == []
    assert tracker.state is State.LISTENING


def test_after_the_music_it_coasts_and_then_is_lost(tracker):
    feed(tracker, 12.0, DRUMS)
    assert tracker.state is State.LOCKED
    beats = feed(tracker, 8.0)
    assert tracker.state is State.COASTING
    assert np.diff([b.time for b in beats]) == pytest.approx(60 / 112, rel=0.05)
    feed(tracker, 30.0)
    assert tracker.state is State.LOST
    assert feed(tracker, 3.0) == []
    assert tracker.tempo is None


def test_it_comes_back_after_a_break(tracker):
    feed(tracker, 10.0, DRUMS)
    feed(tracker, 30.0)
    beats = feed(tracker, 16.0, DRUMS)
    late = [b for b in beats if b.time > 48.0]
    assert tracker.state is State.LOCKED
    assert np.median(errors(late, BEATS + 40.0)) < 0.025


def test_what_it_knows_agrees(tracker):
    feed(tracker, 12.0, DRUMS)
    assert tracker.time == pytest.approx(12.0)
    assert tracker.time < tracker.next_beat < tracker.time + 60 / 112 + 0.05
    assert 0.0 <= tracker.phase() < 4.0
    assert tracker.phase(tracker.time + 0.1) != tracker.phase()
    assert tracker.candidates[0].tempo == pytest.approx(112.0, rel=0.03)
    assert 0.3 < tracker.confidence <= 1.0
    assert tracker.latency == 882


def test_two_taps_set_tempo_and_phase(tracker):
    feed(tracker, 3.0)
    tracker.tap(1.0)
    tracker.tap(1.6)
    beats = feed(tracker, 1.2)
    assert tracker.state in (State.LOCKED, State.COASTING)
    assert beats[0].tempo == pytest.approx(100.0, rel=0.03)
    phase = (beats[0].time - 1.0) / 0.6
    assert phase == pytest.approx(round(phase), abs=0.06)


def test_double_and_halve(tracker):
    feed(tracker, 10.0, DRUMS)
    tracker.halve()
    feed(tracker, 3.0, DRUMS, 10.0)
    assert tracker.tempo == pytest.approx(56.0, rel=0.05)
    tracker.double()
    feed(tracker, 2.0, DRUMS, 13.0)
    assert tracker.tempo == pytest.approx(112.0, rel=0.05)


def test_shift_moves_by_half_a_beat(tracker):
    feed(tracker, 10.0, DRUMS)
    tracker.hold()
    feed(tracker, 1.0, DRUMS, 10.0)
    tracker.shift(0.5)
    beats = [b for b in feed(tracker, 4.0, DRUMS, 11.0) if b.time > 12.0]
    assert np.median(errors(beats)) == pytest.approx(0.5 * 60 / 112, abs=0.05)


def test_nudge_moves_later_and_adds_up(tracker):
    feed(tracker, 10.0, DRUMS)
    tracker.nudge(0.03)
    tracker.nudge(0.03)
    beats = [b for b in feed(tracker, 6.0, DRUMS, 10.0) if b.time > 11.0]
    assert np.median(errors(beats)) == pytest.approx(0.06, abs=0.02)


def test_set_downbeat_starts_a_bar_here(tracker):
    feed(tracker, 10.0, DRUMS)
    before = {b.number for b in feed(tracker, 2.0, DRUMS, 10.0)}
    assert before <= {0, 1, 2, 3, 4}
    tracker.set_downbeat()
    at = tracker.time
    beats = feed(tracker, 3.0, DRUMS, 12.0)
    period = 60 / 112
    for beat in beats[:3]:
        distance = (beat.time - at) / period
        assert beat.number in {int(np.floor(distance + s)) % 4 + 1 for s in (0.0, 0.5, 1.0)}


def test_a_locked_tempo_stays(tracker):
    feed(tracker, 10.0, DRUMS)
    tracker.lock_tempo()
    other, _ = drum_loop(100.0, 12.0)
    run(tracker, other)
    assert tracker.tempo == pytest.approx(112.0, rel=0.04)
    tracker.unlock_tempo()
    run(tracker, other)
    assert tracker.tempo == pytest.approx(100.0, rel=0.03)


def test_hold_goes_on_whatever_is_heard(tracker):
    feed(tracker, 10.0, DRUMS)
    tracker.hold()
    other, _ = drum_loop(100.0, 12.0)
    beats = run(tracker, other)[2:]
    assert np.diff([b.time for b in beats]) == pytest.approx(60 / 112, rel=0.03)
    tracker.release()
    run(tracker, other)
    assert tracker.tempo == pytest.approx(100.0, rel=0.03)


def test_controls_may_come_from_other_threads(tracker):
    def play():
        for _ in range(200):
            tracker.nudge(0.001)
            tracker.nudge(-0.001)

    threads = [threading.Thread(target=play) for _ in range(4)]
    for thread in threads:
        thread.start()
    beats = run(tracker, DRUMS)
    for thread in threads:
        thread.join()
    assert len(beats) > 16


@pytest.mark.parametrize(
    "block",
    [
        np.full(4410, np.nan, np.float32),
        np.full(4410, np.inf, np.float32),
        np.zeros(4410, np.float32),
        np.sign(np.sin(np.arange(4410) / 20)).astype(np.float32),
        np.zeros(4410, np.float64),
        np.zeros(4410, np.int16),
        np.zeros((4410, 1), np.float32),
        np.zeros(0, np.float32),
        np.full(4410, 1e38, np.float32),
        np.full(4410, 1e300),
    ],
    ids=["nan", "inf", "zeros", "square", "float64", "int16", "column", "empty", "huge", "huger"],
)
def test_odd_blocks_do_no_harm(tracker, block):
    with np.errstate(all="raise", under="ignore", over="ignore"):
        for _ in range(5):
            tracker.process(block)
    beats = [b for b in run(tracker, DRUMS) if b.time > 8.0]
    shifted = BEATS + 5 * len(block) / RATE
    assert np.median(errors(beats, shifted)) < 0.03


def test_integers_are_scaled_to_full_scale_one(tracker):
    beats = run(tracker, DRUMS)
    tracker.reset()
    whole = run(tracker, np.round(DRUMS * 32767).clip(-32768, 32767).astype(np.int16))
    assert np.allclose([b.time for b in whole], [b.time for b in beats], atol=0.02)


@pytest.mark.parametrize("channels", [2, 7])
def test_channels_are_mixed(channels):
    tracker = BeatTracker(RATE, channels, tempo_range=RANGE)
    audio = np.repeat(DRUMS[:, None], channels, axis=1)
    beats = [b for b in run(tracker, audio) if b.time > 8.0]
    assert np.median(errors(beats)) < 0.02


@pytest.mark.parametrize("rate", [8_000, 96_000])
def test_any_sample_rate(rate):
    audio, truth = drum_loop(112.0, 16.0, rate)
    beats = [
        b for b in run(BeatTracker(rate, tempo_range=RANGE), audio, rate // 100) if b.time > 8.0
    ]
    assert np.median(errors(beats, truth)) < 0.03


@pytest.mark.parametrize(
    ("block", "error", "words"),
    [
        (np.zeros((10, 3), np.float32), ValueError, "shape"),
        (np.zeros((2, 2, 2), np.float32), ValueError, "shape"),
        (np.array(["a"]), TypeError, "samples"),
        (np.zeros(3, complex), TypeError, "samples"),
    ],
)
def test_wrong_blocks_are_refused_and_change_nothing(tracker, block, error, words):
    time = tracker.time
    with pytest.raises(error, match=words):
        tracker.process(block)
    assert tracker.time == time


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"sample_rate": 4000}, ValueError),
        ({"sample_rate": "44100"}, TypeError),
        ({"channels": 0}, ValueError),
        ({"tempo_range": (100, 101)}, ValueError),
        ({"tempo_range": 120}, TypeError),
        ({"lead": -0.1}, ValueError),
        ({"follow": 2}, ValueError),
        ({"preset": "choir"}, ValueError),
        ({"decoder": "oracle"}, ValueError),
        ({"model": "no-such-model"}, FileNotFoundError),
        ({"beats_per_bar": 0}, ValueError),
    ],
)
def test_wrong_arguments_are_named(arguments, error):
    name, value = next(iter(arguments.items()))
    with pytest.raises(error) as caught:
        BeatTracker(**arguments)
    assert name.split("_")[0] in str(caught.value) or str(value) in str(caught.value)


def test_memory_does_not_grow(tracker):
    loop = DRUMS[: 8 * RATE]
    run(tracker, np.concatenate((loop, loop, loop)))
    tracemalloc.start()
    try:
        for _ in range(2):
            run(tracker, loop)
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(6):
            run(tracker, loop)
        after = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert after - before < 20_000


def test_the_search_decoder_tracks_too():
    beats = [
        b
        for b in run(BeatTracker(RATE, decoder="search", tempo_range=RANGE), DRUMS)
        if b.time > 8.0
    ]
    assert np.median(errors(beats)) < 0.03
