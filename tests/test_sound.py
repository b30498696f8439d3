"""Silence and steady sounds hold no beats, music does."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.negatives import SAMPLE_RATE, hum, pink_noise, sine, white_noise
from rtbeat.features import FeatureConfig, FeatureStream
from rtbeat.sound import Sound
from tests.music import drum_loop

CONFIG = FeatureConfig()


def heard(audio, sound=None):
    """For each hop, whether the sound so far can hold beats."""
    sound = sound or Sound(CONFIG)
    said = []
    for frame in FeatureStream(CONFIG, SAMPLE_RATE).process(audio.astype(np.float32)):
        sound.hear(frame)
        said.append(sound.can_hold_beats)
    return np.array(said)


@pytest.mark.parametrize("noise", [white_noise, pink_noise, hum, sine])
@pytest.mark.parametrize("level", [1.0, 0.01])
def test_a_steady_sound_holds_none(noise, level):
    assert not heard(level * noise(8.0, 3)).any()


def test_music_does_soon_and_stays():
    said = heard(drum_loop(100.0, 10.0, SAMPLE_RATE)[0])
    assert np.flatnonzero(said)[0] < 1.0 * 50  # the first beat is at 0.3 s
    assert said[50:].all()


def test_music_over_noise_does():
    music = drum_loop(100.0, 10.0, SAMPLE_RATE)[0]
    assert heard(music + 0.1 * white_noise(10.0, 0))[100:].all()


def test_silence_ends_it_after_a_second():
    music = drum_loop(100.0, 4.0, SAMPLE_RATE)[0]
    said = heard(np.concatenate((music, np.zeros(3 * SAMPLE_RATE))))
    assert said[:240].any()
    assert said[200:225].all()
    assert not said[-75:].any()


def test_a_fan_that_is_switched_on_is_no_music():
    quiet, fan = 1e-3 * white_noise(4.0, 1), white_noise(8.0, 2)
    assert not heard(np.concatenate((quiet, fan)))[-250:].any()


def test_what_was_skipped_counts_as_silence():
    sound = Sound(CONFIG)
    heard(drum_loop(100.0, 4.0, SAMPLE_RATE)[0], sound)
    assert sound.can_hold_beats
    sound.skip(60)
    assert not sound.can_hold_beats


def test_samples_beyond_all_bounds_do_no_harm():
    sound = Sound(CONFIG)
    for _ in range(20):
        sound.hear(np.full(CONFIG.size, np.inf, np.float32))
        sound.hear(np.full(CONFIG.size, np.nan, np.float32))
    assert heard(drum_loop(100.0, 10.0, SAMPLE_RATE)[0], sound)[200:].any()
