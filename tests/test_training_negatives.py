"""Sounds without a beat, and the tracker's own clicks as mel power."""

from __future__ import annotations

import numpy as np
import pytest

from rtbeat.features import FeatureConfig
from tests.needs import require_program
from training import negatives
from training.clicks import STEPS, click_power, click_times, click_track
from training.shards import FLOOR

CONFIG = FeatureConfig()


def seeded(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("kind", ["noise", "applause", "knocks", "tones"])
def test_each_kind_sounds_all_through_and_differs_by_seed(kind):
    one, again, other = (negatives.KINDS[kind](seeded(s)) for s in (1, 1, 2))
    assert one.shape == (negatives.LENGTH,)
    assert np.isfinite(one).all()
    assert (np.abs(one.reshape(30, -1)).max(1) > 0).all()
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_knocks_come_at_no_fixed_distance():
    envelope = np.abs(negatives.bursts(4.0, 0.01, seeded(3))).reshape(-1, 441).max(1)
    onsets = np.flatnonzero((envelope[1:] > 0.3) & (envelope[:-1] < 0.1))
    gaps = np.diff(onsets)
    assert len(gaps) > 30
    assert gaps.std() > 0.5 * gaps.mean()


def test_an_excerpt_has_no_beats_and_is_always_the_same():
    one, again = negatives.excerpt(1), negatives.excerpt(1)
    assert (len(one.beats), len(one.numbers), one.labelled) == (0, 0, (0, 1500))
    assert one.mel.shape == (1500, CONFIG.bands)
    np.testing.assert_array_equal(one.mel, again.mel)


def test_speech_has_syllables_and_pauses():
    require_program("espeak-ng", "apt install espeak-ng")
    level = np.abs(negatives.speech(seeded(1))).reshape(-1, 441).max(1)
    assert 0.02 < (level < 0.05 * level.max()).mean() < 0.7


def test_a_click_is_heard_from_its_own_place_in_the_frame_on():
    power = click_power(CONFIG, "click", accent=True)
    assert power.shape[0] == STEPS
    first = power[:, 0].sum(1)
    assert first[0] > first[-1]  # less of a later click is in the first frame
    assert (power[:, 1].sum(1) > 0).all()


def test_clicks_outside_of_the_window_are_left_out():
    inside = click_track(np.array([10.25]), 40, CONFIG, seeded())
    both = click_track(np.array([10.25, 41.0]), 40, CONFIG, seeded())
    np.testing.assert_array_equal(inside, both)
    heard = np.flatnonzero(inside.sum(1) > FLOOR)
    assert heard[0] == 10


def test_clicks_are_late_by_a_room_or_on_a_grid_of_their_own():
    beats = np.arange(5.0, 400.0, 25.0)
    late, other = 0, 0
    for seed in range(40):
        times = click_times(beats, 400, 50.0, seeded(seed))
        if len(times) == len(beats) and np.ptp(times - beats) < 1e-9:
            assert 0.0 <= times[0] - beats[0] <= 3.0  # frames: 60 ms
            late += 1
        else:
            assert np.ptp(np.diff(times)) < 1e-9
            other += 1
    assert min(late, other) > 8
