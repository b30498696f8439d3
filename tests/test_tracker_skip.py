"""Lost input: stream time and beats go on, cheaply, and tracking goes on after it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtbeat import BeatTracker, State
from rtbeat.features import FeatureConfig, FeatureStream
from tests.models import random_features, random_model
from tests.music import drum_loop

RATE = 22_050
PERIOD = 60.0 / 112.0
DRUMS, BEATS = drum_loop(112.0, 30.0, RATE)


@pytest.fixture(scope="module", params=["filter", "search"])
def shared_tracker(request):
    return BeatTracker(RATE, tempo_range=(50.0, 180.0), decoder=request.param)


@pytest.fixture
def tracker(shared_tracker):
    shared_tracker.reset()
    return shared_tracker


def feed(tracker, stop):
    """Beats for the drums from where the tracker is to ``stop`` seconds."""
    samples = DRUMS[round(tracker.time * RATE) : round(stop * RATE)]
    step = RATE // 100
    return [b for i in range(0, len(samples), step) for b in tracker.process(samples[i : i + step])]


@pytest.mark.parametrize("gap", [0.003, 0.021, 0.4, 12.0])
def test_beats_go_on_through_a_gap(tracker, gap):
    feed(tracker, 12.0)
    late = tracker.skip(round(gap * RATE))
    assert tracker.time == pytest.approx(12.0 + gap, abs=1e-4)
    assert tracker.state is (State.COASTING if gap > 1.0 else State.LOCKED)
    beats = [*late, *feed(tracker, 16.0 + gap)]
    errors = [np.abs(BEATS - beat.time).min() for beat in beats]
    assert np.median(errors) < 0.03
    assert len(beats) == pytest.approx(4.0 / PERIOD, abs=2)
    assert tracker.state is State.LOCKED


def test_after_some_seconds_it_goes_on_by_the_steady_grid():
    tracker = BeatTracker(RATE, tempo_range=(50.0, 180.0))
    feed(tracker, 12.0)
    beats = [*tracker.skip(3 * RATE), *feed(tracker, 19.0)]
    assert max(np.abs(BEATS - beat.time).min() for beat in beats) < 0.03


def test_beats_inside_the_gap_are_counted_but_not_given_out(tracker):
    feed(tracker, 12.0)
    before = tracker.timeline
    beats = [*tracker.skip(3 * RATE), *feed(tracker, 16.0)]
    assert beats[0].time > 15.0
    passed = (beats[0].time - before.times[-1]) / PERIOD
    assert tracker.timeline.beat_at(beats[0].time) - before.beats[-1] == round(passed)


def test_a_gap_longer_than_it_coasts_is_lost(tracker):
    feed(tracker, 10.0)
    assert tracker.skip(60 * RATE) == []
    assert tracker.state is State.LOST


def test_a_gap_before_any_sound_does_no_harm(tracker):
    assert tracker.skip(7 * RATE) == []
    assert tracker.state is State.LISTENING
    feed(tracker, 19.0)
    assert tracker.tempo == pytest.approx(112.0, rel=0.02)


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30_000), st.integers(1, 40_000)), max_size=12))
def test_times_rise_whatever_is_lost(shared_tracker, parts):
    shared_tracker.reset()
    feed(shared_tracker, 6.0)
    beats, hops = [], shared_tracker.hops
    for lost, heard in parts:
        beats += shared_tracker.skip(lost)
        beats += shared_tracker.process(DRUMS[:heard])
    assert (np.diff([b.time for b in beats]) >= 60.0 / 180.0 - 1e-6).all()
    assert all(b.time > b.announced_at for b in beats)
    samples = round(shared_tracker.time * RATE)
    assert shared_tracker.hops == pytest.approx(samples * 50 / RATE, abs=1.0)
    assert shared_tracker.hops >= hops


def test_skipping_runs_the_layers_once(monkeypatch):
    """Its cost does not come from the network: one run for all that was lost."""
    tracker = BeatTracker(RATE)
    feed(tracker, 3.0)
    runs = []
    refine = type(tracker._stream)._refine
    monkeypatch.setattr(
        type(tracker._stream), "_refine", lambda *a: (runs.append(a), refine(*a))[1]
    )
    tracker.skip(RATE // 2)
    tracker.skip(5 * RATE)
    assert len(runs) == 1


@given(st.lists(st.integers(0, 5000), max_size=20), st.sampled_from([8000, 22_050, 44_100]))
def test_features_count_the_frames_they_skip(gaps, rate):
    stream = FeatureStream(FeatureConfig(), rate)
    total, frames = 0, 0
    for i, gap in enumerate(gaps):
        if i % 2:
            frames += stream.skip(gap)
        else:
            frames += len(stream.process(np.ones(gap, np.float32)))
        total += gap
    plain = FeatureStream(FeatureConfig(), rate)
    assert frames == stream.frames == len(plain.process(np.ones(total, np.float32)))


def test_a_short_gap_leaves_the_window_in_step():
    model = random_model()
    frames = random_features(model.config, 40)
    stream = model.stream()
    for frame in frames:
        stream.push(frame)
    stream.skip(5)
    assert stream.newest == 44
    assert len(stream.window) == 45
    stream.push(frames[0])
    assert np.isfinite(stream.window).all()


def test_a_skipped_frame_is_one_without_a_rise():
    model = random_model()
    frames = random_features(model.config, 20)
    skipped, pushed = model.stream(), model.stream()
    for stream in (skipped, pushed):
        for frame in frames:
            stream.push(frame)
    held = frames[-1].copy()
    held[model.config.features.bands :] = 0.0
    skipped.skip(2)
    for _ in range(2):
        pushed.push(held)
    np.testing.assert_allclose(skipped.window[-2:], pushed.window[-2:], atol=0.05)


def test_a_long_gap_makes_the_window_new():
    model = random_model()
    stream = model.stream()
    for frame in random_features(model.config, 20):
        stream.push(frame)
    stream.skip(model.config.frames)
    assert len(stream.window) == 0
