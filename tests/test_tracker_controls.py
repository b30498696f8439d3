"""The performer's controls while music plays: each acts within one beat and is not undone."""

from __future__ import annotations

import numpy as np
import pytest

from rtbeat import BeatTracker, State
from tests.music import drum_loop

RATE = 22_050
TEMPO = 112.0
PERIOD = 60.0 / TEMPO
RANGE = (50.0, 180.0)
DRUMS, BEATS = drum_loop(TEMPO, 24.0, RATE)


@pytest.fixture(scope="module")
def shared_tracker():
    return BeatTracker(RATE, tempo_range=RANGE)


@pytest.fixture
def tracker(shared_tracker):
    """After ten seconds of drums."""
    shared_tracker.reset()
    shared_tracker.set_tempo_range(*RANGE)
    shared_tracker.set_follow("band")
    feed(shared_tracker, 0.0, 10.0)
    return shared_tracker


def feed(tracker, start, stop, audio=DRUMS):
    """Beats given out for ``audio`` from ``start`` to ``stop`` seconds, in blocks of 10 ms."""
    samples = audio[round(start * RATE) : round(stop * RATE)]
    step = RATE // 100
    return [b for i in range(0, len(samples), step) for b in tracker.process(samples[i : i + step])]


def off_grid(beats, anchor, period):
    """Distances in seconds of the beats from the grid through ``anchor``."""
    position = (np.array([beat.time for beat in beats]) - anchor) / period
    return np.abs(position - np.round(position)) * period


@pytest.mark.parametrize(("factor", "tempo"), [(0.5, 56.0), (1.5, 168.0), (2.0 / 3.0, 74.67)])
def test_scale_acts_within_one_beat_and_lasts_a_bar(tracker, factor, tempo):
    tracker.scale(factor)
    feed(tracker, 10.0, 10.0 + PERIOD)
    assert tracker.tempo == pytest.approx(tempo, rel=0.03)
    beats = feed(tracker, 10.0 + PERIOD, 10.0 + 4 * 60.0 / tempo)
    assert np.diff([b.time for b in beats]) == pytest.approx(60.0 / tempo, rel=0.06)


def test_scale_keeps_the_downbeat_on_a_beat(tracker):
    downbeat = [b for b in feed(tracker, 10.0, 13.0) if b.number == 1][-1].time
    tracker.scale(0.5)
    beats = feed(tracker, 13.0, 17.0)[1:]
    assert off_grid(beats, downbeat, 2 * PERIOD).max() < 0.06


def test_scale_outside_of_the_range_does_nothing(tracker):
    tracker.scale(2.0)  # 224 BPM
    feed(tracker, 10.0, 12.0)
    assert tracker.tempo == pytest.approx(TEMPO, rel=0.02)


def test_a_narrower_range_takes_the_octave_inside_it(tracker):
    tracker.set_tempo_range(50.0, 90.0)
    assert feed(tracker, 10.0, 10.0 + 3 * PERIOD)[0].tempo == pytest.approx(56.0, rel=0.03)
    assert tracker.tempo_range == (50.0, 90.0)
    beats = feed(tracker, 10.0 + 3 * PERIOD, 16.0)
    assert np.diff([b.time for b in beats]) == pytest.approx(2 * PERIOD, rel=0.06)
    assert off_grid(beats, BEATS[0], PERIOD).max() < 0.03


def test_a_wider_range_leaves_what_is_inside_of_it(tracker):
    tracker.set_tempo_range(40.0, 200.0)
    beats = feed(tracker, 10.0, 14.0)
    assert [b.tempo for b in beats] == pytest.approx([TEMPO] * len(beats), rel=0.03)


def test_a_range_keeps_an_octave_set_by_hand(tracker):
    tracker.halve()
    feed(tracker, 10.0, 12.0)
    tracker.set_tempo_range(45.0, 200.0)
    feed(tracker, 12.0, 17.0)
    assert tracker.tempo == pytest.approx(56.0, rel=0.04)


def test_beats_keep_the_distance_of_a_new_range_at_once(tracker):
    tracker.set_tempo_range(50.0, 60.0)
    last = feed(tracker, 9.0, 9.1)
    times = [b.time for b in [*last, *feed(tracker, 10.0, 18.0)]]
    assert np.diff(times).min() >= 1.0 - 1e-6


def test_hold_goes_on_inside_a_new_range(tracker):
    tracker.hold()
    feed(tracker, 10.0, 11.0)
    tracker.set_tempo_range(50.0, 90.0)
    beats = feed(tracker, 11.0, 15.0)
    assert np.diff([b.time for b in beats]) == pytest.approx(2 * PERIOD, rel=0.03)


@pytest.mark.parametrize("decoder", ["filter", "search"])
def test_follow_is_a_knob_while_running(decoder):
    slower, _ = drum_loop(106.0, 6.0, RATE)

    def beats_until_followed(follow):
        tracker = BeatTracker(RATE, tempo_range=RANGE, decoder=decoder)
        feed(tracker, 0.0, 10.0)
        tracker.set_follow(follow)
        beats = feed(tracker, 0.0, 6.0, slower)
        assert tracker.follow == (follow if isinstance(follow, float) else 0.85)
        off = [abs(beat.tempo - 106.0) > 4.0 for beat in beats]
        return max((i + 1 for i, wrong in enumerate(off) if wrong), default=0)

    assert beats_until_followed("solo") <= beats_until_followed(0.0)


@pytest.mark.parametrize("taps", [2, 3, 4])
def test_taps_set_tempo_and_phase_against_the_music(tracker, taps):
    """Taps at another tempo, between the drums: they rule within a beat and for a bar."""
    period = 60.0 / 98.0
    start = 10.0 + 0.4 * PERIOD
    feed(tracker, 10.0, start)
    for i in range(taps):
        tracker.tap(start + i * period)
        feed(tracker, start + i * period, start + (i + 1) * period)
    last = start + (taps - 1) * period
    heard = feed(tracker, last + period, last + 5 * period)
    beats = [b for b in heard if 0.5 < (b.time - last) / period < 4.5]
    assert len(beats) >= 3
    assert beats[0].time - last < 2.5 * period
    assert off_grid(beats, last, period).max() < 0.07
    assert [b.tempo for b in beats] == pytest.approx([98.0] * len(beats), rel=0.04)


def test_taps_on_the_music_are_put_right_by_it(tracker):
    """Fingers are 20 ms late; after a few beats the drums rule again."""
    taps = BEATS[(BEATS > 10.0)][:4] + 0.02
    for tap in taps:
        feed(tracker, tracker.time, tap)
        tracker.tap()
    beats = feed(tracker, tracker.time, 22.0)[8:]
    assert np.median(off_grid(beats, BEATS[0], PERIOD)) < 0.012


def test_alternatives_are_octave_relatives_with_probabilities(tracker):
    others = tracker.alternatives
    assert others
    assert {o.ratio for o in others} <= {0.5, 2.0, 2 / 3, 1.5}
    chances = [o.probability for o in others]
    assert chances == sorted(chances, reverse=True)
    assert all(0.0 <= chance <= 1.0 for chance in chances)
    assert sum(chances) <= 1.0 + 1e-6
    for other in others:
        assert other.tempo == pytest.approx(other.ratio * tracker.tempo)
        assert RANGE[0] <= other.tempo <= RANGE[1]
    tracker.reset()
    assert tracker.alternatives == []


def test_the_bar_heard_is_told():
    tracker = BeatTracker(RATE, beats_per_bar=3)
    assert tracker.beats_per_bar == 3
    feed(tracker, 0.0, 8.0)
    assert tracker.beats_per_bar == 3
    assert BeatTracker(RATE).beats_per_bar == 4


@pytest.mark.parametrize("limit", [4, None])
def test_it_coasts_as_long_as_asked(limit):
    tracker = BeatTracker(RATE, tempo_range=RANGE, coast_beats=limit)
    feed(tracker, 0.0, 10.0)
    silence = np.zeros(RATE * 60, np.float32)
    beats = feed(tracker, 0.0, 60.0, silence)
    if limit is None:
        assert tracker.state is State.COASTING
        assert len(beats) == pytest.approx(60.0 / PERIOD, abs=2)
    else:
        assert tracker.state is State.LOST
        assert len(beats) < 60.0 / PERIOD / 2


@pytest.mark.parametrize(
    ("name", "arguments", "error"),
    [
        ("scale", (0.0,), ValueError),
        ("scale", ("2",), TypeError),
        ("set_follow", (1.5,), ValueError),
        ("set_follow", ("choir",), ValueError),
        ("set_tempo_range", (120.0, 121.0), ValueError),
        ("set_tempo_range", (None, 121.0), TypeError),
        ("skip", (-1,), ValueError),
        ("skip", (0.5,), ValueError),
    ],
)
def test_wrong_values_are_refused_at_once(tracker, name, arguments, error):
    with pytest.raises(error):
        getattr(tracker, name)(*arguments)
    feed(tracker, 10.0, 12.0)
    assert tracker.tempo == pytest.approx(TEMPO, rel=0.02)


@pytest.mark.parametrize(
    "wrong", [{"coast_beats": -1}, {"coast_beats": 2.5}, {"coast_beats": "all"}]
)
def test_wrong_coasting_is_refused(wrong):
    with pytest.raises((ValueError, TypeError), match="coast_beats"):
        BeatTracker(RATE, **wrong)
